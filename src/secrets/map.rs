//! The keys and values of a decrypted file.

use std::{collections::BTreeMap, fmt};

use age::secrecy::{ExposeSecret, SecretString};

use super::{
    Binding, BindingPolicy, MAX_VALUE, OpenError, OpenErrorKind, Subject,
    binding::unbind,
    dotenv::{self, Hash},
    keyring::value,
    yaml_map,
};

/// The most keys of one file.
const MAX_KEYS: usize = 4096;

/// The values of a decrypted file, by key.
pub struct SecretMap {
    name: String,
    values: BTreeMap<String, SecretString>,
}

impl fmt::Debug for SecretMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretMap({}, {} keys)", self.name, self.values.len())
    }
}

impl SecretMap {
    /// The values of a file that was never encrypted, such as the variables of a compose file, read as compose reads them:
    /// in text without quotes, ` #` begins a comment.
    ///
    /// # Errors
    /// Where it is neither of `KEY=value` lines nor a map, or passes a bound.
    pub fn of_clear_text(name: &str, text: &str) -> Result<Self, OpenError> {
        read_as(name, text, Hash::Comment).map_err(|kind| OpenError { subject: Subject::File(name.to_owned()), kind })
    }

    /// The value of a key, as it stands in the file.
    pub fn get(&self, key: &str) -> Option<&SecretString> {
        self.values.get(key)
    }

    /// The keys, which are no secrets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The value of a key for the instance and key it is to be used at; a binding before the value is checked and taken
    /// off, as in a sealed value.
    pub fn open(&self, key: &str, whom: &Binding, policy: BindingPolicy) -> Result<SecretString, OpenError> {
        let Some(secret) = self.get(key) else {
            let similar = self.names().map(|name| (strsim::jaro_winkler(name, key), name));
            let similar = similar.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
            let similar = similar.map(|(_, name)| name.to_owned());
            let kind = OpenErrorKind::NoSuchKey { key: key.to_owned(), similar };
            return Err(OpenError { subject: Subject::File(self.name.clone()), kind });
        };
        unbind(secret.expose_secret(), whom, policy)
            .and_then(value)
            .map_err(|kind| OpenError { subject: Subject::Value(whom.clone()), kind })
    }
}

/// Reads what a file holds: dotenv if its first line that says something is an assignment, a YAML map otherwise.
pub(super) fn read(name: &str, text: &str) -> Result<SecretMap, OpenErrorKind> {
    read_as(name, text, Hash::Refused)
}

fn read_as(name: &str, text: &str, hash: Hash) -> Result<SecretMap, OpenErrorKind> {
    let mut values = BTreeMap::new();
    let take = |line, key: &str, text: &str| {
        if values.len() == MAX_KEYS {
            return Err(OpenErrorKind::BadMap { line, why: "is one key too many" });
        }
        if text.len() > MAX_VALUE {
            return Err(OpenErrorKind::TooLarge { limit: MAX_VALUE });
        }
        match values.insert(key.to_owned(), SecretString::from(text)) {
            Some(_) => Err(OpenErrorKind::BadMap { line, why: "has a key that was there before" }),
            None => Ok(()),
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    if dotenv::looks_like(text) {
        dotenv::read(text, hash, take)?
    } else {
        yaml_map::read(text, take)?
    }
    if values.is_empty() { Err(OpenErrorKind::Empty) } else { Ok(SecretMap { name: name.to_owned(), values }) }
}
