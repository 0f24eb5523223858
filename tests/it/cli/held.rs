//! What is broken is held, and nothing else is.

use super::environment::{TestEnvironment, now};

#[test]
fn a_secret_for_someone_else_holds_its_instance_and_no_other() {
    let env = TestEnvironment::new();
    let sealed = env.sealed("a", "FEED_API_KEY", "right");
    env.declare("a", &sealed);
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    let other = env.path("other.key");
    let recipient = env.lockstep(&["secret", "keygen", "-o", other.to_str().unwrap()]).with(0).stdout;
    env.declare("a", &env.sealed_for(recipient.trim(), "a", "FEED_API_KEY", "not-for-us"));
    env.declare("b", "");
    env.lockstep(&["plan"]).with(4).saying("bad-secret").saying("a.yaml:");
    let ended = env.lockstep(&["apply"]).with(4).saying("1 added");
    assert!(!format!("{ended:?}").contains("not-for-us"));
    let after = env.running();
    assert_eq!(after["a"], before["a"], "it runs on as it was");
    assert_eq!(after.len(), 2);
    let status = env.lockstep(&["status", "--format", "json"]).with(0).json();
    // Without opening anything the status can't know of the secret; what runs is told as it is.
    assert_eq!(status["instances"][0]["name"], env.instance("a"));
}

#[test]
fn a_value_sealed_for_another_instance_or_key_is_not_opened() {
    let env = TestEnvironment::new();
    env.declare("a", &env.sealed("b", "FEED_API_KEY", "moved"));
    env.declare("b", &env.sealed("b", "FEED_API_KEY", "moved").replace("FEED_API_KEY", "FEED_PASSWORD"));
    env.declare("c", &env.sealed("c", "FEED_API_KEY", "right"));
    env.lockstep(&["apply"]).with(4).saying("1 added");
    assert_eq!(env.containers(true).keys().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn a_broken_manifest_holds_only_itself() {
    let env = TestEnvironment::new();
    for short in ["a", "b"] {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    env.declare("a", "FEED_COUNT: many");
    env.declare("b", "FEED_COUNT: 11");
    env.lockstep(&["apply"]).with(3).saying("wrong-type").saying("a.yaml:7:").saying("1 changed");
    let after = env.running();
    assert_eq!(after["a"], before["a"]);
    assert_ne!(after["b"], before["b"]);
    let status = env.lockstep(&["status"]).with(0);
    status.saying("held");
}

#[test]
fn what_defaults_hold_and_what_is_suspended_is_told() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    env.declare_with("a", "suspend: true", "FEED_COUNT: 11");
    let name = env.instance("a");
    let plan = env.lockstep(&["plan"]).with(0).saying("No changes.");
    plan.saying(&format!("suspended, so nothing is done about {name}\n"));
    env.declare("a", "FEED_COUNT: 11");
    env.write("connectors/defaults.yaml", "apiVersion: lockstep/v1\nkind: Defaults\nspec:\n  state: running\n");
    env.lockstep(&["plan"]).with(3).saying(&format!("{name} is held and left as it is (1 finding above)"));
    let plan = env.lockstep(&["plan", "--format", "json"]).with(3).json();
    let finding = &plan["held"][0]["findings"][0];
    assert_eq!((&finding["file"], &finding["line"]), (&"defaults.yaml".into(), &4.into()), "{plan:#}");
    env.lockstep(&["plan", "--format", "markdown"]).with(3).saying("connectors/defaults.yaml:4");
}

#[test]
fn a_file_that_can_not_be_read_as_yaml_removes_nothing() {
    let env = TestEnvironment::with("prune: {retain: 0s}\n");
    for short in ["a", "b"] {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    env.write("connectors/b.yaml", "apiVersion: lockstep/v1\nkind: [\n");
    env.lockstep(&["apply"]).with(3).saying("bad-yaml").saying("b.yaml:");
    assert_eq!(env.running(), before);
}

#[test]
fn a_secret_in_clear_is_refused_and_not_repeated() {
    let env = TestEnvironment::new();
    env.declare("a", "FEED_API_KEY: hunter2-in-clear");
    for command in ["validate", "plan", "apply"] {
        let ended = env.lockstep(&[command]).with(3).saying("plaintext-secret").saying("a.yaml:7:");
        assert!(!format!("{ended:?}").contains("hunter2"));
    }
    assert!(env.containers(true).is_empty());
}

#[test]
fn the_same_secret_sealed_anew_restarts_nothing() {
    let env = TestEnvironment::new();
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "same"));
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "same"));
    let moment = now();
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    assert_eq!(env.events_since(&moment), Vec::<String>::new());
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "another"));
    let plan = env.lockstep(&["plan", "--detailed-exitcode"]).with(2).saying("(sensitive value)");
    assert!(!plan.stdout.contains("another"));
    env.lockstep(&["apply"]).with(0);
    assert_ne!(env.running()["a"], before["a"]);
}

#[test]
fn what_was_a_secret_is_not_shown_where_it_is_written_in_clear_later() {
    let env = TestEnvironment::new();
    env.declare("a", &env.sealed("a", "CONNECTOR_NAME", "once-a-secret"));
    env.lockstep(&["apply"]).with(0);
    env.declare("a", "CONNECTOR_NAME: in clear now");
    for format in ["text", "json", "markdown", "github"] {
        let ended = env.lockstep(&["plan", "--format", format]).with(0);
        assert!(!format!("{ended:?}").contains("once-a-secret"), "{format}: {ended:?}");
    }
    env.lockstep(&["plan"]).with(0).saying("env.CONNECTOR_NAME").saying("(sensitive value)");
}
