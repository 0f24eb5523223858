//! Where secrets are, and what opens them.

use schemars::JsonSchema;
use serde::Deserialize;

/// What opens secrets.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct SecretsDto {
    /// Files of age identities or ssh-ed25519 keys without passphrase; the first also keys the digests of containers.
    #[serde(default)]
    pub identities: Vec<String>,
    /// Whether sealed values must be bound to their instance and key (`optional`).
    pub binding: Option<BindingDto>,
}

/// Whether sealed values must be bound to their instance and key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::settings) enum BindingDto {
    Optional,
    Required,
}

/// Where a secret is: `{file: PATH}` or `{env: NAME}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::settings) struct SecretRefDto {
    /// A file; the line break at its end does not count.
    pub file: Option<String>,
    /// An environment variable.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub env: Option<String>,
}
