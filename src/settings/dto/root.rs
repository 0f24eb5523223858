//! The settings as a whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CatalogDto, EngineDto, PlatformDto, SecretsDto, SourceDto};
use crate::model::units::DURATION_PATTERN;

const NAME_PATTERN: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

/// The settings of Lockstep, `lockstep.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Settings", deny_unknown_fields)]
pub(in crate::settings) struct SettingsDto {
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
pub(in crate::settings) struct SnapshotDto {
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
pub(in crate::settings) struct PublishDto {
    /// A file of this host, written anew whenever something changed.
    pub file: Option<String>,
    /// A branch of the source's repository that holds nothing else.
    pub branch: Option<String>,
}

/// The version of this format.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::settings) enum ApiVersion {
    #[serde(rename = "lockstep/v1")]
    V1,
}

/// What this document is.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::settings) enum Kind {
    Settings,
}

/// What manifests may ask of the host.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct PolicyDto {
    /// Patterns of images (`opencti/*`, `openaev/*`); `*` is any text without `/`, `**` any text.
    pub images: Option<Vec<String>>,
    /// Directories below which bind mounts are allowed (none).
    #[serde(default)]
    pub bind_roots: Vec<String>,
    /// Further permissions: `privileged`, `capAdd:NAME`, `device:PATH`, `hostNamespace:NAME` (none).
    #[serde(default)]
    pub allow: Vec<String>,
}

/// When instances that are gone from the source are removed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::settings) struct PruneDto {
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
pub(in crate::settings) struct IntervalsDto {
    /// A look at everything, whatever events said (`1m`; 1 second to 1 hour); `run --resync` counts more.
    #[schemars(regex(pattern = DURATION_PATTERN), example = "1m")]
    pub pass: Option<String>,
    /// The health of every instance to its platform, which forgets it after 5 minutes, and a reading of what the platform has heard (`30s`; 1 second to 4 minutes).
    #[schemars(regex(pattern = DURATION_PATTERN), example = "30s")]
    pub heartbeat: Option<String>,
}
