//! What OpenCTI says of managed connectors, before it is turned into our own words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::super::{
    managed::{ListedManager, ManagedInstance, ManagedValue, RequestedWord},
    types::{CurrentStatus, StatusWord},
    words,
};
use crate::model::{ConnectorId, ConnectorKind};

/// The longest foreign name or word that is kept, in characters.
const WORD: usize = 200;
/// The key of a configuration that says what a connector does.
const KIND: &str = "CONNECTOR_TYPE";

/// A manager as it answers a registration or a sign of life.
#[derive(Deserialize)]
pub(super) struct SyncWire {
    pub(super) about_version: String,
}

/// A manager as it is listed.
#[derive(Deserialize)]
pub(super) struct ManagerWire {
    id: String,
    name: String,
    active: Option<bool>,
    /// There where it was asked for.
    public_key: Option<String>,
}

impl From<ManagerWire> for ListedManager {
    fn from(wire: ManagerWire) -> Self {
        Self {
            id: words(&wire.id, WORD),
            name: words(&wire.name, WORD),
            active: wire.active,
            public_key: wire.public_key.filter(|key| !key.trim().is_empty()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ManagedData {
    #[serde(rename = "connectorsForManagers")]
    managed: Vec<ManagedWire>,
    /// There where titles were asked for.
    #[serde(default)]
    connectors: Vec<TitleWire>,
}

#[derive(Deserialize)]
struct TitleWire {
    id: String,
    title: String,
}

#[derive(Deserialize)]
struct ManagedWire {
    id: String,
    name: String,
    manager_contract_image: String,
    manager_contract_hash: String,
    manager_current_status: Option<String>,
    manager_requested_status: String,
    manager_contract_configuration: Vec<ValueWire>,
}

#[derive(Deserialize)]
struct ValueWire {
    key: String,
    value: Option<String>,
    encrypted: Option<bool>,
}

/// The instances that are listed. One whose id no instance can have is left out and told: nothing of ours can run it.
pub(super) fn managed(data: ManagedData) -> Vec<ManagedInstance> {
    let titles: BTreeMap<_, _> = data.connectors.iter().map(|wire| (wire.id.as_str(), wire.title.as_str())).collect();
    let mut all = Vec::with_capacity(data.managed.len());
    for wire in data.managed {
        match ConnectorId::try_from(wire.id.as_str()) {
            Ok(id) => {
                let title = titles.get(wire.id.as_str()).copied().unwrap_or(&wire.name);
                let title = words(title, WORD);
                all.push(instance(id, title, wire));
            }
            Err(_) => tracing::warn!(
                connector = words(&wire.id, WORD),
                name = words(&wire.name, WORD),
                "a managed connector has an id that is no UUID of version 4 and is not run"
            ),
        }
    }
    all
}

fn instance(id: ConnectorId, title: String, wire: ManagedWire) -> ManagedInstance {
    let configuration: BTreeMap<_, _> = wire.manager_contract_configuration.into_iter().filter_map(value).collect();
    let kind = match configuration.get(KIND) {
        Some(ManagedValue::Clear(word)) => ConnectorKind::from_word(word),
        Some(ManagedValue::Sealed(_)) | None => None,
    };
    ManagedInstance {
        id,
        name: words(&wire.name, WORD),
        title,
        image: words(&wire.manager_contract_image, 1_000),
        kind,
        hash: words(&wire.manager_contract_hash, WORD),
        current: wire.manager_current_status.map(|word| match word.as_str() {
            "started" => StatusWord::Known(CurrentStatus::Started),
            "stopped" => StatusWord::Known(CurrentStatus::Stopped),
            _ => StatusWord::Unknown(words(&word, WORD)),
        }),
        requested: match wire.manager_requested_status.as_str() {
            "starting" => RequestedWord::Starting,
            "stopping" => RequestedWord::Stopping,
            "stopped" => RequestedWord::Initial,
            other => RequestedWord::Unknown(words(other, WORD)),
        },
        configuration,
    }
}

/// A value that is there; a sealed one that is null is one that can't be opened, not one that is not there.
fn value(wire: ValueWire) -> Option<(String, ManagedValue)> {
    match (wire.encrypted.unwrap_or(false), wire.value) {
        (true, value) => Some((wire.key, ManagedValue::Sealed(value.unwrap_or_default()))),
        (false, Some(value)) => Some((wire.key, ManagedValue::Clear(value))),
        (false, None) => None,
    }
}

#[derive(Deserialize)]
pub(super) struct IdWire {
    pub(super) id: String,
}

/// What an edit says again.
#[derive(Deserialize)]
pub(super) struct ConnectorWire {
    pub(super) name: String,
    pub(super) connector_user_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct UsersWire {
    pub(super) edges: Vec<UserEdgeWire>,
}

#[derive(Deserialize)]
pub(super) struct UserEdgeWire {
    pub(super) node: UserWire,
}

#[derive(Deserialize)]
pub(super) struct UserWire {
    pub(super) id: String,
    pub(super) name: String,
}
