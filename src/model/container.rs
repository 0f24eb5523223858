//! What a manifest may say about its container: a closed set, so that nothing else can be expressed.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Only where the engine does not have it.
    IfNotPresent,
    /// Before every creation.
    Always,
    /// Never; a missing image is an error.
    Never,
}

impl PullPolicy {
    /// The word used in manifests and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// Upper bounds on what a container may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// Processor time, in thousandths of a core.
    pub milli_cpus: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Number of processes and threads.
    pub pids: Option<u64>,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A named volume of the engine, created when missing.
    Volume(String),
    /// A path of the host; needs the operator's policy.
    Bind(String),
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// What is mounted.
    pub source: MountSource,
    /// Where, as an absolute path in the container.
    pub target: String,
    /// Whether the container can't write to it.
    pub read_only: bool,
}

/// A file system in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmpfs {
    /// Where, as an absolute path in the container.
    pub target: String,
    /// Its bound, in bytes.
    pub size: Option<u64>,
}

/// A kernel limit of a container's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ulimit {
    /// What a process starts with; -1 is unlimited.
    pub soft: i64,
    /// How far it may raise it; -1 is unlimited.
    pub hard: i64,
}

/// How a health check is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthcheckTest {
    /// The image's own check is switched off.
    Disabled,
    /// A program and its arguments.
    Command(Vec<String>),
    /// A line for the container's shell.
    Shell(String),
}

/// A check that the engine runs inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// What is run.
    pub test: HealthcheckTest,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// Time after which a check counts as failed.
    pub timeout: Option<Duration>,
    /// Time in which failures do not count.
    pub start_period: Option<Duration>,
    /// Failures in a row that make a container unhealthy.
    pub retries: Option<u32>,
}

/// How much of a container's output the engine keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLimits {
    /// Size of one file, in bytes.
    pub max_size: Option<u64>,
    /// Number of files.
    pub max_file: Option<u32>,
}

/// A namespace of the host that a container may be let into; each needs the operator's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostNamespace {
    /// The host's network.
    Network,
    /// The host's processes.
    Pid,
    /// The host's shared memory.
    Ipc,
}

impl HostNamespace {
    /// The word used in manifests and in the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Pid => "pid",
            Self::Ipc => "ipc",
        }
    }
}

/// Everything a manifest says about its container, apart from its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Upper bounds on what it may use.
    pub resources: Resources,
    /// Networks to join; none means the network of the settings.
    pub networks: Vec<String>,
    /// What is mounted.
    pub volumes: Vec<Volume>,
    /// File systems in memory.
    pub tmpfs: Vec<Tmpfs>,
    /// Lines of the container's hosts file: name and address.
    pub extra_hosts: Vec<(String, IpAddr)>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// The user the process runs as: `UID`, `UID:GID` or names.
    pub user: Option<String>,
    /// Whether the root file system can't be written.
    pub read_only: bool,
    /// Capabilities taken away; none given means all of them.
    pub cap_drop: Option<Vec<String>>,
    /// Capabilities given; each needs the operator's policy.
    pub cap_add: Vec<String>,
    /// Kernel limits by name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Size of `/dev/shm`, in bytes.
    pub shm_size: Option<u64>,
    /// Time between the request to stop and the kill.
    pub stop_grace: Option<Duration>,
    /// A check run inside the container.
    pub healthcheck: Option<Healthcheck>,
    /// Further environment, outside the contract's configuration.
    pub env: BTreeMap<String, String>,
    /// How much output is kept.
    pub logs: LogLimits,
    /// When the image is pulled; none means the settings' policy.
    pub pull: Option<PullPolicy>,
    /// Whether the container is privileged; needs the operator's policy.
    pub privileged: bool,
    /// Devices of the host, as absolute paths; each needs the operator's policy.
    pub devices: Vec<String>,
    /// Namespaces of the host; each needs the operator's policy.
    pub host_namespaces: Vec<HostNamespace>,
}
