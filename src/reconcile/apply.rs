//! Brings a revision about once: plan, look for what would fail, carry out, and go on until nothing is left to do.

use std::{collections::BTreeSet, path::PathBuf};

use tokio_util::sync::CancellationToken;

use super::{PassError, Pipeline, Planned, State, StepReport, Watcher, order};
use crate::{
    engine::{Engine, Problem},
    model::InstanceName,
    plan::{Action, Pruning},
    source::Source,
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
    /// Where the applied revision is remembered.
    pub state: PathBuf,
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
    /// How many steps of an action ended well.
    pub fn done(&self, actions: &[Action]) -> usize {
        self.steps.iter().filter(|step| step.result.is_ok() && actions.contains(&step.action)).count()
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
    let desired = pipeline.desired().await?;
    let observed = pipeline.observe().await?;
    let mut absent = Pruning::absent(&desired, &observed);
    if !absent.is_empty() {
        // What is to be removed must be absent in two readings.
        let again = pipeline.desired().await?;
        absent = absent.intersection(&Pruning::absent(&again, &observed)).cloned().collect();
    }
    let pruning =
        Pruning { now, absent_before: absent, acknowledged: options.acknowledged, only: options.only.clone() };
    let mut planned = pipeline.plan(desired, observed, &pruning).await?;
    if !confirm(&planned).await {
        return Ok(Applied { planned, problems: Vec::new(), steps: Vec::new() });
    }
    let problems = if planned.plan.steps.is_empty() {
        Vec::new()
    } else {
        pipeline.engine.preflight(&pipeline.owner, &planned.plan).await?
    };
    let blocked: BTreeSet<_> = problems.iter().map(|problem| problem.instance().clone()).collect();
    planned.plan.steps.retain(|step| !blocked.contains(&step.instance));
    let steps = order::execute_in_order(pipeline, &planned, options.concurrency, watcher, cancel).await?;
    let applied = Applied { planned, problems, steps };
    if applied.is_whole() && options.only.is_none() {
        remember(options, &applied);
    }
    Ok(applied)
}

fn remember(options: &ApplyOptions, applied: &Applied) {
    let state = State { applied: Some(applied.planned.plan.revision.full()) };
    if State::read(&options.state) != state
        && let Err(error) = state.write(&options.state)
    {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the applied revision is not remembered; nothing else depends on it");
    }
}
