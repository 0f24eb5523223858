//! What is done about what somebody else changed.

use std::{collections::BTreeMap, sync::Arc};

use super::world::{container, desired, line, observed, plan, wanted};
use crate::{
    desired::Wanted,
    manifest::WantedState,
    plan::{Cause, ContainerState, ObservedContainer, Work, as_running, is_drift},
};

/// A container whose marks say that nothing has changed, looked at all the same; `change` is what somebody did to it.
fn touched(
    wanted: &Wanted,
    state: ContainerState,
    change: impl Fn(&mut BTreeMap<String, String>),
) -> ObservedContainer {
    let mut fields = wanted.visible_fields();
    change(&mut fields);
    ObservedContainer { fields: Some(fields), refreshed: true, ..container(wanted, 1, state) }
}

#[test]
fn what_somebody_changed_is_put_back_in_place_where_the_engine_can() {
    use ContainerState as S;
    let mut a = (*wanted("a", "x", WantedState::Started)).clone();
    a.container.resources.memory = Some(64 << 20);
    a.container.networks = vec!["one".to_owned(), "two".to_owned()];
    let a = Arc::new(a);
    let set = |name: &'static str, value: &'static str| {
        move |fields: &mut BTreeMap<String, String>| drop(fields.insert(name.to_owned(), value.to_owned()))
    };
    let plan_of = |state: S, change: &dyn Fn(&mut BTreeMap<String, String>)| {
        plan(&desired([Arc::clone(&a)]), &observed([touched(&a, state, change)]))
    };
    assert_eq!(line(&plan_of(S::Running, &|_| {})), "");
    let memory = plan_of(S::Running, &set("container.resources.memory", "32Mi"));
    assert_eq!(line(&memory), "a update");
    let reason = &memory.steps[0].reasons[0];
    assert_eq!(
        (reason.cause, reason.before.as_deref(), reason.after.as_deref()),
        (Cause::Drift, Some("32Mi"), Some("64Mi"))
    );
    let Work::Update { change, .. } = &memory.steps[0].work else { panic!("{memory:?}") };
    assert_eq!((change.memory, change.pids, change.restarts), (Some(64 << 20), None, false));
    let networks = plan_of(S::Running, &set("container.networks", "three,two"));
    let Work::Update { change, .. } = &networks.steps[0].work else { panic!("{networks:?}") };
    assert_eq!((&change.join[..], &change.leave[..]), (&["one".to_owned()][..], &["three".to_owned()][..]));
    // What no engine changes on a container that is there, and what it can't take back, takes a new one.
    for (field, value) in [("container.cpuShares", "512"), ("container.resources.cpus", "0.5"), ("image", "other:1")] {
        let plan = plan_of(S::Running, &set(field, value));
        assert_eq!(line(&plan), "a replace", "{field}");
        assert!(matches!(plan.steps[0].work, Work::Recreate { .. }) && is_drift(&plan.steps[0]), "{field}");
    }
    let stopped = plan_of(S::Exited(1), &set("container.resources.memory", "32Mi"));
    assert!(matches!(stopped.steps[0].work, Work::Recreate { .. }), "it has to be started as well");
    let unlooked = ObservedContainer { refreshed: false, ..touched(&a, S::Running, set("image", "other:1")) };
    assert_eq!(line(&plan(&desired([Arc::clone(&a)]), &observed([unlooked]))), "", "its marks say that it is right");
}

#[test]
fn a_start_or_stop_is_drift_only_where_nobody_asked_for_the_state_that_is_there() {
    use ContainerState as S;
    let state_of = |wanted: &Arc<Wanted>, seen: ObservedContainer| {
        let plan = plan(&desired([Arc::clone(wanted)]), &observed([seen]));
        let reason = plan.steps[0].reasons.iter().find(|reason| reason.field == "state")?.clone();
        Some((reason.before.unwrap_or_default(), reason.after.unwrap_or_default(), reason.cause))
    };
    let expected = |before: &str, after: &str, cause| Some((before.to_owned(), after.to_owned(), cause));
    let (started, stopped) = (wanted("a", "x", WantedState::Started), wanted("a", "x", WantedState::Stopped));
    let halted = |wanted: &Wanted| ObservedContainer { was_stopped: true, ..container(wanted, 1, S::Exited(143)) };
    let of_started = [
        (container(&started, 1, S::Created), expected("created", "running", Cause::Manifest)),
        (halted(&started), expected("stopped", "running", Cause::Manifest)),
        (container(&started, 1, S::Exited(143)), expected("exited (143)", "running", Cause::Drift)),
        (container(&started, 1, S::Paused), expected("paused", "running", Cause::Drift)),
    ];
    for (seen, expected) in of_started {
        assert_eq!(state_of(&started, seen.clone()), expected, "{seen:?}");
    }
    let running = container(&stopped, 1, S::Running);
    assert_eq!(state_of(&stopped, running), expected("running", "stopped", Cause::Manifest));
    // A new container that does not run where the former did, or the other way round, says so beside its other fields.
    let (before, looked) = (wanted("a", "before", WantedState::Started), |seen: ObservedContainer| {
        let fields = wanted("a", "before", WantedState::Started).visible_fields();
        ObservedContainer { fields: Some(fields), ..seen }
    });
    let replaced = looked(container(&before, 1, S::Running));
    assert_eq!(state_of(&stopped, replaced.clone()), expected("running", "stopped", Cause::Manifest));
    assert_eq!(state_of(&started, replaced), None);
    assert_eq!(state_of(&started, looked(halted(&before))), expected("stopped", "running", Cause::Manifest));
    // Against a revision nothing ever drifts.
    let (base, new) = (desired([stopped]), desired([started]));
    let base = as_running(&base, &new, &|_, _, _| None);
    let reason = &plan(&new, &base).steps[0].reasons[0];
    assert_eq!((reason.before.as_deref(), reason.cause), (Some("stopped"), Cause::Manifest));
}
