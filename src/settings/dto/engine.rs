//! What runs containers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretRefDto;

/// What runs containers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct EngineDto {
    /// A Docker Engine, or Podman's Docker API.
    #[serde(default)]
    pub docker: DockerDto,
}

/// A Docker Engine, or Podman's Docker API.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct DockerDto {
    /// Its address (`unix:///var/run/docker.sock`), or `tcp://` to a loopback address.
    pub host: Option<String>,
    /// The network that instances join unless their manifest names others.
    #[schemars(length(min = 1))]
    pub network: Option<String>,
    /// Credentials for registries, each host once.
    #[serde(default)]
    pub registries: Vec<RegistryDto>,
    /// When images are pulled, unless a manifest says otherwise (`IfNotPresent`).
    pub pull: Option<PullDto>,
    /// Steps carried out at the same time.
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: Option<usize>,
}

/// Credentials for a registry.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct RegistryDto {
    /// The host as it stands in image references, with its port; `docker.io` for references without one.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"))]
    pub host: Option<String>,
    /// The user.
    #[schemars(required, length(min = 1))]
    pub username: Option<String>,
    /// The password or token.
    #[schemars(required)]
    pub password: Option<SecretRefDto>,
}

/// When images are pulled.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::settings) enum PullDto {
    IfNotPresent,
    Always,
    Never,
}
