//! Lost answers, kills between calls, keys that were swapped, and the way from one registration to the other, at OpenAEV.

use std::{fs, os::unix::fs::PermissionsExt as _};

use lockstep::platform::ManagerKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{managed::support::until, openaev_managed::Managed};

const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b01";
const MAKE: &str = "POST /api/connector-instances";
const CONFIGURE: &str = "PUT /api/connector-instances/*/configurations";
const REQUEST: &str = "PUT /api/connector-instances/*/requested-status";
const REMOVE: &str = "DELETE /api/connector-instances/*";

/// Applies, and kills that with its first call of this kind in flight: neither carried out nor answered.
async fn killed_at(managed: &Managed, call: &str) {
    let (start, end) = call.split_once('*').unwrap_or((call, ""));
    let count = async || {
        let asked = managed.platform.asked().await;
        asked.iter().filter(|line| line.starts_with(start) && line.ends_with(end)).count()
    };
    let before = count().await;
    managed.platform.fault_of(call, "hang", 1).await;
    let mut child = managed.env.command(&["apply"]).spawn().unwrap();
    until("the call", async || count().await > before).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn assert_one_runs(managed: &Managed, words: &str) {
    managed.env.lockstep(&["apply"]).with(0);
    managed.env.lockstep(&["apply"]).with(0).saying("No changes.");
    let listed = managed.instances().await;
    assert_eq!((listed.len(), managed.env.running().len()), (1, 1), "{words}: {listed:#?}");
    assert_eq!(listed[0]["connector_instance_requested_status"], "starting", "{words}");
    assert_eq!(managed.variable("c", "COLLECTOR_ID").as_deref(), listed[0]["connector"].as_str(), "{words}");
}

/// One that registers itself and has come.
async fn standalone(of_platform: &str) -> Managed {
    let managed = Managed::start("").await;
    managed.configure("self", of_platform);
    managed.env.declare_with("c", &format!("contract: a_collector\nid: {ID}"), "");
    managed.env.lockstep(&["apply"]).with(0);
    managed.platform.come("collector", ID).await;
    managed
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_lost_answer_nor_a_kill_makes_a_second_instance() {
    for call in [MAKE, REQUEST] {
        for kill in [false, true] {
            let managed = Managed::start("").await;
            managed.env.declare_with("c", "contract: a_collector", "");
            if kill {
                killed_at(&managed, call).await;
            } else {
                managed.platform.fault_of(call, "lost", 1).await;
                managed.env.lockstep(&["apply"]);
            }
            assert_one_runs(&managed, call).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_lost_answer_nor_a_kill_loses_a_change_or_a_removal() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    env.declare_with("c", "contract: a_collector", "");
    env.lockstep(&["apply"]).with(0);
    managed.platform.fault_of(CONFIGURE, "lost", 1).await;
    env.declare_with("c", "contract: a_collector", "FEED_COUNT: 12");
    env.lockstep(&["apply"]);
    assert_one_runs(&managed, CONFIGURE).await;
    env.declare_with("c", "contract: a_collector", "FEED_COUNT: 13");
    killed_at(&managed, CONFIGURE).await;
    assert_one_runs(&managed, CONFIGURE).await;
    assert_eq!(managed.variable("c", "FEED_COUNT").as_deref(), Some("13"));

    env.declare_with("d", "contract: a_collector", "");
    env.lockstep(&["apply"]).with(0);
    managed.platform.fault_of(REMOVE, "lost", 1).await;
    env.forget("c");
    env.lockstep(&["apply"]);
    env.lockstep(&["apply"]).with(0);
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    assert_eq!((managed.instances().await.len(), env.containers(true).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_standalone_to_managed_and_back_with_one_id_whatever_happens_between() {
    for (call, kill) in [(MAKE, false), (MAKE, true), (REQUEST, false), (REQUEST, true)] {
        let managed = standalone("").await;
        managed.configure("managed", "");
        let shown = managed.env.lockstep(&["plan"]).with(0).saying("will be migrated to a managed connector");
        assert!(shown.stdout.contains("1 to change, 0 to destroy"), "{}", shown.stdout);
        if kill {
            killed_at(&managed, call).await;
        } else {
            managed.platform.fault_of(call, "lost", 1).await;
            managed.env.lockstep(&["apply"]);
        }
        assert_one_runs(&managed, call).await;
        assert_eq!(managed.variable("c", "COLLECTOR_ID").as_deref(), Some(ID));
        managed.configure("self", "");
        managed.env.lockstep(&["apply"]).with(0);
        managed.env.lockstep(&["apply"]).with(0).saying("No changes.");
        assert_eq!(managed.variable("c", "COLLECTOR_ID").as_deref(), Some(ID));
        assert_eq!((managed.env.running().len(), managed.instances().await.len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_platform_gives_what_the_container_has_a_migration_leaves_it_running() {
    const TENANT: &str = "tenant: 2cffad3a-0001-4078-b0e2-ef74274022c3,";
    let managed = standalone(TENANT).await;
    let container = managed.env.running();
    managed.configure("managed", TENANT);
    managed.env.lockstep(&["apply"]).with(0).saying("1 changed");
    managed.env.lockstep(&["apply"]).with(0).saying("No changes.");
    assert_eq!((managed.env.running(), managed.instances().await.len()), (container, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_not_registered_over_the_one_that_has_sealed() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    let sealed = env.sealed("c", "FEED_KEY", "c0llectors-key");
    env.declare_with("c", "contract: a_collector", &sealed);
    env.lockstep(&["apply"]).with(0);
    let registered = async || managed.platform.page("/instances.json").await["manager"]["public_key"].clone();
    let (container, before) = (env.running(), registered().await);
    fs::rename(env.path("manager.pem"), env.path("former.pem")).unwrap();
    let other = ManagerKey::generate().unwrap();
    env.write("manager.pem", other.expose_secret());
    fs::set_permissions(env.path("manager.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    env.declare_with("d", "contract: a_collector", "");
    let words = "connector manager's id with another key";
    env.lockstep(&["apply"]).with(7).saying(words);
    assert_eq!((registered().await, env.running()), (before, container.clone()));
    env.lockstep(&["doctor"]).with(4).saying("the key does not open the secrets of");

    // With the former key beside it the new one takes its place.
    managed.configure_key("key: manager.pem, formerKey: former.pem");
    env.lockstep(&["apply"]).with(0);
    let new = ManagerKey::from_pem(&other).unwrap();
    assert_eq!(registered().await, new.public_spki());
    let listed = managed.instances().await;
    let of_c = |one: &&Value| one["connector_instance_configurations"].to_string().contains("FEED_KEY");
    let pairs = listed.iter().find(of_c).unwrap()["connector_instance_configurations"].as_array().unwrap().clone();
    let pair = pairs.iter().find(|pair| pair["configuration_key"] == "FEED_KEY").unwrap();
    let opened = new.open(pair["configuration_value"].as_str().unwrap()).unwrap();
    assert_eq!(opened.expose_secret(), "c0llectors-key");
    assert_eq!(env.running()["c"], container["c"]);
    env.lockstep(&["doctor"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_change_there_is_shown_field_by_field_and_put_back() {
    for (control, kept) in [("", false), ("uiControl: override,", true)] {
        let managed = Managed::start(control).await;
        let env = &managed.env;
        env.declare_with("c", "contract: a_collector", "FEED_COUNT: 12");
        env.lockstep(&["apply"]).with(0);
        let container = env.running()["c"].clone();
        let own = managed.instances().await[0]["connector_instance_id"].as_str().unwrap().to_owned();
        let pairs = json!([
            { "configuration_key": "FEED_COUNT", "configuration_value": "99" },
            { "configuration_key": "COLLECTOR_NAME", "configuration_value": "Theirs" },
        ]);
        let edited =
            json!({ "catalog_connector_id": "catalog-a_collector", "connector_instance_configurations": pairs });
        let path = format!("/api/connector-instances/{own}");
        managed.platform.ask("PUT", &format!("{path}/configurations"), &edited).await;
        let word = |word: &str| json!({ "connector_instance_requested_status": word });
        managed.platform.ask("PUT", &format!("{path}/requested-status"), &word("stopping")).await;
        let planned = env.lockstep(&["plan", "--format", "json"]).with(0).json();
        let edit = planned["steps"].as_array().unwrap().iter().find(|step| step["action"] == "edit").unwrap();
        let reasons = edit["reasons"].as_array().unwrap();
        let count = reasons.iter().find(|reason| reason["field"] == "env.FEED_COUNT").unwrap();
        assert_eq!(
            (&count["before"], &count["after"], &count["cause"]),
            (&json!("99"), &json!("12"), &json!("drift")),
            "{planned:#}"
        );
        let name = reasons.iter().find(|reason| reason["field"] == "env.COLLECTOR_NAME").unwrap();
        assert_eq!((&name["before"], &name["after"]), (&json!("Theirs"), &json!(env.instance("c"))), "{planned:#}");
        assert_eq!(reasons.iter().any(|reason| reason["field"] == "state"), kept, "{planned:#}");
        env.lockstep(&["apply"]).with(0);
        env.lockstep(&["apply"]).with(0).saying("No changes.");
        assert_eq!(env.running().contains_key("c"), kept, "{control}");
        assert_eq!(managed.variable("c", "FEED_COUNT").as_deref(), Some("12"));
        assert_eq!(env.containers(true)["c"], container, "the source won all the time");
        let requested = managed.instances().await[0]["connector_instance_requested_status"].clone();
        assert_eq!(requested, if kept { "starting" } else { "stopping" });
        if !kept {
            // It counts until the manifest says something else than before.
            env.declare_with("c", "contract: a_collector\nstate: stopped", "FEED_COUNT: 12");
            env.lockstep(&["apply"]).with(0);
            env.declare_with("c", "contract: a_collector\nstate: started", "FEED_COUNT: 12");
            env.lockstep(&["apply"]).with(0);
            assert_eq!(env.running()["c"], container);
        }
    }
}
