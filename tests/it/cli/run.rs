//! `lockstep run`: what was changed by hand is put right, what was committed is applied.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use super::{
    environment::{TestEnvironment, now, until},
    running::Running,
};
use crate::engine::support::docker;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What is served at a path; nothing where nobody listens yet.
pub(super) fn get(port: u16, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_is_removed_stopped_or_killed_by_hand_is_back_at_once() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    let running = Running::start(&env, &[]);
    until("the instance", 20, || env.running().len() == 1);
    let starts = |id: &str| docker(&["inspect", "--format", "{{.State.StartedAt}}", id]);
    for by_hand in ["rm --force", "stop --time 1", "kill", "restart --time 1", "rm --force"] {
        let id = env.running()["a"].clone();
        let started = starts(&id);
        let words: Vec<_> = by_hand.split(' ').chain([id.as_str()]).collect();
        docker(&words);
        let back = || env.running().get("a").is_some_and(|now| *now != id || starts(now) != started);
        let took = until(by_hand, 10, back);
        println!("docker {by_hand}: back after {} ms", took.as_millis());
    }
    let (code, took) = running.end();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert_eq!(env.running().len(), 1, "what runs goes on running");
}

#[test]
fn a_changed_file_is_applied_and_a_new_one_and_a_lost_one() {
    let env = TestEnvironment::with("prune: {retain: 0s}\n");
    env.declare("a", "");
    let _running = Running::start(&env, &[]);
    until("the instance", 20, || env.running().len() == 1);
    let before = env.running();
    env.declare("b", "");
    let took = until("the new instance", 10, || env.running().len() == 2);
    println!("new file: runs after {} ms", took.as_millis());
    env.declare("b", "FEED_COUNT: 12");
    let old = env.running()["b"].clone();
    until("the replacement", 15, || {
        env.containers(true).values().all(|id| *id != old) && env.running().contains_key("b")
    });
    env.forget("b");
    until("the removal", 15, || env.containers(true).len() == 1);
    assert_eq!(env.running(), before, "the other one was never touched");
}

#[test]
fn all_its_threads_share_one_heap() {
    let env = TestEnvironment::new();
    let running = Running::start(&env, &["--resync", "7m"]);
    let environment = running.says("environ");
    let one_heap = |variable: &String| variable.starts_with("GLIBC_TUNABLES=glibc.malloc.arena_max=1");
    assert!(environment.iter().any(one_heap), "{environment:?}");
    assert!(running.says("cmdline").ends_with(&["run", "--resync", "7m"].map(ToOwned::to_owned)));
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn a_source_that_comes_back_removes_nothing_in_between() {
    let env = TestEnvironment::with("prune: {retain: 0s, allowEmpty: true}\n");
    env.declare("a", "");
    let running = Running::start(&env, &["--resync", "1s"]);
    until("the instance", 20, || env.running().len() == 1);
    let before = env.running();
    std::fs::rename(env.path("connectors"), env.path("elsewhere")).unwrap();
    until("word of it", 15, || running.log().contains("WARN"));
    running.signal("HUP");
    until("the pass that was asked for", 10, || running.log().contains("a pass was asked for"));
    std::fs::rename(env.path("elsewhere"), env.path("connectors")).unwrap();
    env.declare("b", "");
    until("the new instance", 20, || env.running().len() == 2);
    assert_eq!(env.running()["a"], before["a"]);
}

#[test]
fn a_connector_that_keeps_dying_is_started_ever_more_rarely() {
    let env = TestEnvironment::new();
    env.declare("a", "RUN: exit 0");
    let _running = Running::start(&env, &[]);
    let moment = super::environment::now();
    let starts = || env.events_since(&moment).iter().filter(|action| *action == "start").count();
    until("the first restart", 25, || starts() >= 1);
    let status = || env.lockstep(&["status", "--format", "json"]).with(0).json();
    until("the wait", 10, || env.running().is_empty());
    // The first wait is 10 s, the second 20 s: within them, there is one start.
    let until_third = until("the next start", 40, || starts() >= 2);
    assert!(until_third > Duration::from_secs(8), "{until_third:?}");
    assert!(starts() <= 3, "{}", starts());
    assert_ne!(status()["instances"][0]["phase"], "healthy");
}

#[test]
fn a_platform_that_is_away_delays_nothing() {
    let closed = free_port();
    let env = TestEnvironment::with(&format!(
        "platforms: {{opencti: {{kind: opencti, url: 'http://127.0.0.1:{closed}/', token: {{file: token}}}}}}\n"
    ));
    env.write("token", "t0ken-of-the-platform\n");
    env.declare("a", "");
    let running = Running::start(&env, &[]);
    let took = until("the instance", 5, || env.running().len() == 1);
    println!("with the platform away: runs after {} ms", took.as_millis());
    let (code, took) = running.end();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(8), "{took:?}");
    env.declare("b", "");
    let ended = env.lockstep(&["apply"]).with(0).saying("warning:").saying("opencti");
    assert!(!format!("{ended:?}").contains("t0ken"));
}

#[test]
fn a_second_lockstep_of_the_same_owner_is_refused() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    let running = Running::start(&env, &[]);
    env.lockstep(&["run"]).with(9).saying("another Lockstep").saying("help:");
    env.lockstep(&["apply"]).with(9).saying(&env.name);
    env.lockstep(&["plan"]).with(0);
    running.end();
    env.lockstep(&["apply"]).with(0);
}

/// Neither sees the lock of the other: they have other state folders, and write the engine's address otherwise, as two hosts do.
#[test]
fn a_second_lockstep_elsewhere_is_noticed_by_what_it_makes() {
    let port = free_port();
    let env = TestEnvironment::with(&format!("listen: 127.0.0.1:{port}\n"));
    env.declare("a", "");
    let running = Running::start(&env, &[]);
    until("the instance", 20, || env.running().len() == 1);
    let settings = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    let network = format!("docker: {{host: 'unix:///run/docker.sock', network: {}}}", env.name);
    let other = settings
        .replace("directory: connectors", "directory: others")
        .replace("state: state", "state: other")
        .replace(&format!("docker: {{network: {}}}", env.name), &network);
    env.write("other.yaml", &other.replace(&format!("listen: 127.0.0.1:{port}\n"), ""));
    let copied =
        std::process::Command::new("cp").args(["-a", "connectors", "others"]).current_dir(env.path("")).status();
    assert!(copied.unwrap().success());
    let changed = std::fs::read_to_string(env.path("others/a.yaml")).unwrap() + "    FEED_COUNT: 12\n";
    env.write("others/a.yaml", &changed);
    env.lockstep(&["apply", "--settings", "other.yaml"]).with(0);
    let theirs = env.running();
    until("what is said of it", 20, || get(port, "/status").contains("another Lockstep works as"));
    assert!(running.log().contains("another Lockstep works as"), "{}", running.log());
    env.declare("b", "");
    until("the new revision", 20, || running.log().matches("read a new revision").count() > 1);
    until("its status", 20, || get(port, "/status").contains(&env.instance("b")));
    assert_eq!(env.running(), theirs, "nothing is changed, and nothing new is made");
    docker(&["rm", "--force", &theirs["a"]]);
    until("what is wanted", 20, || env.running().len() == 2);
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
}

#[test]
fn health_and_status_are_served() {
    let port = free_port();
    let env = TestEnvironment::with(&format!("listen: 127.0.0.1:{port}\n"));
    env.declare("a", "");
    let _running = Running::start(&env, &[]);
    until("the instance", 20, || env.running().len() == 1);
    let health = get(port, "/healthz");
    assert!(health.starts_with("HTTP/1.0 200") && health.contains("\"healthy\":true"), "{health}");
    let id = env.running()["a"].clone();
    until("its status", 10, || get(port, "/status").contains(&id));
}

#[test]
fn a_renamed_instance_with_the_same_id_begins_when_the_former_one_is_stopped() {
    const ID: &str = "id: 5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b55";
    let env = TestEnvironment::with("platforms: {}\nprune: {retain: 0s}\n");
    env.declare_with("old", ID, "");
    env.lockstep(&["apply"]).with(0);
    let began = now();
    env.forget("old");
    env.declare_with("new", ID, "");
    env.lockstep(&["apply"]).with(0);
    assert_eq!(env.running().keys().collect::<Vec<_>>(), ["new"]);
    let events = env.events_since(&began);
    let at = |word: &str| events.iter().position(|event| event == word).unwrap();
    assert!(at("die") < at("start"), "never two at once: {events:?}");

    let running = Running::start(&env, &[]);
    let began = now();
    env.forget("new");
    env.declare_with("third", ID, "");
    until("the third one alone", 90, || {
        let running = env.running();
        running.len() == 1 && running.contains_key("third")
    });
    let events = env.events_since(&began);
    let at = |word: &str| events.iter().position(|event| event == word).unwrap();
    assert!(at("die") < at("start"), "never two at once: {events:?}");
    running.end();
}
