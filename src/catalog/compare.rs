//! What differs between two versions of a contract, and what of it concerns one instance.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{check::check, contract::Contract, property::Property, view::settable};
use crate::{
    manifest::{ImageChoice, Manifest},
    model::{Code, Finding, Place, PlatformKind, Registration},
};

macro_rules! whats {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal,)+) => {
        /// What can differ between two versions of a contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum What {
            $(#[doc = $doc] $variant,)+
        }

        impl What {
            /// Every one, in the order in which they are told.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in every output format.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

whats! {
    /// The contract is there no more.
    ContractRemoved = "contract-removed",
    /// The contract was not there before.
    ContractAdded = "contract-added",
    /// It runs another image.
    Image = "image",
    /// It runs another tag of its image.
    Version = "version",
    /// It does something else for its platform.
    Kind = "kind",
    /// Whether the platform can manage it.
    Managed = "managed",
    /// With which versions of the platform it works.
    Support = "support",
    /// A key that must be set, and was not there before.
    RequiredKeyAdded = "required-key-added",
    /// A key that may be set, and was not there before.
    KeyAdded = "key-added",
    /// A key that is there no more.
    KeyRemoved = "key-removed",
    /// A key that must be set now.
    Required = "required",
    /// A key that need not be set any more.
    Optional = "optional",
    /// A key of another type.
    Type = "type",
    /// What a connector gets where the key is not set.
    Default = "default",
    /// The values that a key may have.
    Choices = "choices",
    /// The format of a key's text.
    Format = "format",
    /// Bounds on a key's value.
    Bounds = "bounds",
    /// Whether a key's value must be sealed.
    Secret = "secret",
    /// A key that is called deprecated now.
    Deprecated = "deprecated",
}

/// One thing that differs between two versions of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is.
    pub what: What,
    /// The key of the configuration it is about; none where it is about the contract.
    pub key: Option<String>,
    /// What it was.
    pub before: Option<String>,
    /// What it is now.
    pub after: Option<String>,
}

/// What differs between two versions of a contract; either may be missing.
pub fn differences(old: Option<&Contract>, new: Option<&Contract>) -> Vec<Change> {
    let (old, new) = match (old, new) {
        (None, None) => return Vec::new(),
        (Some(old), None) => return vec![of_contract(What::ContractRemoved, reference(old), None)],
        (None, Some(new)) => return vec![of_contract(What::ContractAdded, None, reference(new))],
        (Some(old), Some(new)) => (old, new),
    };
    let yes_no = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
    let support = |contract: &Contract| Some(contract.support.to_string());
    let mut changes: Vec<_> = [
        (What::Image, old.image.clone(), new.image.clone()),
        (What::Version, old.version.clone(), new.version.clone()),
        (What::Kind, Some(old.kind_word.clone()), Some(new.kind_word.clone())),
        (What::Managed, yes_no(old.manager_supported), yes_no(new.manager_supported)),
        (What::Support, support(old), support(new)),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(what, before, after)| of_contract(what, before, after))
    .collect();
    let keys = |contract| settable(contract).map(|property| (property.key.as_str(), property)).collect();
    let (olds, news): (BTreeMap<&str, &Property>, BTreeMap<&str, &Property>) = (keys(old), keys(new));
    // Where a catalog says nothing of the keys, every key may be set, and none of them changed.
    if old.has_schema() && new.has_schema() {
        for (key, property) in &olds {
            match news.get(key) {
                None => changes.push(of_key(What::KeyRemoved, key, property.default.clone(), None)),
                Some(newer) => changes.extend(of_property(old, property, new, newer)),
            }
        }
        for (key, property) in news.iter().filter(|(key, _)| !olds.contains_key(*key)) {
            let what = if must_be_set(property) { What::RequiredKeyAdded } else { What::KeyAdded };
            changes.push(of_key(what, key, None, property.default.clone()));
        }
    }
    changes.sort_by(|a, b| (&a.key, a.what).cmp(&(&b.key, b.what)));
    changes
}

fn of_contract(what: What, before: Option<String>, after: Option<String>) -> Change {
    Change { what, key: None, before, after }
}

fn of_key(what: What, key: &str, before: Option<String>, after: Option<String>) -> Change {
    Change { what, key: Some(key.to_owned()), before, after }
}

fn reference(contract: &Contract) -> Option<String> {
    let image = contract.image.as_ref()?;
    Some(contract.version.as_ref().map_or_else(|| image.clone(), |version| format!("{image}:{version}")))
}

fn must_be_set(property: &Property) -> bool {
    property.required && property.default.is_none()
}

/// What differs about one key.
fn of_property(old: &Contract, before: &Property, new: &Contract, after: &Property) -> Vec<Change> {
    let key = before.key.as_str();
    let list = |choices: &[String]| (!choices.is_empty()).then(|| choices.join(", "));
    let texts = [
        (What::Type, Some(before.type_words()), Some(after.type_words())),
        (What::Default, before.default.clone(), after.default.clone()),
        (What::Choices, list(&before.choices), list(&after.choices)),
        (What::Format, before.format.clone(), after.format.clone()),
        (What::Bounds, bounds(old, key), bounds(new, key)),
    ];
    let mut changes: Vec<_> = texts
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(what, before, after)| of_key(what, key, before, after))
        .collect();
    match (must_be_set(before), must_be_set(after)) {
        (false, true) => changes.push(of_key(What::Required, key, None, None)),
        (true, false) => changes.push(of_key(What::Optional, key, None, None)),
        (false, false) | (true, true) => {}
    }
    if before.secret != after.secret {
        let word = |secret: bool| Some(if secret { "sealed" } else { "in clear" }.to_owned());
        changes.push(of_key(What::Secret, key, word(before.secret), word(after.secret)));
    }
    if after.deprecated && !before.deprecated {
        changes.push(of_key(What::Deprecated, key, None, None));
    }
    changes
}

/// What a schema says about a key's value besides all that is compared by itself; none where it says nothing.
fn bounds(contract: &Contract, key: &str) -> Option<String> {
    const ELSEWHERE: &[&str] = &[
        "default",
        "deprecated",
        "description",
        "enum",
        "examples",
        "format",
        "title",
        "type",
        "writeOnly",
        "const",
        "items",
        "readOnly",
    ];
    let definition = contract.schema.as_ref()?.definition(key)?.as_object()?;
    let rest: Map<String, Value> = definition
        .iter()
        .filter(|(keyword, _)| !ELSEWHERE.contains(&keyword.as_str()))
        .map(|(keyword, value)| (keyword.clone(), value.clone()))
        .collect();
    (!rest.is_empty()).then(|| Value::Object(rest).to_string())
}

/// What of a change of its contract concerns one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concern {
    /// The changes that it would notice, each with the place of the manifest where it shows.
    pub changes: Vec<(Change, Place)>,
    /// What would be wrong or doubtful about its manifest that is not so now.
    pub findings: Vec<Finding>,
}

impl Concern {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.findings.is_empty()
    }
}

/// Says what would change for an instance if `new` took the place of `old`; `platform` is what it serves.
pub fn concern(
    manifest: &Manifest,
    old: Option<&Contract>,
    new: Option<&Contract>,
    platform: PlatformKind,
    registration: Registration,
) -> Concern {
    let changes = differences(old, new);
    let concerned = changes.into_iter().filter(|change| concerns(change, manifest, registration));
    let place = |change: &Change| {
        let key = change.key.as_ref();
        let set = key.and_then(|key| manifest.config_keys.get(key));
        let elsewhere = if key.is_some() { &manifest.config_place } else { &manifest.contract.place };
        set.unwrap_or(elsewhere).clone()
    };
    let changes = concerned.map(|change| (place(&change), change)).map(|(place, change)| (change, place)).collect();
    let check = |contract| check(contract, manifest, platform, registration).findings;
    let findings = match (old, new) {
        (None, None) => Vec::new(),
        (Some(old), None) => {
            let message = format!("the contract `{}` is in the new catalog no more", old.slug);
            let finding = Finding::error(Code::UnknownContract, manifest.contract.place.clone(), message);
            vec![finding.of_instance(&manifest.name.value)]
        }
        (old, Some(new)) => {
            let known = old.map(check).unwrap_or_default();
            check(new).into_iter().filter(|finding| !known.contains(finding)).collect()
        }
    };
    Concern { changes, findings }
}

/// Whether an instance would notice a change.
fn concerns(change: &Change, manifest: &Manifest, registration: Registration) -> bool {
    let is_set = change.key.as_ref().is_some_and(|key| manifest.config.contains_key(key));
    let (own_image, own_version) = match manifest.image.as_ref().map(|image| &image.value) {
        Some(ImageChoice::Image(_)) => (true, true),
        Some(ImageChoice::Version(_)) => (false, true),
        None => (false, false),
    };
    match change.what {
        What::ContractRemoved | What::ContractAdded | What::Kind => true,
        What::Image => !own_image,
        What::Version => !own_version,
        What::Managed => registration == Registration::Managed,
        // Where it matters for the platform's version, there is a finding.
        What::Support | What::Optional => false,
        What::RequiredKeyAdded | What::Required | What::Default => !is_set,
        What::KeyAdded => is_set || change.after.is_some(),
        What::KeyRemoved => is_set || change.before.is_some(),
        What::Type | What::Choices | What::Format | What::Bounds | What::Secret | What::Deprecated => is_set,
    }
}
