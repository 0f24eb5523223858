//! Instances of the source at a platform that has them managed.

use serde_json::Value;

use super::support::{Managed, opened, until};
use crate::{
    cli::{environment, running::Running},
    platform::TOKEN,
};

const RUN: &str = "RUN: echo \"says $FEED_API_KEY $OPENCTI_TOKEN\"; exec busybox sleep 1000";

fn fields(plan: &Value, action: &str) -> Vec<String> {
    let steps = plan["steps"].as_array().unwrap().iter().filter(|step| step["action"] == action);
    let reasons = steps.flat_map(|step| step["reasons"].as_array().unwrap());
    reasons
        .map(|reason| format!("{} {}", reason["field"].as_str().unwrap(), reason["cause"].as_str().unwrap()))
        .collect()
}

fn plan(managed: &Managed) -> Value {
    managed.env.lockstep(&["plan", "--format", "json"]).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_becomes_a_managed_connector_with_the_platforms_id_and_token() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    let sealed = env.sealed("a", "FEED_API_KEY", "c0nnectors-key");
    env.declare("a", &format!("{sealed}{RUN}"));
    let shown = env.lockstep(&["plan"]).with(0).saying("will be registered at its platform").saying("will be created");
    assert!(shown.stdout.ends_with("Plan: 1 to add, 0 to change, 0 to destroy.\n"), "{}", shown.stdout);
    assert_eq!(managed.count().await, 0, "a plan writes nothing");
    managed.apply().with(0).saying("1 added, 0 changed, 0 destroyed");
    let name = env.instance("a");
    let known = managed.at_platform(&name).await;
    let own = &known["managed"];
    assert_eq!((&own["requested"], &known["status"]), (&"starting".into(), &"started".into()));
    let token = opened(own["configuration"]["OPENCTI_TOKEN"]["value"].as_str().unwrap());
    assert_eq!(managed.variable("a", "OPENCTI_TOKEN").as_deref(), Some(token.as_str()));
    assert_eq!(managed.variable("a", "CONNECTOR_ID"), known["id"].as_str().map(str::to_owned));
    assert_eq!(managed.variable("a", "FEED_API_KEY").as_deref(), Some("c0nnectors-key"));
    assert_eq!(opened(own["configuration"]["FEED_API_KEY"]["value"].as_str().unwrap()), "c0nnectors-key");
    managed.apply().with(0).saying("No changes.");
    assert_eq!(managed.platform.operations().await.iter().filter(|one| *one == "managedConnectorEdit").count(), 0);

    env.declare("a", &format!("{sealed}{RUN}\nFEED_COUNT: 12"));
    let envelope = own["configuration"]["FEED_API_KEY"]["value"].clone();
    managed.apply().with(0).saying("0 added, 1 changed, 0 destroyed");
    let known = managed.at_platform(&name).await;
    assert_eq!(known["managed"]["configuration"]["FEED_COUNT"]["value"], "12");
    assert_eq!(known["managed"]["configuration"]["FEED_API_KEY"]["value"], envelope, "not sent again");
    assert_eq!(managed.variable("a", "FEED_COUNT").as_deref(), Some("12"));
    managed.apply().with(0).saying("No changes.");
    let status = env.lockstep(&["status", "--format", "json"]).with(0).json();
    assert_eq!(status["instances"][0]["id"], known["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_can_not_keep_is_told_and_never_changed_again() {
    for older in [false, true] {
        let managed = Managed::start_as(older, "", "").await;
        let env = &managed.env;
        let account = "serviceAccount: {name: lockstep}";
        env.declare_with("a", account, &env.sealed("a", "FEED_API_KEY", "c0nnectors-key"));
        managed.apply().with(0);
        // OpenCTI takes an empty value for the default, and a secret that is not sent for one that stays.
        env.declare_with("a", account, "CONNECTOR_SCOPE: []");
        let words = "keeps a value of the secret `FEED_API_KEY`";
        managed.apply().with(0).saying(words).saying("0 added, 1 changed");
        let set = |key: &str| managed.variable("a", key);
        assert_eq!((set("CONNECTOR_SCOPE").as_deref(), set("FEED_API_KEY")), (Some(""), None), "older: {older}");
        env.lockstep(&["plan", "--detailed-exitcode"]).with(0).saying(words);
        assert!(!managed.platform.operations().await.contains(&"managedConnectorEdit".to_owned()), "older: {older}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_catalog_is_enough_to_make_connectors() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    let text = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace("[{source: catalog/test.json}]", "[{platform: opencti}]"));
    env.declare("a", "");
    managed.apply().with(0).saying("1 added, 0 changed, 0 destroyed");
    assert_eq!(managed.at_platform(&env.instance("a")).await["managed"]["requested"], "starting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_connector_that_is_missing_from_a_listing_is_not_migrated() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "c0nnectors-key"));
    managed.apply().with(0);
    let container = env.running()["a"].clone();
    managed.platform.fault("empty").await;
    managed.apply().with(0).saying("No changes.");
    managed.platform.fault("none").await;
    managed.apply().with(0).saying("No changes.");
    assert_eq!(env.running()["a"], container);
    let sent = managed.platform.operations().await;
    assert!(!sent.iter().any(|one| one == "connectorMigrateToManaged"), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_change_in_the_platform_is_shown_and_put_back() {
    let managed = Managed::start("uiControl: override,", "").await;
    let env = &managed.env;
    env.declare("a", "");
    managed.apply().with(0);
    let container = env.running()["a"].clone();
    let name = env.instance("a");
    managed.edit(&name, &[("FEED_URL", "https://by.hand.example.org"), ("FEED_COUNT", "99")]).await;
    managed.request(&managed.id(&name).await, "stopping").await;
    let shown = plan(&managed);
    assert_eq!(fields(&shown, "edit"), ["env.FEED_COUNT drift", "env.FEED_URL drift", "state drift"], "{shown:#}");
    let count = &shown["steps"][0]["reasons"][0];
    assert_eq!((&count["before"], &count["after"]), (&"99".into(), &"10".into()));
    managed.apply().with(0);
    let known = managed.at_platform(&name).await;
    assert_eq!(known["managed"]["configuration"]["FEED_COUNT"]["value"], "10");
    assert_eq!(known["managed"]["requested"], "starting");
    assert_eq!(env.running()["a"], container, "the source won all the time");
    managed.apply().with(0).saying("No changes.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_platform_is_honoured_until_the_manifest_changes() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    env.declare("a", "");
    managed.apply().with(0);
    let id = managed.id(&env.instance("a")).await;
    managed.request(&id, "stopping").await;
    assert_eq!(fields(&plan(&managed), "stop"), ["state platform"]);
    managed.apply().with(0);
    assert_eq!(env.running().len(), 0);
    managed.apply().with(0).saying("No changes.");
    env.declare_with("a", "state: stopped", "");
    managed.apply().with(0);
    env.declare_with("a", "state: started", "");
    managed.apply().with(0);
    assert_eq!(env.running().len(), 1);
    assert_eq!(managed.at_platform(&env.instance("a")).await["managed"]["requested"], "starting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_makes_no_second_connector() {
    let managed = Managed::start("", "").await;
    managed.env.declare("a", "");
    managed.platform.fault_of("LockstepAdd", "lost", 1).await;
    let ended = managed.apply();
    assert_eq!(managed.count().await, 1, "it was made, and its answer lost: {ended:?}");
    managed.apply().with(0);
    assert_eq!((managed.count().await, managed.env.running().len()), (1, 1));
    managed.apply().with(0).saying("No changes.");
    assert_eq!(managed.platform.operations().await.iter().filter(|one| *one == "managedConnectorAdd").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_platform_new_instances_are_held_and_changes_are_made() {
    let mut managed = Managed::start("", "").await;
    managed.env.declare("a", "");
    managed.apply().with(0);
    managed.platform.shut().await;
    managed.env.declare("a", "FEED_COUNT: 12");
    managed.env.declare("b", "");
    managed.apply().with(7).saying("it is new, and platform `opencti`");
    assert_eq!(managed.env.running().keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(managed.variable("a", "FEED_COUNT").as_deref(), Some("12"), "its token was remembered, sealed");
    managed.platform.open().await;
    managed.apply().with(0);
    assert_eq!(managed.env.running().len(), 2);
    let known = managed.at_platform(&managed.env.instance("a")).await;
    assert_eq!(known["managed"]["configuration"]["FEED_COUNT"]["value"], "12");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_manages_and_tells_and_catches_up_when_the_platform_returns() {
    let mut managed = Managed::start("", "prune: {retain: 0s}\n").await;
    let sealed = managed.env.sealed("a", "FEED_API_KEY", "c0nnectors-key");
    managed.env.declare("a", &format!("{sealed}{RUN}"));
    let name = managed.env.instance("a");
    let running = Running::start(&managed.env, &[]);
    environment::until("the instance", 30, || managed.env.running().len() == 1);
    let token = managed.variable("a", "OPENCTI_TOKEN").unwrap();
    assert!(token.starts_with("flgrn_octi_tkn_"));
    managed.platform.until("its output", |all| all[0]["logs"].to_string().contains("says [redacted] [redacted]")).await;
    managed.platform.until("its health", |all| !all[0]["health"].is_null() && all[0]["status"] == "started").await;
    let page = managed.platform.text("/connectors.json").await;
    assert!(!page.contains("c0nnectors-key") && !page.contains(&token) && !page.contains(TOKEN), "{page}");

    let id = managed.id(&name).await;
    let container = managed.env.running()["a"].clone();
    managed.reset(&id).await;
    environment::until("another container", 40, || managed.env.running().get("a").is_some_and(|now| *now != container));

    managed.platform.shut().await;
    managed.env.declare("a", &format!("{sealed}{RUN}\nFEED_COUNT: 12"));
    environment::until("the change without the platform", 40, || {
        managed.env.running().contains_key("a") && managed.variable("a", "FEED_COUNT").as_deref() == Some("12")
    });
    managed.platform.open().await;
    managed
        .platform
        .until("the platform has the change", |all| all[0]["managed"]["configuration"]["FEED_COUNT"]["value"] == "12")
        .await;

    managed.env.declare_with("a", "state: stopped", &format!("{sealed}{RUN}\nFEED_COUNT: 12"));
    managed.platform.until("it is stopped", |all| all[0]["status"] == "stopped").await;
    managed.env.declare("b", "");
    environment::until("a second instance", 40, || managed.env.running().contains_key("b"));
    managed.env.forget("a");
    let gone = async || !managed.platform.connectors().await.iter().any(|one| one["name"] == name.as_str());
    until("the first one is gone from the platform", gone).await;
    assert!(!managed.env.containers(true).contains_key("a"));
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_can_not_be_opened_holds_its_instance() {
    let managed = Managed::start("", "").await;
    managed.env.declare("a", "");
    managed.register();
    docker_rm(&managed);
    let other = lockstep::platform::ManagerKey::generate().unwrap();
    managed.env.write("manager.pem", secrecy::ExposeSecret::expose_secret(&other));
    let ended = managed.apply().with(4).saying("OPENCTI_TOKEN").saying("bad-secret");
    assert_eq!(managed.env.running().len(), 0, "{ended:?}");
}

fn docker_rm(managed: &Managed) {
    for id in managed.env.containers(true).values() {
        crate::engine::support::docker(&["rm", "-f", id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_standalone_to_managed_and_back_with_one_id() {
    let managed = Managed::start("", "").await;
    managed.configure("self", "", "");
    managed.env.declare("a", "");
    managed.apply().with(0);
    let id = managed.variable("a", "CONNECTOR_ID").unwrap();
    managed.configure("managed", "", "");
    let shown = managed.env.lockstep(&["plan"]).with(0);
    let shown = shown.saying("will be migrated to a managed connector");
    assert!(shown.stdout.contains("1 to change, 0 to destroy"), "{}", shown.stdout);
    managed.apply().with(0);
    assert_eq!(managed.variable("a", "CONNECTOR_ID"), Some(id.clone()));
    assert!(managed.variable("a", "OPENCTI_TOKEN").unwrap().starts_with("flgrn_octi_tkn_"));
    managed.apply().with(0).saying("No changes.");
    managed.configure("self", "", "");
    managed.apply().with(0);
    assert_eq!(managed.variable("a", "CONNECTOR_ID"), Some(id));
    assert_eq!(managed.variable("a", "OPENCTI_TOKEN").as_deref(), Some(TOKEN));
    assert_eq!(managed.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_refused_where_its_platform_has_moved() {
    let managed = Managed::start("uiControl: override,", "").await;
    let env = &managed.env;
    for short in ["a", "b"] {
        env.declare(short, "");
    }
    managed.apply().with(0);
    let (a, b) = (env.instance("a"), env.instance("b"));
    env.declare("a", "FEED_COUNT: 12");
    env.lockstep(&["plan", "--out", "plan.json"]).with(0);
    let containers = env.containers(true);
    // What is done to another instance meanwhile is none of this plan's business.
    managed.edit(&b, &[("FEED_URL", "https://by.hand.example.org"), ("FEED_COUNT", "98")]).await;
    let named = format!("what has to be done for `{a}`");
    let refused = || {
        let refused = env.lockstep(&["apply", "plan.json"]).with(9).saying("is refused").saying(&named);
        assert!(!refused.stderr.contains(&b), "{refused:?}");
        assert_eq!(env.containers(true), containers);
    };
    managed.request(&managed.id(&a).await, "stopping").await;
    refused();
    managed.request(&managed.id(&a).await, "starting").await;
    env.lockstep(&["apply", "plan.json"]).with(0).saying("1 changed");
    assert_eq!(managed.at_platform(&a).await["managed"]["configuration"]["FEED_COUNT"]["value"], "12");
    assert_eq!(managed.at_platform(&b).await["managed"]["configuration"]["FEED_COUNT"]["value"], "98");
    // One that was removed there.
    env.declare("a", "FEED_COUNT: 13");
    env.lockstep(&["plan", "--only", &a, "--out", "plan.json"]).with(0);
    managed.delete(&managed.id(&a).await).await;
    env.lockstep(&["apply", "plan.json"]).with(9).saying("is refused").saying(&named);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_release_can_not_migrate_the_standalone_connector_goes_on_and_the_plan_says_why() {
    let managed = Managed::start_as(true, "", "").await;
    let env = &managed.env;
    managed.configure("self", "", "");
    env.declare("a", "");
    managed.apply().with(0);
    let running = env.running();
    managed.configure("managed", "", "");
    let why = "its release can't make that a managed one";
    env.lockstep(&["plan"]).with(7).saying(why).saying("upgrade the platform");
    managed.apply().with(7).saying(why);
    assert_eq!((env.running(), managed.count().await), (running, 1));
    managed.configure("self", "", "");
    managed.apply().with(0).saying("No changes.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_the_state_in_the_platform_makes_the_container_anew_once() {
    let managed = Managed::start("", "").await;
    managed.env.declare("a", "");
    managed.apply().with(0);
    let container = managed.env.running()["a"].clone();
    managed.reset(&managed.id(&managed.env.instance("a")).await).await;
    managed.apply().with(0).saying("1 changed");
    let anew = managed.env.running()["a"].clone();
    assert_ne!(anew, container);
    managed.apply().with(0).saying("No changes.");
    assert_eq!(managed.env.running()["a"], anew);
}
