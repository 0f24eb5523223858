//! The plan as JSON, with the field names that scripts rely on (`schemas/plan.schema.json`).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Given, Plan, Reason, Rename, Step};
pub use super::{
    cost_wire::{CostJson, DowntimeJson, PullJson},
    observed_file::{ContainerJson, ObservedJson, SeenJson, SignatureJson},
};
use crate::model::{Finding, rfc3339};

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingJson {
    /// What kind of mistake it is, one of a fixed list of words.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The file, relative to the root of the source.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// The instance it holds.
    pub instance: Option<String>,
}

impl From<&Finding> for FindingJson {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str().to_owned(),
            severity: finding.severity.as_str().to_owned(),
            message: finding.message.clone(),
            help: finding.help.clone(),
            file: finding.place.file.to_string(),
            line: finding.place.line,
            column: finding.place.column,
            instance: finding.instance.as_ref().map(ToString::to_string),
        }
    }
}

/// What checking manifests has shown.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ValidateJson {
    /// How many instances were checked.
    pub instances: usize,
    /// Everything wrong or doubtful, sorted by place.
    pub findings: Vec<FindingJson>,
}

/// How many instances a plan touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SummaryJson {
    /// Instances that get a container; a replacement counts as a change.
    pub add: usize,
    /// Instances whose container is replaced, started or stopped, or that change at their platform alone.
    pub change: usize,
    /// Instances that are removed.
    pub destroy: usize,
}

impl SummaryJson {
    /// Counts the steps of a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut summary = Self { add: 0, change: 0, destroy: 0 };
        let on_engine: BTreeSet<_> =
            plan.steps.iter().filter(|step| !step.action.is_at_platform()).map(|step| &step.instance).collect();
        for step in &plan.steps {
            // What happens at the platform beside a container's step is the same change.
            if step.action.is_at_platform() && on_engine.contains(&step.instance) {
                continue;
            }
            match step.action {
                Action::Create => summary.add += 1,
                Action::Replace
                | Action::Update
                | Action::Start
                | Action::Stop
                | Action::Register
                | Action::Edit
                | Action::Migrate => summary.change += 1,
                Action::Destroy | Action::Unregister => summary.destroy += 1,
            }
        }
        summary
    }
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonJson {
    /// The field's name.
    pub field: String,
    /// What it is; null where it is not there or sensitive.
    pub before: Option<String>,
    /// What it becomes; null where it goes or is sensitive.
    pub after: Option<String>,
    /// Whether the values may be shown to nobody.
    pub sensitive: bool,
    /// `manifest`, `drift`, `catalog`, `image`, `platform` or `request`.
    pub cause: String,
    /// The file that says so.
    pub file: Option<String>,
    /// The line in it, counted from 1.
    pub line: Option<u32>,
    /// Whether a `Defaults` document says so, and not the manifest itself.
    #[serde(default)]
    pub defaults: bool,
    /// The catalog whose default this is: a path or a URL.
    pub catalog: Option<String>,
    /// The commit that wrote it.
    pub commit: Option<String>,
    /// The author of that commit, by name.
    pub author: Option<String>,
    /// Since when the engine is found to be otherwise, as RFC 3339.
    pub since: Option<String>,
}

impl From<&Reason> for ReasonJson {
    fn from(reason: &Reason) -> Self {
        let shown = |value: &Option<String>| if reason.sensitive { None } else { value.clone() };
        Self {
            field: reason.field.clone(),
            before: shown(&reason.before),
            after: shown(&reason.after),
            sensitive: reason.sensitive,
            cause: reason.cause.as_str().to_owned(),
            file: reason.place.as_ref().map(|place| place.file.to_string()),
            line: reason.place.as_ref().map(|place| place.line),
            defaults: reason.given == Some(Given::Defaults),
            catalog: match &reason.given {
                Some(Given::Catalog(name)) => Some(name.to_string()),
                Some(Given::Defaults | Given::Lockstep) | None => None,
            },
            commit: reason.commit.as_ref().map(|commit| commit.id.clone()),
            author: reason.commit.as_ref().map(|commit| commit.author.clone()),
            since: reason.since.and_then(rfc3339),
        }
    }
}

/// One step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepJson {
    /// The instance.
    pub instance: String,
    /// `create`, `replace`, `update`, `start`, `stop` or `destroy`; at the platform `register`, `edit`, `migrate` or
    /// `unregister`.
    pub action: String,
    /// Why, at least one.
    pub reasons: Vec<ReasonJson>,
    /// The image that is pulled for it; null where the engine has it, or nobody knows.
    pub pull: Option<PullJson>,
    /// For how long the instance does not run meanwhile; null where it runs on, or did not run.
    pub downtime: Option<DowntimeJson>,
}

impl StepJson {
    fn of(plan: &Plan, step: &Step) -> Self {
        Self {
            instance: step.instance.to_string(),
            action: step.action.as_str().to_owned(),
            reasons: step.reasons.iter().map(ReasonJson::from).collect(),
            pull: plan.pull(step).as_ref().map(PullJson::from),
            downtime: plan.downtime(step).as_ref().map(DowntimeJson::from),
        }
    }
}

/// An instance that gets no step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HeldJson {
    /// The instance.
    pub instance: String,
    /// What is wrong with it.
    pub findings: Vec<FindingJson>,
}

/// Something that a guard forbids.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RefusedJson {
    /// The instances concerned.
    pub instances: Vec<String>,
    /// The setting or rule that forbids it.
    pub guard: String,
    /// What is refused and why.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// A removal and a creation that are one instance under two names.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RenameJson {
    /// The instance that is removed.
    pub from: String,
    /// The instance that is created.
    pub to: String,
}

impl From<&Rename> for RenameJson {
    fn from(rename: &Rename) -> Self {
        Self { from: rename.from.to_string(), to: rename.to.to_string() }
    }
}

/// A plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanJson {
    /// The revision that is brought about.
    pub revision: String,
    /// How many instances are touched.
    pub summary: SummaryJson,
    /// The steps, sorted by instance.
    pub steps: Vec<StepJson>,
    /// Which of the steps are one instance under two names.
    pub renamed: Vec<RenameJson>,
    /// Instances that get no step.
    pub held: Vec<HeldJson>,
    /// What guards forbid.
    pub refused: Vec<RefusedJson>,
    /// What all the steps cost together.
    pub cost: CostJson,
}

impl PlanJson {
    /// Writes a plan, and what is known about instances that got another name.
    pub fn of(plan: &Plan, renames: &[Rename]) -> Self {
        let held = |held: &crate::desired::Held| HeldJson {
            instance: held.instance.to_string(),
            findings: held.findings.iter().map(FindingJson::from).collect(),
        };
        let refused = |refusal: &super::Refusal| RefusedJson {
            instances: refusal.instances.iter().map(ToString::to_string).collect(),
            guard: refusal.guard.to_owned(),
            message: refusal.message.clone(),
            help: refusal.help.clone(),
        };
        Self {
            revision: plan.revision.full(),
            summary: SummaryJson::of(plan),
            steps: plan.steps.iter().map(|step| StepJson::of(plan, step)).collect(),
            renamed: renames.iter().map(RenameJson::from).collect(),
            held: plan.held.iter().map(held).collect(),
            refused: plan.refused.iter().map(refused).collect(),
            cost: CostJson::of(plan),
        }
    }
}

/// The JSON Schema of [`PlanJson`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PlanJson).into()
}

/// The JSON Schema of [`ObservedJson`].
pub fn observed_schema() -> serde_json::Value {
    schemars::schema_for!(ObservedJson).into()
}

/// The JSON Schema of [`ValidateJson`].
pub fn validate_schema() -> serde_json::Value {
    schemars::schema_for!(ValidateJson).into()
}
