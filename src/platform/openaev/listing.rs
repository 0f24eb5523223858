//! What OpenAEV's lists of collectors, injectors and executors say, in our own words.

use crate::{
    model::{ConnectorId, ConnectorKind},
    platform::{
        CurrentStatus, KindWord, ListedConnector, Listing, StatusWord,
        fields::{Fields, Reader, object, promised, text},
        words,
    },
};

/// The longest foreign name or word that is kept, in characters.
const WORD: usize = 200;

/// The connectors of a list that can be ours: others, as the built-in ones of older releases, have ids of another kind.
///
/// # Errors
/// Where one has no id, so that nobody can say which one it is.
pub(super) fn listed(kind: ConnectorKind, list: &[Fields]) -> Result<Listing, String> {
    let prefix = kind.env_prefix().to_ascii_lowercase();
    let mut listing = Listing::default();
    for fields in list {
        let id = promised(fields, &format!("{prefix}_id")).map_err(|why| format!("of one of the {prefix}s, {why}"))?;
        if let Ok(id) = ConnectorId::try_from(id) {
            let (connector, wrong) = connector(kind, &prefix, fields);
            listing.connectors.insert(id, connector);
            listing.unreadable.extend(wrong.map(|wrong| (id, wrong)));
        }
    }
    Ok(listing)
}

/// A connector as far as it can be read, and the first thing that makes no sense.
fn connector(kind: ConnectorKind, prefix: &str, fields: &Fields) -> (ListedConnector, Option<String>) {
    let mut reader = Reader::default();
    let name = reader.note(text(fields, &format!("{prefix}_name"))).flatten().unwrap_or_default();
    let (mut heartbeat, mut last_run) = (None, None);
    // A connector pings by registering anew. Releases say in different fields when that was; where one has several of
    // them, the others are older.
    for field in [format!("{prefix}_updated_at"), format!("{prefix}_last_execution"), "last_execution".to_owned()] {
        if let Some(time) = reader.time(fields, &field) {
            heartbeat = heartbeat.max(Some(time));
            if field.ends_with("last_execution") {
                last_run = last_run.max(Some(time));
            }
        }
    }
    let instance = reader.note(object(fields, "connector_instance")).flatten();
    let current = instance.and_then(|instance| reader.note(text(instance, "connector_instance_current_status"))?);
    let connector = ListedConnector {
        name: words(name, WORD),
        active: None,
        heartbeat,
        managed: instance.is_some(),
        kind: Some(KindWord::Known(kind)),
        status: current.map(status),
        queue: None,
        last_run,
    };
    (connector, reader.wrong)
}

/// The platform's word for whether a container runs.
pub(super) fn status(word: &str) -> StatusWord {
    match word {
        "started" => StatusWord::Known(CurrentStatus::Started),
        "stopped" => StatusWord::Known(CurrentStatus::Stopped),
        _ => StatusWord::Unknown(words(word, WORD)),
    }
}
