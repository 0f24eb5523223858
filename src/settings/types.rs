//! What the settings mean.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use url::Url;
use uuid::Uuid;

use crate::{
    managed::{UiControl, UiInstances},
    model::{OwnerName, PlatformKind, PlatformName, Policy, PullPolicy, Registration},
};

/// Everything one process is told to do. Paths are as written, joined to the folder of the settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who we are on the engine.
    pub owner: OwnerName,
    /// Where manifests come from.
    pub source: SourceSettings,
    /// Where contracts come from; of two contracts with one slug for one platform, the first counts.
    pub catalogs: Vec<CatalogSettings>,
    /// What opens secrets.
    pub secrets: SecretsSettings,
    /// What manifests may ask of the host.
    pub policy: Policy,
    /// What runs containers.
    pub engine: DockerSettings,
    /// The platforms, by the names that manifests use; may be empty.
    pub platforms: BTreeMap<PlatformName, PlatformSettings>,
    /// When instances that are gone from the source are removed.
    pub prune: PruneSettings,
    /// The folder for the git mirror, the lock and the history.
    pub state: PathBuf,
    /// Where the status page and API listen; none where they don't.
    pub listen: Option<SocketAddr>,
    /// How often things are done though nothing happened.
    pub intervals: Intervals,
    /// What runs, published for plans that are made without the engine.
    pub snapshot: SnapshotSettings,
}

/// What runs, published for plans that are made without the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// The file that it is published to.
    pub file: Option<PathBuf>,
    /// The branch of the source's repository that it is published to; only there with a git source.
    pub branch: Option<String>,
    /// The public keys that are believed.
    pub trust: Vec<String>,
    /// The age beyond which it is refused.
    pub max_age: Duration,
}

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSettings {
    /// A git repository.
    Git(GitSettings),
    /// A directory of this host.
    Directory {
        /// The directory.
        path: PathBuf,
        /// Time between two looks at it; none means that its events are watched.
        poll: Option<Duration>,
    },
}

/// A git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSettings {
    /// `https://`, `ssh://`, `file://`, `http://` to a loopback address, or an absolute path. Holds no secret.
    pub url: String,
    /// A branch, tag or commit.
    pub reference: String,
    /// The folder of the repository below which manifests are; empty for all of it. Relative, with `/` between its parts.
    pub path: String,
    /// Time between two polls.
    pub interval: Duration,
    /// How we authenticate.
    pub auth: GitAuth,
    /// A file of certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
}

/// How we authenticate at a git server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitAuth {
    /// Not at all.
    None,
    /// With a token, as the password of whatever user the server wants to see beside it.
    Token {
        /// The token.
        token: SecretRef,
    },
    /// With a user's name and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretRef,
    },
    /// With an SSH key, at a server whose key is known beforehand.
    Ssh {
        /// The private key's file.
        key: PathBuf,
        /// The file of known hosts.
        known_hosts: PathBuf,
    },
}

/// Where a catalog comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogSettings {
    /// A file of the watched source.
    Source {
        /// Its path, relative to the root of the source, with `/` between its parts.
        path: String,
    },
    /// A file of this host.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A file on a web server.
    Url {
        /// Where: `https://`, or `http://` to a loopback address.
        url: Url,
        /// The SHA-256 of its content, as 64 hexadecimal digits in lower case.
        sha256: String,
        /// A file of certificates to trust instead of the system's.
        ca: Option<PathBuf>,
    },
    /// What a platform publishes.
    Platform {
        /// The platform.
        name: PlatformName,
    },
}

/// What opens secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretsSettings {
    /// Files of age identities or OpenSSH keys; the first also keys the digests.
    pub identities: Vec<PathBuf>,
    /// Whether sealed values must be bound to their instance and key.
    pub binding: BindingSetting,
}

/// Whether sealed values must be bound to their instance and key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BindingSetting {
    /// Only where they carry a binding.
    #[default]
    Optional,
    /// Always.
    Required,
}

/// A Docker Engine, or Podman's Docker API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerSettings {
    /// Its address: `unix://` and an absolute path, or `tcp://` to a loopback address.
    pub host: String,
    /// The network that instances join unless their manifest names others; none means the engine's default network.
    pub network: Option<String>,
    /// Credentials for registries, each host once.
    pub registries: Vec<RegistrySettings>,
    /// When images are pulled, unless a manifest says otherwise.
    pub pull: PullPolicy,
    /// Steps carried out at the same time; none means what serves this engine best.
    pub concurrency: Option<usize>,
}

/// Credentials for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// The host as it stands in image references, with its port if it has one, in lower case.
    pub host: String,
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: SecretRef,
}

/// A platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformSettings {
    /// What it is.
    pub kind: PlatformKind,
    /// Where we reach it.
    pub url: Url,
    /// The token that we use.
    pub token: SecretRef,
    /// The token that connectors get; none means the same.
    pub connector_token: Option<SecretRef>,
    /// Where connectors reach it; none means the same.
    pub connector_url: Option<Url>,
    /// How instances stand there.
    pub registration: Registration,
    /// Who we are there; always there with managed registration, and only then.
    pub manager: Option<Manager>,
    /// Whether people at the platform start and stop instances of the source; with managed registration.
    pub ui_control: UiControl,
    /// What becomes of instances that people make at the platform; with managed registration.
    pub ui_instances: UiInstances,
    /// The proxy that we use for it.
    pub proxy: Option<Url>,
    /// The proxies that connectors get.
    pub connector_proxy: Option<Proxies>,
    /// Who connectors are at their proxies.
    pub connector_proxy_auth: Option<ProxyAuth>,
    /// A file of certificates on the engine's host that connectors get; an absolute path.
    pub connector_ca: Option<String>,
    /// Who we are at our proxy.
    pub proxy_auth: Option<ProxyAuth>,
    /// The longest that a request to it may take.
    pub timeout: Duration,
    /// A file of certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The tenant, for OpenAEV.
    pub tenant: Option<Uuid>,
}

/// Who we are at a platform that has us manage its connectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Our id, 1 to 200 characters.
    pub id: String,
    /// Our name.
    pub name: String,
    /// The file of our RSA key.
    pub key: PathBuf,
    /// The file of the key that ours takes the place of.
    pub former_key: Option<PathBuf>,
}

/// Who somebody is at a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAuth {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

/// The proxies that connectors get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`.
    pub http: Option<Url>,
    /// For `https://`.
    pub https: Option<Url>,
    /// Hosts that are reached directly.
    pub no: Vec<String>,
}

impl Proxies {
    /// The proxies by the variables that name them in containers.
    pub fn by_variable(&self) -> impl Iterator<Item = (&'static str, &Url)> {
        let all = [("HTTP_PROXY", &self.http), ("HTTPS_PROXY", &self.https)];
        all.into_iter().filter_map(|(key, url)| Some((key, url.as_ref()?)))
    }
}

/// When instances that are gone from the source are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneSettings {
    /// Whether they are.
    pub enabled: bool,
    /// Whether a source without any instance counts as one.
    pub allow_empty: bool,
    /// The most that may be removed at once, in percent of what runs (0 to 100).
    pub max_percent: u8,
    /// Time between stopping and removing.
    pub retain: Duration,
}

impl Default for PruneSettings {
    fn default() -> Self {
        Self { enabled: true, allow_empty: false, max_percent: 20, retain: Duration::from_hours(24) }
    }
}

/// How often things are done though nothing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intervals {
    /// A whole pass.
    pub pass: Duration,
    /// The health of every instance to its platform, which forgets it after 5 minutes, and a reading of what the platform
    /// has heard.
    pub heartbeat: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { pass: Duration::from_mins(1), heartbeat: Duration::from_secs(30) }
    }
}

/// Where a secret of the operator is: never in the settings themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The content of a file, without the line break at its end.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}
