//! What the settings file says, and its JSON Schema.
//!
//! Every field may be left out here: what must be there, and what is too much, is found by the schema, at its place.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::units::DURATION_PATTERN;

const NAME_PATTERN: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

/// The settings of Lockstep, `lockstep.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Settings", deny_unknown_fields)]
pub(super) struct SettingsDto {
    /// The version of this format.
    #[schemars(required)]
    pub api_version: Option<ApiVersion>,
    /// What this document is.
    #[schemars(required)]
    pub kind: Option<Kind>,
    /// Who we are on the engine: containers whose owner label says otherwise are not ours.
    #[schemars(required, regex(pattern = NAME_PATTERN))]
    pub owner: Option<String>,
    /// Where manifests come from: `git` or `directory`.
    #[schemars(required)]
    pub source: Option<SourceDto>,
    /// Where contracts come from; of two contracts with one slug, the first counts.
    #[serde(default)]
    pub catalogs: Vec<CatalogDto>,
    /// What opens secrets.
    #[serde(default)]
    pub secrets: SecretsDto,
    /// What manifests may ask of the host.
    #[serde(default)]
    pub policy: PolicyDto,
    /// What runs containers.
    #[serde(default)]
    pub engine: EngineDto,
    /// The platforms, by the names that manifests use; `{}` keeps status local.
    #[schemars(required)]
    pub platforms: Option<BTreeMap<String, PlatformDto>>,
    /// When instances that are gone from the source are removed.
    #[serde(default)]
    pub prune: PruneDto,
    /// The folder for the git mirror, the lock and the history (`/var/lib/lockstep`); nothing in it is needed to converge.
    pub state: Option<String>,
    /// Where `/healthz` and `/status` answer, `127.0.0.1:8085`; left out, nothing listens.
    pub listen: Option<String>,
    /// Whether `listen` may be an address that others can reach (`false`).
    pub listen_public: Option<bool>,
    /// How often things are done though nothing happened.
    #[serde(default)]
    pub intervals: IntervalsDto,
    /// What runs, published for plans that are made without the engine.
    #[serde(default)]
    pub snapshot: SnapshotDto,
}

/// What runs, published for plans that are made without the engine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct SnapshotDto {
    /// Where `run` publishes it, signed and without any secret (nowhere).
    #[serde(default)]
    pub publish: PublishDto,
    /// The public keys of those whose snapshots `plan --observed` believes; with none it believes everybody and warns.
    #[serde(default)]
    pub trust: Vec<String>,
    /// The age beyond which it is refused (`24h`; 1 minute or more).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "24h")]
    pub max_age: Option<String>,
}

/// Where `run` publishes what it observes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct PublishDto {
    /// A file of this host, written anew whenever something changed.
    pub file: Option<String>,
    /// A branch of the source's repository that holds nothing else.
    pub branch: Option<String>,
}

/// The version of this format.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum ApiVersion {
    #[serde(rename = "lockstep/v1")]
    V1,
}

/// What this document is.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) enum Kind {
    Settings,
}

/// Where manifests come from: `git` or `directory`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct SourceDto {
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
pub(super) struct GitDto {
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
pub(super) struct GitAuthDto {
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
pub(super) struct CatalogDto {
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

/// What opens secrets.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct SecretsDto {
    /// Files of age identities or ssh-ed25519 keys without passphrase; the first also keys the digests of containers.
    #[serde(default)]
    pub identities: Vec<String>,
    /// Whether sealed values must be bound to their instance and key (`optional`).
    pub binding: Option<BindingDto>,
}

/// Whether sealed values must be bound to their instance and key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum BindingDto {
    Optional,
    Required,
}

/// What manifests may ask of the host.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct PolicyDto {
    /// Patterns of images (`opencti/*`, `openaev/*`); `*` is any text without `/`, `**` any text.
    pub images: Option<Vec<String>>,
    /// Directories below which bind mounts are allowed (none).
    #[serde(default)]
    pub bind_roots: Vec<String>,
    /// Further permissions: `privileged`, `capAdd:NAME`, `device:PATH`, `hostNamespace:NAME` (none).
    #[serde(default)]
    pub allow: Vec<String>,
}

/// What runs containers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct EngineDto {
    /// A Docker Engine, or Podman's Docker API.
    #[serde(default)]
    pub docker: DockerDto,
}

/// A Docker Engine, or Podman's Docker API.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct DockerDto {
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
pub(super) struct RegistryDto {
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
pub(super) enum PullDto {
    IfNotPresent,
    Always,
    Never,
}

/// A platform.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct PlatformDto {
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
pub(super) enum PlatformKindDto {
    OpenCti,
    OpenAev,
}

/// How instances stand at a platform.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RegistrationDto {
    #[serde(rename = "self")]
    Itself,
    Managed,
}

/// What a start or stop in the platform's pages does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum UiControlDto {
    Honour,
    Override,
}

/// What becomes of instances that people make in the platform's pages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum UiInstancesDto {
    Run,
    Ignore,
}

/// Who Lockstep is at a platform whose connectors it manages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ManagerDto {
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
pub(super) struct ProxyAuthDto {
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
pub(super) struct ProxiesDto {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Hosts that are reached directly.
    #[serde(default)]
    pub no: Vec<String>,
}

/// When instances that are gone from the source are removed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct PruneDto {
    /// Whether they are (`true`).
    pub enabled: Option<bool>,
    /// Whether a source without any instance counts as one (`false`).
    pub allow_empty: Option<bool>,
    /// The most that may be removed at once, in percent of what runs (`20`).
    #[schemars(range(min = 0, max = 100))]
    pub max_percent: Option<u8>,
    /// Time between stopping and removing (`24h`).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "24h")]
    pub retain: Option<String>,
}

/// How often things are done though nothing happened.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct IntervalsDto {
    /// A look at everything, whatever events said (`1m`; 1 second to 1 hour); `run --resync` counts more.
    #[schemars(regex(pattern = DURATION_PATTERN), example = "1m")]
    pub pass: Option<String>,
    /// The health of every instance to its platform, which forgets it after 5 minutes, and a reading of what the platform has heard (`30s`; 1 second to 4 minutes).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "30s")]
    pub heartbeat: Option<String>,
}

/// Where a secret is: `{file: PATH}` or `{env: NAME}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct SecretRefDto {
    /// A file; the line break at its end does not count.
    pub file: Option<String>,
    /// An environment variable.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub env: Option<String>,
}
