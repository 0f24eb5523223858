//! Today's wire format of a catalog, as both platforms publish it.

use serde::Deserialize;
use serde_json::Value;

/// A whole catalog file.
#[derive(Deserialize)]
pub(super) struct CatalogDto {
    /// What the platform knows the catalog by.
    pub(super) id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) contracts: Vec<ContractDto>,
}

/// One entry of `contracts`; fields that Lockstep does not use are left out.
#[derive(Deserialize)]
pub(super) struct ContractDto {
    pub(super) slug: String,
    /// What the platform knows its catalog by, where that is another than the file's: a platform may publish several.
    pub(super) catalog_id: Option<String>,
    pub(super) title: Option<String>,
    pub(super) short_description: Option<String>,
    pub(super) container_type: Option<String>,
    pub(super) container_image: Option<String>,
    pub(super) container_version: Option<String>,
    pub(super) manager_supported: Option<bool>,
    pub(super) verified: Option<bool>,
    pub(super) playbook_supported: Option<bool>,
    pub(super) source_code: Option<String>,
    /// The class inside OpenAEV that an executor without a container is.
    pub(super) class_name: Option<String>,
    pub(super) support_version: Option<String>,
    pub(super) config_schema: Option<Value>,
}

/// What tells the formats apart.
#[derive(Deserialize)]
pub(super) struct FormatDto {
    /// Only newer formats have it.
    pub(super) manifest_schema_version: Option<Value>,
}
