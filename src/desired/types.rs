//! What one revision wants, complete, with its secrets still sealed.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{Management, PlatformSecret};
use crate::{
    manifest::{Health, Rollback, WantedState},
    model::{
        ConnectorId, ConnectorKind, ContainerSpec, Finding, InstanceName, Place, PlatformName, PullPolicy, Revision,
        Sealed, Slug,
    },
};

/// The SHA-256 of an effective spec with its secrets still sealed, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceDigest(pub String);

/// A whole-file age ciphertext of the source.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// Its path below the root of the source.
    pub path: Arc<str>,
    /// The ciphertext, armored or binary.
    pub content: Arc<[u8]>,
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedFile({}, {} bytes)", self.path, self.content.len())
    }
}

/// One environment variable of a container, not yet opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// In clear.
    Plain(String),
    /// A sealed scalar of the manifest.
    Sealed(Sealed),
    /// A key of an encrypted file.
    FromFile {
        /// The file.
        file: SealedFile,
        /// The key in the decrypted map.
        key: String,
    },
    /// The connector token that the settings hold for a platform.
    ConnectorToken(PlatformName),
    /// The address of a proxy with a user's name and password in it, which the settings hold for a platform's connectors.
    ConnectorProxy(PlatformName),
    /// What the platform gives its manager for this instance.
    FromPlatform(PlatformSecret),
}

impl EnvValue {
    /// Whether the value may be shown to nobody.
    pub fn is_sensitive(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Sealed(_)
            | Self::FromFile { .. }
            | Self::ConnectorToken(_)
            | Self::ConnectorProxy(_)
            | Self::FromPlatform(_) => true,
        }
    }
}

/// Where a field of the effective spec came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Written in the instance's own manifest.
    Manifest(Place),
    /// Written in a `Defaults` document.
    Defaults(Place),
    /// A default of the contract, in the catalog of this name: a path or a URL.
    Catalog(Arc<str>),
    /// Set from the settings' entry of the platform.
    Platform,
    /// Set by Lockstep itself.
    Lockstep,
}

impl Origin {
    /// Where it was written, if it was written in the source.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Manifest(place) | Self::Defaults(place) => Some(place),
            Self::Catalog(_) | Self::Platform | Self::Lockstep => None,
        }
    }
}

/// One instance as it is to be, complete but for the opening of its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The instance's name.
    pub name: InstanceName,
    /// The platform it serves; none where the settings have no platforms.
    pub platform: Option<PlatformName>,
    /// What the connector does.
    pub kind: ConnectorKind,
    /// The contract it deploys.
    pub contract: Slug,
    /// What the platform shows as its name.
    pub title: String,
    /// What the connector is for, in the platform's words (`CONNECTOR_SCOPE`).
    pub scope: Vec<String>,
    /// Its id at the platform.
    pub id: ConnectorId,
    /// Whether it runs.
    pub state: WantedState,
    /// Whether Lockstep leaves it as it is.
    pub suspend: bool,
    /// The image reference, with tag or digest.
    pub image: String,
    /// When the image is pulled.
    pub pull: PullPolicy,
    /// Its environment.
    pub env: BTreeMap<String, EnvValue>,
    /// Everything else about its container; networks are filled in.
    pub container: ContainerSpec,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// What counts as healthy.
    pub health: Health,
    /// What to do where it does not become healthy.
    pub rollback: Rollback,
    /// Instances that must be healthy before this one starts.
    pub depends_on: Vec<InstanceName>,
    /// Where each field came from, by the names that the plan shows (`image`, `env.KEY`, `container.…`).
    pub origins: BTreeMap<String, Origin>,
    /// Where the manifest stands.
    pub place: Place,
    /// How the platform has it managed; none where it registers itself.
    pub management: Option<Arc<Management>>,
    /// What tells whether anything about it changed in the source.
    pub source_digest: SourceDigest,
}

/// An instance that gets no step, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The instance.
    pub instance: InstanceName,
    /// What is wrong with it, at least one error.
    pub findings: Vec<Finding>,
}

/// What one revision wants.
#[derive(Debug, Clone)]
pub struct DesiredState {
    /// Which state of the source it was read from.
    pub revision: Revision,
    /// The instances that can be brought about, by name.
    pub wanted: BTreeMap<InstanceName, Arc<Wanted>>,
    /// The instances that are held, by name.
    pub held: BTreeMap<InstanceName, Held>,
    /// Every finding, also those of held instances, in the order of `Finding::sort`.
    pub findings: Vec<Finding>,
    /// Whether an instance that is neither wanted nor held is truly gone.
    pub complete: bool,
}
