//! The comparison itself: one instance at a time, from wanted and observed to at most one step.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Action, COMPANY, Cause, ContainerState, Given, LABELS, NewContainer, OF_PLATFORM, Observed, ObservedContainer,
    Plan, PruneRules, Pruning, ROLLBACK, Reason, Refusal, Replacement, SourceMark, SpecDigest, Step, Work, drift,
    prune, reasons,
};
use crate::{
    desired::{DesiredState, Keeper, Origin, Wanted},
    manifest::{Rollback, WantedState},
    model::{InstanceName, OwnerName},
};

/// The digests of instances whose secrets were opened for this pass, and the token fingerprints of all.
#[derive(Debug, Clone, Default)]
pub struct Digests {
    /// The keyed digest of each instance that [`needs_digest`] named and that could be opened.
    pub specs: BTreeMap<InstanceName, SpecDigest>,
    /// The fingerprint of the settings' token that an instance uses, where it could be read.
    pub tokens: BTreeMap<InstanceName, String>,
}

impl Digests {
    fn mark(&self, wanted: &Wanted) -> SourceMark {
        SourceMark { digest: wanted.source_digest.0.clone(), token: self.tokens.get(&wanted.name).cloned() }
    }
}

/// The instances whose containers don't carry the mark of what is wanted, so that only opening their secrets can tell
/// whether anything changed, and what a new container would be called.
pub fn needs_digest(desired: &DesiredState, observed: &Observed, digests: &Digests) -> Vec<Arc<Wanted>> {
    let marked = by_instance(observed);
    let agrees = |wanted: &Wanted| {
        let containers = marked.get(&wanted.name).map_or(&[][..], Vec::as_slice);
        let usable = |container: &&ObservedContainer| !matches!(container.state, ContainerState::Dead);
        containers.iter().filter(|container| usable(container)).any(|container| marks(container, &digests.mark(wanted)))
    };
    desired.wanted.values().filter(|wanted| !wanted.suspend && !agrees(wanted)).cloned().collect()
}

/// The containers that should be looked at closely, since their instance is about to change and people will ask what.
pub fn needs_look<'a>(desired: &DesiredState, observed: &'a Observed, digests: &Digests) -> Vec<&'a ObservedContainer> {
    let changing: BTreeSet<_> =
        needs_digest(desired, observed, digests).iter().map(|wanted| wanted.name.clone()).collect();
    let orphan = |name: &InstanceName| !desired.wanted.contains_key(name) && !desired.held.contains_key(name);
    let stopped = |container: &ObservedContainer| orphan(&container.instance) && !container.runs();
    // The list does not say since when one does not run that should, and whether it was stopped on purpose.
    let started = |name: &InstanceName| {
        desired.wanted.get(name).is_some_and(|wanted| wanted.state == WantedState::Started && !wanted.suspend)
    };
    let ended = |container: &ObservedContainer| {
        let has_ended = matches!(container.state, ContainerState::Exited(_) | ContainerState::Dead);
        has_ended && started(&container.instance)
    };
    let looked = |container: &&ObservedContainer| {
        changing.contains(&container.instance) || stopped(container) || ended(container)
    };
    observed.containers.iter().filter(looked).collect()
}

/// Compares what is wanted with what is observed.
///
/// Wanted instances that have no digest here although they need one are left out of the steps: the caller holds them
/// (their secret can't be opened) before it calls this.
pub fn diff(
    owner: &OwnerName,
    desired: &DesiredState,
    observed: &Observed,
    digests: &Digests,
    rules: &PruneRules,
    pruning: &Pruning,
) -> Plan {
    let containers = by_instance(observed);
    let held = desired.held.values().cloned().collect();
    let mut plan = Plan { held, ..Plan::empty(desired.revision.clone()) };
    for wanted in desired.wanted.values() {
        let own = containers.get(&wanted.name).map_or(&[][..], Vec::as_slice);
        match one(owner, desired, wanted, own, digests) {
            Verdict::Step(step) => plan.steps.push(*step),
            Verdict::Untouched => plan.untouched.push(wanted.name.clone()),
            Verdict::Refused(refusal) => plan.refused.push(refusal),
        }
    }
    prune::orphans(desired, observed, rules, pruning, &mut plan);
    plan.steps.sort_by(|a, b| a.instance.cmp(&b.instance));
    if let Some(container) = &observed.company {
        refuse_all(owner, container, &mut plan);
    }
    plan
}

/// Two that put right what the other has just done would never come to rest: this one stops.
fn refuse_all(owner: &OwnerName, container: &str, plan: &mut Plan) {
    plan.refused.push(Refusal {
        instances: plan.steps.drain(..).map(|step| step.instance).collect(),
        guard: COMPANY,
        message: format!("another Lockstep works as `{owner}` on this engine: it made container `{container}`"),
        help: "end one of them, or give each an `owner` of its own in its settings; then start this one again"
            .to_owned(),
    });
}

enum Verdict {
    Step(Box<Step>),
    Untouched,
    Refused(Refusal),
}

fn by_instance(observed: &Observed) -> BTreeMap<InstanceName, Vec<&ObservedContainer>> {
    let mut map: BTreeMap<InstanceName, Vec<&ObservedContainer>> = BTreeMap::new();
    for container in &observed.containers {
        map.entry(container.instance.clone()).or_default().push(container);
    }
    map
}

fn marks(container: &ObservedContainer, mark: &SourceMark) -> bool {
    container.source.as_ref().is_some_and(|label| SourceMark::parse(label).agrees_with(mark))
}

/// Whether a container is what is wanted: its mark says so, or its digest, or a close look at every field.
fn is_wanted(container: &ObservedContainer, wanted: &Wanted, digests: &Digests) -> bool {
    let by_digest = || digests.specs.get(&wanted.name).is_some_and(|digest| container.digest.as_ref() == Some(digest));
    let reset = wanted.management.as_ref().is_some_and(|management| management.reset.is_some());
    let looks_equal = || !reset && reasons::equal(container, wanted);
    marks(container, &digests.mark(wanted)) || by_digest() || looks_equal()
}

fn one(
    owner: &OwnerName,
    desired: &DesiredState,
    wanted: &Arc<Wanted>,
    containers: &[&ObservedContainer],
    digests: &Digests,
) -> Verdict {
    if wanted.suspend {
        return Verdict::Untouched;
    }
    if let Some(container) = containers.iter().find(|container| matches!(container.state, ContainerState::Unknown(_))) {
        let state = container.state.describe();
        return Verdict::Refused(Refusal {
            instances: vec![wanted.name.clone()],
            guard: "engine state",
            message: format!("the engine calls container `{}` {state}, a word that is not known", container.name),
            help: "nothing is done with it; look at the engine, and update Lockstep".to_owned(),
        });
    }
    if containers.iter().any(|container| container.state == ContainerState::Removing) {
        // The engine is at it; the next pass sees the outcome.
        return Verdict::Untouched;
    }
    let mut matching: Vec<_> =
        containers.iter().copied().filter(|container| is_wanted(container, wanted, digests)).collect();
    matching.sort_by_key(|container| (container.runs(), container.created));
    let current = matching.pop();
    let old: Vec<_> = containers
        .iter()
        .copied()
        .filter(|container| Some(container.id.clone()) != current.map(|c| c.id.clone()))
        .collect();
    let step =
        |action, reasons, work| Verdict::Step(Box::new(Step { instance: wanted.name.clone(), action, reasons, work }));
    let new = || new_container(owner, desired, wanted, digests, current);
    match current {
        None if old.is_empty() => match new() {
            Some(new) => step(Action::Create, vec![reasons::of_creation(wanted)], Work::Create(Box::new(new))),
            None => Verdict::Untouched,
        },
        None => match new() {
            Some(new) => {
                let newest = old.iter().max_by_key(|container| (container.runs(), container.created));
                let changes = newest.filter(|container| container.runs() != (wanted.state == WantedState::Started));
                let mut reasons = reasons::of_change(&old, wanted);
                reasons.extend(changes.map(|container| state_reason(wanted, container)));
                let old = old.iter().map(|container| container.id.clone()).collect();
                step(Action::Replace, reasons, Work::Replace(Box::new(Replacement { new, existing: None, old })))
            }
            None => Verdict::Untouched,
        },
        Some(current) if is_rolled_back(wanted, current, &old) => Verdict::Refused(Refusal {
            instances: vec![wanted.name.clone()],
            guard: ROLLBACK,
            message: format!(
                "`{}` was rolled back: container `{}`, made from this manifest, did not become healthy",
                wanted.name, current.name
            ),
            help: "change the manifest; or remove that container to have it tried again".to_owned(),
        }),
        Some(current) if !old.is_empty() => match new() {
            Some(new) => {
                let reason = reasons::unfinished(current, &old);
                let old = old.iter().map(|container| container.id.clone()).collect();
                let existing = Some(current.id.clone());
                step(Action::Replace, vec![reason], Work::Replace(Box::new(Replacement { new, existing, old })))
            }
            None => Verdict::Untouched,
        },
        Some(current) => match steady(wanted, current) {
            steady if !drift::of(current, wanted).is_empty() && !matches!(steady, Steady::Broken) => {
                let drift = drift::of(current, wanted);
                let in_place = match steady {
                    Steady::Fine => drift::in_place(current, wanted, &drift),
                    Steady::Start { .. } | Steady::Stop | Steady::Broken => None,
                };
                match (in_place, new()) {
                    (Some(work), _) => step(Action::Update, drift, work),
                    (None, Some(new)) => {
                        let work = Work::Recreate { broken: current.id.clone(), new: Box::new(new) };
                        step(Action::Replace, drift, work)
                    }
                    (None, None) => Verdict::Untouched,
                }
            }
            Steady::Fine => Verdict::Untouched,
            Steady::Start { unpause } => {
                let reason = state_reason(wanted, current);
                let work = Work::Start { container: current.id.clone(), unpause, restarts: true };
                step(Action::Start, vec![reason], work)
            }
            Steady::Stop => {
                let reason = state_reason(wanted, current);
                let grace = wanted.container.stop_grace;
                step(Action::Stop, vec![reason], Work::Stop { container: current.id.clone(), grace })
            }
            Steady::Broken => match new() {
                Some(new) => {
                    let reason = state_reason(wanted, current);
                    step(
                        Action::Replace,
                        vec![reason],
                        Work::Recreate { broken: current.id.clone(), new: Box::new(new) },
                    )
                }
                None => Verdict::Untouched,
            },
        },
    }
}

/// Whether the container that is wanted was tried and ended, and a former one serves again: no step of ours leaves that
/// behind but a rollback, since a former container is stopped before the new one starts and removed when that is healthy.
fn is_rolled_back(wanted: &Wanted, current: &ObservedContainer, old: &[&ObservedContainer]) -> bool {
    wanted.rollback == Rollback::Auto
        && wanted.state == WantedState::Started
        && matches!(current.state, ContainerState::Exited(_))
        && old.iter().any(|container| container.runs())
}

enum Steady {
    Fine,
    Start { unpause: bool },
    Stop,
    Broken,
}

fn steady(wanted: &Wanted, current: &ObservedContainer) -> Steady {
    match (wanted.state, &current.state) {
        (_, ContainerState::Dead) => Steady::Broken,
        (WantedState::Started, ContainerState::Running | ContainerState::Restarting) => Steady::Fine,
        (WantedState::Started, ContainerState::Created | ContainerState::Exited(_)) => Steady::Start { unpause: false },
        (WantedState::Started, ContainerState::Paused) => Steady::Start { unpause: true },
        (WantedState::Stopped, ContainerState::Running | ContainerState::Restarting | ContainerState::Paused) => {
            Steady::Stop
        }
        (WantedState::Stopped, ContainerState::Created | ContainerState::Exited(_)) => Steady::Fine,
        (_, ContainerState::Removing | ContainerState::Unknown(_)) => Steady::Fine,
    }
}

/// Why a container starts or stops: the source says so, or it ended by itself or by another's hand.
fn state_reason(wanted: &Wanted, current: &ObservedContainer) -> Reason {
    let origin = wanted.origins.get("state");
    let never_ran = current.state == ContainerState::Created;
    let (before, cause) = match wanted.state {
        _ if current.was_stopped => ("stopped".to_owned(), Cause::Manifest),
        WantedState::Started if !never_ran => (current.state.describe(), Cause::Drift),
        WantedState::Started | WantedState::Stopped => (current.state.describe(), Cause::Manifest),
    };
    let after = match wanted.state {
        WantedState::Started => "running",
        WantedState::Stopped => "stopped",
    };
    // People at the platform asked for it.
    let cause = if matches!(origin, Some(Origin::Platform)) { Cause::Platform } else { cause };
    let (place, given) = match origin {
        Some(Origin::Defaults(place)) => (Some(place.clone()), Some(Given::Defaults)),
        // No line says it (any more), which is a change of the manifest as a whole.
        None if cause == Cause::Manifest => (reasons::cause_of(wanted).1, Some(Given::Lockstep)),
        Some(_) | None => (origin.and_then(Origin::place).cloned(), None),
    };
    let since = current.finished.filter(|_| cause == Cause::Drift);
    let reason = Reason::of("state", Some(before), Some(after.to_owned()), cause);
    Reason { place, given, since, ..reason }
}

/// What a container is made from: a revision of the source, or what a platform says.
fn revision(desired: &DesiredState, wanted: &Wanted) -> String {
    match (wanted.keeper(), &wanted.platform) {
        (Some(Keeper::Platform), Some(platform)) => format!("{OF_PLATFORM}{platform}"),
        (Some(Keeper::Platform | Keeper::Source) | None, _) => desired.revision.full(),
    }
}

/// The container to be made; none where its digest is not known. A replacement that goes on keeps the digest of the
/// container that exists.
fn new_container(
    owner: &OwnerName,
    desired: &DesiredState,
    wanted: &Arc<Wanted>,
    digests: &Digests,
    current: Option<&ObservedContainer>,
) -> Option<NewContainer> {
    let existing = current.and_then(|container| container.digest.clone());
    let digest = existing.or_else(|| digests.specs.get(&wanted.name).cloned())?;
    let mark = digests.mark(wanted);
    let mut labels: BTreeMap<String, String> =
        wanted.labels.iter().map(|(key, value)| (format!("{}{key}", LABELS.own_prefix), value.clone())).collect();
    let sealed = wanted
        .env
        .iter()
        .filter(|(_, value)| value.is_sensitive())
        .map(|(key, value)| value.sealed_digest().map_or_else(|| key.clone(), |digest| format!("{key}={digest}")));
    let sealed: Vec<_> = sealed.collect();
    let own = [
        (LABELS.owner, owner.to_string()),
        (LABELS.instance, wanted.name.to_string()),
        (LABELS.id, wanted.id.to_string()),
        (LABELS.digest, digest.0.clone()),
        (LABELS.source, mark.to_string()),
        (LABELS.revision, revision(desired, wanted)),
        (LABELS.sealed, sealed.join(",")),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value)));
    if let Some(platform) = &wanted.platform {
        labels.insert(LABELS.platform.to_owned(), platform.to_string());
    }
    Some(NewContainer {
        wanted: Arc::clone(wanted),
        name: format!("{}-{}", wanted.name, digest.name_suffix()),
        digest,
        labels,
        start: wanted.state == WantedState::Started,
    })
}
