//! Removes from a platform what is removed from the engine: an instance whose manifest is gone.

use super::edit::reason;
use crate::{
    desired::DesiredState,
    model::{ConnectorId, InstanceName, PlatformName},
    plan::{Action, AtPlatform, Cause, Observed, Plan, PlatformWork, PruneRules, Step, Work},
};

/// An instance at a platform whose manifest is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The name it had.
    pub instance: InstanceName,
    /// The platform.
    pub platform: PlatformName,
    /// Its id there.
    pub id: ConnectorId,
}

/// The removals at platforms that go with those of a plan: the last trace of an instance there is its state, so it goes
/// together with its container and not before. One whose container is gone already goes by the same rules.
pub fn removals(
    gone: &[Gone],
    plan: &Plan,
    desired: &DesiredState,
    observed: &Observed,
    rules: &PruneRules,
) -> Vec<Step> {
    let removed = |gone: &Gone| {
        plan.steps.iter().any(|step| step.instance == gone.instance && matches!(step.work, Work::Remove { .. }))
    };
    let empty = desired.wanted.is_empty() && desired.held.is_empty();
    let may_go = rules.enabled && desired.complete && (!empty || rules.allow_empty);
    let without_container = |gone: &Gone| may_go && observed.of(&gone.instance).next().is_none();
    gone.iter().filter(|gone| removed(gone) || without_container(gone)).map(removal).collect()
}

fn removal(gone: &Gone) -> Step {
    let sides = (Some(format!("managed at {}", gone.platform)), Some("removed, with its state".to_owned()));
    let work = AtPlatform { platform: gone.platform.clone(), work: PlatformWork::Delete { id: gone.id } };
    Step {
        instance: gone.instance.clone(),
        action: Action::Unregister,
        reasons: vec![reason("registration", sides, false, Cause::Manifest, None)],
        work: Work::AtPlatform(Box::new(work)),
    }
}
