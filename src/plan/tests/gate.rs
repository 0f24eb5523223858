//! When removals are due, and which are refused.

use super::world::{container, desired, digests, eager, line, observed, owner, plan, wanted};
use crate::{
    desired::DesiredState,
    manifest::WantedState,
    plan::{ContainerState, Plan, PruneRules, Pruning, Work, diff},
};

fn removal(rules: &PruneRules, pruning: impl FnOnce(&mut Pruning), state: impl FnOnce(&mut DesiredState)) -> Plan {
    let gone = wanted("gone", "x", WantedState::Started);
    let kept = wanted("kept", "x", WantedState::Started);
    let seen = observed([container(&gone, 1, ContainerState::Running), container(&kept, 1, ContainerState::Running)]);
    let mut desired = desired([kept]);
    state(&mut desired);
    let mut given = Pruning { now: 1_000_000, absent_before: Pruning::absent(&desired, &seen), ..Pruning::default() };
    pruning(&mut given);
    diff(&owner(), &desired, &seen, &digests(&desired, &seen), rules, &given)
}

#[test]
fn removing_stops_first_and_removes_after_the_retention() {
    let rules = PruneRules::default();
    let first = removal(&rules, |_| {}, |_| {});
    assert_eq!(line(&first), "gone destroy");
    assert!(matches!(first.steps[0].work, Work::Stop { .. }), "{:?}", first.steps[0].work);
    let gone = wanted("gone", "x", WantedState::Started);
    for (age, expected) in [(rules.retain.as_secs() - 1, ""), (rules.retain.as_secs(), "gone destroy")] {
        let mut seen = container(&gone, 1, ContainerState::Exited(0));
        seen.finished = Some(1_000_000 - i64::try_from(age).unwrap());
        let kept = wanted("kept", "x", WantedState::Started);
        let seen = observed([seen, container(&kept, 1, ContainerState::Running)]);
        let plan = plan(&desired([kept]), &seen);
        assert_eq!(line(&plan), expected, "{age}");
        assert!(plan.steps.iter().all(|step| matches!(step.work, Work::Remove { .. })));
    }
}

#[test]
fn the_gate_holds_every_removal_that_could_be_a_mistake() {
    let rules = eager();
    assert_eq!(line(&removal(&rules, |_| {}, |_| {})), "gone destroy");
    let refused = |plan: &Plan| {
        assert_eq!(line(plan), "");
        plan.refused.first().map(|refusal| refusal.guard)
    };
    let disabled = PruneRules { enabled: false, ..rules.clone() };
    assert_eq!(refused(&removal(&disabled, |_| {}, |_| {})), Some("prune.enabled"));
    assert_eq!(refused(&removal(&rules, |_| {}, |state| state.complete = false)), Some("incomplete source"));
    assert_eq!(refused(&removal(&rules, |_| {}, |state| state.wanted.clear())), Some("prune.allowEmpty"));
    assert_eq!(refused(&removal(&rules, |pruning| pruning.absent_before.clear(), |_| {})), None);
    let empty = PruneRules { allow_empty: true, ..rules };
    assert_eq!(line(&removal(&empty, |_| {}, |state| state.wanted.clear())), "gone destroy; kept destroy");
}

#[test]
fn more_removals_than_the_limit_need_the_operators_word() {
    let all: Vec<_> = (0..10).map(|number| wanted(&format!("i{number}"), "x", WantedState::Started)).collect();
    let seen = observed(all.iter().map(|wanted| container(wanted, 1, ContainerState::Running)));
    let of = |kept: usize, acknowledged| {
        let desired = desired(all[..kept].iter().cloned());
        let absent_before = Pruning::absent(&desired, &seen);
        let pruning = Pruning { now: 0, absent_before, acknowledged, only: None };
        diff(&owner(), &desired, &seen, &digests(&desired, &seen), &PruneRules::default(), &pruning)
    };
    assert_eq!((of(8, None).steps.len(), of(8, None).refused.len()), (2, 0));
    assert_eq!((of(7, None).steps.len(), of(7, None).refused[0].guard), (0, "prune.maxPercent"));
    assert_eq!(of(7, Some(3)).steps.len(), 3);
    assert_eq!(of(7, Some(4)).steps.len(), 0);
}
