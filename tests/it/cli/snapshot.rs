//! What a host publishes of its engine is believed elsewhere as long as it is signed by whom we trust, whole and fresh.

use std::{fs, path::Path, process::Command};

use lockstep::{
    plan::wire::{ObservedJson, SignatureJson},
    secrets::Keyring,
};

use super::{
    canary::Scanner,
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::engine::support::docker;

fn read(path: &Path) -> ObservedJson {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn write(env: &TestEnvironment, snapshot: &ObservedJson) {
    env.write("observed.json", &serde_json::to_string(snapshot).unwrap());
}

/// The same snapshot, changed and signed anew with a key file of the environment.
fn signed(env: &TestEnvironment, key: &str, snapshot: &ObservedJson) -> ObservedJson {
    let mut keyring = Keyring::default();
    keyring.add(key, &fs::read(env.path(key)).unwrap()).unwrap();
    let key = keyring.signing_key().unwrap();
    let value = key.sign(&snapshot.signed_text());
    ObservedJson { signature: Some(SignatureJson { key: key.public().to_string(), value }), ..snapshot.clone() }
}

#[test]
fn a_stale_or_forged_snapshot_is_refused_and_a_good_one_needs_neither_engine_nor_key() {
    let env = TestEnvironment::new();
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "s3cret"));
    env.lockstep(&["apply"]).with(0);
    env.lockstep(&["observe", "--output", "observed.json"]).with(0);
    let good = read(&env.path("observed.json"));
    let key = env.lockstep(&["observe", "--public-key"]).with(0).stdout.trim().to_owned();
    assert_eq!(good.signature.as_ref().unwrap().key, key);
    fs::rename(env.path("age.key"), env.path("host.key")).unwrap();
    env.declare("b", "");
    let engine = format!("engine: {{docker: {{host: 'unix:///nonexistent/docker.sock', network: {}}}}}\n", env.name);
    let trusting =
        |max_age: &str| env.settings(&format!("{engine}snapshot: {{trust: ['{key}'], maxAge: {max_age}}}\n"));
    trusting("24h");
    let plan = || env.lockstep(&["plan", "--observed", "observed.json", "--detailed-exitcode"]);
    let fine = plan().with(2).saying("Plan: 1 to add, 0 to change, 0 to destroy.");
    assert!(!fine.stderr.contains("warning"), "{fine:?}");
    let day = 86_400;
    let made = good.made.unwrap();
    let aged = |seconds: i64| signed(&env, "host.key", &ObservedJson { made: Some(made + seconds), ..good.clone() });
    let mut stopped = good.clone();
    stopped.containers[0].state = "dead".to_owned();
    env.lockstep(&["secret", "keygen", "-o", "other.key"]).with(0);
    let cases = [
        ("is not what was signed", stopped.clone()),
        ("is not what was signed", ObservedJson { made: Some(made + 1), ..good.clone() }),
        ("is not signed", ObservedJson { signature: None, ..good.clone() }),
        ("which `snapshot.trust` does not name", signed(&env, "other.key", &stopped)),
        (
            "is of another owner",
            signed(&env, "host.key", &ObservedJson { owner: Some("x".to_owned()), ..good.clone() }),
        ),
        ("24 hours old", aged(-day - 60)),
        ("is from the future", aged(day)),
        ("how old it is", signed(&env, "host.key", &ObservedJson { made: None, ..good.clone() })),
    ];
    for (why, snapshot) in &cases {
        write(&env, snapshot);
        plan().with(9).saying("is refused").saying(why);
    }
    trusting("72h");
    write(&env, &aged(-2 * day));
    plan().with(2);
    // Whoever trusts nobody in particular is warned, and still believes no forgery.
    env.settings(&engine);
    for (why, snapshot) in &cases {
        write(&env, snapshot);
        if why.contains("what was signed") {
            plan().with(9).saying("is refused").saying(why);
        } else {
            plan().saying("warning").saying(why).saying("snapshot.trust");
        }
    }
    for trust in ["AGE", "ed25519:AAAA", "rsa:x"] {
        env.settings(&format!("snapshot: {{trust: ['{trust}']}}\n"));
        env.lockstep(&["plan"]).with(3).saying("snapshot.trust");
    }
}

#[test]
fn a_plan_against_a_snapshot_names_the_fields_that_change_as_one_against_the_engine_does() {
    let env = TestEnvironment::new();
    let sealed = |short: &str, value: &str| env.sealed(short, "FEED_API_KEY", value);
    for short in ["field", "secret", "same", "plain", "state"] {
        env.declare_with(short, "container: {env: {TZ: UTC}}", &sealed(short, "s3cret-of-the-fields"));
    }
    env.lockstep(&["apply"]).with(0);
    docker(&["kill", "--signal", "KILL", &env.running()["state"]]);
    until("the kill", 30, || env.running().len() == 4);
    env.lockstep(&["observe", "--output", "observed.json"]).with(0);
    Scanner::new(&[("key", "s3cret-of-the-fields")])
        .clear("the snapshot", &fs::read_to_string(env.path("observed.json")).unwrap());
    let tz = "container: {env: {TZ: Europe/Vienna}}";
    let kept = |short: &str| {
        let text = fs::read_to_string(env.path(format!("connectors/{short}.yaml"))).unwrap();
        env.write(&format!("connectors/{short}.yaml"), &text.replace("UTC", "Europe/Vienna"));
    };
    kept("field");
    env.declare_with("secret", "container: {env: {TZ: UTC}}", &sealed("secret", "s3cret-other"));
    env.declare_with("plain", tz, "");
    let reasons = |words: &[&str]| {
        let mut all = vec!["plan", "--format", "json", "--only"];
        all.extend(words);
        let ended = env.lockstep(&all);
        let mut reasons = ended.with(0).json()["steps"][0]["reasons"].clone();
        for reason in reasons.as_array_mut().into_iter().flatten() {
            // Against a snapshot nobody knows more of a line that is not committed.
            reason["commit"] = serde_json::Value::Null;
        }
        reasons
    };
    for short in ["field", "secret", "same", "plain", "state"] {
        let name = env.instance(short);
        let engine = reasons(&[&name]);
        assert_eq!(reasons(&[&name, "--observed", "observed.json"]), engine, "{short}");
        assert_eq!(engine.is_null(), short == "same", "{short}: {engine:#}");
    }
    // Without the key, which secret changed is told by its seal.
    fs::rename(env.path("age.key"), env.path("host.key")).unwrap();
    let fields = |short: &str| {
        let reasons = reasons(&[&env.instance(short), "--observed", "observed.json"]);
        let field = |reason: &serde_json::Value| reason["field"].as_str().unwrap_or_default().to_owned();
        reasons.as_array().unwrap().iter().map(field).collect::<Vec<_>>()
    };
    assert_eq!((fields("field"), fields("secret")), (vec!["env.TZ".to_owned()], vec!["env.FEED_API_KEY".to_owned()]));
}

#[test]
fn a_published_snapshot_holds_nothing_that_secrets_went_into() {
    let values = [("key", "k3y-of-the-snapshot-é"), ("token", "t0ken-of-the-snapshot")];
    let env = TestEnvironment::with(
        "platforms: {opencti: {kind: opencti, url: 'http://127.0.0.1:9/', token: {file: token}}}\nsnapshot: {publish: {file: \
         published.json}}\n",
    );
    env.write("token", &format!("{}\n", values[1].1));
    env.declare("a", &env.sealed("a", "FEED_API_KEY", values[0].1));
    env.lockstep(&["apply"]).with(0);
    let label = |name: &str| {
        docker(&["inspect", "-f", &format!("{{{{index .Config.Labels \"{name}\"}}}}"), &env.running()["a"]])
    };
    let (digest, source) = (label("dev.lockstep.digest"), label("dev.lockstep.source"));
    let running = Running::start(&env, &["--resync", "1s"]);
    let file = env.path("published.json");
    until("the snapshot", 30, || file.exists() && !read(&file).containers.is_empty());
    let text = fs::read_to_string(&file).unwrap();
    Scanner::new(&values).clear("the snapshot", &text);
    let (keyed, token) = (digest.split_once(':').unwrap().1, source.split_once('+').unwrap().1);
    assert!(!text.contains(keyed) && !text.contains(token), "{text}");
    assert!(read(&file).signature.is_some());
    // It follows what happens.
    env.declare("b", "");
    until("the second instance", 30, || read(&file).containers.len() == 2);
    running.end();
    env.lockstep(&["plan", "--observed", "published.json", "--detailed-exitcode"]).with(0).saying("No changes.");
}

#[test]
fn run_publishes_to_a_branch_of_the_repository_and_leaves_others_alone() {
    let env = TestEnvironment::new();
    let repository = env.path("repository.git");
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=Test", "-c", "user.email=test@example.org"]);
        let output = command.args(words).current_dir(env.path("")).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    env.declare("a", "");
    git(&["init", "-q", "-b", "main", "."]);
    git(&["init", "-q", "--bare", "-b", "main", "repository.git"]);
    git(&["add", "connectors"]);
    git(&["commit", "-q", "-m", "begin"]);
    let url = repository.to_str().unwrap().to_owned();
    assert!(git(&["push", "-q", &url, "main", "main:taken"]).0);
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    let source = format!("source: {{git: {{url: '{url}', ref: main, path: connectors, interval: 1s}}}}");
    let settings = settings.replace("source: {directory: connectors}", &source);
    let publish =
        |branch: &str| env.write("lockstep.yaml", &format!("{settings}snapshot: {{publish: {{branch: {branch}}}}}\n"));
    publish("main");
    env.lockstep(&["plan"]).with(3).saying("the branch of the manifests");
    publish("lockstep/observed");
    let show = || git(&["--git-dir", &url, "show", "lockstep/observed:observed.json"]);
    let running = Running::start(&env, &["--resync", "1s"]);
    until("the branch", 60, || show().1.contains("\"state\": \"running\""));
    running.end();
    env.write("observed.json", &show().1);
    env.lockstep(&["plan", "--observed", "observed.json", "--detailed-exitcode"]).with(0).saying("No changes.");
    let history = || git(&["--git-dir", &url, "rev-list", "--count", "lockstep/observed"]).1;
    assert_eq!(history().trim(), "1", "the branch never grows");
    // A branch that holds anything else is left as it is.
    let before = git(&["--git-dir", &url, "rev-parse", "taken"]).1;
    publish("taken");
    let running = Running::start(&env, &["--resync", "1s"]);
    until("the refusal", 30, || running.log().contains("holds something else"));
    running.end();
    assert_eq!(git(&["--git-dir", &url, "rev-parse", "taken"]).1, before);
}
