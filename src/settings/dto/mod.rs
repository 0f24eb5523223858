//! What the settings file says, and its JSON Schema.
//!
//! Every field may be left out here: what must be there, and what is too much, is found by the schema, at its place.

mod engine;
mod platform;
mod root;
mod secret;
mod source;

pub(super) use engine::{DockerDto, EngineDto, PullDto, RegistryDto};
pub(super) use platform::{
    ManagerDto, PlatformDto, PlatformKindDto, ProxiesDto, ProxyAuthDto, RegistrationDto, UiControlDto, UiInstancesDto,
};
pub(super) use root::{ApiVersion, IntervalsDto, Kind, PolicyDto, PruneDto, SettingsDto, SnapshotDto};
pub(super) use secret::{BindingDto, SecretRefDto, SecretsDto};
pub(super) use source::{CatalogDto, GitAuthDto, GitDto, SourceDto};
