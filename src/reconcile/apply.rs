//! Brings a revision about once: plan, look for what would fail, carry out, and go on until nothing is left to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use tokio_util::sync::CancellationToken;

use super::{
    PassError, Pipeline, Planned, State, StepError, StepReport, Watcher, epoch_seconds, order,
    record::{self, Happened},
};
use crate::{
    engine::{Engine, Problem},
    model::InstanceName,
    plan::{Action, Pruning, Step},
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
    let mut planned = if options.refresh {
        pipeline.plan_deep(desired, observed, &pruning).await?
    } else {
        pipeline.plan(desired, observed, &pruning).await?
    };
    pipeline.cite(&mut planned).await;
    if !confirm(&planned).await {
        return Ok(Applied { planned, problems: Vec::new(), steps: Vec::new() });
    }
    carry_out(pipeline, planned, options, watcher, cancel).await
}

/// Carries out exactly the steps of a plan, those left out that are found to fail before anything is touched.
///
/// # Errors
/// Where the engine can't be asked; failing steps are in the outcome.
pub async fn carry_out<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    mut planned: Planned,
    options: &ApplyOptions,
    watcher: &dyn Watcher,
    cancel: &CancellationToken,
) -> Result<Applied, PassError> {
    let problems = if planned.plan.steps.is_empty() {
        Vec::new()
    } else {
        pipeline.engine.preflight(&pipeline.owner, &planned.plan).await?
    };
    let blocked: BTreeSet<_> = problems.iter().map(|problem| problem.instance().clone()).collect();
    let (refused, steps) = planned.plan.steps.into_iter().partition(|step| blocked.contains(&step.instance));
    planned.plan.steps = steps;
    let steps = order::execute_in_order(pipeline, &planned, options.concurrency, watcher, cancel).await?;
    let applied = Applied { planned, problems, steps };
    record::once(&options.state, happened(options, &applied, refused)).await;
    if applied.is_whole() && options.only.is_none() {
        remember(options, &applied);
    }
    Ok(applied)
}

/// What is written down of an application; `refused` are the steps that would have failed.
fn happened(options: &ApplyOptions, applied: &Applied, refused: Vec<Step>) -> Vec<Happened> {
    let (plan, now) = (&applied.planned.plan, epoch_seconds());
    let failures = refused.iter().filter_map(|step| {
        let problem = applied.problems.iter().find(|problem| problem.instance() == &step.instance)?;
        let result = Err(StepError::Engine(problem.to_error()));
        Some(StepReport { instance: step.instance.clone(), action: step.action, result })
    });
    let failures: Vec<_> = failures.collect();
    let steps = plan.steps.iter().chain(&refused);
    let reasons: BTreeMap<_, _> = steps.map(|step| (&step.instance, &step.reasons)).collect();
    let entry = |report: &StepReport| {
        let entry = record::of_step(report, &plan.revision, now, &options.scrubber)?;
        let reasons = reasons.get(&report.instance).map_or_else(Vec::new, |reasons| (*reasons).clone());
        Some(Happened::Entry { entry, reasons, revision: plan.revision.clone() })
    };
    let mut happened: Vec<_> = applied.steps.iter().chain(&failures).filter_map(entry).collect();
    let held = plan.held.iter().map(|held| (held.instance.clone(), held.findings.clone())).collect();
    happened.push(Happened::Held { at: now, revision: plan.revision.clone(), held, all: options.only.is_none() });
    happened
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
