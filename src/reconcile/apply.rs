//! Brings a revision about once: plan, look for what would fail, carry out, and go on until nothing is left to do.

use std::{collections::BTreeSet, path::PathBuf};

use tokio_util::sync::CancellationToken;

use super::{
    Depth, PassError, Pipeline, Planned, PlatformGate, StepReport, Watcher,
    carry_out::{Basis, Seen, carry_out},
    cost::note_costs,
};
use crate::{
    engine::{Engine, Problem},
    model::InstanceName,
    plan::{Action, Pruning},
    source::Source,
    telemetry::Scrubber,
};

/// How one application is carried out.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// How many steps at a time.
    pub concurrency: usize,
    /// The instances it is limited to; none means all.
    pub only: Option<BTreeSet<InstanceName>>,
    /// A number of removals that the operator has acknowledged.
    pub acknowledged: Option<usize>,
    /// Whether every container is looked at field by field.
    pub refresh: bool,
    /// Where the applied revision and the history are remembered.
    pub state: PathBuf,
    /// Takes secrets out of what is remembered.
    pub scrubber: Scrubber,
    /// What says whether the platforms have heard from a container.
    pub gate: Option<PlatformGate>,
}

/// How an application ended.
#[derive(Debug)]
pub struct Applied {
    /// The plan that was carried out.
    pub planned: Planned,
    /// What would have failed, found before anything was touched; where there is any, nothing was carried out for those
    /// instances.
    pub problems: Vec<Problem>,
    /// How each step ended.
    pub steps: Vec<StepReport>,
}

impl Applied {
    /// How many instances saw a step of one of these actions end well; what happens at a platform counts only where no
    /// container was touched.
    pub fn done(&self, actions: &[Action]) -> usize {
        let on_engine =
            |name: &InstanceName| self.steps.iter().any(|step| step.instance == *name && !step.action.is_at_platform());
        let counts = |step: &&StepReport| !step.action.is_at_platform() || !on_engine(&step.instance);
        let well = |step: &&StepReport| step.result.is_ok() && actions.contains(&step.action);
        self.steps.iter().filter(counts).filter(well).count()
    }

    /// Whether everything that was wanted is brought about.
    pub fn is_whole(&self) -> bool {
        use crate::engine::Outcome;
        let well = |step: &StepReport| match &step.result {
            Ok(Outcome::Done) => true,
            Ok(Outcome::Unfinished | Outcome::Unhealthy { .. }) | Err(_) => false,
        };
        self.problems.is_empty()
            && self.planned.plan.held.is_empty()
            && self.planned.plan.refused.is_empty()
            && self.steps.iter().all(well)
    }
}

/// Makes a plan and hands it to `confirm`, which may end the application by returning false; then carries it out.
///
/// # Errors
/// Where the source or the engine can't be read; failing steps are in the outcome.
pub async fn apply<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    options: &ApplyOptions,
    now: i64,
    watcher: &dyn Watcher,
    cancel: &CancellationToken,
    confirm: impl AsyncFnOnce(&Planned) -> bool,
) -> Result<Applied, PassError> {
    let base = pipeline.desired().await?;
    let observed = pipeline.observe().await?;
    let seen = Seen::look(pipeline, base, observed).await;
    let overlaid = seen.overlaid(pipeline);
    let mut absent = Pruning::absent(&overlaid.desired, &seen.observed);
    if !absent.is_empty() {
        // What is to be removed must be absent in two readings.
        let again = seen.overlaid_over(pipeline, pipeline.desired().await?);
        absent = absent.intersection(&Pruning::absent(&again.desired, &seen.observed)).cloned().collect();
    }
    let pruning =
        Pruning { now, absent_before: absent, acknowledged: options.acknowledged, only: options.only.clone() };
    let remembered = overlaid.memory.clone();
    let observed = seen.observed.clone();
    let mut planned = pipeline.plan_overlaid(overlaid, observed, &pruning, Depth::asked(options.refresh)).await?;
    pipeline.cite(&mut planned).await;
    note_costs(pipeline.engine.as_ref(), &mut planned.plan, &options.state).await?;
    if !confirm(&planned).await {
        return Ok(Applied { planned, problems: Vec::new(), steps: Vec::new() });
    }
    carry_out(pipeline, planned, Basis { seen, pruning, remembered }, options, watcher, cancel).await
}
