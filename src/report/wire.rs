//! The status as JSON, with the field names that scripts rely on.

use schemars::JsonSchema;
use serde::Serialize;

use super::{InstanceStatus, PlatformStatus, StatusReport};
pub use crate::model::rfc3339;

/// Which revisions a status speaks of.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RevisionJson {
    /// The newest revision that was read.
    pub attempted: Option<String>,
    /// The newest revision that was brought about whole.
    pub applied: Option<String>,
}

/// Where one instance stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceJson {
    /// The instance.
    pub name: String,
    /// The platform it serves.
    pub platform: Option<String>,
    /// Its id at the platform.
    pub id: Option<String>,
    /// `started`, `stopped`, `absent`, or `unknown` for one that is held.
    pub desired: String,
    /// Where it stands.
    pub phase: String,
    /// Since when, as RFC 3339.
    pub since: Option<String>,
    /// Restarts since it was created, as far as they are known.
    pub restarts: u64,
    /// The container's id.
    pub container: Option<String>,
    /// The image it runs.
    pub image: Option<String>,
    /// The revision its container was created from.
    pub revision: Option<String>,
    /// Whether the platform has heard from it since its container started; null where that is not known.
    pub platform_heard: Option<bool>,
    /// The work that waits for it at the platform; null where the platform does not say.
    pub queue: Option<QueueJson>,
    /// When it last began to work, as RFC 3339; null where the platform does not say.
    pub last_run: Option<String>,
    /// What a person should know.
    pub message: String,
}

/// How much work waits for an instance.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct QueueJson {
    /// Messages that wait.
    pub messages: u64,
    /// Their size, in bytes.
    pub bytes: u64,
}

/// How one platform is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlatformJson {
    /// The platform.
    pub name: String,
    /// Whether it takes what it is told.
    pub connected: bool,
    /// Since when that is so, as RFC 3339.
    pub since: Option<String>,
    /// Its version, while it is connected.
    pub version: Option<String>,
    /// What is wrong with it; nothing costs a container.
    pub conditions: Vec<ConditionJson>,
}

/// What is wrong with a platform.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConditionJson {
    /// In one word: `unreachable`, `rate-limited`, `bad-answer`, …
    pub condition: String,
    /// In a sentence.
    pub message: String,
}

/// Where every instance stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StatusJson {
    /// Which revisions this speaks of.
    pub revision: RevisionJson,
    /// The instances, sorted by name.
    pub instances: Vec<InstanceJson>,
    /// The platforms, sorted by name.
    pub platforms: Vec<PlatformJson>,
}

impl From<&InstanceStatus> for InstanceJson {
    fn from(status: &InstanceStatus) -> Self {
        Self {
            name: status.name.to_string(),
            platform: status.platform.as_ref().map(ToString::to_string),
            id: status.id.map(|id| id.to_string()),
            desired: status.desired.to_owned(),
            phase: status.phase.as_str().to_owned(),
            since: status.since.and_then(rfc3339),
            restarts: status.restarts,
            container: status.container.clone(),
            image: status.image.clone(),
            revision: status.revision.clone(),
            platform_heard: status.platform_heard,
            queue: status
                .at_platform
                .backlog
                .map(|backlog| QueueJson { messages: backlog.messages, bytes: backlog.bytes }),
            last_run: status.at_platform.last_run.and_then(rfc3339),
            message: status.message.clone(),
        }
    }
}

impl From<&PlatformStatus> for PlatformJson {
    fn from(status: &PlatformStatus) -> Self {
        let condition = |(condition, message): &(crate::model::Condition, String)| ConditionJson {
            condition: condition.as_str().to_owned(),
            message: message.clone(),
        };
        Self {
            name: status.name.to_string(),
            connected: status.connected,
            since: status.since.and_then(rfc3339),
            version: status.version.clone(),
            conditions: status.conditions.iter().map(condition).collect(),
        }
    }
}

impl From<&StatusReport> for StatusJson {
    fn from(report: &StatusReport) -> Self {
        Self {
            revision: RevisionJson { attempted: report.attempted.clone(), applied: report.applied.clone() },
            instances: report.instances.iter().map(InstanceJson::from).collect(),
            platforms: report.platforms.iter().map(PlatformJson::from).collect(),
        }
    }
}

/// The JSON Schema of [`StatusJson`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(StatusJson).into()
}
