//! The contracts that a platform publishes, fetched from the platform itself.

use std::collections::{BTreeMap, btree_map::Entry};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

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
    /// A catalog in the format of its contracts, without logos: the same for the same contracts, however the platform orders
    /// them.
    pub content: Vec<u8>,
    /// Contracts that an earlier one of the same slug, and version where there are several, stands for; they are left out.
    pub left_out: Vec<String>,
}

/// Puts contracts, by their slugs, into one catalog; of two that are the same, the first counts.
///
/// # Errors
/// Where there is none.
pub(super) fn of(version: String, listed: Vec<(String, Map<String, Value>)>) -> Result<Published, String> {
    if listed.is_empty() {
        return Err("it publishes no contract".to_owned());
    }
    let several = listed.iter().any(|(_, contract)| is_of_several(contract));
    let mut contracts = BTreeMap::new();
    let mut left_out = Vec::new();
    for (slug, contract) in listed {
        let contract = if several { one_of_several(contract) } else { contract };
        let version = contract.get("version").filter(|_| several).map(Value::to_string);
        match contracts.entry((slug, version)) {
            Entry::Vacant(free) => {
                free.insert(contract);
            }
            Entry::Occupied(taken) => left_out.push(words(&taken.key().0, 80)),
        }
    }
    let contracts: Vec<_> = contracts.into_values().collect();
    let catalog = if several {
        json!({ "manifest_schema_version": "1", "product_version": version, "contracts": contracts })
    } else {
        json!({ "version": version, "contracts": contracts })
    };
    let mut content = serde_json::to_vec_pretty(&catalog).map_err(|error| error.to_string())?;
    content.push(b'\n');
    Ok(Published { version, content, left_out })
}

/// Whether a contract is in the format that has several versions of each.
fn is_of_several(contract: &Map<String, Value>) -> bool {
    contract.contains_key("image_name")
}

/// The same contract in that format.
fn one_of_several(mut contract: Map<String, Value>) -> Map<String, Value> {
    for (today, several) in
        [("container_image", "image_name"), ("container_type", "image_type"), ("container_version", "version")]
    {
        if let (Some(value), false) = (contract.remove(today), contract.contains_key(several)) {
            contract.insert(several.to_owned(), value);
        }
    }
    contract
}
