//! What OpenAEV says of the instances that its manager runs, in our own words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::listing;
use crate::{
    model::{ConnectorId, ConnectorKind},
    platform::{
        ManagedInstance, ManagedListing, ManagedValue, RequestedWord, UnreadableInstance,
        fields::{Fields, flag, objects, promised, text},
        words,
    },
};

/// The longest foreign name or word that is kept, in characters.
const WORD: usize = 200;
/// The longest name of an instance, in characters: that of a host.
const NAME: usize = 63;
/// The field with an instance's configuration.
const VALUES: &str = "connector_instance_configurations";
/// The kinds that the platform has.
const KINDS: [ConnectorKind; 3] = [ConnectorKind::Collector, ConnectorKind::Injector, ConnectorKind::Executor];

/// What a platform has its manager run.
pub(super) struct Listed {
    pub(super) listing: ManagedListing,
    /// The platform's own ids of the instances, by the ids that their connectors have.
    pub(super) own_ids: BTreeMap<ConnectorId, String>,
}

/// The instances of a listing, each under the id that its connector has; `known` has the platform's own ids of the listing
/// before. One that came by itself under an id that no instance of ours can have stands here under the platform's own.
///
/// # Errors
/// Where it can't be said which connector an instance is: another one would seem to be gone.
pub(super) fn managed(all: &[Fields], known: &BTreeMap<ConnectorId, String>) -> Result<Listed, String> {
    let mut listed = Listed { listing: ManagedListing::default(), own_ids: BTreeMap::new() };
    for fields in all {
        let own_id = promised(fields, "connector_instance_id").map_err(|why| format!("of an instance, {why}"))?;
        // Its name only serves to find it where the name is what makes no sense.
        let whole = text(fields, "connector_instance_name").ok().flatten().unwrap_or_default();
        let before = || known.iter().find(|(_, known)| *known == own_id).map(|(id, _)| *id);
        let shown = words(own_id, WORD);
        let own = ConnectorId::try_from(own_id).ok();
        match (connector(own_id, fields), before()) {
            (Ok((kind, None)), before) if own.is_some() && (before.is_none() || before == own) => {
                if let Some(id) = own {
                    listed.add(id, own_id, whole, instance(own_id, (id, kind), fields));
                }
            }
            (Ok((kind, Some(id))), _) => listed.add(id, own_id, whole, instance(own_id, (id, kind), fields)),
            (Ok((_, None)), Some(id)) => {
                listed.add(id, own_id, whole, Err("its connector id is no UUID of version 4 any more".to_owned()));
            }
            (Err(why), Some(id)) => listed.add(id, own_id, whole, Err(why)),
            (Ok((_, None)), None) => tracing::warn!(
                instance = shown,
                name = words(whole, WORD),
                "an instance has a connector id that is no UUID of version 4 and is not run"
            ),
            (Err(why), None) => return Err(format!("of instance {shown}, {why}")),
        }
    }
    Ok(listed)
}

impl Listed {
    fn add(&mut self, id: ConnectorId, own_id: &str, name: &str, instance: Result<ManagedInstance, String>) {
        let ManagedListing { instances, unreadable } = &mut self.listing;
        let instance = match self.own_ids.insert(id, own_id.to_owned()) {
            None => instance,
            // The same one, listed twice.
            Some(other) if other == own_id => return,
            Some(other) => {
                instances.retain(|one| one.id != id);
                unreadable.retain(|one| one.id != id);
                let (one, other) = (words(own_id, WORD), words(&other, WORD));
                Err(format!("the instances {other} and {one} both have the connector id {id}"))
            }
        };
        match instance {
            Ok(instance) => instances.push(instance),
            Err(why) => unreadable.push(UnreadableInstance { id, name: self::name(name), why }),
        }
    }
}

/// What an instance's connector does, and its id where that is one that an instance of ours can have.
fn connector(own_id: &str, fields: &Fields) -> Result<(Option<ConnectorKind>, Option<ConnectorId>), String> {
    for value in objects(fields, VALUES)? {
        let key = promised(value, "configuration_key")?;
        if let Some(kind) = KINDS.into_iter().find(|kind| key == format!("{}_ID", kind.env_prefix())) {
            let id = promised(value, "configuration_value").map_err(|why| format!("of `{key}`, {why}"))?;
            return Ok((Some(kind), ConnectorId::try_from(id).ok()));
        }
    }
    Ok((None, ConnectorId::try_from(own_id).ok()))
}

fn instance(
    own_id: &str,
    (id, kind): (ConnectorId, Option<ConnectorKind>),
    fields: &Fields,
) -> Result<ManagedInstance, String> {
    let image = promised(fields, "connector_image")?;
    if image.is_empty() {
        return Err("`connector_image` is empty".to_owned());
    }
    let values = objects(fields, VALUES)?.into_iter().map(value);
    let configuration: BTreeMap<_, _> = values.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let whole = text(fields, "connector_instance_name")?.unwrap_or(own_id);
    // The name of the whole is made of the contract's title and the id; people give the connector's own.
    let given = match kind.and_then(|kind| configuration.get(&format!("{}_NAME", kind.env_prefix()))) {
        Some(ManagedValue::Clear(name)) => Some(name.as_str()).filter(|name| !name.is_empty()),
        Some(ManagedValue::Sealed(_)) | None => None,
    };
    let bare = whole.strip_suffix(&format!("-{id}")).unwrap_or(whole);
    Ok(ManagedInstance {
        id,
        name: name(whole),
        title: words(given.unwrap_or(bare), WORD),
        image: image.to_owned(),
        kind,
        hash: promised(fields, "connector_instance_hash")?.to_owned(),
        current: text(fields, "connector_instance_current_status")?.map(listing::status),
        requested: requested(text(fields, "connector_instance_requested_status")?),
        configuration,
    })
}

/// A value, unless the platform has none; a secret without one is kept, as something that nobody can open.
fn value(fields: &Fields) -> Result<Option<(String, ManagedValue)>, String> {
    let key = promised(fields, "configuration_key")?.to_owned();
    let value = fields.get("configuration_value").and_then(as_text);
    let value = value.transpose().map_err(|why| format!("of `{}`, {why}", words(&key, WORD)))?;
    let sealed = flag(fields, "configuration_is_encrypted")?;
    let value = value.or_else(|| sealed.then(String::new));
    Ok(value.map(|value| (key, ManagedValue::of(sealed, value))))
}

/// A value as the text that connectors read, lists joined by commas; none where it is null. Every release that is known
/// gives texts alone.
fn as_text(value: &Value) -> Option<Result<String, String>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Ok(text.clone())),
        Value::Bool(_) | Value::Number(_) => Some(Ok(value.to_string())),
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().filter_map(as_text).collect();
            Some(items.map(|items| items.join(",")))
        }
        Value::Object(_) => Some(Err("`configuration_value` is not a text".to_owned())),
    }
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
