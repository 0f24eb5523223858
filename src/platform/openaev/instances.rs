//! What OpenAEV says of the instances that its manager runs, in our own words.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::listing;
use crate::{
    model::{ConnectorId, ConnectorKind},
    platform::{ManagedInstance, ManagedValue, RequestedWord, words},
};

/// The longest foreign name or word that is kept, in characters.
const WORD: usize = 200;
/// The longest name of an instance, in characters: that of a host.
const NAME: usize = 63;
/// The kinds that the platform has.
const KINDS: [ConnectorKind; 3] = [ConnectorKind::Collector, ConnectorKind::Injector, ConnectorKind::Executor];

/// An instance as the platform lists it for its manager; what it may leave out is optional.
#[derive(Deserialize)]
pub(super) struct InstanceWire {
    connector_instance_id: String,
    connector_instance_name: Option<String>,
    connector_instance_hash: Option<String>,
    connector_image: Option<String>,
    connector_instance_current_status: Option<String>,
    connector_instance_requested_status: Option<String>,
    connector_instance_configurations: Option<Vec<ValueWire>>,
}

#[derive(Deserialize)]
struct ValueWire {
    configuration_key: String,
    configuration_value: Option<String>,
    configuration_is_encrypted: Option<bool>,
}

/// An instance, and the id that the platform has for it.
pub(super) struct Listed {
    pub(super) instance: ManagedInstance,
    pub(super) own_id: String,
}

/// The instances of a listing, each under the id that its connector has at the platform.
///
/// # Errors
/// A text that names the instance and what makes no sense; nothing of such a listing counts.
pub(super) fn managed(wires: Vec<InstanceWire>) -> Result<Vec<Listed>, String> {
    let mut by_id: BTreeMap<ConnectorId, String> = BTreeMap::new();
    let mut listed = Vec::new();
    for wire in wires {
        let own_id = wire.connector_instance_id.clone();
        let instance = instance(wire)?;
        if let Some(other) = by_id.insert(instance.id, own_id.clone()) {
            let (one, other) = (words(&own_id, WORD), words(&other, WORD));
            return Err(format!("the instances {other} and {one} both have the connector id {}", instance.id));
        }
        listed.push(Listed { instance, own_id });
    }
    Ok(listed)
}

fn instance(wire: InstanceWire) -> Result<ManagedInstance, String> {
    let own_id = wire.connector_instance_id;
    let shown = words(&own_id, WORD);
    let lacks = |field: &str| format!("instance {shown} has no `{field}`");
    let image = wire.connector_image.filter(|image| !image.is_empty()).ok_or_else(|| lacks("connector_image"))?;
    let values = wire.connector_instance_configurations.ok_or_else(|| lacks("connector_instance_configurations"))?;
    let configuration: BTreeMap<_, _> = values.into_iter().filter_map(value).collect();
    let clear = |key: &str| match configuration.get(key) {
        Some(ManagedValue::Clear(text)) => Some(text.clone()),
        Some(ManagedValue::Sealed(_)) | None => None,
    };
    let kind = KINDS.into_iter().find(|kind| configuration.contains_key(&format!("{}_ID", kind.env_prefix())));
    let connector = kind.and_then(|kind| clear(&format!("{}_ID", kind.env_prefix())));
    let id = ConnectorId::try_from(connector.as_deref().unwrap_or(&own_id))
        .map_err(|_| format!("instance {shown} has no connector id that is a UUID of version 4"))?;
    let whole = wire.connector_instance_name.unwrap_or_else(|| own_id.clone());
    // The name of the whole is made of the contract's title and the id; people give the connector's own.
    let given = kind.and_then(|kind| clear(&format!("{}_NAME", kind.env_prefix()))).filter(|name| !name.is_empty());
    let bare = whole.strip_suffix(&format!("-{}", connector.unwrap_or_default())).unwrap_or(&whole);
    let title = given.as_deref().unwrap_or(bare);
    Ok(ManagedInstance {
        id,
        name: name(&whole),
        title: words(title, WORD),
        hash: wire.connector_instance_hash.unwrap_or_else(|| hash(&image, &configuration)),
        image,
        kind,
        current: wire.connector_instance_current_status.as_deref().map(listing::status),
        requested: requested(wire.connector_instance_requested_status.as_deref()),
        configuration,
    })
}

/// A value, unless the platform has none; a secret without one is kept, as something that nobody can open.
fn value(wire: ValueWire) -> Option<(String, ManagedValue)> {
    let value = match (wire.configuration_is_encrypted.unwrap_or(false), wire.configuration_value) {
        (true, value) => ManagedValue::Sealed(value.unwrap_or_default()),
        (false, value) => ManagedValue::Clear(value?),
    };
    Some((wire.configuration_key, value))
}

fn requested(word: Option<&str>) -> RequestedWord {
    match word {
        Some("starting") => RequestedWord::Starting,
        Some("stopping") => RequestedWord::Stopping,
        None => RequestedWord::Initial,
        Some(word) => RequestedWord::Unknown(words(word, WORD)),
    }
}

/// A text as the name of a host.
fn name(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let text = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    // The end holds the id, which tells instances of one contract apart.
    text[text.len().saturating_sub(NAME)..].trim_start_matches('-').to_owned()
}

/// Stands in for a hash that the platform did not give.
fn hash(image: &str, configuration: &BTreeMap<String, ManagedValue>) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    add(image);
    for (key, value) in configuration {
        let (ManagedValue::Clear(text) | ManagedValue::Sealed(text)) = value;
        add(key);
        add(text);
    }
    hex::encode(hash.finalize())
}
