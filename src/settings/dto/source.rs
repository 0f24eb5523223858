//! Where manifests and contracts come from.

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretRefDto;
use crate::model::units::DURATION_PATTERN;

/// Where manifests come from: `git` or `directory`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct SourceDto {
    /// A git repository.
    pub git: Option<GitDto>,
    /// A directory of this host, watched by its events.
    pub directory: Option<String>,
    /// Time between two looks at the directory, where its events can't be had (network file systems).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "5s")]
    pub poll: Option<String>,
}

/// A git repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct GitDto {
    /// Its URL: `https://`, `ssh://`, `file://`, `http://` to a loopback address, or a path.
    #[schemars(required)]
    pub url: Option<String>,
    /// A branch, tag or commit (`main`).
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The folder of the repository below which manifests are (all of it).
    pub path: Option<String>,
    /// Time between two polls (`30s`).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "30s")]
    pub interval: Option<String>,
    /// How to authenticate: `token`; `username` and `password`; or `key` and `knownHosts`.
    pub auth: Option<GitAuthDto>,
    /// A file of certificates to trust instead of the system's.
    pub ca: Option<String>,
}

/// How to authenticate: `token`; `username` and `password`; or `key` and `knownHosts`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct GitAuthDto {
    /// A token, for `https://`.
    pub token: Option<SecretRefDto>,
    /// A user, for `https://`.
    #[schemars(length(min = 1))]
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<SecretRefDto>,
    /// The file of a private key, for `ssh://`.
    pub key: Option<String>,
    /// The file of known hosts, for `ssh://`: a server that is not in it is refused.
    pub known_hosts: Option<String>,
}

/// Where a catalog comes from: one of `source`, `file`, `url`, `platform`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct CatalogDto {
    /// A file of the watched source.
    pub source: Option<String>,
    /// A file of this host.
    pub file: Option<String>,
    /// A file on a web server; needs `sha256`.
    pub url: Option<String>,
    /// The SHA-256 of what is at `url`.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// A file of certificates to trust instead of the system's, for `url`.
    pub ca: Option<String>,
    /// What a platform of these settings publishes.
    pub platform: Option<String>,
}
