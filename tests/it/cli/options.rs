//! Options that narrow what is done.

use super::environment::TestEnvironment;
use crate::engine::support::docker;

#[test]
fn only_the_named_instances_are_touched() {
    let env = TestEnvironment::new();
    for short in ["a", "b", "c"] {
        env.declare(short, "");
    }
    let (a, c) = (env.instance("a"), env.instance("c"));
    let plan = env.lockstep(&["plan", "--only", &a, "--detailed-exitcode"]).with(2).saying("Plan: 1 to add");
    assert!(!plan.stdout.contains(&c));
    env.lockstep(&["apply", "--only", &a, "--only", &c]).with(0).saying("2 added");
    assert_eq!(env.running().keys().collect::<Vec<_>>(), ["a", "c"]);
    env.lockstep(&["apply", "--only", "nobody"]).with(64).saying("no instance `nobody`");
}

#[test]
fn a_plan_against_a_file_asks_no_engine() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    let observed = env.lockstep(&["observe"]).with(0).stdout;
    env.write("observed.json", &observed);
    env.declare("b", "");
    let expected = env.lockstep(&["plan", "--format", "json"]).with(0).stdout;
    let network = &env.name;
    env.settings(&format!("engine: {{docker: {{host: 'unix:///nonexistent/docker.sock', network: {network}}}}}\n"));
    env.lockstep(&["plan"]).with(6);
    let offline = env.lockstep(&["plan", "--observed", "observed.json", "--detailed-exitcode"]).with(2);
    offline.saying("Plan: 1 to add, 0 to change, 0 to destroy.");
    let offline = env.lockstep(&["plan", "--observed", "observed.json", "--format", "json"]).with(0).json();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(offline["summary"], expected["summary"]);
    env.write("observed.json", "{\"containers\": 3}");
    env.lockstep(&["plan", "--observed", "observed.json"]).with(64).saying("lockstep observe");
}

#[test]
fn an_instance_that_is_to_be_stopped_exists_and_does_not_run() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    let id = env.running()["a"].clone();
    env.declare_with("a", "state: stopped", "");
    env.lockstep(&["apply"]).with(0).saying("1 changed");
    assert!(env.running().is_empty());
    assert_eq!(env.containers(true)["a"], id, "the same container");
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    env.lockstep(&["status"]).with(0).saying("stopped");
    env.declare_with("a", "state: started", "");
    env.lockstep(&["apply"]).with(0);
    assert_eq!(env.running()["a"], id);
    // One that never ran is made all the same.
    env.declare_with("b", "state: stopped", "");
    env.lockstep(&["apply"]).with(0).saying("1 added");
    assert_eq!(docker(&["inspect", "--format", "{{.State.Running}}", &env.containers(true)["b"]]), "false");
}

#[test]
fn a_suspended_instance_is_left_as_it_is() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    env.declare_with("a", "suspend: true", "FEED_COUNT: 12");
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    docker(&["stop", "-t", "0", &before["a"]]);
    env.lockstep(&["apply"]).with(0);
    assert!(env.running().is_empty());
    env.lockstep(&["status"]).with(0).saying("suspended");
}

#[test]
fn status_and_logs_of_one_instance() {
    let env = TestEnvironment::new();
    env.declare("a", "RUN: echo a line of output; exec busybox sleep 1000");
    env.declare("b", "");
    env.lockstep(&["apply"]).with(0);
    let a = env.instance("a");
    super::environment::until("the line", 10, || {
        env.lockstep(&["logs", &a]).with(0).stdout.contains("a line of output\n")
    });
    let status = env.lockstep(&["status", &a, "--format", "json"]).with(0).json();
    let instances = status["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0]["container"], env.running()["a"]);
    env.lockstep(&["status", "nobody"]).with(64).saying("no instance `nobody`");
    env.lockstep(&["logs", "nobody"]).with(64).saying("nobody");
}

#[test]
fn a_plan_names_the_images_that_will_be_pulled_and_how_long_an_instance_does_not_run() {
    let env = TestEnvironment::new();
    env.declare("here", "");
    env.lockstep(&["apply"]).with(0);
    env.declare_with("here", "container: {stopGrace: 7s}", "");
    env.declare_with("a", "version: '2'", "");
    env.declare_with("b", "version: '2'", "");
    env.declare_with("always", "container: {pull: Always}", "");
    let plan = env.lockstep(&["plan"]).with(0).stdout;
    let name = &env.name;
    assert!(
        plan.contains(&format!("\n  lockstep-test/{name}:2 will be pulled, for 2 instances (size not known)\n")),
        "{plan}"
    );
    assert!(
        plan.contains(&format!("\n  lockstep-test/{name}:1 will be pulled, for 1 instance (size not known)\n")),
        "{plan}"
    );
    assert!(
        plan.contains("# (does not run for up to 1 s, its stop grace, and a start of about "),
        "the former grace counts: {plan}"
    );
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    let coloured = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = env.command(words);
        command.envs(variables.iter().copied());
        let ended = super::environment::ended(command.output().unwrap()).with(0);
        assert!(ended.stdout.contains("1 to add") || words.contains(&"json"), "{ended:?}");
        ended.stdout.contains('\u{1b}')
    };
    let force = ("CLICOLOR_FORCE", "1");
    assert!(!coloured(&["plan"], &[]));
    assert!(coloured(&["plan"], &[force]));
    assert!(!coloured(&["plan"], &[force, ("NO_COLOR", "1")]));
    assert!(!coloured(&["plan", "--no-color"], &[force]));
    for format in ["json", "markdown", "github"] {
        assert!(!coloured(&["plan", "--format", format], &[force]), "{format}");
    }
    let on_a_terminal = |variables: &[(&str, &str)]| {
        let mut command = std::process::Command::new("script");
        let plan = format!("{} plan", env!("CARGO_BIN_EXE_lockstep"));
        command.args(["--quiet", "--return", "--command", &plan, "/dev/null"]).current_dir(env.path("")).env_clear();
        command.envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm")]).envs(variables.iter().copied());
        command.stdin(std::process::Stdio::null());
        super::environment::ended(command.output().unwrap()).with(0).saying("1 to add").stdout.contains('\u{1b}')
    };
    assert!(on_a_terminal(&[]));
    assert!(!on_a_terminal(&[("NO_COLOR", "1")]));
    assert!(!on_a_terminal(&[("CLICOLOR", "0")]));
}
