//! Whatever somebody does to a container shows with its field, what was found, what is expected, and since when.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    drift::{Beside, by_hand},
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::engine::support::{docker, docker_quietly, import};

/// Something that somebody does to the container of an instance.
struct Case {
    /// The instance.
    short: &'static str,
    /// What is done to its container, given its id.
    act: fn(&TestEnvironment, &str),
    /// The step that puts it back.
    action: &'static str,
    /// The field, what was found, and what is expected; `NAME` stands for the name of the environment.
    shown: (&'static str, Option<&'static str>, Option<&'static str>),
}

const fn case(
    short: &'static str,
    act: fn(&TestEnvironment, &str),
    action: &'static str,
    shown: (&'static str, Option<&'static str>, Option<&'static str>),
) -> Case {
    Case { short, act, action, shown }
}

fn update(id: &str, words: &[&str]) {
    docker(&[&["update"], words, &[id]].concat());
}

fn network(env: &TestEnvironment) -> String {
    format!("{}-b", env.name)
}

const CASES: [Case; 14] = [
    case(
        "cpus",
        |_, id| update(id, &["--cpus", "0.25"]),
        "update",
        ("container.resources.cpus", Some("0.25"), Some("0.5")),
    ),
    case(
        "memory",
        |_, id| update(id, &["--memory", "96m", "--memory-swap", "96m"]),
        "update",
        ("container.resources.memory", Some("96Mi"), Some("64Mi")),
    ),
    case(
        "pids",
        |_, id| update(id, &["--pids-limit", "77"]),
        "update",
        ("container.resources.pids", Some("77"), Some("50")),
    ),
    case(
        "restart-always",
        |_, id| update(id, &["--restart", "always"]),
        "update",
        ("container.restart", Some("always"), Some("on-failure:5")),
    ),
    case(
        "restart-no",
        |_, id| update(id, &["--restart", "no"]),
        "update",
        ("container.restart", Some("no"), Some("on-failure:5")),
    ),
    case(
        "joined",
        |env, id| drop(docker(&["network", "connect", &network(env), id])),
        "update",
        ("container.networks", Some("NAME,NAME-b"), Some("NAME")),
    ),
    case(
        "left",
        |env, id| drop(docker(&["network", "disconnect", &env.name, id])),
        "update",
        ("container.networks", None, Some("NAME")),
    ),
    case(
        "renamed",
        |env, id| drop(docker(&["rename", id, &format!("{}-by-hand", env.name)])),
        "update",
        ("container.name", Some("NAME-by-hand"), Some("OWN")),
    ),
    case("paused", |_, id| drop(docker(&["pause", id])), "start", ("state", Some("paused"), Some("running"))),
    case("stopped", |_, id| drop(docker(&["kill", id])), "start", ("state", Some("exited (137)"), Some("running"))),
    case("shares", |_, id| update(id, &["--cpu-shares", "512"]), "replace", ("container.cpuShares", Some("512"), None)),
    case(
        "variable",
        |env, id| {
            by_hand(env, id, &env.image(), &[], |variables| {
                variables.retain(|variable| !variable.starts_with("FEED_URL="));
                variables.push("FEED_URL=https://elsewhere.example.org".to_owned());
            });
        },
        "replace",
        ("env.FEED_URL", Some("https://elsewhere.example.org"), Some("https://feeds.example.org/variable")),
    ),
    case(
        "mounted",
        |env, id| by_hand(env, id, &env.image(), &["--volume", "/usr/share:/share:ro"], |_| {}),
        "replace",
        ("container.volumes./share", Some("/usr/share:ro"), None),
    ),
    case(
        "image",
        |env, id| by_hand(env, id, &format!("lockstep-test/{}:other", env.name), &[], |_| {}),
        "replace",
        ("image", Some("MADE"), Some("IMAGE")),
    ),
];

/// The one reason of each step of a plan, by instance.
fn shown(env: &TestEnvironment) -> BTreeMap<String, (String, Value)> {
    let plan = env.lockstep(&["plan", "--refresh", "--format", "json"]).with(0).json();
    let of = |step: &Value| {
        let reasons = step["reasons"].as_array().unwrap();
        assert_eq!(reasons.len(), 1, "{step:#}");
        let short = step["instance"].as_str().unwrap().strip_prefix(&format!("{}-", env.name)).unwrap().to_owned();
        (short, (step["action"].as_str().unwrap().to_owned(), reasons[0].clone()))
    };
    plan["steps"].as_array().unwrap().iter().map(of).collect()
}

fn is_since(reason: &Value, began: jiff::Timestamp) -> bool {
    let since: jiff::Timestamp = reason["since"].as_str().unwrap_or_else(|| panic!("{reason:#}")).parse().unwrap();
    since.as_second() >= began.as_second() && since <= jiff::Timestamp::now()
}

#[test]
fn each_thing_done_by_hand_shows_its_field_and_since_when() {
    let env = TestEnvironment::new();
    let _beside = Beside::new(&env);
    let other = format!("lockstep-test/{}:other", env.name);
    import(&other, &[]);
    for case in &CASES {
        env.declare_with(case.short, "container: {resources: {cpus: 0.5, memory: 64Mi, pids: 50}}", "");
    }
    // By hand they are made without limits.
    for short in ["variable", "mounted", "image"] {
        env.declare(short, "");
    }
    env.declare("untouched", "");
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    let own = docker(&["inspect", "-f", "{{.Name}}", &before["renamed"]]).trim_start_matches('/').to_owned();
    assert_eq!(shown(&env), BTreeMap::new());
    let began = jiff::Timestamp::now();
    for case in &CASES {
        (case.act)(&env, &before[case.short]);
    }
    let id = |image: &str| docker(&["image", "inspect", "-f", "{{.Id}}", image])[..19].to_owned();
    let made = format!("{} ({}, made as {})", env.image(), id(&other), id(&env.image()));
    let named = |text: &str| match text {
        "MADE" => made.clone(),
        "IMAGE" => env.image(),
        "OWN" => own.clone(),
        other => other.replace("NAME", &env.name),
    };
    let found = shown(&env);
    assert_eq!(found.len(), CASES.len(), "{found:#?}");
    for case in &CASES {
        let (action, reason) = &found[case.short];
        let (field, before, after) = case.shown;
        let text = |text: Option<&str>| text.map_or(Value::Null, |text| Value::from(named(text)));
        assert_eq!(
            (action.as_str(), &reason["field"], &reason["before"], &reason["after"], &reason["cause"]),
            (case.action, &field.into(), &text(before), &text(after), &"drift".into()),
            "{}: {reason:#}",
            case.short
        );
        assert!(is_since(reason, began), "{}: {reason:#}", case.short);
    }
    env.lockstep(&["plan", "--refresh"])
        .with(0)
        .saying("Note: 12 instances have changed outside of Lockstep.")
        .saying(", since 2")
        .saying("unchanged fields hidden)");
    env.lockstep(&["apply", "--refresh"]).with(0).saying("14 changed");
    assert_eq!(shown(&env), BTreeMap::new());
    let kept = |case: &&Case| case.action != "replace";
    let after = env.running();
    for case in CASES.iter().filter(kept) {
        assert_eq!(before[case.short], after[case.short], "{} runs on", case.short);
    }
    assert_eq!(docker(&["inspect", "-f", "{{.Name}}", &before["renamed"]]), format!("/{own}"));
    docker_quietly(&["rmi", "-f", &other]);
}

#[test]
fn a_tag_that_names_another_image_shows_and_the_container_is_made_from_that() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.declare_with("stopped", "state: stopped", "");
    env.lockstep(&["apply"]).with(0);
    let id = || docker(&["image", "inspect", "-f", "{{.Id}}", &env.image()])[..19].to_owned();
    let (former, began) = (id(), jiff::Timestamp::now());
    import(&env.image(), &["ENV NEWER=yes"]);
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    // Nothing in the source asks for it, so `run` leaves what runs.
    let before = env.running();
    let running = Running::start(&env, &[]);
    for number in 1..3 {
        running.signal("HUP");
        until("a pass that looks closely", 10, || running.log().matches("a pass was asked for").count() == number);
    }
    running.end();
    assert_eq!(env.running(), before);
    let found = shown(&env);
    let (action, reason) = &found["a"];
    let named = |id: &str| Value::from(format!("{} ({id})", env.image()));
    assert_eq!(
        (action.as_str(), &reason["field"], &reason["before"], &reason["after"]),
        ("replace", &"image".into(), &named(&former), &named(&id())),
        "{reason:#}"
    );
    assert!(is_since(reason, began), "{reason:#}");
    env.lockstep(&["apply", "--refresh"]).with(0);
    assert_eq!(shown(&env), BTreeMap::new());
    assert!(docker(&["inspect", "-f", "{{.Config.Env}}", &env.running()["a"]]).contains("NEWER=yes"));
}

#[test]
fn what_lockstep_itself_forbids_is_no_drift() {
    let env = TestEnvironment::new();
    env.declare_with("stopped", "state: stopped", "");
    env.declare("halted", "");
    env.lockstep(&["apply"]).with(0);
    env.declare_with("halted", "state: stopped", "");
    env.lockstep(&["apply"]).with(0);
    assert_eq!(shown(&env), BTreeMap::new());
    // One that is to be stopped, and was only kept from restarting when it was cut off, is stopped and not made anew.
    env.declare("halted", "");
    env.lockstep(&["apply"]).with(0);
    env.declare_with("halted", "state: stopped", "");
    update(&env.running()["halted"], &["--restart", "no"]);
    let found = shown(&env);
    assert_eq!(found["halted"].0, "stop", "{found:#?}");
    env.lockstep(&["apply", "--refresh"]).with(0);
    assert_eq!(shown(&env), BTreeMap::new());
}
