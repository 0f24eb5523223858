//! What one application does at platforms before and after it touches containers.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::at_platform;
use crate::{
    desired::DesiredState,
    engine::{Engine, Outcome},
    managed::{Memory, Overlaid},
    model::InstanceName,
    plan::{Action, AtPlatform, Observed, Pruning, Step, Work},
    reconcile::{Depth, PassError, Pipeline, Planned, StepError, StepReport, Watcher, choose::made},
    source::Source,
};

/// How many things are done at platforms at a time.
const AT_PLATFORMS: usize = 4;

/// Whether a step takes an instance out of its platform, which comes after everything else.
pub(in crate::reconcile) fn removes(step: &Step) -> bool {
    step.action == Action::Unregister
}

/// Carries out what happens at platforms.
pub(in crate::reconcile) async fn at_platforms<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    steps: &[Step],
    watcher: &dyn Watcher,
    cancel: &CancellationToken,
) -> Vec<StepReport> {
    let one = async |step: &Step| {
        if cancel.is_cancelled() {
            return Some(Err(StepError::Cancelled));
        }
        let Work::AtPlatform(work) = &step.work else { return None };
        let AtPlatform { platform, .. } = &**work;
        let link = pipeline.managers.links.iter().find(|link| link.name == *platform)?;
        watcher.begun(step);
        let done = at_platform(link, &pipeline.openers, work).await;
        Some(done.map(|()| Outcome::Done).map_err(StepError::from))
    };
    let reported = async |step: &Step| {
        let report = StepReport::of(step, one(step).await?);
        watcher.ended(&report);
        Some(report)
    };
    stream::iter(steps).map(reported).buffer_unordered(AT_PLATFORMS).filter_map(async |report| report).collect().await
}

/// Says of each container that can't be made since its platform did not give what it needs, or gave what can't be opened.
pub(in crate::reconcile) fn without_what_platforms_give<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    planned: &Planned,
    missing: &BTreeSet<InstanceName>,
    reports: &[StepReport],
) -> Vec<StepReport> {
    let said = |name: &InstanceName| reports.iter().any(|report| report.instance == *name && report.result.is_err());
    let steps = planned.plan.steps.iter().filter(|step| missing.contains(&step.instance) && !said(&step.instance));
    let report = |step: &Step| {
        let held = planned.plan.held.iter().find(|held| held.instance == step.instance);
        let findings = held.map(|held| held.findings.clone());
        let findings = findings.or_else(|| made(step)?.open(&pipeline.openers).err())?;
        let result = Err(StepError::Secret(findings));
        Some(StepReport::of(step, result))
    };
    steps.filter_map(report).collect()
}

/// What a plan was made from before its platforms were told.
pub(in crate::reconcile) struct After<'a> {
    pub(in crate::reconcile) base: DesiredState,
    pub(in crate::reconcile) observed: Observed,
    pub(in crate::reconcile) pruning: &'a Pruning,
    pub(in crate::reconcile) memory: &'a Memory,
    /// How closely containers are looked at.
    pub(in crate::reconcile) depth: Depth,
}

/// Puts what the platforms gave into the steps of a plan: the same steps for the same instances, whole by now. Gives what
/// is to be remembered.
pub(in crate::reconcile) async fn with_what_platforms_gave<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    planned: &mut Planned,
    after: After<'_>,
) -> Result<Memory, PassError> {
    let After { base, observed, pruning, memory, depth } = after;
    let sites = pipeline.managers.look(false, &observed, memory).await;
    let overlaid = pipeline.overlay(base, &observed, &sites, memory);
    let Overlaid { desired, memory, .. } = overlaid;
    let whole = pipeline.plan_at(depth, desired, observed, pruning).await?;
    // What it gave may be what the container has: one that used the same token before it was migrated goes on as it runs.
    let untouched = |step: &Step| {
        made(step).is_some_and(|wanted| wanted.awaits_platform()) && whole.plan.untouched.contains(&step.instance)
    };
    planned.plan.steps.retain(|step| !untouched(step));
    for step in &mut planned.plan.steps {
        let now = whole.plan.steps.iter().find(|now| now.instance == step.instance && now.action == step.action);
        if let Some(now) = now
            && made(step).is_some()
        {
            step.work = now.work.clone();
        }
    }
    let known: BTreeSet<_> = planned.plan.held.iter().map(|held| held.instance.clone()).collect();
    planned.plan.held.extend(whole.plan.held.into_iter().filter(|held| !known.contains(&held.instance)));
    planned.desired = whole.desired;
    Ok(memory)
}
