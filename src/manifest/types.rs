//! What one instance manifest means, after defaults and units.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use crate::model::{
    ConfigValue, ConnectorId, ContainerSpec, Finding, InstanceName, Place, Placed, PlatformName, SecretValue, Slug,
};

/// Whether a container is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedState {
    /// It runs.
    Started,
    /// It exists and does not run.
    Stopped,
}

/// Which image an instance runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    /// A tag or `@sha256:` digest for the contract's own image.
    Version(String),
    /// A full reference.
    Image(String),
}

/// What counts as healthy after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Within which time an instance must become healthy.
    pub within: Duration,
    /// How long it must run without a restart to count as healthy.
    pub settle: Duration,
    /// Whether the platform must have heard from it.
    pub require_platform: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self { within: Duration::from_secs(120), settle: Duration::from_secs(10), require_platform: false }
    }
}

/// What to do where an instance does not become healthy after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollback {
    /// The former container is started again.
    Auto,
    /// The new container is left as it is.
    None,
}

/// Who a managed connector runs as at its platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The account's name or id.
    pub name: String,
    /// Whether the platform makes it.
    pub create: bool,
    /// Its maximum confidence, 0 to 100.
    pub confidence: Option<u8>,
}

/// One instance as its manifest and the defaults above it declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The instance's name; unique among the manifests of one reading.
    pub name: Placed<InstanceName>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The platform it serves; none where the settings have only one.
    pub platform: Option<Placed<PlatformName>>,
    /// The contract it deploys.
    pub contract: Placed<Slug>,
    /// Its id at the platform; none means derived.
    pub id: Option<Placed<ConnectorId>>,
    /// Its image; none means the contract's own image and version.
    pub image: Option<Placed<ImageChoice>>,
    /// Whether it runs.
    pub state: WantedState,
    /// Its own platform token; none means the platform's connector token.
    pub token: Option<Placed<SecretValue>>,
    /// Who it runs as where the platform manages it.
    pub service_account: Option<Placed<ServiceAccount>>,
    /// Its configuration; the place is the value's.
    pub config: BTreeMap<String, Placed<ConfigValue>>,
    /// Where each key of the configuration stands, for findings about the key.
    pub config_keys: BTreeMap<String, Place>,
    /// Where `config` stands, or the document where it is left out, for findings about missing keys.
    pub config_place: Place,
    /// Everything about its container.
    pub container: ContainerSpec,
    /// Instances that must be healthy before this one starts.
    pub depends_on: Vec<Placed<InstanceName>>,
    /// What counts as healthy.
    pub health: Health,
    /// What to do where it does not become healthy.
    pub rollback: Rollback,
    /// Whether Lockstep leaves it as it is.
    pub suspend: bool,
    /// The lines of the manifest's own document; what stands elsewhere came from a `Defaults` document.
    pub lines: RangeInclusive<u32>,
    /// Where each field was written, by dotted path below `spec` (`container.resources.memory`); a field that came from
    /// a `Defaults` document has its place there.
    pub fields: BTreeMap<String, Place>,
}

/// The outcome of reading a snapshot; reading never fails, it finds.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Every manifest without an error, sorted by name.
    pub manifests: Vec<Manifest>,
    /// Everything wrong or doubtful, in the order of `Finding::sort`.
    pub findings: Vec<Finding>,
    /// Names of instances that have an error and are held, sorted.
    pub held: Vec<InstanceName>,
    /// What is wrong with the `Defaults` documents above instances that are held for it.
    pub inherited: BTreeMap<InstanceName, Vec<Finding>>,
    /// Whether every error is attributed to an instance; if not, what is missing may be hidden in a broken file.
    pub complete: bool,
}
