//! What `plan` and `why` tell of causes: lines, commits and authors, what was done by hand, what is broken.

use std::process::Command;

use super::{
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::engine::support::docker;

/// Commits everything as an author; gives the commit.
fn commit(env: &TestEnvironment, author: &str) -> String {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args(words).current_dir(env.path("connectors")).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", env.path("")).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), author).env(format!("GIT_{role}_EMAIL"), "who@example.org");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "change"]);
    git(&["rev-parse", "HEAD"])
}

#[test]
fn starting_what_was_stopped_is_a_change_of_its_manifest_and_what_a_person_stopped_is_drift() {
    let env = TestEnvironment::new();
    env.declare_with("a", "state: stopped", "");
    env.lockstep(&["apply"]).with(0);
    let state = |state: &str| env.declare_with("a", &format!("state: {state}"), "");
    state("started");
    env.lockstep(&["plan"]).with(0).saying("state = \"created\" -> \"running\" # (manifest, a.yaml:5)");
    env.lockstep(&["apply"]).with(0);
    state("stopped");
    env.lockstep(&["apply"]).with(0).saying("state = \"running\" -> \"stopped\" # (manifest, a.yaml:5)");
    state("started");
    env.lockstep(&["apply"]).with(0).saying("state = \"stopped\" -> \"running\" # (manifest, a.yaml:5)");
    docker(&["kill", "--signal", "KILL", &env.running()["a"]]);
    until("the kill", 30, || env.running().is_empty());
    env.lockstep(&["plan"]).with(0).saying("state = \"exited (137)\" -> \"running\" # (drift, a.yaml:5, since ");
}

fn why(env: &TestEnvironment, short: &str) -> Vec<serde_json::Value> {
    let ended = env.lockstep(&["why", &env.instance(short), "--format", "json"]);
    if ended.code == 64 { Vec::new() } else { ended.with(0).json()["entries"].as_array().unwrap().clone() }
}

#[test]
fn a_line_that_is_gone_is_told_with_the_commit_that_took_it_away() {
    let env = TestEnvironment::new();
    let commit_of = |spec: &str, author: &str| {
        env.declare_with("a", spec, "");
        commit(&env, author)[..12].to_owned()
    };
    commit_of("state: stopped", "Ada");
    env.lockstep(&["apply"]).with(0);
    let gone = commit_of("", "Bob");
    env.lockstep(&["plan"])
        .with(0)
        .saying(&format!("\"created\" -> \"running\" # (manifest, a.yaml:3, {gone} by Bob)"));
    env.lockstep(&["apply"]).with(0);
    commit_of("id: 5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11", "Ada");
    env.lockstep(&["apply"]).with(0);
    let gone = commit_of("", "Cid");
    env.lockstep(&["plan"]).with(0).saying(&format!("(manifest, a.yaml:3, {gone} by Cid)"));
}

#[test]
fn a_change_is_told_with_its_line_its_commit_and_its_author() {
    let env = TestEnvironment::new();
    env.lockstep(&["why", &env.instance("a")]).with(64).saying("nothing is on record").saying("help:");
    env.declare("a", "FEED_COUNT: 11");
    let first = commit(&env, "Ada");
    env.lockstep(&["plan"]).with(0).saying(&format!("a.yaml:3, {} by Ada)", &first[..12]));
    env.lockstep(&["apply"]).with(0);
    env.declare("a", "FEED_COUNT: 12");
    let second = commit(&env, "Bob \u{1b}[2J");
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let reason = plan["steps"][0]["reasons"][0].clone();
    assert_eq!((&reason["commit"], &reason["author"]), (&second.clone().into(), &"Bob \\u{1b}[2J".into()), "{plan:#}");
    assert_eq!(
        (&reason["file"], &reason["line"], &reason["field"]),
        (&"a.yaml".into(), &7.into(), &"env.FEED_COUNT".into())
    );
    env.lockstep(&["apply"]).with(0);
    let entries = why(&env, "a");
    assert_eq!(entries.len(), 2, "{entries:#?}");
    assert_eq!((&entries[0]["action"], &entries[0]["outcome"]), (&"replace".into(), &"done".into()));
    assert_eq!(entries[0]["reasons"], serde_json::json!([reason]));
    assert_eq!((&entries[1]["action"], &entries[1]["reasons"][0]["commit"]), (&"create".into(), &first.into()));
    let text = env.lockstep(&["why", &env.instance("a"), "--limit", "1"]).with(0).stdout;
    assert!(text.contains("\"11\" -> \"12\"") && text.contains("a.yaml:7") && !text.contains("create"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn what_is_gone_or_has_another_name_is_still_told() {
    let env = TestEnvironment::with("prune: {retain: 0s, maxPercent: 100}\n");
    for short in ["gone", "before"] {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    env.forget("gone");
    env.forget("before");
    env.declare("after", "");
    let manifest = std::fs::read_to_string(env.path("connectors/after.yaml")).unwrap();
    env.write("connectors/after.yaml", &manifest.replace("example.org/after", "example.org/before"));
    env.lockstep(&["plan", "--allow-removals", "2"]).with(0).saying("(renamed from ");
    env.lockstep(&["apply", "--allow-removals", "2"]).with(0).saying("1 added, 0 changed, 2 destroyed");
    let actions = |short: &str| {
        why(&env, short).iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(actions("gone"), ["destroy", "create"]);
    assert_eq!(actions("before"), ["destroy", "create"]);
    assert_eq!(actions("after"), ["create"]);
    let (before, after) = (env.instance("before"), env.instance("after"));
    env.lockstep(&["why", &after]).with(0).saying(&format!("renamed from `{before}`"));
    env.lockstep(&["why", &before]).with(0).saying(&format!("renamed to `{after}`"));
    let gone = env.lockstep(&["why", &env.instance("gone")]).with(0);
    assert!(!gone.stdout.contains("renamed"), "{}", gone.stdout);
    env.lockstep(&["why", &env.instance("gnoe")]).with(64).saying(&format!("did you mean `{}`?", env.instance("gone")));
}

#[test]
fn defaults_and_the_catalog_are_named_as_what_they_are() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    let defaults = std::fs::read_to_string(env.path("connectors/defaults.yaml")).unwrap();
    env.write("connectors/defaults.yaml", &format!("{defaults}  config: {{FEED_COUNT: 77}}\n"));
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let reason = &plan["steps"][0]["reasons"][0];
    assert_eq!(
        (&reason["defaults"], &reason["file"], &reason["line"]),
        (&true.into(), &"defaults.yaml".into(), &7.into())
    );
    env.lockstep(&["plan"]).with(0).saying("(defaults, defaults.yaml:7)");
    env.write("connectors/defaults.yaml", &defaults);
    let catalog = std::fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
    let changed = catalog.replace("\"default\": 10", "\"default\": 15");
    assert_ne!(catalog, changed, "the catalog has such a default");
    env.write("connectors/catalog/test.json", &changed);
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let reason = &plan["steps"][0]["reasons"][0];
    assert_eq!((&reason["cause"], &reason["catalog"]), (&"catalog".into(), &"catalog/test.json".into()), "{plan:#}");
    env.lockstep(&["plan"]).with(0).saying("(catalog, catalog/test.json)");
}

#[test]
fn a_container_that_ended_is_told_with_the_time() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    docker(&["stop", "--time", "1", &env.running()["a"]]);
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let reason = &plan["steps"][0]["reasons"][0];
    assert_eq!((&reason["cause"], &reason["field"]), (&"drift".into(), &"state".into()), "{plan:#}");
    let finished = docker(&["inspect", "--format", "{{.State.FinishedAt}}", &env.containers(true)["a"]]);
    assert_eq!(reason["since"].as_str().unwrap()[..19], finished[..19], "{plan:#}");
}

#[test]
fn being_held_is_told_and_being_held_no_more() {
    let env = TestEnvironment::new();
    env.declare("a", "FEED_COUNT: many");
    env.lockstep(&["apply"]).with(3);
    env.lockstep(&["apply"]).with(3);
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    let entries = why(&env, "a");
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["released", "create", "held"]);
    assert_eq!(entries[2]["findings"][0]["code"], "wrong-type");
    assert_eq!(entries[2]["findings"][0]["line"], 7);
}

#[test]
fn run_tells_what_was_done_by_hand_and_what_keeps_dying() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.declare("b", "RUN: exit 3");
    let running = Running::start(&env, &[]);
    until("the creation", 20, || why(&env, "a").iter().any(|entry| entry["action"] == "create"));
    until("the instance", 20, || env.running().contains_key("a"));
    docker(&["rm", "--force", &env.running()["a"]]);
    let by_hand = |entry: &serde_json::Value| entry["reasons"][0]["cause"] == "drift" && entry["action"] == "create";
    until("the word of it", 20, || why(&env, "a").iter().any(by_hand));
    let entry = why(&env, "a").into_iter().find(by_hand).unwrap();
    assert!(entry["reasons"][0]["since"].is_string(), "{entry:#}");
    until("the word of the crash", 30, || why(&env, "b").iter().any(|entry| entry["action"] == "crashed"));
    let crash = why(&env, "b").into_iter().find(|entry| entry["action"] == "crashed").unwrap();
    assert!(crash["message"].as_str().unwrap().contains("exited (3)"), "{crash:#}");
    until("the next start", 40, || why(&env, "b").iter().any(|entry| entry["action"] == "start"));
    running.end();
    let before = why(&env, "a").len();
    let again = Running::start(&env, &[]);
    again.end();
    assert_eq!(why(&env, "a").len(), before, "it outlives a restart, and nothing is told twice");
}

#[test]
fn a_damaged_history_stops_no_pass() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    std::fs::create_dir_all(env.path("state")).unwrap();
    env.write("state/history.sqlite", "this is no database, and never was one at all");
    env.lockstep(&["why", &env.instance("a")]).with(1).saying("history.sqlite").saying("help:");
    env.lockstep(&["apply", "--log", "warn"]).with(0).saying("damaged");
    assert_eq!(env.running().len(), 1);
    assert_eq!(why(&env, "a").len(), 1);
    assert!(env.path("state/history.sqlite.damaged").exists());
    std::fs::remove_file(env.path("state/history.sqlite")).unwrap();
    std::fs::create_dir(env.path("state/history.sqlite")).unwrap();
    env.declare("a", "FEED_COUNT: 12");
    env.lockstep(&["apply", "--log", "warn"]).with(0).saying("history is not kept");
}
