//! A collector, an injector and an executor of OpenAEV, by the real binary.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use serde_json::Value;
use tokio::time::{self, Instant};

use super::{
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::{
    engine::support::docker,
    openaev_server::Options,
    platform::{
        TOKEN,
        openaev::stand_in::{StandIn, options},
    },
};

pub(super) const CATALOG: &str = include_str!("openaev.json");
const TENANT: &str = "2cffad3a-0001-4078-b0e2-ef74274022c3";
/// Short name, kind, contract and id of each instance.
const ALL: [(&str, &str, &str, &str); 3] = [
    ("c", "collector", "a_collector", "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b01"),
    ("e", "executor", "an_executor", "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b02"),
    ("i", "injector", "an_injector", "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b03"),
];

async fn platform() -> StandIn {
    StandIn::start_with(Options { tenant: Some(TENANT.to_owned()), ..options() }).await
}

/// An environment that serves this platform, with our own catalog and an instance of each kind.
fn environment(platform: &StandIn) -> TestEnvironment {
    let url = platform.url();
    let env = TestEnvironment::with(&format!(
        "platforms: {{aev: {{kind: openaev, url: '{url}', token: {{file: t}}, tenant: {TENANT}}}}}\n"
    ));
    env.write("t", &format!("{TOKEN}\n"));
    let image = env.image();
    env.write("connectors/catalog/test.json", &CATALOG.replace("IMAGE", image.strip_suffix(":1").unwrap()));
    for (short, _, contract, id) in ALL {
        env.declare_with(short, &format!("contract: {contract}\nid: {id}"), "");
    }
    env
}

/// What `platformHeard` says of each instance, in the order of their names.
fn heard(env: &TestEnvironment) -> Vec<Value> {
    let status = env.lockstep(&["status", "--format", "json"]).with(0).json();
    status["instances"].as_array().unwrap().iter().map(|instance| instance["platformHeard"].clone()).collect()
}

/// Has every connector show up until Lockstep says that each was heard.
async fn until_heard(env: &TestEnvironment, platform: &StandIn) {
    let began = Instant::now();
    while heard(env) != [true, true, true] {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", heard(env));
        for (_, kind, _, id) in ALL {
            platform.come(kind, id).await;
        }
        time::sleep(Duration::from_millis(100)).await;
    }
}

fn variables(container: &str) -> BTreeSet<String> {
    let listed = docker(&["inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", container]);
    listed.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_gets_its_variables_and_is_heard_only_by_itself() {
    let platform = platform().await;
    let env = environment(&platform);
    env.lockstep(&["validate"]).with(0);
    env.lockstep(&["apply"]).with(0).saying("3 added");
    let running = env.running();
    assert_eq!(running.len(), 3);
    for (short, kind, _, id) in ALL {
        let variables = variables(&running[short]);
        let prefix = kind.to_ascii_uppercase();
        let name = env.instance(short);
        let name = if kind == "executor" { "An executor" } else { &name };
        for wanted in [
            format!("{prefix}_ID={id}"),
            format!("{prefix}_NAME={name}"),
            format!("OPENAEV_URL={}", platform.url()),
            format!("OPENAEV_TOKEN={TOKEN}"),
            format!("OPENAEV_TENANT_ID={TENANT}"),
        ] {
            assert!(variables.contains(&wanted), "`{wanted}` is not among {variables:#?}");
        }
        let foreign = |line: &&String| line.starts_with("OPENCTI_") || line.starts_with("CONNECTOR_");
        assert_eq!(variables.iter().find(foreign), None);
    }
    assert_eq!(heard(&env), [false, false, false], "nothing of ours is a sign of life");
    until_heard(&env, &platform).await;
    let text = env.lockstep(&["status"]).with(0);
    assert_eq!(text.stdout.matches("aev heard").count(), 3, "{}", text.stdout);
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0).saying("No changes.");
    let asked = platform.asked().await;
    assert!(asked.iter().all(|line| line.starts_with("GET /api/")), "{asked:#?}");
    assert!(asked.contains(&format!("GET /api/tenants/{TENANT}/collectors")), "{asked:#?}");

    let doctor = env.lockstep(&["doctor"]).with(0).saying("version 3.260901.0, as `lockstep@example.org`");
    doctor.saying("lists 3 collectors, injectors and executors").saying("it hears from the connectors themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_inside_the_platform_is_refused_with_the_reason() {
    let platform = platform().await;
    let env = environment(&platform);
    env.declare_with("x", "contract: an_inner_executor", "");
    let said = "contract `an_inner_executor` runs inside the platform, not as a container";
    env.lockstep(&["validate"]).with(3).saying("not-deployable").saying(said);
    env.lockstep(&["apply"]).with(3).saying("3 added");
    assert_eq!(env.running().len(), 3, "and no other instance is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_while_the_platform_is_down_and_heard_of_after_its_return() {
    let mut platform = platform().await;
    let env = environment(&platform);
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    platform.shut().await;
    let running = Running::start(&env, &[]);
    for (short, _, contract, id) in ALL {
        env.declare_with(short, &format!("contract: {contract}\nid: {id}\ncontainer: {{env: {{TZ: UTC}}}}"), "");
    }
    until("every instance to be another one", 30, || {
        let now = env.running();
        now.len() == 3 && now.iter().all(|(short, id)| before.get(short) != Some(id))
    });
    assert_eq!(heard(&env), [Value::Null, Value::Null, Value::Null], "not known is not false");
    platform.open().await;
    until("the platform to be there again", 30, || running.log().contains("platform is there"));
    until_heard(&env, &platform).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails_costs_no_container() {
    let platform = platform().await;
    let env = environment(&platform);
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    for fault in ["401", "500", "html", "429", "cut"] {
        platform.fault(fault).await;
        let ended = env.lockstep(&["apply"]).with(0);
        assert!(!format!("{ended:?}").contains(TOKEN), "{fault}");
        assert_eq!(env.running(), before, "{fault}");
        assert_eq!(heard(&env), [Value::Null, Value::Null, Value::Null], "{fault}: not known is not false");
        env.lockstep(&["doctor"]).with(7).saying("platform aev");
    }
    platform.fault("none").await;
    env.lockstep(&["doctor"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_missing_right_and_the_wrong_tenant() {
    let capabilities = vec!["ACCESS_TENANT_SETTINGS".to_owned()];
    let platform = StandIn::start_with(Options { capabilities, ..options() }).await;
    let env = environment(&platform);
    let doctor = env.lockstep(&["doctor"]).with(7).saying("failed to list the executors at platform `aev`");
    doctor.saying("give `lockstep@example.org` the capability ACCESS_ASSETS");
    let other = Some("9e6f0c0e-0001-4078-b0e2-ef74274022c3".to_owned());
    let platform = StandIn::start_with(Options { tenant: other, ..options() }).await;
    let env = environment(&platform);
    env.lockstep(&["doctor"]).with(7).saying("its user is not of the tenant of the settings");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_who_manages_the_platforms_instances() {
    let platform = platform().await;
    let env = environment(&platform);
    let manager = "a3f1f1a0-6f6e-4b0a-9b8a-0f5d8a0e9b11";
    let at = |url: String| {
        env.settings(&format!(
            "platforms: {{aev: {{kind: openaev, url: '{url}', token: {{file: t}}, registration: managed, manager: {{id: \
             {manager}, name: lockstep, key: manager.key}}}}}}\n"
        ));
    };
    at(platform.url());
    let doctor = |code: i32| env.lockstep(&["doctor"]).with(code);
    env.write("manager.key", "no key");
    doctor(4).saying("manager.key");
    fs::remove_file(env.path("manager.key")).unwrap();
    env.lockstep(&["platform", "keygen", "--output", "manager.key"]).with(0);
    doctor(0).saying("has heard from no connector manager within two hours").saying("has its enterprise licence");
    platform.register_manager("another").await;
    doctor(7).saying("it has another connector manager").saying("give `manager` its id and key");
    platform.register_manager(manager).await;
    doctor(0).saying("has us for its connector manager").saying("0 managed connectors, every secret opens");

    let capabilities = ["ACCESS_TENANT_SETTINGS", "ACCESS_ASSETS"].map(str::to_owned).to_vec();
    let platform = StandIn::start_with(Options { capabilities, licence: false, ..options() }).await;
    at(platform.url());
    let lacking = doctor(7).saying("lacks MANAGE_TENANT_SETTINGS").saying("lacks DELETE_TENANT_SETTINGS");
    lacking.saying("it has no valid enterprise licence").saying("`registration: self`, which works without");
}

/// The platform's own catalog, where it is at hand.
#[expect(clippy::disallowed_methods, reason = "tests find shared data by the environment")]
pub(super) fn shared() -> Option<Vec<u8>> {
    let root = std::env::var_os("LOCKSTEP_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let content = std::fs::read(root.join("catalogs/openaev-manifest.json")).ok();
    if content.is_none() {
        println!("skipped: no shared data");
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_of_the_platforms_own_catalog_run_and_those_inside_it_are_refused() {
    let Some(catalog) = shared() else { return };
    let platform = platform().await;
    let env = environment(&platform);
    for (short, ..) in ALL {
        env.forget(short);
    }
    env.write("connectors/catalog/test.json", std::str::from_utf8(&catalog).unwrap());
    let image = env.image();
    let declare = |short: &str, contract: &str, config: &str| {
        let name = env.instance(short);
        let text = format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {name}}}\nspec:\n  contract: \
             {contract}\n  image: {image}\n{config}"
        );
        env.write(&format!("connectors/{short}.yaml"), &text);
    };
    declare("c", "openaev_mitre_attack", "");
    declare("i", "openaev_nmap", "");
    env.lockstep(&["apply"]).with(0).saying("2 added");
    let running = env.running();
    assert!(variables(&running["c"]).iter().any(|line| line.starts_with("COLLECTOR_ID=")));
    assert!(variables(&running["i"]).iter().any(|line| line.starts_with("INJECTOR_ID=")));

    let read: Value = serde_json::from_slice(&catalog).unwrap();
    let executors = read["contracts"].as_array().unwrap().iter().filter(|it| it["container_type"] == "EXECUTOR");
    let mut count = 0;
    for (number, executor) in executors.enumerate() {
        declare(&format!("x{number}"), executor["slug"].as_str().unwrap(), "");
        count += 1;
    }
    let findings = env.lockstep(&["validate", "--format", "json"]).with(3).json();
    let findings = findings["findings"].as_array().unwrap();
    let inside = |finding: &&Value| {
        finding["code"] == "not-deployable" && finding["message"].as_str().unwrap().contains("runs inside the platform")
    };
    assert!(count > 0);
    assert_eq!(findings.iter().filter(inside).count(), count, "{findings:#?}");
}
