//! What keeps an application from doing harm: nothing is touched, and the exit code says why.

use super::environment::TestEnvironment;
use crate::engine::support::{docker, docker_quietly};

fn with_instances(settings: &str, shorts: &[&str]) -> TestEnvironment {
    let env = TestEnvironment::with(settings);
    for short in shorts {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    assert_eq!(env.running().len(), shorts.len());
    env
}

#[test]
fn a_source_that_became_empty_removes_nothing() {
    let env = with_instances("prune: {retain: 0s}\n", &["a", "b"]);
    let before = env.running();
    env.forget("a");
    env.forget("b");
    env.lockstep(&["plan"]).with(9).saying("prune.allowEmpty");
    env.lockstep(&["apply"]).with(9).saying("prune.allowEmpty");
    assert_eq!(env.running(), before);
}

#[test]
fn a_source_that_vanished_is_an_error_and_touches_nothing() {
    let env = with_instances("prune: {retain: 0s, allowEmpty: true}\n", &["a"]);
    let before = env.running();
    std::fs::rename(env.path("connectors"), env.path("elsewhere")).unwrap();
    for command in ["plan", "apply", "status"] {
        env.lockstep(&[command]).with(5).saying("connectors");
    }
    assert_eq!(env.running(), before);
}

#[test]
fn more_removals_than_the_limit_must_be_acknowledged_by_number() {
    let env = with_instances("prune: {retain: 0s, maxPercent: 50}\n", &["a", "b", "c"]);
    let before = env.running();
    env.forget("a");
    env.forget("b");
    env.lockstep(&["apply"]).with(9).saying("prune.maxPercent").saying("--allow-removals 2");
    env.lockstep(&["apply", "--allow-removals", "3"]).with(9);
    assert_eq!(env.running(), before);
    env.lockstep(&["apply", "--allow-removals", "2"]).with(0).saying("2 destroyed");
    assert_eq!(env.containers(true).keys().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn an_image_that_is_not_there_is_found_before_anything_is_touched() {
    let env = with_instances("", &["a"]);
    let before = env.running();
    env.declare_with("a", "version: '2'\ncontainer: {pull: Never}", "");
    env.lockstep(&["apply"]).with(6).saying(&env.instance("a")).saying("image");
    assert_eq!(env.containers(true), before);
}

#[test]
fn a_network_that_is_not_there_is_found_before_anything_is_touched() {
    let env = with_instances("", &["a"]);
    let before = env.running();
    env.declare_with("b", &format!("container: {{networks: [{}-none]}}", env.name), "");
    env.lockstep(&["apply"]).with(6).saying(&env.instance("b")).saying(&format!("no network `{}-none`", env.name));
    assert_eq!(env.containers(true), before);
}

#[test]
fn a_container_of_others_with_a_wanted_name_is_refused_by_name() {
    let env = with_instances("", &["a"]);
    let before = env.running();
    env.declare("b", "");
    let name = env.instance("b");
    let foreign = docker(&["run", "-d", "--name", &name, &env.image()]);
    let ended = env.lockstep(&["apply"]);
    let state = docker(&["inspect", "--format", "{{.State.Running}} {{.Id}}", &name]);
    docker_quietly(&["rm", "-f", &name]);
    ended.with(9).saying(&name).saying("not ours");
    assert_eq!(state, format!("true {foreign}"));
    assert_eq!(env.containers(true), before);
    env.lockstep(&["apply"]).with(0);
    assert_eq!(env.running().len(), 2, "with the name free again, it comes about");
}
