//! Where every instance stands at one moment.

use crate::model::{Condition, ConnectorId, InstanceName, PlatformName};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Its manifest, secret or contract is broken; what ran before still runs.
    Held,
    /// It is wanted and has no container yet.
    Pending,
    /// A step for it is being carried out.
    Changing,
    /// It runs and has to prove its health.
    Starting,
    /// It runs and is healthy.
    Healthy,
    /// It runs and its check, or the platform, says that it is not well.
    Unhealthy,
    /// It is meant to be stopped and is.
    Stopped,
    /// It keeps ending by itself.
    CrashLoop,
    /// Its last step failed.
    Failed,
    /// Lockstep leaves it as it is.
    Suspended,
    /// It is gone from the source, stopped, and removed when its retention is over.
    Retained,
}

impl Phase {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Changing => "changing",
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Stopped => "stopped",
            Self::CrashLoop => "crash-loop",
            Self::Failed => "failed",
            Self::Suspended => "suspended",
            Self::Retained => "retained",
        }
    }
}

/// What a platform says of an instance's work, as far as it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtPlatform {
    /// The work that waits for it.
    pub backlog: Option<Backlog>,
    /// Seconds since the Unix epoch at which it last began to work.
    pub last_run: Option<i64>,
}

/// How much work waits for an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that wait.
    pub messages: u64,
    /// Their size, in bytes.
    pub bytes: u64,
}

/// Where one instance stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStatus {
    /// The instance.
    pub name: InstanceName,
    /// The platform it serves.
    pub platform: Option<PlatformName>,
    /// Its id at the platform.
    pub id: Option<ConnectorId>,
    /// `started`, `stopped` or `absent`.
    pub desired: &'static str,
    /// Where it stands.
    pub phase: Phase,
    /// Seconds since the Unix epoch since when it stands there, where known.
    pub since: Option<i64>,
    /// Restarts since it was created, as far as the engine counts them.
    pub restarts: u64,
    /// Seconds since the Unix epoch at which its container was last started; none while it does not run.
    pub started: Option<i64>,
    /// Whether the container runs.
    pub running: bool,
    /// The container's id.
    pub container: Option<String>,
    /// The image it runs.
    pub image: Option<String>,
    /// The revision its container was created from.
    pub revision: Option<String>,
    /// Whether the platform has heard from it since its container started; none where that is not known.
    pub platform_heard: Option<bool>,
    /// What its platform says of its work.
    pub at_platform: AtPlatform,
    /// What a person should know.
    pub message: String,
}

/// How one platform is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformStatus {
    /// The platform.
    pub name: PlatformName,
    /// Whether it takes what it is told.
    pub connected: bool,
    /// Seconds since the Unix epoch since when that is so.
    pub since: Option<i64>,
    /// Its version, while it is connected.
    pub version: Option<String>,
    /// What is wrong with it, in a word and a sentence.
    pub conditions: Vec<(Condition, String)>,
}

/// Where every instance stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusReport {
    /// The newest revision that was read.
    pub attempted: Option<String>,
    /// The newest revision that was brought about whole.
    pub applied: Option<String>,
    /// The instances, sorted by name.
    pub instances: Vec<InstanceStatus>,
    /// How the platforms are, sorted by name.
    pub platforms: Vec<PlatformStatus>,
}
