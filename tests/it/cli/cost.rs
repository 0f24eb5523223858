//! What a plan says of its costs: bytes to pull, and for how long an instance does not run.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::environment::TestEnvironment;
use crate::engine::registry::{PASSWORD, Registry};

#[tokio::test]
async fn a_plan_says_how_many_bytes_are_to_be_pulled_without_those_that_are_there() {
    let registry = Registry::new().await;
    let base = registry.push("app:base", "base");
    registry.pull(&base);
    let image = registry.push_over("app:1", &base);
    let host = &registry.host;
    let env = TestEnvironment::new();
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    let registries = format!("registries: [{{host: '{host}', username: user, password: {{file: password}}}}]");
    let settings = settings.replace("engine: {docker: {", &format!("engine: {{docker: {{{registries}, "));
    env.write("lockstep.yaml", &settings.replace("images: [", "images: ['127.0.0.1:*/app', "));
    env.write("password", PASSWORD);
    for short in ["a", "b"] {
        env.declare_with(short, &format!("image: '{image}'"), "");
    }
    env.declare_with("unknown", &format!("image: '{host}/app:absent'"), "");
    env.declare("here", "");
    let (manifest, _) = registry.manifest("app/manifests/1").await;
    let bytes = manifest["layers"][1]["size"].as_u64().unwrap();
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let pulls: Vec<Value> = plan["steps"].as_array().unwrap().iter().map(|step| step["pull"].clone()).collect();
    let pull = |image: &str, bytes: Option<u64>| json!({"image": image, "bytes": bytes});
    let (known, unknown) = (pull(&image, Some(bytes)), pull(&format!("{host}/app:absent"), None));
    assert_eq!(pulls, [known.clone(), known, Value::Null, unknown]);
    assert_eq!(plan["cost"]["images"], 2);
    assert_eq!(plan["cost"]["bytes"], Value::Null, "it is not known of one");
    let text = env.lockstep(&["plan"]).with(0).saying("# (pulls its image, size not known)").stdout;
    assert!(text.contains(&format!("# (pulls {bytes} B)")), "{text}");
    assert!(text.contains(&format!("\n  {image} will be pulled, for 2 instances ({bytes} B)\n")), "{text}");
    assert!(
        text.contains(&format!("\n  {host}/app:absent will be pulled, for 1 instance (size not known)\n")),
        "{text}"
    );
    assert!(!text.contains(PASSWORD));
    env.forget("unknown");
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    assert_eq!(plan["cost"]["bytes"], bytes, "an image that two instances need is pulled once");
    let line = format!("In all: {bytes} B to pull.");
    env.lockstep(&["plan"]).with(0).saying(&line);
    env.lockstep(&["plan", "--format", "markdown"]).with(0).saying(&line).saying(&format!("# (pulls {bytes} B)"));
    env.lockstep(&["apply"]).with(0).saying(&line).saying("3 added");
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
}

fn replaced(env: &TestEnvironment) -> Value {
    let plan = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    assert_eq!(plan["steps"][0]["action"], "replace", "{plan:#}");
    plan["steps"][0]["downtime"].clone()
}

#[test]
fn what_former_changes_took_is_what_the_next_is_said_to_take() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    env.declare("a", "FEED_COUNT: 11");
    let estimate = replaced(&env);
    assert_eq!(estimate["measured"], false, "{estimate:#}");
    let at_least = |value: &Value| value.as_u64().unwrap() >= 1_000;
    assert!(at_least(&estimate["milliseconds"]), "the stop grace of a second, and a start that was measured");
    env.lockstep(&["plan"]).with(0).saying("# (does not run for up to 1 s, its stop grace, and a start of about ");
    env.lockstep(&["apply"]).with(0).saying("1 changed");
    // Whatever this machine took is written down, and is what is said.
    let history = Connection::open(env.path("state/history.sqlite")).unwrap();
    let measured = |part: &str| {
        let mut select = history.prepare("SELECT milliseconds FROM timings WHERE part = ? ORDER BY 1").unwrap();
        let rows = select.query_map([part], |row| row.get(0)).unwrap();
        rows.map(|row: rusqlite::Result<i64>| row.unwrap().unsigned_abs()).collect::<Vec<u64>>()
    };
    assert_eq!(["create", "stop", "start", "healthy"].map(|part| measured(part).len()), [2, 1, 2, 1]);
    assert!(measured("healthy")[0] >= 1_000, "it has to run for a second to be healthy");
    env.declare("a", "FEED_COUNT: 12");
    let expected = json!({
        "milliseconds": measured("stop")[0] + measured("start")[1],
        "measured": true,
        "healthy": measured("healthy")[0],
    });
    assert_eq!(replaced(&env), expected);
    let text = env.lockstep(&["plan"]).with(0).stdout;
    assert!(text.contains("# (does not run for about ") && text.contains(" later, measured)"), "{text}");
    assert!(text.contains("In all: 1 instance does not run for about "), "{text}");
    // The median of many.
    history.execute("DELETE FROM timings", []).unwrap();
    for (part, times) in [("stop", [700, 100, 900]), ("start", [50, 40, 9_000])] {
        for time in times {
            let instance = env.instance("a");
            let insert = "INSERT INTO timings (instance, part, milliseconds) VALUES (?, ?, ?)";
            history.execute(insert, rusqlite::params![instance, part, time]).unwrap();
        }
    }
    assert_eq!(replaced(&env), json!({"milliseconds": 750, "measured": true, "healthy": null}));
    env.lockstep(&["plan"]).with(0).saying("# (does not run for about 0.8 s, measured)");
    // A shorter grace than what was measured counts, and a manifest that stops it costs nothing.
    env.declare_with("a", "container: {stopGrace: 100ms}", "FEED_COUNT: 12");
    env.declare_with("b", "state: stopped", "");
    env.lockstep(&["plan", "--only", &env.instance("b")]).with(0);
    assert_eq!(replaced(&env)["measured"], true, "the container that is there has the former grace");
}

#[test]
fn what_is_planned_without_the_engine_says_what_follows_from_the_manifests_alone() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    env.lockstep(&["observe", "--output", "observed.json"]).with(0);
    env.declare_with("a", "version: '2'", "");
    let plan = env.lockstep(&["plan", "--observed", "observed.json", "--format", "json"]).with(0).json();
    let expected = json!({"milliseconds": 1_000, "measured": false, "healthy": null});
    assert_eq!((&plan["steps"][0]["downtime"], &plan["steps"][0]["pull"]), (&expected, &Value::Null));
}
