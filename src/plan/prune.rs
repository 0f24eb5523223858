//! What happens to containers whose instance is gone from the source: the gate that nothing passes by accident.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Action, Cause, Observed, ObservedContainer, Plan, Reason, Refusal, Step, Work};
use crate::{desired::DesiredState, model::InstanceName};

/// The operator's rules for removals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneRules {
    /// Whether anything is removed at all.
    pub enabled: bool,
    /// Whether a readable but empty source removes what runs.
    pub allow_empty: bool,
    /// The largest share of all instances that one plan may remove, in percent; one is always allowed.
    pub max_percent: u8,
    /// How long a container is kept after it was stopped.
    pub retain: Duration,
}

impl Default for PruneRules {
    fn default() -> Self {
        Self { enabled: true, allow_empty: false, max_percent: 20, retain: Duration::from_secs(24 * 3_600) }
    }
}

/// What the caller knows about removals at this moment.
#[derive(Debug, Clone, Default)]
pub struct Pruning {
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// Instances that the former pass found absent too; only these are touched.
    pub absent_before: BTreeSet<InstanceName>,
    /// A number of removals that the operator has acknowledged, beyond the limit in percent.
    pub acknowledged: Option<usize>,
    /// The instances that are planned for; none means all.
    pub only: Option<BTreeSet<InstanceName>>,
}

impl Pruning {
    /// The instances of an observed state that a desired state does not know.
    pub fn absent(desired: &DesiredState, observed: &Observed) -> BTreeSet<InstanceName> {
        let known = |name: &InstanceName| desired.wanted.contains_key(name) || desired.held.contains_key(name);
        observed.containers.iter().map(|container| &container.instance).filter(|name| !known(name)).cloned().collect()
    }
}

impl Plan {
    /// Leaves out every instance that is not planned for.
    pub fn keep_only(&mut self, pruning: &Pruning) {
        if let Some(only) = &pruning.only {
            self.steps.retain(|step| only.contains(&step.instance));
            self.untouched.retain(|name| only.contains(name));
            self.held.retain(|held| only.contains(&held.instance));
        }
    }
}

/// Adds the removals that the rules allow to a plan, and what they forbid.
pub(super) fn orphans(
    desired: &DesiredState,
    observed: &Observed,
    rules: &PruneRules,
    pruning: &Pruning,
    plan: &mut Plan,
) {
    let absent = Pruning::absent(desired, observed);
    let chosen = |name: &InstanceName| pruning.only.as_ref().is_none_or(|only| only.contains(name));
    let mut steps = Vec::new();
    let mut postponed = Vec::new();
    for name in absent.iter().filter(|name| chosen(name)) {
        let containers: Vec<_> = observed.of(name).collect();
        match removal(name, &containers, rules, pruning.now) {
            Some(step) if pruning.absent_before.contains(name) => steps.push(step),
            Some(_) => postponed.push(name.clone()),
            None => plan.untouched.push(name.clone()),
        }
    }
    plan.untouched.append(&mut postponed);
    if steps.is_empty() {
        return;
    }
    let instances: Vec<_> = steps.iter().map(|step| step.instance.clone()).collect();
    let owned: BTreeSet<_> = observed.containers.iter().map(|container| &container.instance).collect();
    match forbidden(desired, rules, pruning, instances.len(), owned.len()) {
        Some((guard, message, help)) => plan.refused.push(Refusal { instances, guard, message, help }),
        None => plan.steps.append(&mut steps),
    }
}

fn forbidden(
    desired: &DesiredState,
    rules: &PruneRules,
    pruning: &Pruning,
    removals: usize,
    owned: usize,
) -> Option<(&'static str, String, String)> {
    let how_many = if removals == 1 { "1 instance".to_owned() } else { format!("{removals} instances") };
    if !rules.enabled {
        let message = format!("{how_many} would be removed, and `prune.enabled` is false");
        return Some(("prune.enabled", message, "remove the containers by hand, or enable `prune`".to_owned()));
    }
    if !desired.complete {
        let message = format!("{how_many} would be removed, but a broken file may be what declares them");
        return Some(("incomplete source", message, "mend the findings above first".to_owned()));
    }
    let acknowledged = pruning.acknowledged == Some(removals);
    if desired.wanted.is_empty() && desired.held.is_empty() && !rules.allow_empty {
        let message = format!("the source is empty, which would remove {how_many}");
        let help = "if that is meant, set `prune.allowEmpty` in the settings".to_owned();
        return Some(("prune.allowEmpty", message, help));
    }
    let limit = (owned * usize::from(rules.max_percent) / 100).max(1);
    if removals > limit && !acknowledged {
        let message = format!(
            "{removals} of {owned} instances would be removed, more than `prune.maxPercent` ({} %) allows at once",
            rules.max_percent
        );
        let help = format!("if that is meant, run `lockstep apply --allow-removals {removals}`");
        return Some(("prune.maxPercent", message, help));
    }
    None
}

/// The step that brings the removal of one instance forward; none while its containers are kept.
fn removal(name: &InstanceName, containers: &[&ObservedContainer], rules: &PruneRules, now: i64) -> Option<Step> {
    let retain = i64::try_from(rules.retain.as_secs()).unwrap_or(i64::MAX);
    let running: Vec<_> = containers.iter().filter(|container| container.runs()).collect();
    let expired =
        |container: &&&ObservedContainer| now.saturating_sub(container.finished.unwrap_or(container.created)) >= retain;
    let (before, after, work) = if retain > 0 && !running.is_empty() {
        let container = running.first()?.id.clone();
        let until = format!("stopped, removed after {}", human(rules.retain));
        ("running", until, Work::Stop { container, grace: None })
    } else {
        let due: Vec<_> = containers.iter().filter(|c| retain == 0 || expired(c)).map(|c| c.id.clone()).collect();
        if due.is_empty() {
            return None;
        }
        let before = if running.is_empty() { "stopped" } else { "running" };
        (before, "removed".to_owned(), Work::Remove { containers: due })
    };
    let reason = Reason::of("instance", Some(before.to_owned()), Some(after), Cause::Manifest);
    Some(Step { instance: name.clone(), action: Action::Destroy, reasons: vec![reason], work })
}

/// A duration in the largest unit that fits it whole.
fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = BTreeMap::from([(86_400, "d"), (3_600, "h"), (60, "m")]);
    let whole = units.iter().rev().find(|(unit, _)| seconds >= **unit && seconds.is_multiple_of(**unit));
    whole.map_or_else(|| format!("{seconds}s"), |(unit, word)| format!("{}{word}", seconds / unit))
}
