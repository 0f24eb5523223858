//! The laws that hold for every plan.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{container, desired, digest, eager, line, name, observed, plan_with, wanted};
use crate::{
    desired::{DesiredState, Held},
    manifest::WantedState,
    plan::{Action, ContainerId, ContainerState, LABELS, NewContainer, Observed, ObservedContainer, Plan, Work},
};

/// Carries out a plan on observed containers, as an engine would.
fn carry_out(plan: &Plan, before: &Observed) -> Observed {
    let mut containers = before.containers.clone();
    for (number, step) in plan.steps.iter().enumerate() {
        let make = |new: &NewContainer| {
            let state = if new.start { ContainerState::Running } else { ContainerState::Created };
            ObservedContainer {
                id: ContainerId(format!("new-{}-{number}", step.instance)),
                name: new.name.clone(),
                digest: Some(new.digest.clone()),
                source: new.labels.get(LABELS.source).cloned(),
                ..container(&new.wanted, 1_000 + number, state)
            }
        };
        let set = |containers: &mut Vec<ObservedContainer>, id: &ContainerId, state: ContainerState| {
            let found = containers.iter_mut().find(|container| &container.id == id);
            found.expect("a step names a container that is there").state = state;
        };
        match &step.work {
            Work::Create(new) => containers.push(make(new)),
            Work::Recreate { broken, new } => {
                containers.retain(|container| &container.id != broken);
                containers.push(make(new));
            }
            Work::Replace(replacement) => {
                containers.retain(|container| !replacement.old.contains(&container.id));
                match &replacement.existing {
                    Some(id) if replacement.new.start => set(&mut containers, id, ContainerState::Running),
                    Some(id) => set(&mut containers, id, ContainerState::Exited(0)),
                    None => containers.push(make(&replacement.new)),
                }
            }
            Work::Update { container, .. } => {
                let found = containers.iter_mut().find(|seen| &seen.id == container);
                found.expect("a step names a container that is there").refreshed = false;
            }
            Work::Start { container, .. } => set(&mut containers, container, ContainerState::Running),
            Work::Stop { container, .. } => set(&mut containers, container, ContainerState::Exited(0)),
            Work::AtPlatform(_) => panic!("{step:?} is nothing for an engine"),
            Work::Remove { containers: gone } => containers.retain(|container| !gone.contains(&container.id)),
        }
    }
    observed(containers)
}

fn any_state() -> impl Strategy<Value = ContainerState> {
    prop_oneof![
        Just(ContainerState::Created),
        Just(ContainerState::Running),
        Just(ContainerState::Paused),
        Just(ContainerState::Restarting),
        Just(ContainerState::Exited(1)),
        Just(ContainerState::Dead),
    ]
}

prop_compose! {
    /// Up to five instances, each wanted or not, in one of two specs, with up to three containers in any state.
    fn any_world()(
        rows in prop::collection::vec(
            (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(),
             prop::collection::btree_map(any::<bool>(), any_state(), 0..3)),
            1..6,
        ),
        complete in any::<bool>(),
    ) -> (DesiredState, Observed) {
        let (mut wants, mut held, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (is_wanted, is_held, second, stopped, containers)) in rows.into_iter().enumerate() {
            let text = format!("i{number}");
            let state = if stopped { WantedState::Stopped } else { WantedState::Started };
            let spec = |second| wanted(&text, if second { "y" } else { "x" }, state);
            for (which, seen_state) in containers {
                seen.push(container(&spec(which), 1 + usize::from(which), seen_state));
            }
            if is_held {
                held.push(name(&text));
            } else if is_wanted {
                wants.push(spec(second));
            }
        }
        let mut state = desired(wants);
        state.complete = complete;
        state.held = held.into_iter().map(|n| (n.clone(), Held { instance: n, findings: Vec::new() })).collect();
        (state, observed(seen))
    }
}

proptest! {
    #[test]
    fn after_a_plan_is_carried_out_the_next_one_is_empty((desired, seen) in any_world()) {
        let first = plan_with(&desired, &seen, &eager());
        let after = carry_out(&first, &seen);
        prop_assert_eq!(line(&plan_with(&desired, &after, &eager())), "");
    }

    #[test]
    fn a_plan_has_at_most_one_step_an_instance_and_each_has_a_reason((desired, seen) in any_world()) {
        let plan = plan_with(&desired, &seen, &eager());
        let names: BTreeSet<_> = plan.steps.iter().map(|step| &step.instance).collect();
        prop_assert_eq!(names.len(), plan.steps.len());
        prop_assert!(plan.steps.is_sorted_by_key(|step| &step.instance));
        prop_assert!(plan.steps.iter().all(|step| !step.reasons.is_empty()));
    }

    #[test]
    fn held_instances_get_no_step_and_an_incomplete_source_removes_nothing((desired, seen) in any_world()) {
        let plan = plan_with(&desired, &seen, &eager());
        prop_assert!(plan.steps.iter().all(|step| !desired.held.contains_key(&step.instance)));
        if !desired.complete || (desired.wanted.is_empty() && desired.held.is_empty()) {
            prop_assert!(plan.steps.iter().all(|step| step.action != Action::Destroy));
        }
    }

    #[test]
    fn after_a_plan_every_wanted_instance_has_one_container((desired, seen) in any_world()) {
        let after = carry_out(&plan_with(&desired, &seen, &eager()), &seen);
        for wanted in desired.wanted.values() {
            let own: Vec<_> = after.of(&wanted.name).collect();
            prop_assert_eq!(own.len(), 1);
            prop_assert_eq!(own[0].runs(), wanted.state == WantedState::Started);
            prop_assert_eq!(own[0].digest.clone(), Some(digest(wanted)));
        }
    }
}
