//! Which step each state of an instance leads to.

use std::{collections::BTreeMap, sync::Arc};

use super::world::{container, desired, digest, eager, line, observed, owner, plan, plan_with, wanted};
use crate::{
    desired::{DesiredState, Held, Wanted},
    manifest::{Rollback, WantedState},
    plan::{
        ContainerId, ContainerState, LABELS, PruneRules, Pruning, ROLLBACK, SourceMark, SpecDigest, Work, as_running,
        diff, sealed_digests,
    },
};

#[test]
fn what_was_rolled_back_is_not_tried_again_until_the_manifest_changes() {
    use ContainerState as S;
    let auto = |value: &str| {
        Arc::new(Wanted { rollback: Rollback::Auto, ..Wanted::clone(&wanted("a", value, WantedState::Started)) })
    };
    let (former, failed) = (auto("old"), auto("new"));
    for (seen_new, seen_old, expected) in [
        (S::Exited(1), S::Running, ""),
        (S::Exited(0), S::Restarting, ""),
        // Nothing says that it was ever tried, or the rollback was not finished: it goes on.
        (S::Created, S::Running, "a replace"),
        (S::Exited(1), S::Exited(0), "a replace"),
        (S::Running, S::Exited(0), "a replace"),
    ] {
        let observed = observed([container(&former, 1, seen_old.clone()), container(&failed, 2, seen_new.clone())]);
        let plan = plan(&desired([Arc::clone(&failed)]), &observed);
        assert_eq!(line(&plan), expected, "{seen_new:?} {seen_old:?}");
        assert_eq!(plan.refused.len(), usize::from(expected.is_empty()), "{seen_new:?} {seen_old:?}");
    }
    let rolled_back = observed([container(&former, 1, S::Running), container(&failed, 2, S::Exited(1))]);
    assert_eq!(plan(&desired([Arc::clone(&failed)]), &rolled_back).refused[0].guard, ROLLBACK);
    assert_eq!(line(&plan(&desired([auto("newer")]), &rolled_back)), "a replace");
    assert_eq!(line(&plan(&desired([former]), &rolled_back)), "a replace", "what failed is removed");
    let none = Arc::new(Wanted { rollback: Rollback::None, ..Wanted::clone(&failed) });
    assert_eq!(line(&plan(&desired([none]), &rolled_back)), "a replace");
}

#[test]
fn one_step_for_each_state_of_one_container() {
    use ContainerState as S;
    use WantedState::{Started, Stopped};
    let table = [
        (Started, None, "a create"),
        (Stopped, None, "a create"),
        (Started, Some(S::Running), ""),
        (Started, Some(S::Restarting), ""),
        (Started, Some(S::Created), "a start"),
        (Started, Some(S::Exited(137)), "a start"),
        (Started, Some(S::Paused), "a start"),
        (Started, Some(S::Dead), "a replace"),
        (Started, Some(S::Removing), ""),
        (Stopped, Some(S::Running), "a stop"),
        (Stopped, Some(S::Restarting), "a stop"),
        (Stopped, Some(S::Paused), "a stop"),
        (Stopped, Some(S::Created), ""),
        (Stopped, Some(S::Exited(0)), ""),
    ];
    for (state, seen, expected) in table {
        let a = wanted("a", "x", state);
        let observed = observed(seen.clone().map(|seen| container(&a, 1, seen)));
        assert_eq!(line(&plan(&desired([a]), &observed)), expected, "{state:?} {seen:?}");
    }
}

#[test]
fn an_unknown_word_of_the_engine_is_said_and_nothing_is_done() {
    let a = wanted("a", "x", WantedState::Started);
    let observed = observed([container(&a, 1, ContainerState::Unknown("melting".to_owned()))]);
    let plan = plan(&desired([a]), &observed);
    assert_eq!(line(&plan), "");
    assert!(plan.refused[0].message.contains("melting"), "{:?}", plan.refused);
}

#[test]
fn a_changed_spec_replaces_and_names_the_field() {
    let (old, new) = (wanted("a", "x", WantedState::Started), wanted("a", "y", WantedState::Started));
    let mut seen = container(&old, 1, ContainerState::Running);
    seen.fields = Some(old.visible_fields());
    let plan = plan(&desired([Arc::clone(&new)]), &observed([seen]));
    assert_eq!(line(&plan), "a replace");
    let reason = &plan.steps[0].reasons[0];
    assert_eq!(
        (reason.field.as_str(), reason.before.as_deref(), reason.after.as_deref()),
        ("env.MISP_URL", Some("x"), Some("y"))
    );
    let Work::Replace(replacement) = &plan.steps[0].work else { panic!("{:?}", plan.steps[0].work) };
    assert_eq!(replacement.new.name, format!("a-{}", digest(&new).name_suffix()));
    assert_eq!(replacement.new.labels[LABELS.owner], "edge-1");
    assert_eq!(replacement.existing, None);
}

#[test]
fn a_replacement_that_was_cut_off_is_resumed_from_every_state() {
    let (old, new) = (wanted("a", "x", WantedState::Started), wanted("a", "y", WantedState::Started));
    for seen in [ContainerState::Created, ContainerState::Running, ContainerState::Exited(1)] {
        let observed = observed([container(&old, 1, ContainerState::Exited(0)), container(&new, 2, seen)]);
        let plan = plan(&desired([Arc::clone(&new)]), &observed);
        let Work::Replace(replacement) = &plan.steps[0].work else { panic!("{:?}", plan.steps[0].work) };
        assert_eq!(replacement.existing, Some(ContainerId("id-a-2".to_owned())));
        assert_eq!(replacement.old, [ContainerId("id-a-1".to_owned())]);
    }
}

#[test]
fn a_re_sealed_secret_changes_nothing() {
    let a = wanted("a", "x", WantedState::Started);
    let mut seen = container(&a, 1, ContainerState::Running);
    seen.source = Some("another ciphertext".to_owned());
    assert_eq!(line(&plan(&desired([a]), &observed([seen]))), "");
}

#[test]
fn a_new_digest_key_alone_changes_nothing() {
    let a = wanted("a", "x", WantedState::Started);
    let mut seen = container(&a, 1, ContainerState::Running);
    (seen.source, seen.digest) = (None, Some(SpecDigest("other:0000".to_owned())));
    seen.fields = Some(a.visible_fields());
    assert_eq!(line(&plan(&desired([Arc::clone(&a)]), &observed([seen.clone()]))), "");
    seen.sensitive_equal = BTreeMap::from([("env.GONE".to_owned(), false)]);
    let plan = plan(&desired([a]), &observed([seen]));
    assert_eq!(line(&plan), "a replace");
    assert!(plan.steps[0].reasons[0].sensitive);
}

#[test]
fn a_token_mark_decides_only_where_both_sides_have_one() {
    let mark = SourceMark::parse;
    assert!(mark("d").agrees_with(&mark("d+t")));
    assert!(mark("d+t").agrees_with(&mark("d+t")));
    assert!(!mark("d+t").agrees_with(&mark("d+u")));
    assert!(!mark("d").agrees_with(&mark("e")));
    assert_eq!(mark("d+t").to_string(), "d+t");
}

#[test]
fn held_and_suspended_instances_are_left_as_they_are() {
    let a = wanted("a", "x", WantedState::Started);
    let mut state = desired([]);
    state.held.insert(a.name.clone(), Held { instance: a.name.clone(), findings: Vec::new() });
    let running = observed([container(&a, 1, ContainerState::Running)]);
    let plan = plan_with(&state, &running, &eager());
    assert_eq!((line(&plan).as_str(), plan.held.len()), ("", 1));
    let mut suspended = (*wanted("a", "y", WantedState::Started)).clone();
    suspended.suspend = true;
    assert_eq!(line(&plan_with(&desired([Arc::new(suspended)]), &running, &eager())), "");
}

#[test]
fn a_revision_is_compared_with_another_as_if_it_were_running() {
    let (a, b, gone) = (
        wanted("a", "x", WantedState::Started),
        wanted("b", "x", WantedState::Stopped),
        wanted("gone", "x", WantedState::Started),
    );
    let base = desired([Arc::clone(&a), Arc::clone(&b), gone]);
    let changed = wanted("a", "y", WantedState::Started);
    let new = desired([Arc::clone(&changed), Arc::clone(&b), wanted("new", "x", WantedState::Started)]);
    let of = |base: &DesiredState, new: &DesiredState| {
        let observed = as_running(base, new, &|_, _, _| None);
        let digests = sealed_digests(new, &observed);
        let pruning = Pruning { absent_before: Pruning::absent(new, &observed), ..Pruning::default() };
        diff(&owner(), new, &observed, &digests, &PruneRules { max_percent: 100, ..PruneRules::default() }, &pruning)
    };
    let plan = of(&base, &new);
    assert_eq!(line(&plan), "a replace; gone destroy; new create");
    let reasons: Vec<_> = plan.steps[0].reasons.iter().map(|reason| reason.field.as_str()).collect();
    assert_eq!(reasons, ["env.MISP_URL"]);
    assert_eq!(line(&of(&base, &base)), "");
    assert_eq!(line(&of(&desired([wanted("b", "x", WantedState::Started)]), &desired([b]))), "b stop");
}
