//! What is remembered of managed instances between passes and runs; losing it costs no container.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use super::{Listed, ListedValue};
use crate::{
    desired::{EnvValue, PlatformContent, Wanted},
    manifest::WantedState,
    model::{ConnectorId, InstanceName, PlatformName, looks_secret},
};

/// What is remembered of one instance; nothing of it is a secret in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Its id at the platform.
    pub id: ConnectorId,
    /// Whether its manifest says how it is to be, and not people at the platform.
    pub of_source: bool,
    /// The state that its manifest asked for when platform and manifest last agreed on one.
    pub state: WantedState,
    /// The state that it was last to have.
    pub last: WantedState,
    /// The platform's hash.
    pub hash: String,
    /// A digest of everything that the platform listed of it, without secrets in clear.
    pub listed: String,
    /// The hash of the last reset of its state.
    pub reset: Option<String>,
    /// A digest of its sealed secrets here and there, when they were last found to be the same.
    pub agreed: Option<String>,
    /// The envelope with the token that the platform made for it.
    pub token: Option<Arc<str>>,
    /// The further variables that the platform gave its container; those that may hold a secret without their value.
    pub given: BTreeMap<String, Option<String>>,
}

/// What is remembered of every managed instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// By platform and instance.
    pub instances: BTreeMap<(PlatformName, InstanceName), Remembered>,
    /// Those that a platform was asked to make and whose start it may not have been asked for yet: OpenAEV gives a new one
    /// the word that it has for one that people stopped.
    pub begun: BTreeSet<(PlatformName, InstanceName)>,
}

impl Memory {
    /// What is remembered of an instance.
    pub(super) fn of(&self, platform: &PlatformName, instance: &InstanceName) -> Option<&Remembered> {
        self.instances.get(&(platform.clone(), instance.clone()))
    }

    /// The instances of a platform.
    pub(super) fn at<'a>(
        &'a self,
        platform: &'a PlatformName,
    ) -> impl Iterator<Item = (&'a InstanceName, &'a Remembered)> {
        self.instances.iter().filter(move |((at, _), _)| at == platform).map(|((_, name), entry)| (name, entry))
    }
}

/// A digest of what a platform lists of an instance, but for its hash and what is asked of it. Secrets in clear are left
/// out, since what is written to disk must not help to guess them.
pub(super) fn listed_digest(listed: &Listed) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    for part in [&listed.name, &listed.title, &listed.image] {
        add(part);
    }
    for (key, value) in &listed.configuration {
        add(key);
        match value {
            ListedValue::Clear(_) if looks_secret(key) => {}
            ListedValue::Clear(text) => add(text),
            ListedValue::Envelope(envelope) => add(envelope),
        }
    }
    hex::encode(hash.finalize())
}

/// The hash of the last reset of an instance's state: the hash changed and nothing that it is made of did.
pub(super) fn reset(before: Option<&Remembered>, listed: &Listed, digest: &str) -> Option<String> {
    let before = before?;
    let is_reset = before.listed == digest && before.hash != listed.hash;
    if is_reset { Some(listed.hash.clone()) } else { before.reset.clone() }
}

/// A digest of the sealed forms of an instance's secrets, here and at its platform, and of the manager's public key; none
/// where one of them has no sealed form.
pub(super) fn secrets_digest(wanted: &Wanted, listed: &Listed, keys: &[&String], manager: &str) -> Option<String> {
    let mut hash = Sha256::new();
    hash.update(manager);
    for key in keys {
        let ListedValue::Envelope(envelope) = listed.configuration.get(*key)? else { return None };
        let own = match wanted.env.get(*key)? {
            EnvValue::Sealed(sealed) => sealed.armored().as_bytes(),
            EnvValue::FromFile { file, .. } => &file.content,
            EnvValue::Plain(_)
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => return None,
        };
        for part in [key.as_bytes(), envelope.as_bytes(), own] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Some(hex::encode(hash.finalize()))
}

/// The envelope of the token that a platform gave, where it is one.
pub(super) fn token_envelope(content: &PlatformContent) -> Option<Arc<str>> {
    match content {
        PlatformContent::Envelope(envelope) => Some(Arc::clone(envelope)),
        // A token in clear is written nowhere.
        PlatformContent::Clear(_) | PlatformContent::Awaited | PlatformContent::Unknown => None,
    }
}
