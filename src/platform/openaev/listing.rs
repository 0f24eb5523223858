//! What OpenAEV's lists of collectors, injectors and executors say, in our own words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    model::{ConnectorId, ConnectorKind},
    platform::{CurrentStatus, KindWord, ListedConnector, StatusWord, words},
};

/// The longest foreign name or word that is kept, in characters.
const WORD: usize = 200;

/// One connector of a list, whose fields are named after its kind.
pub(super) type Fields = Map<String, Value>;

/// The connectors of a list that can be ours: others, as the built-in ones of older releases, have ids of another kind.
///
/// # Errors
/// A text that names the connector and the field that makes no sense.
pub(super) fn listed(kind: ConnectorKind, list: &[Fields]) -> Result<BTreeMap<ConnectorId, ListedConnector>, String> {
    let prefix = kind.env_prefix().to_ascii_lowercase();
    let mut connectors = BTreeMap::new();
    for fields in list {
        let field = format!("{prefix}_id");
        let id = text(fields, &field)?.ok_or_else(|| format!("one of the {prefix}s has no `{field}`"))?;
        if let Ok(id) = ConnectorId::try_from(id) {
            connectors.insert(id, connector(id, kind, &prefix, fields)?);
        }
    }
    Ok(connectors)
}

fn connector(id: ConnectorId, kind: ConnectorKind, prefix: &str, fields: &Fields) -> Result<ListedConnector, String> {
    let name = text(fields, &format!("{prefix}_name"))?.unwrap_or_default();
    let (mut heartbeat, mut last_run) = (None, None);
    // A connector pings by registering anew. Releases say in different fields when that was; where one has several of
    // them, the others are older.
    for field in [format!("{prefix}_updated_at"), format!("{prefix}_last_execution"), "last_execution".to_owned()] {
        if let Some(time) = text(fields, &field)? {
            let time: Timestamp =
                time.parse().map_err(|_| format!("{prefix} {id} has a time that is none: `{}`", words(time, 40)))?;
            heartbeat = heartbeat.max(Some(time.as_millisecond()));
            if field.ends_with("last_execution") {
                last_run = last_run.max(Some(time.as_millisecond()));
            }
        }
    }
    let instance = fields.get("connector_instance").and_then(Value::as_object);
    let current = match instance {
        Some(instance) => text(instance, "connector_instance_current_status")?,
        None => None,
    };
    Ok(ListedConnector {
        name: words(name, WORD),
        active: None,
        heartbeat,
        managed: instance.is_some(),
        kind: Some(KindWord::Known(kind)),
        status: current.map(status),
        queue: None,
        last_run,
    })
}

/// The platform's word for whether a container runs.
pub(super) fn status(word: &str) -> StatusWord {
    match word {
        "started" => StatusWord::Known(CurrentStatus::Started),
        "stopped" => StatusWord::Known(CurrentStatus::Stopped),
        _ => StatusWord::Unknown(words(word, WORD)),
    }
}

fn text<'a>(fields: &'a Fields, field: &str) -> Result<Option<&'a str>, String> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{field}` is not a text")),
    }
}
