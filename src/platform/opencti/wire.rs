//! What OpenCTI's answers say, before it is turned into our own words.

use serde::Deserialize;
use serde_json::Value;

use super::super::{
    fields::{Fields, Reader, flag, number, object, promised, text},
    types::{CurrentStatus, KindWord, ListedConnector, Listing, Queue, StatusWord},
    words,
};
use crate::model::{ConnectorId, ConnectorKind};

/// The longest foreign name or word that is kept, in characters.
const WORD: usize = 200;

/// One GraphQL answer.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) data: Option<serde_json::Value>,
    pub(super) errors: Option<Vec<GraphQlError>>,
}

/// One error of a GraphQL answer.
#[derive(Deserialize)]
pub(super) struct GraphQlError {
    #[serde(default)]
    pub(super) message: String,
    /// Where releases before 5.12 name the error.
    name: Option<String>,
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Extensions {
    code: Option<String>,
}

impl GraphQlError {
    /// The platform's name for the error; empty where it gives none.
    pub(super) fn code(&self) -> &str {
        let code = self.extensions.as_ref().and_then(|extensions| extensions.code.as_deref());
        code.or(self.name.as_deref()).unwrap_or_default()
    }
}

#[derive(Deserialize)]
pub(super) struct AboutData {
    pub(super) about: Option<AboutWire>,
}

#[derive(Deserialize)]
pub(super) struct AboutWire {
    pub(super) version: String,
}

#[derive(Deserialize)]
pub(super) struct MeData {
    pub(super) me: MeWire,
}

#[derive(Deserialize)]
pub(super) struct MeWire {
    pub(super) name: String,
    pub(super) capabilities: Vec<CapabilityWire>,
}

#[derive(Deserialize)]
pub(super) struct CapabilityWire {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct ConnectorsData {
    pub(super) connectors: Vec<Fields>,
}

/// The connectors among those listed that can be ours: others, as the built-in ones, have ids of another kind.
///
/// # Errors
/// Where one has no id, so that nobody can say which one it is.
pub(super) fn listed(all: &[Fields]) -> Result<Listing, String> {
    let mut listing = Listing::default();
    for fields in all {
        let id = promised(fields, "id").map_err(|why| format!("of one of its connectors, {why}"))?;
        if let Ok(id) = ConnectorId::try_from(id) {
            let (connector, wrong) = connector(fields);
            listing.connectors.insert(id, connector);
            listing.unreadable.extend(wrong.map(|wrong| (id, wrong)));
        }
    }
    Ok(listing)
}

/// A connector as far as it can be read, and the first thing that makes no sense.
fn connector(fields: &Fields) -> (ListedConnector, Option<String>) {
    let mut reader = Reader::default();
    let last_seen = reader.time(fields, "last_seen_at");
    let updated = reader.time(fields, "updated_at");
    let info = reader.note(object(fields, "connector_info")).flatten();
    let queue = reader.note(object(fields, "connector_queue_details")).flatten();
    let connector = ListedConnector {
        name: words(reader.note(promised(fields, "name")).unwrap_or_default(), WORD),
        active: fields.get("active").and_then(Value::as_bool),
        heartbeat: last_seen.or(updated),
        last_run: info.and_then(|info| reader.time(info, "last_run_datetime")),
        managed: reader.note(flag(fields, "is_managed")).unwrap_or_default(),
        kind: reader.note(text(fields, "connector_type")).flatten().map(|word| match ConnectorKind::from_word(word) {
            Some(kind) => KindWord::Known(kind),
            None => KindWord::Unknown(words(word, WORD)),
        }),
        status: reader.note(text(fields, "manager_current_status")).flatten().map(|word| match word {
            "started" => StatusWord::Known(CurrentStatus::Started),
            "stopped" => StatusWord::Known(CurrentStatus::Stopped),
            _ => StatusWord::Unknown(words(word, WORD)),
        }),
        queue: queue.and_then(|queue| {
            let messages = reader.note(number(queue, "messages_number"))?;
            Some(Queue { messages, bytes: reader.note(number(queue, "messages_size"))? })
        }),
    };
    (connector, reader.wrong)
}
