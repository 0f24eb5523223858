//! What OpenCTI says of managed connectors, before it is turned into our own words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::super::{
    fields::{Fields, flag, objects, promised, text},
    managed::{ListedManager, ManagedInstance, ManagedListing, ManagedValue, RequestedWord, UnreadableInstance},
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
    managed: Vec<Fields>,
    /// There where titles were asked for.
    #[serde(default)]
    connectors: Vec<TitleWire>,
}

#[derive(Deserialize)]
struct TitleWire {
    id: Option<String>,
    title: Option<String>,
}

/// The instances that are listed. One whose id no instance can have is left out and told: nothing of ours can run it.
///
/// # Errors
/// Where one has no id, so that nobody can say which one it is.
pub(super) fn managed(data: ManagedData) -> Result<ManagedListing, String> {
    let title = |wire: &TitleWire| Some((wire.id.clone()?, wire.title.clone()?));
    let titles: BTreeMap<_, _> = data.connectors.iter().filter_map(title).collect();
    let mut listing = ManagedListing::default();
    for fields in data.managed {
        let id = promised(&fields, "id").map_err(|why| format!("of one of its managed connectors, {why}"))?;
        // Its name only serves to find it where the name is what makes no sense.
        let name = text(&fields, "name").ok().flatten().unwrap_or_default();
        let name = words(name, WORD);
        let Ok(connector) = ConnectorId::try_from(id) else {
            let connector = words(id, WORD);
            tracing::warn!(
                connector,
                name,
                "a managed connector has an id that is no UUID of version 4 and is not run"
            );
            continue;
        };
        match instance(connector, titles.get(id), &fields) {
            Ok(instance) => listing.instances.push(instance),
            Err(why) => listing.unreadable.push(UnreadableInstance { id: connector, name, why }),
        }
    }
    Ok(listing)
}

fn instance(id: ConnectorId, title: Option<&String>, fields: &Fields) -> Result<ManagedInstance, String> {
    let name = promised(fields, "name")?;
    let values = objects(fields, "manager_contract_configuration")?.into_iter().map(value);
    let configuration: BTreeMap<_, _> = values.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let kind = match configuration.get(KIND) {
        Some(ManagedValue::Clear(word)) => ConnectorKind::from_word(word),
        Some(ManagedValue::Sealed(_)) | None => None,
    };
    Ok(ManagedInstance {
        id,
        name: words(name, WORD),
        title: words(title.map_or(name, String::as_str), WORD),
        image: words(promised(fields, "manager_contract_image")?, 1_000),
        kind,
        hash: words(promised(fields, "manager_contract_hash")?, WORD),
        current: text(fields, "manager_current_status")?.map(|word| match word {
            "started" => StatusWord::Known(CurrentStatus::Started),
            "stopped" => StatusWord::Known(CurrentStatus::Stopped),
            _ => StatusWord::Unknown(words(word, WORD)),
        }),
        requested: match promised(fields, "manager_requested_status")? {
            "starting" => RequestedWord::Starting,
            "stopping" => RequestedWord::Stopping,
            "stopped" => RequestedWord::Initial,
            other => RequestedWord::Unknown(words(other, WORD)),
        },
        configuration,
    })
}

/// A value that is there; a sealed one that is null is one that can't be opened, not one that is not there.
fn value(fields: &Fields) -> Result<Option<(String, ManagedValue)>, String> {
    let key = promised(fields, "key")?.to_owned();
    let sealed = flag(fields, "encrypted")?;
    let value = text(fields, "value")?.map(str::to_owned).or_else(|| sealed.then(String::new));
    Ok(value.map(|value| (key, ManagedValue::of(sealed, value))))
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
