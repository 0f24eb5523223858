//! The contracts that a platform publishes, fetched from the platform itself.

use std::collections::{BTreeMap, btree_map::Entry};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{PlatformError, words};

/// A platform that publishes the contracts of its connectors.
pub trait Publisher: Send + Sync + 'static {
    /// Everything that it publishes.
    ///
    /// # Errors
    /// What keeps it from being read whole; a platform that publishes nothing is an error too, since an empty catalog would
    /// hold every instance.
    fn catalog(&self) -> BoxFuture<'_, Result<Published, PlatformError>>;
}

/// What a platform publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The version of the platform.
    pub version: String,
    /// A catalog in today's format, without logos: the same for the same contracts, however the platform orders them.
    pub content: Vec<u8>,
    /// Contracts of a slug that an earlier one has as well, which are left out.
    pub left_out: Vec<String>,
}

/// Puts contracts, by their slugs, into one catalog in today's format; of two with one slug, the first counts.
///
/// # Errors
/// Where there is none.
pub(super) fn of(version: String, listed: Vec<(String, Value)>) -> Result<Published, String> {
    let mut contracts = BTreeMap::new();
    let mut left_out = Vec::new();
    for (slug, contract) in listed {
        match contracts.entry(slug) {
            Entry::Vacant(free) => {
                free.insert(contract);
            }
            Entry::Occupied(taken) => left_out.push(words(taken.key(), 80)),
        }
    }
    if contracts.is_empty() {
        return Err("it publishes no contract".to_owned());
    }
    let contracts: Vec<_> = contracts.into_values().collect();
    let catalog = json!({ "version": version, "contracts": contracts });
    let mut content = serde_json::to_vec_pretty(&catalog).map_err(|error| error.to_string())?;
    content.push(b'\n');
    Ok(Published { version, content, left_out })
}
