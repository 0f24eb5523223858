//! The words that every other module speaks: names, places, findings, values and container settings.

mod chain;
mod condition;
mod container;
mod credential;
mod env;
mod fields;
mod finding;
mod kind;
mod name;
mod place;
mod policy;
mod snapshot;
mod text;
pub mod units;
mod value;

pub use chain::chain;
pub use condition::Condition;
pub use container::{
    ContainerSpec, Healthcheck, HealthcheckTest, HostNamespace, LogLimits, MountSource, PullPolicy, Resources, Tmpfs,
    Ulimit, Volume,
};
pub use credential::Credential;
pub use env::{OWNED_FAMILIES, SECRET_NAMES, is_owned_env, looks_secret, owned_env};
pub use fields::{
    DEFAULT_LOG_FILES, DEFAULT_LOG_SIZE, DEFAULT_PIDS, DEFAULT_SHM_SIZE, DEFAULT_STOP_GRACE, container_fields,
    stop_seconds,
};
pub use finding::{Code, Finding, Severity};
pub use kind::{ConnectorKind, PlatformKind, Registration};
pub use name::{ConnectorId, InstanceName, InvalidName, OwnerName, PlatformName, Slug};
pub use place::{Cited, Place, Placed};
pub use policy::Policy;
pub use snapshot::{Commit, Revision, Snapshot, SourceFile};
pub use text::{closest, is_hidden, printable, rfc3339};
pub use value::{ConfigValue, Scalar, Sealed, SecretValue};
