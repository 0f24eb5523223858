//! What OpenCTI's answers say, before it is turned into our own words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::{
    types::{CurrentStatus, KindWord, ListedConnector, Queue, StatusWord},
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
    pub(super) connectors: Vec<ConnectorWire>,
}

/// A connector as it is listed; either time is there, as the document asked.
#[derive(Deserialize)]
pub(super) struct ConnectorWire {
    id: String,
    name: String,
    active: Option<bool>,
    last_seen_at: Option<String>,
    updated_at: Option<String>,
    connector_type: Option<String>,
    is_managed: Option<bool>,
    manager_current_status: Option<String>,
    connector_queue_details: Option<QueueWire>,
    connector_info: Option<InfoWire>,
}

#[derive(Deserialize)]
struct InfoWire {
    last_run_datetime: Option<String>,
}

#[derive(Deserialize)]
struct QueueWire {
    messages_number: f64,
    messages_size: f64,
}

/// The connectors among those listed that can be ours: others, as the built-in ones, have ids of another kind.
///
/// # Errors
/// A text that names the connector and the field that makes no sense.
pub(super) fn listed(wires: Vec<ConnectorWire>) -> Result<BTreeMap<ConnectorId, ListedConnector>, String> {
    let mut connectors = BTreeMap::new();
    for wire in wires {
        if let Ok(id) = ConnectorId::try_from(wire.id.as_str()) {
            connectors.insert(id, connector(id, wire)?);
        }
    }
    Ok(connectors)
}

fn connector(id: ConnectorId, wire: ConnectorWire) -> Result<ListedConnector, String> {
    let time = |text: String| {
        text.parse::<Timestamp>()
            .map(Timestamp::as_millisecond)
            .map_err(|_| format!("connector {id} has a time that is none: `{}`", words(&text, 40)))
    };
    Ok(ListedConnector {
        name: words(&wire.name, WORD),
        active: wire.active,
        heartbeat: wire.last_seen_at.or(wire.updated_at).map(time).transpose()?,
        last_run: wire.connector_info.and_then(|info| info.last_run_datetime).map(time).transpose()?,
        managed: wire.is_managed.unwrap_or(false),
        kind: wire.connector_type.map(|word| match ConnectorKind::from_word(&word) {
            Some(kind) => KindWord::Known(kind),
            None => KindWord::Unknown(words(&word, WORD)),
        }),
        status: wire.manager_current_status.map(|word| match word.as_str() {
            "started" => StatusWord::Known(CurrentStatus::Started),
            "stopped" => StatusWord::Known(CurrentStatus::Stopped),
            _ => StatusWord::Unknown(words(&word, WORD)),
        }),
        queue: wire
            .connector_queue_details
            .map(|queue| Queue { messages: queue.messages_number, bytes: queue.messages_size }),
    })
}
