//! What `catalog list` and `catalog show` tell, as rows and as the JSON that scripts read.

use serde::Serialize;

use super::{contract::Contract, property::Property, reserved, support::Support};
use crate::model::{PlatformKind, Registration};

/// What `catalog list` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogView {
    /// One row for each contract, in the order given.
    pub contracts: Vec<ContractRow>,
}

/// One contract in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContractRow {
    /// Its key.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// The catalog's word for what it does.
    pub kind: String,
    /// Its image without a tag.
    pub image: Option<String>,
    /// The tag of its image.
    pub version: Option<String>,
    /// Whether it can run as a container that registers itself.
    pub deployable: bool,
    /// Whether the platform can manage it.
    pub manager_supported: bool,
    /// How many keys a manifest may set; none where the catalog does not say.
    pub keys: Option<usize>,
}

/// What `catalog show` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContractView {
    /// Its key.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// What it does.
    pub description: String,
    /// The catalog's word for what it does.
    pub kind: String,
    /// The platform it belongs to; none where its kind is not known.
    pub platform: Option<&'static str>,
    /// Its image without a tag.
    pub image: Option<String>,
    /// The tag of its image.
    pub version: Option<String>,
    /// Whether it can run as a container that registers itself.
    pub deployable: bool,
    /// Why it can't.
    pub not_deployable: Option<String>,
    /// Whether the platform can manage it.
    pub manager_supported: bool,
    /// Whether the platform's vendor has verified it.
    pub verified: bool,
    /// Whether it can be a step of a playbook.
    pub playbook_supported: bool,
    /// Where its source code is.
    pub source_code: Option<String>,
    /// The versions of it that the catalog has, the newest first.
    pub versions: Vec<VersionRow>,
    /// The keys that a manifest may set, those it must set first; none where the catalog does not say.
    pub keys: Option<Vec<KeyView>>,
}

/// One version of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionRow {
    /// The tag of its image.
    pub version: Option<String>,
    /// With which versions of its platform it works, in words; none where the catalog does not say.
    pub works_with: Option<String>,
}

/// One key of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// The key.
    pub key: String,
    /// What it takes, in words.
    #[serde(rename = "type")]
    pub types: String,
    /// Whether a manifest must set it.
    pub required: bool,
    /// What the connector gets where the manifest does not set it.
    pub default: Option<String>,
    /// The values it may have.
    #[serde(rename = "enum")]
    pub choices: Vec<String>,
    /// The format of its text.
    pub format: Option<String>,
    /// Whether its value must be sealed.
    pub secret: bool,
    /// Whether the contract calls it deprecated.
    pub deprecated: bool,
    /// What it is for.
    pub description: String,
}

/// The rows of `catalog list`.
pub fn list<'a>(contracts: impl IntoIterator<Item = &'a Contract>) -> CatalogView {
    CatalogView { contracts: contracts.into_iter().map(row).collect() }
}

fn row(contract: &Contract) -> ContractRow {
    ContractRow {
        slug: contract.slug.to_string(),
        title: contract.title.clone(),
        kind: contract.kind_word.clone(),
        image: contract.image.clone(),
        version: contract.version.clone(),
        deployable: contract.deployable(Registration::Itself, false).is_ok(),
        manager_supported: contract.manager_supported,
        keys: contract.has_schema().then(|| settable(contract).count()),
    }
}

/// Everything about one version of a contract, and which ones there are.
pub fn show(contract: &Contract, versions: &[Contract]) -> ContractView {
    let not_deployable = contract.deployable(Registration::Itself, false).err();
    let mut keys: Vec<KeyView> = settable(contract).map(key).collect();
    keys.sort_by(|a, b| (!a.required, a.deprecated, &a.key).cmp(&(!b.required, b.deprecated, &b.key)));
    ContractView {
        slug: contract.slug.to_string(),
        title: contract.title.clone(),
        description: contract.short_description.clone(),
        kind: contract.kind_word.clone(),
        platform: contract.platform().map(PlatformKind::as_str),
        image: contract.image.clone(),
        version: contract.version.clone(),
        deployable: not_deployable.is_none(),
        not_deployable: not_deployable.map(|reason| reason.to_string()),
        manager_supported: contract.manager_supported,
        verified: contract.verified,
        playbook_supported: contract.playbook_supported,
        source_code: contract.source_code.clone(),
        versions: versions.iter().map(version).collect(),
        keys: contract.has_schema().then_some(keys),
    }
}

fn version(contract: &Contract) -> VersionRow {
    let works_with = (contract.support != Support::Unsaid).then(|| contract.support.to_string());
    VersionRow { version: contract.version.clone(), works_with }
}

/// The keys that are not Lockstep's own.
pub(super) fn settable(contract: &Contract) -> impl Iterator<Item = &Property> {
    let platform = contract.platform().unwrap_or(PlatformKind::OpenCti);
    contract.properties().iter().filter(move |property| reserved::instead_of(&property.key, platform).is_none())
}

fn key(property: &Property) -> KeyView {
    KeyView {
        key: property.key.clone(),
        types: property.type_words(),
        required: property.required && property.default.is_none(),
        default: property.default.clone(),
        choices: property.choices.clone(),
        format: property.format.clone(),
        secret: property.secret,
        deprecated: property.deprecated,
        description: property.description.clone(),
    }
}
