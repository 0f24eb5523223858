//! Errors are not taken for "not done", and no wait is without end.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use lockstep::{
    engine::{Deadlines, DockerConfig, DockerEngine, Engine as _, EngineError, EngineEvent, Outcome},
    plan::Work,
};

use super::{
    proxy::{Call, Fate, Proxy},
    support::{Lab, apply, docker, restart_policy, state},
};

const SHORT: Deadlines = Deadlines {
    look: Duration::from_secs(2),
    change: Duration::from_secs(2),
    stop_margin: Duration::from_secs(2),
    pull_stall: Duration::from_secs(2),
    sizes: Duration::from_millis(500),
};

/// The adapter behind a proxy, with short deadlines.
async fn through(proxy: &Proxy) -> DockerEngine {
    DockerEngine::connect(DockerConfig { deadlines: SHORT, ..DockerConfig::at(&proxy.host()) }).await.unwrap()
}

fn creates(call: &Call) -> bool {
    call.posts("/containers/create")
}

fn removes(call: &Call) -> bool {
    call.method == "DELETE"
}

/// A judge that lets everything pass but the first request of a kind.
fn first(matches: impl Fn(&Call) -> bool + Send + Sync + 'static, fate: Fate) -> impl Fn(&Call) -> Fate + Send + Sync {
    let spent = std::sync::atomic::AtomicBool::new(false);
    move |call| {
        if matches(call) && !spent.swap(true, std::sync::atomic::Ordering::SeqCst) { fate.clone() } else { Fate::Pass }
    }
}

const BROKEN: Fate = Fate::Lie(500, r#"{"message":"no space left on device"}"#);

#[tokio::test]
async fn what_was_done_in_spite_of_an_error_counts_as_done() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    for (kind, fate) in [
        (creates as fn(&Call) -> bool, BROKEN),
        (creates, Fate::Cut),
        (creates, Fate::Swallow),
        (|call: &Call| call.posts("/start"), BROKEN),
        (|call: &Call| call.posts("/start"), Fate::Cut),
        (|call: &Call| call.posts("/start"), Fate::Swallow),
    ] {
        let proxy = Proxy::new(first(kind, fate.clone()));
        let engine = through(&proxy).await;
        let outcome = apply(&engine, Work::Create(Box::new(new.clone())), &[]).await;
        assert_eq!(outcome.unwrap(), Outcome::Done, "{fate:?}");
        assert_eq!(lab.running(), [new.name.as_str()], "{fate:?}");
        let id = lab.find(&new).await.unwrap();
        lab.apply(Work::Remove { containers: vec![id] }, &[]).await.unwrap();
    }
    for fate in [BROKEN, Fate::Cut, Fate::Swallow] {
        let id = lab.create(&new, &[]).await;
        let proxy = Proxy::new(first(|call| call.posts("/stop"), fate.clone()));
        let stop = Work::Stop { container: id.clone(), grace: None };
        // A stop whose answer never comes is waited for as long as its grace and margin.
        let short = Work::Stop { container: id.clone(), grace: Some(Duration::ZERO) };
        let stop = if matches!(fate, Fate::Swallow) { short } else { stop };
        assert_eq!(apply(&through(&proxy).await, stop, &[]).await.unwrap(), Outcome::Done, "{fate:?}");
        assert_eq!(state(&id.0), "exited");
        let proxy = Proxy::new(first(removes, fate.clone()));
        let remove = Work::Remove { containers: vec![id] };
        assert_eq!(apply(&through(&proxy).await, remove, &[]).await.unwrap(), Outcome::Done, "{fate:?}");
        assert_eq!(lab.observe().await.containers, []);
    }
}

#[tokio::test]
async fn what_was_not_done_is_an_error() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    let refuse = Fate::Answer(500, r#"{"message":"no"}"#);
    for kind in [creates as fn(&Call) -> bool, |call| call.posts("/start")] {
        let proxy = Proxy::new(first(kind, refuse.clone()));
        let refused = apply(&through(&proxy).await, Work::Create(Box::new(new.clone())), &[]).await;
        assert!(matches!(&refused, Err(EngineError::Refused { status: 500, .. })), "{refused:?}");
        assert!(lab.running().is_empty());
    }
}

#[tokio::test]
async fn a_name_that_was_just_freed_is_claimed_again() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    let proxy = Proxy::new(first(creates, Fate::Answer(409, r#"{"message":"Conflict. The name is in use"}"#)));
    let outcome = apply(&through(&proxy).await, Work::Create(Box::new(new.clone())), &[]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(lab.running(), [new.name]);
}

#[tokio::test]
async fn an_old_container_that_vanishes_while_it_is_stopped_is_no_error() {
    let lab = Lab::new().await;
    let old = lab.create(&lab.container(1), &[]).await;
    let new = lab.container(2);
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let proxy = Proxy::new(move |call| {
        if call.posts("/stop") {
            docker(&["rm", "-f", &old.0]);
        }
        Fate::Pass
    });
    assert_eq!(apply(&through(&proxy).await, work, &[]).await.unwrap(), Outcome::Done);
    assert_eq!(lab.running(), [new.name]);
}

#[tokio::test]
async fn an_old_container_that_can_not_be_stopped_serves_on() {
    let lab = Lab::new().await;
    let old = lab.create(&lab.container(1), &[]).await;
    let new = lab.container(2);
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let proxy =
        Proxy::new(|call| if call.posts("/stop") { Fate::Answer(500, r#"{"message":"busy"}"#) } else { Fate::Pass });
    let refused = apply(&through(&proxy).await, work, &[]).await;
    assert!(matches!(&refused, Err(EngineError::Refused { message, .. }) if message == "busy"), "{refused:?}");
    assert_eq!((state(&old.0).as_str(), restart_policy(&old.0).as_str()), ("running", "on-failure"));
    assert_eq!(lab.running().len(), 1);
}

#[tokio::test]
async fn a_wedged_container_is_made_again() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    let wedged = Fate::Answer(500, r#"{"message":"task 0123 already exists: unknown"}"#);
    let proxy = Proxy::new(first(|call| call.posts("/start"), wedged.clone()));
    let outcome = apply(&through(&proxy).await, Work::Create(Box::new(new.clone())), &[]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(proxy.calls().iter().filter(|call| creates(call)).count(), 2);
    assert_eq!(lab.running(), [new.name.as_str()]);

    let id = lab.find(&new).await.unwrap();
    lab.apply(Work::Stop { container: id.clone(), grace: None }, &[]).await.unwrap();
    let proxy = Proxy::new(first(|call| call.posts("/start"), wedged));
    let removed =
        apply(&through(&proxy).await, Work::Start { container: id, unpause: false, restarts: true }, &[]).await;
    assert!(matches!(&removed, Err(EngineError::Wedged { name, .. }) if *name == new.name), "{removed:?}");
    assert_eq!(lab.observe().await.containers, []);
}

#[tokio::test]
async fn a_container_that_somebody_is_removing_counts_as_gone() {
    let lab = Lab::new().await;
    let id = lab.create(&lab.container(1), &[]).await;
    lab.apply(Work::Stop { container: id.clone(), grace: None }, &[]).await.unwrap();
    let going = Fate::Answer(409, r#"{"message":"container is marked for removal and cannot be started"}"#);
    let proxy = Proxy::new(first(|call| call.posts("/start"), going));
    let work = Work::Start { container: id.clone(), unpause: false, restarts: true };
    let gone = apply(&through(&proxy).await, work, &[]).await;
    assert!(matches!(&gone, Err(EngineError::NoSuchContainer(named)) if *named == id.0), "{gone:?}");
}

#[tokio::test]
async fn where_neither_starts_the_error_says_so() {
    let lab = Lab::new().await;
    lab.create(&lab.container(1), &[]).await;
    let work = Work::Replace(Box::new(lab.replacement(&lab.container(2)).await));
    let proxy =
        Proxy::new(|call| if call.posts("/start") { Fate::Answer(500, r#"{"message":"no"}"#) } else { Fate::Pass });
    let refused = apply(&through(&proxy).await, work, &[]).await;
    assert!(matches!(&refused, Err(EngineError::Down { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_engine_that_hangs_meets_the_deadline() {
    let lab = Lab::new().await;
    let proxy = Proxy::new(|call| if call.path == "/_ping" { Fate::Pass } else { Fate::Hang });
    let engine = through(&proxy).await;
    let asked = Instant::now();
    let listed = engine.observe(&lab.owner).await;
    assert!(matches!(&listed, Err(EngineError::Deadline { .. })), "{listed:?}");
    assert!(asked.elapsed() < Duration::from_secs(10));
    let made = apply(&engine, Work::Create(Box::new(lab.container(1))), &[]).await;
    assert!(matches!(&made, Err(EngineError::Deadline { .. })), "{made:?}");
    let hanging = Proxy::new(|_| Fate::Hang);
    let refused = DockerEngine::connect(DockerConfig { deadlines: SHORT, ..DockerConfig::at(&hanging.host()) }).await;
    assert!(matches!(&refused, Err(EngineError::Deadline { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_answer_that_is_cut_or_broken_is_never_an_empty_list() {
    let lab = Lab::new().await;
    lab.create(&lab.container(1), &[]).await;
    for (fate, broken) in [
        (Fate::Cut, false),
        (Fate::Answer(200, "[{\"Id\":"), true),
        (Fate::Answer(200, "<html>"), true),
        (Fate::Answer(200, r#"{"containers":[]}"#), true),
        (Fate::Answer(200, r#"[{"Names":["/x"],"Created":1}]"#), true),
        (Fate::Answer(200, r#"[{"Id":"x","Labels":{},"Created":1,"State":"running"}]"#), true),
        (Fate::Answer(200, r#"[{"Id":"x","Labels":{"dev.lockstep.instance":"a"},"State":"running"}]"#), true),
        (
            Fate::Answer(200, r#"[{"Id":"x","Labels":{"dev.lockstep.instance":"a"},"Created":1,"State":"frozen"}]"#),
            true,
        ),
        (Fate::Answer(500, ""), false),
    ] {
        let proxy = Proxy::new(first(|call| call.path.starts_with("/containers/json"), fate.clone()));
        let listed = through(&proxy).await.observe(&lab.owner).await;
        let error = listed.expect_err("a broken answer is no list");
        assert_eq!(matches!(error, EngineError::Answer { .. }), broken, "{fate:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_stream_of_events_ends_with_an_error() {
    let lab = Lab::new().await;
    let one = r#"{"Type":"container","Action":"oom","Actor":{"ID":"x","Attributes":{"dev.lockstep.instance":"a"}}}
{"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":{"dev.lockstep.instance":"-"}}}
"#;
    let proxy =
        Proxy::new(move |call| if call.path.starts_with("/events") { Fate::Answer(200, one) } else { Fate::Pass });
    let events: Vec<Result<EngineEvent, EngineError>> = through(&proxy).await.events(&lab.owner).collect().await;
    let [Ok(event), Err(EngineError::Answer { .. }), Err(EngineError::Unreachable { .. })] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((event.instance.as_str(), event.action.as_str()), ("a", "oom"));
}

#[tokio::test]
async fn a_ping_says_the_version_that_stands_in_every_path() {
    let lab = Lab::new().await;
    let ping = |head: &'static str| Proxy::new(first(|call| call.path == "/_ping", Fate::Head(head)));
    let old = ping("Api-Version: 1.40\r\n");
    let refused = DockerEngine::connect(DockerConfig::at(&old.host())).await;
    assert!(matches!(&refused, Err(EngineError::Settings(_))), "{refused:?}");
    let oldest = ping("Api-Version: 1.41\r\n");
    through(&oldest).await.observe(&lab.owner).await.unwrap();
    let calls = oldest.calls();
    let [_, list] = calls.as_slice() else { panic!("{calls:?}") };
    assert!(list.raw.starts_with("GET /v1.41/containers/json?"), "{list:?}");
    // One that is newer than we are is spoken to as we know it.
    let newest = ping("Api-Version: 9.99\r\n");
    assert!(through(&newest).await.observe(&lab.owner).await.is_err(), "this engine does not speak it");
    let list = newest.calls()[1].raw.clone();
    assert!(list.starts_with("GET /v1.") && !list.starts_with("GET /v1.41/"), "{list}");
}

#[tokio::test]
async fn where_a_ping_does_not_say_it_the_version_is_asked_for() {
    let lab = Lab::new().await;
    let version = |api: &'static str| {
        Proxy::new(move |call| match call.path.as_str() {
            "/_ping" => Fate::Head("Api-Version: new\r\n"),
            "/version" => Fate::Answer(200, api),
            _ => Fate::Pass,
        })
    };
    let old = version(r#"{"ApiVersion":"1.40"}"#);
    let refused = DockerEngine::connect(DockerConfig::at(&old.host())).await;
    assert!(matches!(&refused, Err(EngineError::Settings(_))), "{refused:?}");
    for bad in [r#"{"ApiVersion":"new"}"#, "{}", "[]"] {
        let proxy = version(bad);
        assert!(DockerEngine::connect(DockerConfig::at(&proxy.host())).await.is_err(), "{bad}");
    }
    let oldest = version(r#"{"ApiVersion":"1.41"}"#);
    through(&oldest).await.observe(&lab.owner).await.unwrap();
    let raw = oldest.calls()[2].raw.clone();
    assert!(raw.starts_with("GET /v1.41/containers/json?"), "{raw}");
}

#[tokio::test]
async fn a_container_takes_two_calls() {
    let lab = Lab::new().await;
    let proxy = Proxy::new(|_| Fate::Pass);
    let engine = through(&proxy).await;
    let before = proxy.calls().len();
    apply(&engine, Work::Create(Box::new(lab.container(1))), &[]).await.unwrap();
    let calls: Vec<_> = proxy.calls()[before..].iter().map(|call| call.path.clone()).collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
}
