//! The platforms, and how instances and connectors stand at them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretRefDto;
use crate::model::units::DURATION_PATTERN;

/// A platform.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct PlatformDto {
    /// What it is.
    #[schemars(required)]
    pub kind: Option<PlatformKindDto>,
    /// Where Lockstep reaches it.
    #[schemars(required)]
    pub url: Option<String>,
    /// The token that Lockstep uses.
    #[schemars(required)]
    pub token: Option<SecretRefDto>,
    /// The token that connectors get (the same).
    pub connector_token: Option<SecretRefDto>,
    /// Where connectors reach it (the same).
    pub connector_url: Option<String>,
    /// Whether connectors register themselves (`self`) or Lockstep manages them for the platform (`managed`).
    pub registration: Option<RegistrationDto>,
    /// Who Lockstep is at the platform, with `registration: managed`.
    pub manager: Option<ManagerDto>,
    /// Whether a start or stop in the platform's pages counts (`honour`, until the manifest says something else) or is put
    /// back (`override`), with `registration: managed`.
    pub ui_control: Option<UiControlDto>,
    /// Whether instances that people make in the platform's pages are run (`run`) or left to somebody else (`ignore`),
    /// with `registration: managed`.
    pub ui_instances: Option<UiInstancesDto>,
    /// The proxy that Lockstep uses for it.
    pub proxy: Option<String>,
    /// The proxies that connectors get.
    pub connector_proxy: Option<ProxiesDto>,
    /// Who connectors are at their proxies; the variables that name these are secrets then.
    pub connector_proxy_auth: Option<ProxyAuthDto>,
    /// A file of certificates on the engine's host that connectors trust besides their own: mounted read-only, and named in
    /// `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS` and `CURL_CA_BUNDLE`.
    pub connector_ca: Option<String>,
    /// Who Lockstep is at its proxy.
    pub proxy_auth: Option<ProxyAuthDto>,
    /// The longest that a request to it may take (`30s`; 1 second to 5 minutes).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "30s")]
    pub timeout: Option<String>,
    /// A file of certificates to trust instead of the system's.
    pub ca: Option<String>,
    /// The tenant's UUID, for OpenAEV.
    pub tenant: Option<String>,
}

/// What a platform is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::settings) enum PlatformKindDto {
    OpenCti,
    OpenAev,
}

/// How instances stand at a platform.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::settings) enum RegistrationDto {
    #[serde(rename = "self")]
    Itself,
    Managed,
}

/// What a start or stop in the platform's pages does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::settings) enum UiControlDto {
    Honour,
    Override,
}

/// What becomes of instances that people make in the platform's pages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::settings) enum UiInstancesDto {
    Run,
    Ignore,
}

/// Who Lockstep is at a platform whose connectors it manages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct ManagerDto {
    /// Its id: a new UUID, or the id of the manager in whose place it stands.
    #[schemars(required, length(min = 1, max = 200))]
    pub id: Option<String>,
    /// Its name, which the platform shows.
    #[schemars(required, length(min = 2))]
    pub name: Option<String>,
    /// The file of its RSA key: 4096 bits, PKCS#8 in PEM.
    #[schemars(required)]
    pub key: Option<String>,
    /// The file of the key it had before, while that is being changed: what the platform sealed for it opens with it, and
    /// the new key is registered in its place.
    pub former_key: Option<String>,
}

/// Who somebody is at a proxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct ProxyAuthDto {
    /// The user.
    #[schemars(required, length(min = 1))]
    pub username: Option<String>,
    /// The password.
    #[schemars(required)]
    pub password: Option<SecretRefDto>,
}

/// The proxies that connectors get.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct ProxiesDto {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Hosts that are reached directly.
    #[serde(default)]
    pub no: Vec<String>,
}
