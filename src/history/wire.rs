//! History as JSON: what is kept of an entry, and what `lockstep why` prints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Entry;
use crate::plan::wire::{FindingJson, ReasonJson};

/// What is kept of an entry besides its instance and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) action: String,
    pub(super) outcome: String,
    pub(super) revision: Option<String>,
    pub(super) message: String,
    pub(super) reasons: Vec<ReasonJson>,
    pub(super) findings: Vec<FindingJson>,
}

impl From<&Entry> for Body {
    fn from(entry: &Entry) -> Self {
        Self {
            action: entry.event.action().to_owned(),
            outcome: entry.event.outcome().to_owned(),
            revision: entry.revision.clone(),
            message: entry.message.clone(),
            reasons: entry.reasons.clone(),
            findings: entry.findings.clone(),
        }
    }
}

/// One thing that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EntryJson {
    /// When, as RFC 3339; of several times the last.
    pub at: String,
    /// When it happened first, as RFC 3339.
    pub first: String,
    /// How many times it happened alike.
    pub count: u64,
    /// `create`, `replace`, `update`, `start`, `stop`, `destroy`, `held`, `released` or `crashed`.
    pub action: String,
    /// `done`, `failed`, `unhealthy`, `unfinished`, or `waiting` for a crashed one that is to be started again.
    pub outcome: String,
    /// The revision that was in force.
    pub revision: Option<String>,
    /// What a person should know.
    pub message: String,
    /// Why, field by field.
    pub reasons: Vec<ReasonJson>,
    /// What is wrong with an instance that is held.
    pub findings: Vec<FindingJson>,
}

/// The last changes of an instance.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WhyJson {
    /// The instance.
    pub instance: String,
    /// What happened, the newest first.
    pub entries: Vec<EntryJson>,
}

/// The JSON Schema of [`WhyJson`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(WhyJson).into()
}
