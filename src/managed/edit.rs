//! Compares an instance of the source with what its platform keeps, field by field.

use std::{collections::BTreeSet, sync::Arc};

use secrecy::{ExposeSecret, SecretString};

use super::{Listed, ListedValue, Remembered, memory, platform_name};
use crate::{
    desired::{EnvValue, Openers, Origin, PlatformContent, PlatformSecret, Wanted},
    model::{Place, PlatformKind, PlatformName, looks_secret},
    plan::{Cause, Entry, Reason},
};

/// What a comparison has shown.
pub(super) struct Compared {
    /// The fields that differ.
    pub(super) reasons: Vec<Reason>,
    /// The instance as the platform is to have it.
    pub(super) entry: Entry,
    /// A digest of the secrets here and there, where they are the same.
    pub(super) agreed: Option<String>,
    /// Secrets that no manifest gives any more and that the platform has no way to forget.
    pub(super) left: Vec<String>,
}

/// A field that changes at a platform.
pub(super) fn reason(
    field: impl Into<String>,
    sides: (Option<String>, Option<String>),
    sensitive: bool,
    cause: Cause,
    place: Option<Place>,
) -> Reason {
    let (before, after) = if sensitive { (None, None) } else { sides };
    Reason { sensitive, place, ..Reason::of(&field.into(), before, after, cause) }
}

/// Compares a wanted instance with a listed one. Secrets are opened only where their sealed forms are not those that were
/// found the same before; where they can't be opened here, they count as unchanged and are not sent again.
pub(super) fn compare(
    wanted: &Arc<Wanted>,
    listed: &Listed,
    platform: &PlatformName,
    before: Option<&Remembered>,
    openers: &Openers,
) -> Compared {
    // Where the platform lists what it listed before, the manifest changed; else somebody changed it there.
    let unchanged_there = before.is_some_and(|before| before.listed == memory::listed_digest(listed));
    let cause = if unchanged_there { Cause::Manifest } else { Cause::Drift };
    let place = |key: &str| match wanted.origins.get(&format!("env.{key}")) {
        Some(Origin::Manifest(place)) => Some(place.clone()),
        Some(_) | None => None,
    };
    let name = format!("{}_NAME", wanted.kind.env_prefix());
    let Some(management) = &wanted.management else {
        let entry = Entry { wanted: Arc::clone(wanted), kept: BTreeSet::new() };
        return Compared { reasons: Vec::new(), entry, agreed: None, left: Vec::new() };
    };
    let mut reasons = Vec::new();
    if wanted.kind.platform() == PlatformKind::OpenCti && !same_title(wanted, listed) {
        let sides = (Some(listed.title.clone()), Some(wanted.title.clone()));
        reasons.push(reason("title", sides, false, cause, place(&name)));
    }
    if wanted.kind.platform() == PlatformKind::OpenAev
        && let Some(there) = listed.clear(&name).filter(|there| *there != wanted.title)
    {
        let sides = (Some(there.to_owned()), Some(wanted.title.clone()));
        reasons.push(reason(format!("env.{name}"), sides, false, cause, place(&name)));
    }
    let keys: Vec<_> = management.keys.iter().filter(|key| **key != name).collect();
    let (secret, plain): (Vec<&String>, Vec<&String>) =
        keys.into_iter().partition(|key| wanted.env.get(*key).is_some_and(EnvValue::is_sensitive));
    for key in plain {
        let Some(EnvValue::Plain(text)) = wanted.env.get(key) else { continue };
        if !is_same_text(text, management.emptied.get(key), listed.configuration.get(key), platform, openers) {
            let sides = (listed.clear(key).map(str::to_owned), Some(text.clone()));
            reasons.push(reason(format!("env.{key}"), sides, false, cause, place(key)));
        }
    }
    let key = openers.managers.get(platform).map_or("", |manager| manager.key());
    let digest = memory::secrets_digest(wanted, listed, &secret, key);
    let agreed = digest.is_some() && before.is_some_and(|before| before.agreed == digest);
    let mut kept = BTreeSet::new();
    for key in secret {
        let same = agreed || is_same_secret(wanted, listed, key, platform, openers);
        if !same {
            reasons.push(reason(format!("env.{key}"), (None, None), true, cause, place(key)));
        } else if matches!(listed.configuration.get(key), Some(ListedValue::Envelope(_))) {
            kept.insert(key.clone());
        }
    }
    let mut left = Vec::new();
    for key in management.unset.iter().filter(|key| **key != name) {
        let sensitive = looks_secret(key);
        let value = match listed.configuration.get(key) {
            Some(ListedValue::Clear(text)) if !text.is_empty() && !is_mask(text) => text.clone(),
            Some(ListedValue::Clear(_)) | None => continue,
            // A secret that is not sent stays as it is, and an empty one is none.
            Some(ListedValue::Envelope(_)) if wanted.kind.platform() == PlatformKind::OpenCti => {
                left.push(key.clone());
                continue;
            }
            Some(ListedValue::Envelope(_)) => String::new(),
        };
        let sensitive = sensitive || value.is_empty();
        reasons.push(reason(format!("env.{key}"), (Some(value), None), sensitive, cause, None));
    }
    let same_secrets = reasons.iter().all(|reason| !reason.sensitive);
    Compared {
        reasons,
        entry: Entry { wanted: Arc::clone(wanted), kept },
        agreed: digest.filter(|_| same_secrets),
        left,
    }
}

/// Whether a platform has a value that is no secret here. OpenCTI takes an empty one for the contract's default, and seals
/// what its own catalog calls a secret.
fn is_same_text(
    text: &str,
    instead: Option<&String>,
    there: Option<&ListedValue>,
    platform: &PlatformName,
    openers: &Openers,
) -> bool {
    match there {
        Some(ListedValue::Clear(value)) => value == text || instead == Some(value),
        Some(ListedValue::Envelope(envelope)) => {
            let opened = openers.managers.get(platform).and_then(|manager| manager.open(envelope).ok());
            opened.is_some_and(|value| value.expose_secret() == text)
        }
        None => text.is_empty(),
    }
}

fn same_title(wanted: &Wanted, listed: &Listed) -> bool {
    // A platform that keeps one name only can't say more than that name.
    let one_name = listed.title == listed.name;
    wanted.title == listed.title || (one_name && platform_name(&wanted.title) == listed.name)
}

fn is_same_secret(wanted: &Wanted, listed: &Listed, key: &str, platform: &PlatformName, openers: &Openers) -> bool {
    let Some(there) = listed.configuration.get(key) else { return false };
    let Ok(Some(own)) = wanted.open_one(key, openers) else { return true };
    let there = match there {
        ListedValue::Clear(text) => SecretString::from(text.as_str()),
        ListedValue::Envelope(envelope) => {
            let Some(manager) = openers.managers.get(platform) else { return true };
            match manager.open(envelope) {
                // It is sealed for another key: ours is put in its place.
                Err(_) => return false,
                Ok(_) if manager.is_of_former(envelope) => return false,
                Ok(value) => value,
            }
        }
    };
    own.expose_secret() == there.expose_secret()
}

/// Whether a text only hides that there is none.
pub(super) fn is_mask(text: &str) -> bool {
    text.len() > 2 && text.chars().all(|c| c == '*')
}

/// A value of a platform as one of a container's environment: what may be a secret is shown to nobody.
pub(super) fn env_value(platform: &PlatformName, key: &str, value: &ListedValue) -> EnvValue {
    let content = match value {
        ListedValue::Clear(text) if looks_secret(key) || text.contains('@') && key.ends_with("_PROXY") => {
            PlatformContent::Clear(Arc::new(SecretString::from(text.as_str())))
        }
        ListedValue::Clear(text) => return EnvValue::Plain(text.clone()),
        ListedValue::Envelope(envelope) => PlatformContent::Envelope(Arc::clone(envelope)),
    };
    EnvValue::FromPlatform(PlatformSecret { platform: platform.clone(), content })
}
