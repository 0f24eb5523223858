//! What a platform is told by the real binary, and what one that fails does to it.

use std::time::{Duration, Instant};

use serde_json::Value;

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

fn instance(env: &TestEnvironment, config: &str) {
    env.declare_with("a", &format!("id: {ID}"), config);
}

fn status(env: &TestEnvironment) -> Value {
    env.lockstep(&["status", "--format", "json"]).with(0).json()["instances"][0].clone()
}

fn heard(env: &TestEnvironment) -> Value {
    status(env)["platformHeard"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_known_before_its_start_and_heard_only_by_itself() {
    let platform = StandIn::start(false).await;
    let env = environment(&platform);
    instance(&env, "CONNECTOR_NAME: A feed");
    env.lockstep(&["apply"]).with(0);
    let known = platform.connectors().await;
    assert_eq!((known[0]["id"].as_str(), known[0]["name"].as_str()), (Some(ID), Some("A feed")));
    assert_eq!(known[0]["status"], "started");
    let registered: jiff::Timestamp = known[0]["last_seen_at"].as_str().unwrap().parse().unwrap();
    let started = docker(&["inspect", "--format", "{{.State.StartedAt}}", &env.running()["a"]]);
    assert!(registered < started.parse::<jiff::Timestamp>().unwrap(), "known before its start");
    assert_eq!(heard(&env), false, "our own registration is no sign of life");
    let pinged = Instant::now();
    while heard(&env) != true {
        assert!(pinged.elapsed() < Duration::from_secs(10));
        platform.ping(ID).await;
    }
    assert_eq!(platform.count("registerConnector", ID).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_tells_status_health_and_scrubbed_output() {
    let platform = StandIn::start(false).await;
    let env = environment(&platform);
    let sealed = env.sealed("a", "FEED_API_KEY", "c0nnectors-key");
    instance(&env, &format!("{sealed}RUN: echo \"says $FEED_API_KEY $OPENCTI_TOKEN\"; exec busybox sleep 1000"));
    let _running = Running::start(&env, &[]);
    let logs = |known: &[Value]| known.first().map_or(String::new(), |known| known["logs"].to_string());
    platform.until("its output", |known| logs(known).contains("says [redacted]")).await;
    platform.until("its health", |known| !known[0]["health"].is_null() && known[0]["status"] == "started").await;
    platform.until("Lockstep's own message among the lines", |known| logs(known).contains("healthy")).await;
    let page = platform.text("/connectors.json").await;
    assert!(!page.contains("c0nnectors-key") && !page.contains(TOKEN), "{page}");
    env.declare_with("a", &format!("id: {ID}\nstate: stopped"), "RUN: exec busybox sleep 1000");
    platform
        .until("it is stopped", |known| known.iter().any(|known| known["id"] == ID && known["status"] == "stopped"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails_is_a_warning_and_the_connectors_run() {
    let platform = StandIn::start(false).await;
    let env = environment(&platform);
    for (count, fault) in ["401", "500", "html", "hang", "429", "cut"].into_iter().enumerate() {
        platform.fault(fault).await;
        instance(&env, &format!("FEED_COUNT: {}", 20 + count));
        let began = Instant::now();
        let ended = env.lockstep(&["apply"]).with(0).saying("warning: platform `opencti` was not told");
        assert!(began.elapsed() < Duration::from_secs(20), "{fault}: {:?}", began.elapsed());
        assert!(!format!("{ended:?}").contains(TOKEN), "{fault}");
        assert_eq!(env.running().len(), 1, "{fault}");
        let status = env.lockstep(&["status", "--format", "json"]).with(0).json();
        assert_eq!(status["instances"][0]["platformHeard"], Value::Null, "{fault}: not known is not false");
    }
    env.lockstep(&["doctor"]).with(7).saying("opencti");
    platform.fault("none").await;
    env.lockstep(&["doctor"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_status_is_sent_when_the_platform_returns() {
    let mut platform = StandIn::start(false).await;
    let env = environment(&platform);
    instance(&env, "");
    platform.shut().await;
    let _running = Running::start(&env, &[]);
    until("the instance", 10, || env.running().len() == 1);
    platform.open().await;
    platform.until("it is told", |known| known.first().is_some_and(|known| known["status"] == "started")).await;
}
