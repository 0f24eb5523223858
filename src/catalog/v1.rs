//! The newer wire format of a catalog, with `manifest_schema_version: "1"`: several versions of each contract.

use serde::Deserialize;
use serde_json::Value;

use super::{contract::Contract, dto::ContractDto, support::Support};

/// The version of the format that this module reads.
pub(super) const VERSION: &str = "1";

/// A whole catalog file.
#[derive(Deserialize)]
pub(super) struct CatalogDto {
    pub(super) id: Option<String>,
    pub(super) manifest_version: Option<String>,
    pub(super) product_version: Option<String>,
    pub(super) contracts: Vec<VersionDto>,
}

/// One version of a contract; fields that Lockstep does not use are left out.
#[derive(Deserialize)]
pub(super) struct VersionDto {
    slug: String,
    catalog_id: Option<String>,
    version: String,
    title: Option<String>,
    short_description: Option<String>,
    min_version: Option<String>,
    max_version: Option<String>,
    image_name: Option<String>,
    image_type: Option<String>,
    manager_supported: Option<bool>,
    verified: Option<bool>,
    source_code: Option<String>,
    additional_properties: Option<AdditionalDto>,
    config_schema: Option<Value>,
}

#[derive(Deserialize)]
struct AdditionalDto {
    playbook_supported: Option<bool>,
}

impl CatalogDto {
    /// The version that the catalog gives itself.
    pub(super) fn version(&self) -> Option<String> {
        self.manifest_version.clone().or_else(|| self.product_version.clone())
    }
}

impl VersionDto {
    /// The same in today's format, and with which versions of the platform it works.
    pub(super) fn split(self) -> (ContractDto, Support) {
        let support = Support::between(filled(self.min_version), filled(self.max_version));
        let contract = ContractDto {
            slug: self.slug,
            catalog_id: self.catalog_id,
            title: self.title,
            short_description: self.short_description,
            container_type: self.image_type,
            container_image: self.image_name,
            container_version: Some(self.version),
            manager_supported: self.manager_supported,
            verified: self.verified,
            playbook_supported: self.additional_properties.and_then(|additional| additional.playbook_supported),
            source_code: self.source_code,
            class_name: None,
            support_version: None,
            config_schema: self.config_schema,
        };
        (contract, support)
    }
}

/// A text that says something.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Newest first, each slug by itself.
pub(super) fn order(left: &Contract, right: &Contract) -> std::cmp::Ordering {
    let version = |contract: &Contract| contract.version.clone().unwrap_or_default();
    left.slug.cmp(&right.slug).then_with(|| super::version::order(&version(right), &version(left)))
}
