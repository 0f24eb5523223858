//! The phase of an instance as a table of what is known of it.

use std::{collections::BTreeMap, sync::Arc};

use super::{AtPlatform, Backlog, Facts, InstanceStatus, Live, Note, Phase, of, wire::StatusJson};
use crate::{
    desired::{DesiredState, Held, Origin, SourceDigest, Wanted},
    manifest::{Health, Rollback, WantedState},
    model::{
        Code, ConnectorId, ConnectorKind, ContainerSpec, Finding, InstanceName, Place, PlatformName, PullPolicy,
        Revision, Slug,
    },
    plan::{ContainerId, ContainerState, Observed, ObservedContainer, Plan, ROLLBACK, Refusal},
};

const NOW: i64 = 1_000_000;

fn name() -> InstanceName {
    InstanceName::try_from("a").unwrap()
}

fn wanted(change: impl FnOnce(&mut Wanted)) -> Wanted {
    let platform = PlatformName::try_from("opencti").unwrap();
    let mut wanted = Wanted {
        name: name(),
        id: ConnectorId::derived(&platform, &name()),
        platform: Some(platform),
        kind: ConnectorKind::Stream,
        contract: Slug::try_from("x").unwrap(),
        title: "A".to_owned(),
        scope: Vec::new(),
        state: WantedState::Started,
        suspend: false,
        image: "opencti/x:1".to_owned(),
        pull: PullPolicy::IfNotPresent,
        env: BTreeMap::new(),
        container: ContainerSpec::default(),
        labels: BTreeMap::new(),
        health: Health::default(),
        rollback: Rollback::None,
        depends_on: Vec::new(),
        origins: BTreeMap::new(),
        place: Place::start_of("a.yaml"),
        management: None,
        source_digest: SourceDigest("d".to_owned()),
    };
    change(&mut wanted);
    wanted
}

/// A container in a state, started this many seconds ago.
fn seen(state: ContainerState, age: i64) -> (Observed, Live) {
    let running = matches!(state, ContainerState::Running | ContainerState::Restarting);
    let container = ObservedContainer {
        id: ContainerId("c".to_owned()),
        name: "a-1".to_owned(),
        instance: name(),
        platform: None,
        connector_id: None,
        digest: None,
        source: None,
        revision: Some("r".to_owned()),
        state,
        created: 1,
        finished: None,
        was_stopped: false,
        image: "opencti/x:1".to_owned(),
        fields: None,
        sensitive_equal: BTreeMap::new(),
        moved_image: None,
        refreshed: false,
    };
    (
        Observed { containers: vec![container], ..Observed::default() },
        Live { running, started: Some(NOW - age), ..Live::default() },
    )
}

fn status(
    wanted: Option<Wanted>,
    seen: Option<(Observed, Live)>,
    change: impl FnOnce(&mut Facts, &mut DesiredState),
) -> InstanceStatus {
    let mut desired = DesiredState {
        revision: Revision::Commit("c".repeat(40)),
        wanted: wanted.into_iter().map(|wanted| (wanted.name.clone(), Arc::new(wanted))).collect(),
        held: BTreeMap::new(),
        findings: Vec::new(),
        complete: true,
    };
    let (observed, live) = seen.map_or_else(Default::default, |(observed, live)| (observed, Some(live)));
    let mut facts = Facts { now: NOW, ..Facts::default() };
    facts.live.extend(live.map(|live| (ContainerId("c".to_owned()), live)));
    change(&mut facts, &mut desired);
    of(&desired, &observed, None, &facts).instances.remove(0)
}

#[test]
fn the_phase_follows_what_is_wanted_and_seen() {
    use ContainerState as S;
    let settle = 10;
    for (state, seen_state, age, expected) in [
        (WantedState::Started, None, 0, Phase::Pending),
        (WantedState::Started, Some(S::Running), settle - 1, Phase::Starting),
        (WantedState::Started, Some(S::Running), settle, Phase::Healthy),
        (WantedState::Started, Some(S::Restarting), 60, Phase::Starting),
        (WantedState::Started, Some(S::Exited(1)), 60, Phase::Pending),
        (WantedState::Stopped, Some(S::Exited(0)), 60, Phase::Stopped),
        (WantedState::Stopped, Some(S::Running), 60, Phase::Pending),
    ] {
        let given = seen_state.clone().map(|seen_state| seen(seen_state, age));
        let status = status(Some(wanted(|wanted| wanted.state = state)), given, |_, _| {});
        assert_eq!(status.phase, expected, "{state:?} {seen_state:?} {age}");
    }
}

#[test]
fn a_stop_that_the_platform_asked_for_is_told_from_one_of_the_manifest() {
    for (origin, message) in [(None, ""), (Some(Origin::Platform), "its platform wants it stopped")] {
        let stopped = wanted(|wanted| {
            wanted.state = WantedState::Stopped;
            wanted.origins.extend(origin.map(|origin| ("state".to_owned(), origin)));
        });
        let status = status(Some(stopped), Some(seen(ContainerState::Exited(0), 60)), |_, _| {});
        assert_eq!((status.phase, status.message.as_str()), (Phase::Stopped, message));
    }
}

#[test]
fn what_has_ended_is_not_healthy_even_where_the_list_lags_behind() {
    let (observed, live) = seen(ContainerState::Running, 60);
    let status = status(Some(wanted(|_| {})), Some((observed, Live { running: false, ..live })), |_, _| {});
    assert_eq!((status.phase, status.running, status.started), (Phase::Pending, false, None));
    assert_eq!(status.message, "has just ended");
}

#[test]
fn a_health_check_and_the_platform_have_their_say() {
    for (check, expected) in [
        ("healthy", Phase::Healthy),
        ("starting", Phase::Starting),
        ("unhealthy", Phase::Unhealthy),
        ("odd", Phase::Unhealthy),
    ] {
        let (observed, live) = seen(ContainerState::Running, 60);
        let live = Live { health: Some(check.to_owned()), ..live };
        assert_eq!(status(Some(wanted(|_| {})), Some((observed, live)), |_, _| {}).phase, expected, "{check}");
    }
    for (heard, expected) in [(None, Phase::Starting), (Some(false), Phase::Starting), (Some(true), Phase::Healthy)] {
        let needs = wanted(|wanted| wanted.health.require_platform = true);
        let status = status(Some(needs), Some(seen(ContainerState::Running, 60)), |facts, _| {
            facts.heard.extend(heard.map(|heard| (name(), heard)));
        });
        assert_eq!((status.phase, status.platform_heard), (expected, heard));
    }
}

#[test]
fn a_platform_that_does_not_hear_in_time_makes_unhealthy_and_one_that_is_away_does_not() {
    for (age, heard, expected) in [
        (119, Some(false), Phase::Starting),
        (120, Some(false), Phase::Unhealthy),
        (100_000, None, Phase::Starting),
        (100_000, Some(true), Phase::Healthy),
    ] {
        let needs = wanted(|wanted| wanted.health.require_platform = true);
        let status = status(Some(needs), Some(seen(ContainerState::Running, age)), |facts, _| {
            facts.heard.extend(heard.map(|heard| (name(), heard)));
        });
        assert_eq!(status.phase, expected, "{age} {heard:?}");
    }
}

#[test]
fn what_was_rolled_back_has_failed_though_the_former_one_runs() {
    let (observed, live) = seen(ContainerState::Running, 60);
    let desired = DesiredState {
        revision: Revision::Commit("c".repeat(40)),
        wanted: [wanted(|_| {})].map(|wanted| (wanted.name.clone(), Arc::new(wanted))).into(),
        held: BTreeMap::new(),
        findings: Vec::new(),
        complete: true,
    };
    let refusal = |guard| Refusal {
        instances: vec![name()],
        guard,
        message: "it was rolled back".to_owned(),
        help: String::new(),
    };
    let facts = Facts { now: NOW, live: [(ContainerId("c".to_owned()), live)].into(), ..Facts::default() };
    let phase = |guard| {
        let plan = Plan { refused: vec![refusal(guard)], ..Plan::empty(desired.revision.clone()) };
        let status = of(&desired, &observed, Some(&plan), &facts).instances.remove(0);
        (status.phase, status.running)
    };
    assert_eq!(phase(ROLLBACK), (Phase::Failed, true));
    assert_eq!(phase("prune.maxPercent"), (Phase::Healthy, true));
}

#[test]
fn the_work_that_waits_is_told() {
    let work = AtPlatform { backlog: Some(Backlog { messages: 12, bytes: 4_096 }), last_run: Some(60) };
    let status = status(Some(wanted(|_| {})), Some(seen(ContainerState::Running, 60)), |facts, _| {
        facts.at_platform.insert(name(), work);
    });
    let report = super::StatusReport { instances: vec![status], ..Default::default() };
    let told = &StatusJson::from(&report).instances[0];
    assert_eq!(told.queue.as_ref().map(|queue| (queue.messages, queue.bytes)), Some((12, 4_096)));
    assert_eq!(told.last_run.as_deref(), Some("1970-01-01T00:01:00Z"));
}

#[test]
fn what_is_held_says_why_and_where() {
    let status = status(None, Some(seen(ContainerState::Running, 60)), |_, desired| {
        let finding = Finding::error(Code::UnknownKey, Place::start_of("a.yaml"), "no key `X`");
        desired.held.insert(name(), Held { instance: name(), findings: vec![finding] });
    });
    assert_eq!((status.phase, status.desired), (Phase::Held, "unknown"));
    assert_eq!(status.message, "a.yaml:1:1: no key `X` (unknown-key)");
    assert!(status.running, "what ran before runs on");
}

#[test]
fn notes_of_the_loop_come_before_what_is_seen() {
    let crash = Note::CrashLoop { starts: 3, message: "keeps ending".to_owned() };
    for (note, expected, restarts) in [
        (Note::Changing("replace".to_owned()), Phase::Changing, 0),
        (Note::Failed("no image".to_owned()), Phase::Failed, 0),
        (crash, Phase::CrashLoop, 3),
    ] {
        let status = status(Some(wanted(|_| {})), Some(seen(ContainerState::Running, 60)), |facts, _| {
            facts.notes.insert(name(), note);
        });
        assert_eq!((status.phase, status.restarts), (expected, restarts));
    }
}

#[test]
fn what_is_suspended_or_gone_is_told_too() {
    let running = || Some(seen(ContainerState::Running, 60));
    let suspended = wanted(|wanted| wanted.suspend = true);
    assert_eq!(status(Some(suspended), running(), |_, _| {}).phase, Phase::Suspended);
    let gone = status(None, running(), |_, _| {});
    assert_eq!((gone.phase, gone.desired), (Phase::Retained, "absent"));
}

#[test]
fn times_are_told_as_rfc_3339() {
    let report = super::StatusReport {
        instances: vec![status(Some(wanted(|_| {})), Some(seen(ContainerState::Running, 60)), |_, _| {})],
        ..Default::default()
    };
    assert_eq!(StatusJson::from(&report).instances[0].since.as_deref(), Some("1970-01-12T13:45:50Z"));
}
