//! Wrong use, wrong settings and a missing engine: each has its exit code and says what to do.

use super::environment::TestEnvironment;

#[test]
fn wrong_use_of_the_command_line() {
    let env = TestEnvironment::new();
    for words in [&["plan", "--nonsense"][..], &["nonsense"], &["apply", "--concurrency", "many"], &[]] {
        let ended = env.lockstep(words).with(64);
        assert!(ended.stdout.is_empty(), "{words:?}: only standard error");
    }
    env.lockstep(&["--help"]).with(0).saying("Exit codes:");
    env.lockstep(&["--version"]).with(0).saying("lockstep ");
    env.lockstep(&["plan", "--only", "Not A Name"]).with(64);
    env.lockstep(&["--log", "not=a=filter", "validate"]).with(64);
}

#[test]
fn settings_that_are_missing() {
    let env = TestEnvironment::new();
    for command in ["plan", "apply", "run", "status", "observe", "doctor"] {
        env.lockstep(&[command, "--settings", "nowhere.yaml"]).with(3).saying("nowhere.yaml").saying("lockstep init");
    }
    let unknown = env.command(&["plan"]).env("LOCKSTEP_SETTINGS", "elsewhere.yaml").output().unwrap();
    super::environment::ended(unknown).with(3).saying("elsewhere.yaml");
}

#[test]
fn settings_that_are_wrong() {
    let env = TestEnvironment::new();
    let cases = [
        ("owners: x\n", "unknown-field", "lockstep.yaml:"),
        ("prune: {maxPercent: 200}\n", "out-of-range", "maxPercent"),
        ("listen: everywhere\n", "bad-format", "listen"),
        ("listen: 0.0.0.0:1\n", "listenPublic", "listen"),
        ("prune: {retain: '${RETAIN}'}\n", "RETAIN", "lockstep.yaml:"),
    ];
    for (settings, code, place) in cases {
        env.settings(settings);
        env.lockstep(&["plan"]).with(3).saying(code).saying(place);
    }
    env.write("lockstep.yaml", "\u{0}");
    env.lockstep(&["plan"]).with(3).saying("lockstep.yaml");
}

#[test]
fn an_engine_that_is_not_there() {
    let env = TestEnvironment::new();
    env.settings("engine: {docker: {host: 'unix:///nonexistent/docker.sock'}}\n");
    env.declare("a", "");
    for command in ["plan", "apply", "status", "observe"] {
        env.lockstep(&[command]).with(6).saying("/nonexistent/docker.sock").saying("help:");
    }
    env.lockstep(&["validate"]).with(0).saying("1 instance is valid");
    env.lockstep(&["doctor"]).with(6).saying("engine");
}

#[test]
fn an_identity_that_is_not_there_or_is_none() {
    let env = TestEnvironment::new();
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "x"));
    env.write("age.key", "AGE-SECRET-KEY-1NOTAKEY\n");
    let ended = env.lockstep(&["apply"]).with(4).saying("age.key");
    assert!(!format!("{ended:?}").contains("NOTAKEY"));
    std::fs::remove_file(env.path("age.key")).unwrap();
    env.lockstep(&["apply"]).with(3).saying("age.key");
    assert!(env.containers(true).is_empty());
}

#[test]
fn a_catalog_that_is_none() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    for content in ["not JSON", "{}", "[1]"] {
        env.write("connectors/catalog/test.json", content);
        env.lockstep(&["plan"]).with(3).saying("catalog/test.json");
    }
    std::fs::remove_file(env.path("connectors/catalog/test.json")).unwrap();
    env.lockstep(&["plan"]).with(3).saying("catalog/test.json");
}
