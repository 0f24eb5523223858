//! A saved plan is carried out exactly as it was shown, or refused with the name of what moved.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use super::{
    canary::Scanner,
    environment::{Ended, TestEnvironment, now},
};
use crate::engine::support::docker;

/// What a plan says in JSON: instance and action of each step.
fn steps(plan: &Value) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    plan["steps"].as_array().unwrap().iter().map(|step| (word(&step["instance"]), word(&step["action"]))).collect()
}

/// One of every kind of step: `a` is created, `b` replaced, `c` started, `d` stopped, `e` destroyed, `f` updated.
fn with_every_step() -> TestEnvironment {
    let env = TestEnvironment::new();
    for short in ["b", "c", "d", "e", "untouched"] {
        env.declare(short, "");
    }
    env.declare_with("f", "container: {resources: {memory: 64Mi}}", "");
    env.lockstep(&["apply"]).with(0);
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "s3cret-of-a"));
    env.declare("b", &env.sealed("b", "FEED_API_KEY", "s3cret-of-b"));
    docker(&["stop", "-t", "0", &env.running()["c"]]);
    env.declare_with("d", "state: stopped", "");
    env.forget("e");
    docker(&["update", "--memory", "96m", "--memory-swap", "96m", &env.running()["f"]]);
    env
}

fn save(env: &TestEnvironment) -> Ended {
    env.lockstep(&["plan", "--refresh", "--out", "plan.json", "--format", "json"])
        .with(0)
        .saying("lockstep apply plan.json")
}

#[test]
fn what_was_shown_is_what_is_carried_out() {
    let env = with_every_step();
    let plan = save(&env).json();
    let expected =
        [("a", "create"), ("b", "replace"), ("c", "start"), ("d", "stop"), ("e", "destroy"), ("f", "update")];
    assert_eq!(steps(&plan), expected.map(|(short, action)| (env.instance(short), action.to_owned())));
    let mode = fs::metadata(env.path("plan.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file: Value = serde_json::from_slice(&fs::read(env.path("plan.json")).unwrap()).unwrap();
    let work =
        |field: &str| file["work"].as_array().unwrap().iter().map(|work| work[field].clone()).collect::<Vec<_>>();
    assert_eq!(work("work"), ["create", "replace", "start", "stop", "stop", "update"]);
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/saved-plan.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    assert!(
        schema.is_valid(&file),
        "{:?}",
        schema.iter_errors(&file).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    // It says again what was said, in every format.
    assert_eq!(env.lockstep(&["show", "plan.json", "--format", "json"]).with(0).json(), plan);
    for format in ["text", "markdown", "github", "gitlab"] {
        let fresh = env.lockstep(&["plan", "--refresh", "--format", format]).with(0).stdout;
        assert_eq!(env.lockstep(&["show", "plan.json", "--format", format]).with(0).stdout, fresh, "{format}");
    }
    let (before, moment) = (env.containers(true), now());
    // What happens elsewhere meanwhile is no part of it.
    docker(&["stop", "-t", "0", &before["untouched"]]);
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 added, 4 changed, 1 destroyed");
    let after = env.containers(true);
    let made: Vec<&str> = work("makes").iter().filter_map(Value::as_str).map(|_| "").collect();
    assert_eq!(made.len(), 2);
    for name in work("makes").iter().filter_map(Value::as_str) {
        docker(&["inspect", "-f", "{{.Id}}", name]);
    }
    assert_eq!(
        (&after["c"], &after["d"], &after["e"], &after["f"]),
        (&before["c"], &before["d"], &before["e"], &before["f"])
    );
    assert!(
        !env.running().contains_key("untouched")
            && !env.running().contains_key("d")
            && !env.running().contains_key("e")
    );
    let events = env.events_since(&moment);
    let count = |action: &str| events.iter().filter(|event| *event == action).count();
    assert_eq!((count("create"), count("destroy")), (2, 1), "{events:?}");
    // It is done, and is not done twice.
    env.lockstep(&["apply", "plan.json"]).with(9).saying("is refused");
    env.lockstep(&["plan", "--refresh", "--detailed-exitcode", "--only", &env.instance("b")]).with(0);
}

#[test]
fn whatever_moved_is_named_and_nothing_is_changed() {
    let env = TestEnvironment::new();
    for short in ["a", "b"] {
        env.declare(short, "");
    }
    env.lockstep(&["apply"]).with(0);
    env.declare("a", "FEED_COUNT: 11");
    env.lockstep(&["plan", "--out", "plan.json"]).with(0);
    let (saved, containers) = (fs::read_to_string(env.path("plan.json")).unwrap(), env.containers(true));
    let refused = |what: &str| {
        let refused = env.lockstep(&["apply", "plan.json"]).with(9).saying("is refused").saying(what);
        assert_eq!(env.containers(true), containers, "{what}");
        refused
    };
    env.declare("b", "FEED_COUNT: 12");
    refused("the revision (it was dir:");
    env.declare("b", "");
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &format!("{settings}# another line\n"));
    refused("the settings (it was ");
    let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
    env.write("connectors/catalog/test.json", &format!("{catalog}\n"));
    let all = refused("the catalog `catalog/test.json` (it was ");
    assert!(all.stderr.contains("the settings") && all.stderr.contains("the revision"), "all of it is named: {all:?}");
    env.write("connectors/catalog/test.json", &catalog);
    env.write("lockstep.yaml", &settings);
    let name = docker(&["inspect", "-f", "{{.Name}}", &containers["a"]]).trim_start_matches('/').to_owned();
    docker(&["pause", &containers["a"]]);
    refused(&format!("the container `{name}` (it was running, it is paused)"));
    docker(&["unpause", &containers["a"]]);
    let version = env!("CARGO_PKG_VERSION");
    env.write("plan.json", &saved.replace(&format!("\"version\": \"{version}\""), "\"version\": \"0.0.1\""));
    refused("the version of Lockstep (it was 0.0.1");
    env.write("plan.json", &saved);
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 changed");
    // A container that is gone, and one that nobody knew.
    env.declare("b", "FEED_COUNT: 12");
    env.lockstep(&["plan", "--out", "plan.json"]).with(0);
    let b = env.running()["b"].clone();
    docker(&["rename", &b, &format!("{}-kept", env.name)]);
    env.lockstep(&["apply", "plan.json"]).with(9).saying("the container `");
    docker(&["rm", "-f", &b]);
    env.lockstep(&["apply", "plan.json"]).with(9).saying("which is gone");
}

#[test]
fn a_file_that_was_changed_cut_off_or_made_with_another_key_is_refused() {
    let env = TestEnvironment::new();
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "s3cret"));
    env.lockstep(&["plan", "--out", "plan.json"]).with(0);
    let saved = fs::read_to_string(env.path("plan.json")).unwrap();
    let refused = |content: &str, why: &str| {
        env.write("plan.json", content);
        env.lockstep(&["apply", "plan.json"]).with(9).saying(why);
        env.lockstep(&["show", "plan.json"]).with(9).saying(why);
    };
    refused(&saved[..saved.len() / 2], "it is damaged");
    refused("", "it is damaged");
    refused(&saved.replacen("\"create\"", "\"destroy\"", 1), "was changed after it was made");
    refused(&saved.replacen("will be created", "will be left alone", 1), "was changed after it was made");
    refused(&saved.replacen("\"form\"", "\"unknown\": 1,\n  \"form\"", 1), "it is damaged");
    let seal = saved.lines().find(|line| line.contains("\"seal\"")).unwrap();
    refused(&saved.replace(&format!(",\n{seal}"), ""), "it has no seal");
    let mut forged: Value = serde_json::from_str(&saved).unwrap();
    forged["seal"] = format!("00000000:{}", "0".repeat(64)).into();
    refused(&forged.to_string(), "sealed with another identity");
    env.write("plan.json", &saved);
    fs::rename(env.path("age.key"), env.path("old.key")).unwrap();
    env.lockstep(&["secret", "keygen", "-o", "age.key"]).with(0);
    env.lockstep(&["apply", "plan.json"]).with(9).saying("sealed with another identity");
    fs::remove_file(env.path("age.key")).unwrap();
    env.lockstep(&["show", "plan.json"]).with(0).saying("nobody can tell whether this file was changed");
    env.lockstep(&["plan", "--out", "other.json"]).with(3).saying("age.key");
    assert!(!env.path("other.json").exists());
    fs::rename(env.path("old.key"), env.path("age.key")).unwrap();
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 added");
    env.lockstep(&["apply", "no-such-file"]).with(64).saying("no-such-file");
    env.lockstep(&["apply", "plan.json", "--only", "a"]).with(64);
    assert_eq!(
        fs::read_dir(env.path(""))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".plan.json") })
            .count(),
        0,
        "nothing lies about"
    );
}

#[test]
fn without_an_identity_the_file_is_guarded_against_damage_only_and_says_so() {
    let env = TestEnvironment::new();
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &settings.replace("secrets: {identities: [age.key]}\n", ""));
    env.declare("a", "");
    env.lockstep(&["plan", "--out", "plan.json"]).with(0).saying("not against forgery");
    let saved = fs::read_to_string(env.path("plan.json")).unwrap();
    env.write("plan.json", &saved.replacen("\"create\"", "\"destroy\"", 1));
    env.lockstep(&["apply", "plan.json"]).with(9).saying("was changed after it was made");
    env.write("plan.json", &saved);
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 added");
}

#[test]
fn options_of_the_plan_are_those_of_its_application_and_no_secret_is_in_the_file() {
    let values = [("key", "k3y-of-the-saved-plan-é"), ("token", "t0ken-of-the-saved-plan")];
    let env = TestEnvironment::with(
        "platforms: {opencti: {kind: opencti, url: 'http://127.0.0.1:9/', token: {file: token}}}\nprune: {retain: 0s}\n",
    );
    env.write("token", &format!("{}\n", values[1].1));
    for short in ["a", "b", "c"] {
        env.declare(short, &env.sealed(short, "FEED_API_KEY", values[0].1));
    }
    let scanner = Scanner::new(&values);
    let clear = || scanner.clear("plan.json", &fs::read_to_string(env.path("plan.json")).unwrap());
    env.lockstep(&["plan", "--only", &env.instance("a"), "--out", "plan.json"]).with(0);
    clear();
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 added");
    assert_eq!(env.running().keys().collect::<Vec<_>>(), ["a"]);
    env.lockstep(&["apply"]).with(0);
    env.declare("a", "FEED_COUNT: 12");
    env.forget("b");
    env.forget("c");
    env.lockstep(&["plan", "--out", "plan.json"]).with(9).saying("prune.maxPercent");
    env.lockstep(&["apply", "plan.json"]).with(9).saying("1 changed");
    assert_eq!(env.running().len(), 3, "what was refused is not carried out");
    env.lockstep(&["plan", "--allow-removals", "2", "--out", "plan.json"]).with(0);
    clear();
    env.lockstep(&["apply", "plan.json"]).with(0).saying("2 destroyed");
    assert_eq!(env.containers(true).keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn another_owner_a_secret_that_was_changed_and_a_container_that_came_are_named() {
    let env = TestEnvironment::with(
        "platforms: {opencti: {kind: opencti, url: 'http://127.0.0.1:9/', token: {file: token}}}\n",
    );
    env.write("token", "the-token-when-it-was-planned\n");
    env.declare("a", "");
    env.declare("b", "");
    env.lockstep(&["plan", "--only", &env.instance("a"), "--out", "plan.json"]).with(0);
    let refused = |what: &str| {
        let refused = env.lockstep(&["apply", "plan.json"]).with(9).saying("is refused").saying(what);
        assert!(env.running().is_empty(), "{what}");
        refused
    };
    env.write("token", "another-token\n");
    let all = refused(&format!("a secret of `{}`", env.instance("a")));
    assert!(!format!("{all:?}").contains("-token"), "{all:?}");
    env.write("token", "the-token-when-it-was-planned\n");
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write(
        "lockstep.yaml",
        &settings.replace(&format!("owner: {}\n", env.name), &format!("owner: {}-x\n", env.name)),
    );
    refused(&format!("the owner (it was {0}, it is {0}-x)", env.name)).saying("the settings (it was ");
    env.write("lockstep.yaml", &settings);
    // Somebody makes a container of that instance meanwhile.
    let name = format!("{}-made-by-hand", env.name);
    let labels = [format!("dev.lockstep.owner={}", env.name), format!("dev.lockstep.instance={}", env.instance("a"))];
    let image = env.image();
    docker(&["create", "--name", &name, "--label", &labels[0], "--label", &labels[1], &image]);
    refused(&format!("the container `{name}`, which is new"));
    docker(&["rm", &name]);
    // What lies elsewhere, and is only pointed to, is the same plan.
    fs::rename(env.path("plan.json"), env.path("elsewhere.json")).unwrap();
    std::os::unix::fs::symlink("elsewhere.json", env.path("plan.json")).unwrap();
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 added");
    assert_eq!(env.running().keys().collect::<Vec<_>>(), ["a"]);
    // Writing a plan over a link replaces the link, and never what it points to.
    env.write("precious", "kept");
    fs::remove_file(env.path("plan.json")).unwrap();
    std::os::unix::fs::symlink("precious", env.path("plan.json")).unwrap();
    env.lockstep(&["plan", "--out", "plan.json"]).with(0);
    assert_eq!(fs::read_to_string(env.path("precious")).unwrap(), "kept");
    assert!(!fs::symlink_metadata(env.path("plan.json")).unwrap().is_symlink());
    // What is no file of ours is refused with a word, however large it is.
    for odd in ["/dev/zero", "/dev/null", "lockstep.yaml"] {
        env.lockstep(&["apply", odd]).with(9).saying("it is damaged, or no saved plan");
    }
    env.lockstep(&["apply", "connectors"]).with(64).saying("can't be read");
}
