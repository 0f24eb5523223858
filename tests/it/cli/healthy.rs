//! What counts as healthy, what comes of a change that does not become so, and who waits for whom, with the real binary.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::{
    engine::support::docker,
    platform::{TOKEN, stand_in::StandIn},
};

const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11";

fn environment(platform: &StandIn) -> TestEnvironment {
    let url = platform.url();
    let env = TestEnvironment::with(&format!(
        "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}}}}}\n"
    ));
    env.write("t", &format!("{TOKEN}\n"));
    env
}

fn instance(env: &TestEnvironment, within: u32, count: u32) {
    let spec = format!("id: {ID}\nhealth: {{settle: 1s, within: {within}s, requirePlatform: true}}");
    env.declare_with("a", &spec, &format!("FEED_COUNT: {count}"));
}

fn status(env: &TestEnvironment, short: &str) -> Value {
    let name = env.instance(short);
    let all = env.lockstep(&["status", "--format", "json"]).with(0).json();
    all["instances"].as_array().unwrap().iter().find(|status| status["name"] == name.as_str()).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_the_platform_never_hears_of_is_rolled_back_until_the_manifest_changes() {
    let platform = StandIn::start(false).await;
    let env = environment(&platform);
    instance(&env, 6, 20);
    env.lockstep(&["apply"]).with(8).saying("the platform has not heard from it within 6 s of its start");
    let first = env.running()["a"].clone();

    instance(&env, 6, 21);
    let failed = env.lockstep(&["apply"]).with(8).saying("platform `opencti` did not hear from it within 6 s");
    failed.saying("it was rolled back, the former one serves again");
    assert_eq!(env.running()["a"], first);
    assert_eq!(env.containers(true).len(), 1, "two containers of one instance");
    let plan = env.lockstep(&["plan", "--format", "json"]).with(9).json();
    assert_eq!((&plan["steps"], &plan["refused"][0]["guard"]), (&json!([]), &json!("rollback")));
    env.lockstep(&["apply"]).with(9).saying("was rolled back");
    assert_eq!(env.running()["a"], first);
    let told = status(&env, "a");
    assert_eq!(told["phase"], "failed", "{told}");

    // Now the connector gives signs of life.
    instance(&env, 60, 22);
    let connector = async {
        let mut turn = tokio::time::interval(Duration::from_millis(200));
        loop {
            turn.tick().await;
            platform.ping(ID).await;
        }
    };
    let change = tokio::task::spawn_blocking(move || {
        env.lockstep(&["apply"]).with(0);
        env
    });
    let env = tokio::select! {
        () = connector => unreachable!("it never ends"),
        env = change => env.unwrap(),
    };
    assert_ne!(env.running()["a"], first);
    let inspected = docker(&["inspect", "--format", "{{.Config.Env}}", &env.running()["a"]]);
    assert!(inspected.contains("FEED_COUNT=22"), "{inspected}");
    assert_eq!(
        docker(&["ps", "-aq", "--filter", &format!("label=dev.lockstep.owner={}", env.name)]).lines().count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_away_fails_no_container() {
    let mut platform = StandIn::start(false).await;
    let env = environment(&platform);
    instance(&env, 4, 20);
    env.lockstep(&["apply"]).with(8);
    let first = env.running()["a"].clone();
    platform.shut().await;
    instance(&env, 4, 21);
    env.lockstep(&["apply"]).with(0).saying("was not told");
    assert_ne!(env.running()["a"], first);
    let told = status(&env, "a");
    assert_eq!((&told["phase"], &told["platformHeard"]), (&json!("starting"), &Value::Null), "{told}");
    assert_eq!(told["message"], "whether the platform has heard from it is not known");
    platform.open().await;
    until("it is told unhealthy since nobody hears from it", 30, || status(&env, "a")["phase"] == "unhealthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_and_the_last_run_are_told() {
    for older in [false, true] {
        let platform = StandIn::start(older).await;
        let env = environment(&platform);
        env.declare_with("a", &format!("id: {ID}"), "");
        env.lockstep(&["apply"]).with(0);
        let told = status(&env, "a");
        assert_eq!(
            (&told["queue"], &told["lastRun"]),
            (&json!({"messages": 3, "bytes": 2048}), &Value::Null),
            "{told}"
        );
        let info = "{run_and_terminate: false, buffering: false, queue_threshold: 500.0, queue_messages_size: 0.0, \
                    last_run_datetime: \"2026-08-20T10:00:00.000Z\"}";
        platform
            .graphql(&format!(
                "mutation {{ pingConnector(id: \"{ID}\", state: \"{{}}\", connectorInfo: {info}) {{ id }} }}"
            ))
            .await;
        assert_eq!(status(&env, "a")["lastRun"], "2026-08-20T10:00:00Z");
        env.lockstep(&["status"]).with(0).saying("3 (2 KiB)");
    }
}

fn started(env: &TestEnvironment, short: &str) -> jiff::Timestamp {
    docker(&["inspect", "--format", "{{.State.StartedAt}}", &env.running()[short]]).parse().unwrap()
}

#[test]
fn an_instance_starts_when_those_it_depends_on_are_healthy() {
    let env = TestEnvironment::new();
    env.declare_with("b", "health: {settle: 2s}", "");
    env.declare_with("a", &format!("dependsOn: [{}]", env.instance("b")), "");
    env.lockstep(&["apply"]).with(0);
    let after = started(&env, "a").duration_since(started(&env, "b")).as_millis();
    assert!(after >= 2_000, "{after}");
    // One that is changed is changed first, and has to become healthy too.
    let (a, b) = (env.running()["a"].clone(), env.running()["b"].clone());
    env.declare_with("b", "health: {settle: 2s}", "FEED_COUNT: 5");
    env.declare_with("a", &format!("dependsOn: [{}]", env.instance("b")), "FEED_COUNT: 5");
    env.lockstep(&["apply"]).with(0);
    assert!(env.running()["a"] != a && env.running()["b"] != b);
    assert!(started(&env, "a").duration_since(started(&env, "b")).as_millis() >= 2_000);
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
}

#[test]
fn an_instance_whose_dependency_fails_is_not_begun_and_the_loop_starts_it_later() {
    let env = TestEnvironment::new();
    env.declare_with("b", "health: {settle: 3s, within: 8s}", "RUN: exit 3");
    env.declare_with("a", &format!("dependsOn: [{}]", env.instance("b")), "");
    let failed = env.lockstep(&["apply"]).with(8);
    failed.saying(&format!("not begun: `{}`, which it depends on, is", env.instance("b")));
    assert!(!env.containers(true).contains_key("a"));
    let running = Running::start(&env, &[]);
    until("it is said", 30, || running.log().contains("ended by itself"));
    assert!(!env.containers(true).contains_key("a"));
    env.declare_with("b", "health: {settle: 3s, within: 8s}", "RUN: exec busybox sleep 1000");
    until("both run", 60, || env.running().len() == 2);
    assert!(started(&env, "a").duration_since(started(&env, "b")).as_millis() >= 2_000);
}
