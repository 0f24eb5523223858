//! Decisions as tables, and the laws that hold for every plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;

use super::{
    Action, Cause, ContainerId, ContainerState, Digests, LABELS, Observed, ObservedContainer, Plan, PruneRules,
    Pruning, ROLLBACK, SourceMark, SpecDigest, Work, as_running, diff, is_drift, needs_digest, sealed_digests,
};
use crate::{
    desired::{DesiredState, EnvValue, Held, SourceDigest, Wanted},
    manifest::{Health, Rollback, WantedState},
    model::{
        ConnectorId, ConnectorKind, ContainerSpec, InstanceName, OwnerName, Place, PlatformName, PullPolicy, Revision,
        Slug,
    },
};

fn name(text: &str) -> InstanceName {
    InstanceName::try_from(text).unwrap()
}

fn owner() -> OwnerName {
    OwnerName::try_from("edge-1").unwrap()
}

/// An instance whose spec is told apart by one visible value.
fn wanted(text: &str, value: &str, state: WantedState) -> Arc<Wanted> {
    let platform = PlatformName::try_from("opencti").unwrap();
    let mut wanted = Wanted {
        name: name(text),
        platform: Some(platform.clone()),
        kind: ConnectorKind::ExternalImport,
        contract: Slug::try_from("misp").unwrap(),
        title: text.to_owned(),
        scope: Vec::new(),
        id: ConnectorId::derived(&platform, &name(text)),
        state,
        suspend: false,
        image: "opencti/connector-misp:1".to_owned(),
        pull: PullPolicy::IfNotPresent,
        env: BTreeMap::from([("MISP_URL".to_owned(), EnvValue::Plain(value.to_owned()))]),
        container: ContainerSpec::default(),
        labels: BTreeMap::new(),
        health: Health::default(),
        rollback: Rollback::None,
        depends_on: Vec::new(),
        origins: BTreeMap::new(),
        place: Place::start_of("a.yaml"),
        management: None,
        source_digest: SourceDigest(String::new()),
    };
    wanted.source_digest = wanted.digest_of_source();
    Arc::new(wanted)
}

fn desired(instances: impl IntoIterator<Item = Arc<Wanted>>) -> DesiredState {
    DesiredState {
        revision: Revision::Commit("c".repeat(40)),
        wanted: instances.into_iter().map(|wanted| (wanted.name.clone(), wanted)).collect(),
        held: BTreeMap::new(),
        findings: Vec::new(),
        complete: true,
    }
}

/// The digest that opening would give: here simply derived from the sealed one.
fn digest(wanted: &Wanted) -> SpecDigest {
    SpecDigest(format!("key:{}", wanted.source_digest.0))
}

fn container(wanted: &Wanted, number: usize, state: ContainerState) -> ObservedContainer {
    ObservedContainer {
        id: ContainerId(format!("id-{}-{number}", wanted.name)),
        name: format!("{}-{}", wanted.name, digest(wanted).name_suffix()),
        instance: wanted.name.clone(),
        platform: Some("opencti".to_owned()),
        connector_id: Some(wanted.id.to_string()),
        digest: Some(digest(wanted)),
        source: Some(wanted.source_digest.0.clone()),
        revision: None,
        state,
        created: i64::try_from(number).unwrap(),
        finished: None,
        was_stopped: false,
        image: wanted.image.clone(),
        fields: None,
        sensitive_equal: BTreeMap::new(),
        moved_image: None,
        refreshed: false,
    }
}

fn observed(containers: impl IntoIterator<Item = ObservedContainer>) -> Observed {
    let mut containers: Vec<_> = containers.into_iter().collect();
    containers.sort_by(|a, b| (&a.instance, a.created).cmp(&(&b.instance, b.created)));
    Observed { containers, ..Observed::default() }
}

fn digests(desired: &DesiredState, observed: &Observed) -> Digests {
    let needed = needs_digest(desired, observed, &Digests::default());
    Digests { specs: needed.iter().map(|w| (w.name.clone(), digest(w))).collect(), tokens: BTreeMap::new() }
}

/// Rules under which every removal is due at once.
fn eager() -> PruneRules {
    PruneRules { max_percent: 100, retain: Duration::ZERO, ..PruneRules::default() }
}

fn plan_with(desired: &DesiredState, observed: &Observed, rules: &PruneRules) -> Plan {
    let pruning = Pruning { now: 1_000_000, absent_before: Pruning::absent(desired, observed), ..Pruning::default() };
    diff(&owner(), desired, observed, &digests(desired, observed), rules, &pruning)
}

fn plan(desired: &DesiredState, observed: &Observed) -> Plan {
    plan_with(desired, observed, &PruneRules::default())
}

/// The plan in one line: `a create; b replace`.
fn line(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("{} {}", step.instance, step.action.as_str()));
    steps.collect::<Vec<_>>().join("; ")
}

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

/// Carries out a plan on observed containers, as an engine would.
fn carry_out(plan: &Plan, before: &Observed) -> Observed {
    let mut containers = before.containers.clone();
    for (number, step) in plan.steps.iter().enumerate() {
        let make = |new: &super::NewContainer| {
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
