//! Plan, apply, plan: what is wanted is brought about, and nothing besides.

use super::environment::{TestEnvironment, now};
use crate::engine::support::docker;

#[test]
fn three_instances_come_about_and_a_second_apply_writes_nothing() {
    let env = TestEnvironment::new();
    for short in ["a", "b", "c"] {
        env.declare(short, "");
    }
    env.lockstep(&["plan", "--detailed-exitcode"]).with(2).saying("Plan: 3 to add, 0 to change, 0 to destroy.");
    assert!(env.containers(true).is_empty(), "a plan changes nothing");
    env.lockstep(&["apply"]).with(0).saying("3 added, 0 changed, 0 destroyed");
    let first = env.running();
    assert_eq!(first.len(), 3);
    let nothing = "No changes. Your connectors match the configuration.";
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0).saying(nothing);
    let moment = now();
    env.lockstep(&["apply"]).with(0).saying(nothing);
    assert_eq!(env.events_since(&moment), Vec::<String>::new());
    assert_eq!(env.running(), first);

    env.declare("b", "FEED_COUNT: 11");
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    assert_eq!(plan["summary"], serde_json::json!({"add": 0, "change": 1, "destroy": 0}));
    assert_eq!(plan["steps"][0]["instance"], env.instance("b"));
    let reason = &plan["steps"][0]["reasons"][0];
    assert_eq!((reason["field"].as_str(), reason["before"].as_str()), (Some("env.FEED_COUNT"), Some("10")));
    assert_eq!((reason["after"].as_str(), reason["file"].as_str()), (Some("11"), Some("b.yaml")));
    env.lockstep(&["apply"]).with(0).saying("0 added, 1 changed, 0 destroyed");
    let second = env.containers(true);
    assert_eq!((&second["a"], &second["c"]), (&first["a"], &first["c"]), "the others keep their containers");
    assert_ne!(second["b"], first["b"]);
    assert_eq!(second, env.running(), "the former container is removed");
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
}

#[test]
fn the_environment_is_what_the_design_says() {
    let env = TestEnvironment::with(
        "platforms: {opencti: {kind: opencti, url: 'http://127.0.0.1:9/', token: {file: token}, connectorUrl: \
         'http://opencti:8080'}}\n",
    );
    env.write("token", "the-platform-token\n");
    let sealed = env.sealed("a", "FEED_API_KEY", "a key with = and spaces");
    let config = format!("FEED_TAGS: [tlp:green, phishing]\nFEED_DEEP: true\n{sealed}");
    env.declare_with("a", "id: 5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11\ncontainer: {env: {TZ: UTC}}", &config);
    env.lockstep(&["apply"]).with(0);
    let inspected = docker(&["inspect", "--format", "{{json .Config.Env}}", &env.running()["a"]]);
    let mut variables: Vec<String> = serde_json::from_str(&inspected).unwrap();
    variables.retain(|variable| !variable.starts_with("PATH=") && !variable.starts_with("FROM_IMAGE="));
    variables.sort();
    let wanted = [
        "CONNECTOR_ID=5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11",
        "CONNECTOR_NAME=Test",
        "CONNECTOR_SCOPE=indicator",
        "CONNECTOR_TYPE=EXTERNAL_IMPORT",
        "FEED_API_KEY=a key with = and spaces",
        "FEED_COUNT=10",
        "FEED_DEEP=true",
        "FEED_TAGS=tlp:green,phishing",
        "FEED_URL=https://feeds.example.org/a",
        "OPENCTI_TOKEN=the-platform-token",
        "OPENCTI_URL=http://opencti:8080",
        "TZ=UTC",
    ];
    assert_eq!(variables, wanted, "a masked default is left out, and so is nothing else");
}

#[test]
fn a_manifest_that_is_gone_stops_its_container_and_keeps_it() {
    let env = TestEnvironment::new();
    for short in ["a", "b"] {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    let both = env.running();
    env.forget("b");
    env.lockstep(&["apply"]).with(0).saying("0 added, 0 changed, 1 destroyed");
    assert_eq!(env.running().keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(env.containers(true), both, "it is kept for `retain`");
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    let status = env.lockstep(&["status", "--format", "json"]).with(0).json();
    assert_eq!(status["instances"][1]["phase"], "retained");
    // Coming back within that time, it is started again as it is.
    env.declare("b", "");
    env.lockstep(&["apply"]).with(0);
    assert_eq!(env.running(), both);
}

#[test]
fn without_retention_a_container_is_removed_at_once() {
    let env = TestEnvironment::with("prune: {retain: 0s}\n");
    for short in ["a", "b"] {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    env.forget("b");
    env.lockstep(&["apply"]).with(0).saying("1 destroyed");
    assert_eq!(env.containers(true).keys().collect::<Vec<_>>(), ["a"]);
}
