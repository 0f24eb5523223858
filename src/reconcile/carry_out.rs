//! Carries out a plan: what the platforms are told first, then the containers, then what goes from the platforms.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::{
    Applied, ApplyOptions, Depth, PassError, Pipeline, Planned, State, StepError, StepReport, Watcher,
    choose::made,
    epoch_seconds,
    managed::once::{After, at_platforms, removes, with_what_platforms_gave, without_what_platforms_give},
    order,
    record::{self, Happened},
};
use crate::{
    desired::DesiredState,
    engine::Engine,
    managed::{Memory, Overlaid, Site},
    plan::{self, Observed, Pruning, Step},
    source::Source,
};

/// What a plan is made from: the source, the containers and the platforms, each looked at once.
pub struct Seen {
    /// What the source wants.
    pub base: DesiredState,
    /// The containers.
    pub observed: Observed,
    sites: Vec<Site>,
    memory: Memory,
}

impl Seen {
    /// Looks at the platforms, and makes us known there as their manager.
    pub async fn look<S: Source, E: Engine>(pipeline: &Pipeline<S, E>, base: DesiredState, observed: Observed) -> Self {
        let memory = pipeline.managers.memory();
        let sites = pipeline.managers.look(true, &observed, &memory).await;
        Self { base, observed, sites, memory }
    }

    /// What the platforms keep, laid over what the source wants.
    pub fn overlaid<S: Source, E: Engine>(&self, pipeline: &Pipeline<S, E>) -> Overlaid {
        self.overlaid_over(pipeline, self.base.clone())
    }

    /// The same over another reading of the source.
    pub fn overlaid_over<S: Source, E: Engine>(&self, pipeline: &Pipeline<S, E>, base: DesiredState) -> Overlaid {
        pipeline.overlay(base, &self.observed, &self.sites, &self.memory)
    }
}

/// What stands behind a plan that is carried out.
pub struct Basis {
    /// What it was made from.
    pub seen: Seen,
    /// What may be removed.
    pub pruning: Pruning,
    /// What is to be remembered of the platforms.
    pub remembered: Memory,
}

/// Carries out exactly the steps of a plan, those left out that are found to fail before anything is touched.
///
/// # Errors
/// Where the engine can't be asked; failing steps are in the outcome.
pub async fn carry_out<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    mut planned: Planned,
    basis: Basis,
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
    let (last, first): (Vec<Step>, Vec<Step>) =
        planned.plan.steps.iter().filter(|step| step.action.is_at_platform()).cloned().partition(removes);
    let mut former = basis.seen.memory.clone();
    let mut remembered = basis.remembered.clone();
    if !first.is_empty() {
        // What a crash interrupts has to be known afterwards.
        pipeline.managers.remember(&former, &remembered);
        former = remembered.clone();
    }
    let mut reports = at_platforms(pipeline, &first, watcher, cancel).await;
    if !first.is_empty() {
        let Basis { seen: Seen { base, observed, .. }, pruning, .. } = basis;
        let after =
            After { base, observed, pruning: &pruning, memory: &remembered, depth: Depth::asked(options.refresh) };
        remembered = with_what_platforms_gave(pipeline, &mut planned, after).await?;
    }
    let awaits = |step: &&Step| made(step).is_some_and(|wanted| wanted.awaits_platform());
    let missing: BTreeSet<_> = planned.plan.steps.iter().filter(awaits).map(|step| step.instance.clone()).collect();
    let ready = |step: &&Step| !step.action.is_at_platform() && !missing.contains(&step.instance);
    let steps: Vec<_> = planned.plan.steps.iter().filter(ready).cloned().collect();
    reports.extend(without_what_platforms_give(pipeline, &planned, &missing, &reports));
    let (seen, concurrency) = ((&*planned.desired, &planned.observed), options.concurrency);
    let gate = options.gate.as_ref();
    let mut carried_out = order::execute_in_order(pipeline, seen, steps, concurrency, gate, watcher, cancel).await?;
    order::prove(pipeline, &planned.desired, &mut carried_out, gate, cancel).await?;
    reports.extend(carried_out);
    let failed: BTreeSet<_> =
        reports.iter().filter(|report| report.result.is_err()).map(|report| report.instance.clone()).collect();
    let last: Vec<_> = last.into_iter().filter(|step| !failed.contains(&step.instance)).collect();
    reports.extend(at_platforms(pipeline, &last, watcher, cancel).await);
    pipeline.managers.remember(&former, &remembered);
    let applied = Applied { planned, problems, steps: reports };
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
        Some(StepReport::of(step, result))
    });
    let failures: Vec<_> = failures.collect();
    let steps = plan.steps.iter().chain(&refused);
    let reasons: BTreeMap<_, _> = steps.map(|step| (&step.instance, &step.reasons)).collect();
    let renames = plan::renames(plan, &applied.planned.observed);
    let entry = |report: &StepReport| {
        let entry = record::of_step(report, &plan.revision, now, &options.scrubber)?.renamed(&renames);
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
