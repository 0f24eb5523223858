//! Which instances wait for others: one that depends on others starts only when those are healthy.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    PassError, Pipeline, PlatformGate, StepError, StepReport, Watcher, execute, memory::epoch_seconds, standing,
};
use crate::{
    desired::{DesiredState, Wanted},
    engine::{Engine, Gate as _, Outcome, Proof},
    manifest::WantedState,
    model::InstanceName,
    plan::{Action, ContainerId, LABELS, Observed, ObservedContainer, Step, Work},
    report::{self, Facts, InstanceStatus, Live, Phase, StatusReport},
    source::Source,
};

/// Between two looks at an instance that another one waits for.
const LOOK: Duration = Duration::from_millis(250);
/// By how much the time of a start can be off.
const SECOND: Duration = Duration::from_secs(1);

/// Whether a step has its instance run in the end.
pub(super) fn starts(step: &Step) -> bool {
    matches!(&step.work, Work::Start { .. })
        || matches!(&step.work, Work::Create(new) | Work::Recreate { new, .. } if new.start)
        || matches!(&step.work, Work::Replace(replacement) if replacement.new.start)
}

/// Why an instance is not well enough for those that depend on it; none where it is.
pub(super) fn not_ready(name: &InstanceName, status: Option<&InstanceStatus>) -> Option<String> {
    match status {
        None => Some(format!("`{name}`, which it depends on, is not there")),
        Some(status) if status.phase == Phase::Healthy => None,
        // What Lockstep leaves as it is can't be judged; that it runs is enough.
        Some(status) if status.phase == Phase::Suspended && status.running => None,
        Some(status) => Some(format!("`{name}`, which it depends on, is {}", status.phase.as_str())),
    }
}

/// The other instances that run under the connector id of a step that has its own run: both at once would disturb each other.
fn namesakes<'a>(step: &Step, observed: &'a Observed) -> impl Iterator<Item = &'a InstanceName> {
    let label = |label: &str| step.work.creates().and_then(|new| new.labels.get(label)).cloned();
    let mut as_whom = (label(LABELS.id), label(LABELS.platform));
    if let Work::Start { container, .. } = &step.work {
        let own = observed.containers.iter().find(|seen| seen.id == *container);
        as_whom = own.map(|own| (own.connector_id.clone(), own.platform.clone())).unwrap_or_default();
    }
    let (id, platform) = as_whom;
    let starts = starts(step) && id.is_some();
    let own = step.instance.clone();
    let same = move |seen: &&ObservedContainer| {
        starts && seen.connector_id == id && seen.platform == platform && seen.instance != own && seen.runs()
    };
    observed.containers.iter().filter(same).map(|seen| &seen.instance)
}

fn runs_as(name: &InstanceName) -> String {
    format!("`{name}` runs under its connector id, and two at once would disturb each other")
}

/// What a step of the loop waits for; none where it can begin. `statuses` are those of the last pass, `changing` the
/// instances that this plan changes or that are being changed.
pub(super) fn waits_for(
    step: &Step,
    (desired, observed): (&DesiredState, &Observed),
    statuses: &[InstanceStatus],
    changing: &BTreeSet<&InstanceName>,
) -> Option<String> {
    if let Some(name) = namesakes(step, observed).next() {
        return Some(format!("waits: {}", runs_as(name)));
    }
    let wanted = desired.wanted.get(&step.instance).filter(|_| starts(step))?;
    wanted.depends_on.iter().find_map(|name| {
        if changing.contains(name) {
            return Some(format!("waits for `{name}`, which it depends on and which is changed first"));
        }
        let status = statuses.iter().find(|status| &status.name == name);
        not_ready(name, status).map(|why| format!("waits: {why}"))
    })
}

/// Carries out the steps of a plan so that each instance begins to run only when those it depends on are healthy, and when
/// none runs any more under its connector id; one for which that does not come about is not begun.
///
/// # Errors
/// Where the engine can't be asked how a dependency is.
pub(super) async fn execute_in_order<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    (desired, observed): (&DesiredState, &Observed),
    mut left: Vec<Step>,
    concurrency: usize,
    gate: Option<&PlatformGate>,
    watcher: &dyn Watcher,
    cancel: &CancellationToken,
) -> Result<Vec<StepReport>, PassError> {
    let dependencies = |step: &Step| match desired.wanted.get(&step.instance) {
        Some(wanted) if starts(step) => wanted.depends_on.clone(),
        Some(_) | None => Vec::new(),
    };
    let mut reports: Vec<StepReport> = Vec::new();
    while !left.is_empty() {
        let names: BTreeSet<_> = left.iter().map(|step| step.instance.clone()).collect();
        let (ready, waiting): (Vec<_>, Vec<_>) = left.into_iter().partition(|step| {
            let before = dependencies(step);
            !before.iter().chain(namesakes(step, observed)).any(|name| names.contains(name))
        });
        if ready.is_empty() {
            let why = || StepError::Waits("the instances depend on each other in a circle".to_owned());
            reports.extend(waiting.iter().map(|step| not_begun(step, why())));
            break;
        }
        let mut begun = Vec::new();
        let mut known: BTreeMap<InstanceName, Option<String>> = BTreeMap::new();
        for step in ready {
            let stopped = |name: &InstanceName| reports.iter().any(|report| report.instance == *name && well(report));
            let mut why = namesakes(&step, observed).find(|name| !stopped(name)).map(runs_as);
            for name in dependencies(&step) {
                if !known.contains_key(&name) {
                    let failed = reports.iter().any(|report| report.instance == name && !well(report));
                    let found = if failed {
                        Some(format!("`{name}`, which it depends on, could not be changed"))
                    } else {
                        healthy(pipeline, desired, &name, gate, cancel).await?
                    };
                    known.insert(name.clone(), found);
                }
                why = why.or_else(|| known.get(&name).cloned().flatten());
            }
            match why {
                None => begun.push(step),
                Some(why) => reports.push(not_begun(&step, StepError::Waits(why))),
            }
        }
        let (engine, openers) = (&pipeline.engine, &pipeline.openers);
        reports.extend(execute(engine, openers, &begun, concurrency, watcher, cancel).await);
        left = waiting;
    }
    Ok(reports)
}

fn well(report: &StepReport) -> bool {
    matches!(report.result, Ok(Outcome::Done))
}

fn not_begun(step: &Step, error: StepError) -> StepReport {
    tracing::error!(instance = %step.instance, action = step.action.as_str(), error = %error, "a step was not begun");
    StepReport::of(step, Err(error))
}

/// Waits for the containers that were made where there was none, as far as their platforms have to hear from them: such a
/// step is done when they did. Others were waited for when they took the place of another.
///
/// # Errors
/// Where the engine can't be asked how one is.
pub(super) async fn prove<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    desired: &DesiredState,
    reports: &mut [StepReport],
    gate: Option<&PlatformGate>,
    cancel: &CancellationToken,
) -> Result<(), PassError> {
    let is_asked = |name: &InstanceName| {
        let wanted = desired.wanted.get(name);
        wanted.is_some_and(|wanted| wanted.health.require_platform && wanted.state == WantedState::Started)
    };
    let made = |report: &&mut StepReport| report.action == Action::Create && well(report) && is_asked(&report.instance);
    let proofs = reports.iter_mut().filter(made).map(async |report| {
        if let Some(why) = healthy(pipeline, desired, &report.instance, gate, cancel).await? {
            let is_over = cancel.is_cancelled();
            report.result = Ok(if is_over { Outcome::Unfinished } else { Outcome::Unhealthy { why } });
        }
        Ok(())
    });
    futures_util::future::try_join_all(proofs).await.map(drop)
}

/// Waits until an instance is healthy as far as the engine and its platform see it; why it is not where it did not become so in its time.
async fn healthy<S: Source, E: Engine>(
    pipeline: &Pipeline<S, E>,
    desired: &DesiredState,
    name: &InstanceName,
    gate: Option<&PlatformGate>,
    cancel: &CancellationToken,
) -> Result<Option<String>, PassError> {
    let Some(wanted) = desired.wanted.get(name) else {
        let how = if desired.held.contains_key(name) { "held" } else { "not there" };
        return Ok(Some(format!("`{name}`, which it depends on, is {how}")));
    };
    if wanted.state == WantedState::Stopped {
        return Ok(Some(format!("`{name}`, which it depends on, is to be stopped")));
    }
    let alone = alone(desired, wanted, gate.is_some());
    let deadline = Instant::now() + wanted.health.within.max(wanted.health.settle) + SECOND;
    loop {
        let mut observed = pipeline.observe().await?;
        observed.containers.retain(|container| &container.instance == name);
        let live = standing::look(pipeline.engine.as_ref(), &alone, standing::ids(&observed)).await?.live;
        // Times are known to the second: what counts as settled now has been so for its whole time.
        let proof = gate.zip(started(&observed, &live)).map(|(gate, started)| gate.proof(wanted, started));
        let heard = proof.as_ref().and_then(|proof| match proof {
            // One that will never say is no fault of the instance.
            Proof::Given | Proof::Unasked(_) => Some((name.clone(), true)),
            Proof::Missing(_) => Some((name.clone(), false)),
            Proof::Unknown(_) => None,
        });
        let heard = heard.into_iter().collect();
        let facts = Facts { now: epoch_seconds() - 1, live, heard, ..Facts::default() };
        let report = report::of(&alone, &observed, None, &facts);
        let status = report.instances.iter().find(|status| &status.name == name);
        let why = not_ready(name, status).map(|why| match status {
            Some(status) if !status.message.is_empty() => format!("{why}: {}", status.message),
            Some(_) | None => why,
        });
        if why.is_none() || Instant::now() >= deadline {
            return Ok(match proof {
                Some(Proof::Unknown(unknown)) if why.is_some() => unheard(wanted, &report, why, &unknown),
                _ => why,
            });
        }
        if cancel.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
            return Ok(why);
        }
    }
}

/// What is said at the end of an instance whose platform does not say whether it has heard from it: nothing, where only that
/// is missing, since it is no fault of the instance.
fn unheard(wanted: &Wanted, report: &StatusReport, why: Option<String>, unknown: &str) -> Option<String> {
    let runs = report.instances.iter().any(|status| status.name == wanted.name && status.phase == Phase::Starting);
    if !(runs && wanted.health.require_platform) {
        return why;
    }
    tracing::warn!(instance = %wanted.name, why = unknown, "whether the platform hears from it is not known");
    None
}

/// When the container that runs was started.
fn started(observed: &Observed, live: &BTreeMap<ContainerId, Live>) -> Option<i64> {
    let running = observed.containers.iter().find(|container| container.runs())?;
    live.get(&running.id)?.started
}

/// One instance as everything that is wanted; without `gate` nobody knows what its platform has heard.
fn alone(desired: &DesiredState, wanted: &Arc<Wanted>, gate: bool) -> DesiredState {
    let mut wanted = Wanted::clone(wanted);
    wanted.health.require_platform &= gate;
    DesiredState {
        revision: desired.revision.clone(),
        wanted: BTreeMap::from([(wanted.name.clone(), Arc::new(wanted))]),
        held: BTreeMap::new(),
        findings: Vec::new(),
        complete: true,
    }
}
