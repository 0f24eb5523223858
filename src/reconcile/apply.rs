//! Brings a revision about once: plan, look for what would fail, carry out, and go on until nothing is left to do.

use std::{collections::BTreeSet, path::PathBuf};

use tokio_util::sync::CancellationToken;

use super::{
    PassError, Pipeline, Planned, State, StepReport, Watcher,
    choose::made,
    execute,
    managed::once::{self, After},
};
use crate::{
    engine::{Engine, Outcome, Problem},
    model::InstanceName,
    plan::{Action, Pruning, Step},
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
    let memory = pipeline.managers.memory();
    let sites = pipeline.managers.look(true, &observed, &memory).await;
    let overlaid = pipeline.overlay(base.clone(), &observed, &sites, &memory);
    let mut absent = Pruning::absent(&overlaid.desired, &observed);
    if !absent.is_empty() {
        // What is to be removed must be absent in two readings.
        let again = pipeline.overlay(pipeline.desired().await?, &observed, &sites, &memory);
        absent = absent.intersection(&Pruning::absent(&again.desired, &observed)).cloned().collect();
    }
    let pruning =
        Pruning { now, absent_before: absent, acknowledged: options.acknowledged, only: options.only.clone() };
    let mut remembered = overlaid.memory.clone();
    let mut planned = pipeline.plan_overlaid(overlaid, observed.clone(), &pruning).await?;
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
    let (last, first): (Vec<Step>, Vec<Step>) =
        planned.plan.steps.iter().filter(|step| step.action.is_at_platform()).cloned().partition(once::removes);
    let mut reports = once::at_platforms(pipeline, &first, watcher, cancel).await;
    if !first.is_empty() {
        let after = After { base, observed, pruning: &pruning, memory: &remembered };
        remembered = once::with_what_platforms_gave(pipeline, &mut planned, after).await?;
    }
    let awaits = |step: &&Step| made(step).is_some_and(|wanted| wanted.awaits_platform());
    let missing: BTreeSet<_> = planned.plan.steps.iter().filter(awaits).map(|step| step.instance.clone()).collect();
    let steps: Vec<_> = planned
        .plan
        .steps
        .iter()
        .filter(|step| !step.action.is_at_platform() && !missing.contains(&step.instance))
        .cloned()
        .collect();
    reports.extend(once::without_what_platforms_give(pipeline, &planned, &missing, &reports));
    reports.extend(execute(&pipeline.engine, &pipeline.openers, &steps, options.concurrency, watcher, cancel).await);
    let failed: BTreeSet<_> =
        reports.iter().filter(|report| report.result.is_err()).map(|report| report.instance.clone()).collect();
    let last: Vec<_> = last.into_iter().filter(|step| !failed.contains(&step.instance)).collect();
    reports.extend(once::at_platforms(pipeline, &last, watcher, cancel).await);
    pipeline.managers.remember(&memory, &remembered);
    let applied = Applied { planned, problems, steps: reports };
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
