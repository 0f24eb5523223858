//! Instances that people make in the pages of OpenAEV, run by the real binary.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use super::{environment::until, openaev_managed::Managed, running::Running};
use crate::engine::support::docker;

impl Managed {
    /// Makes and starts an instance as a person does; gives the platform's id of it.
    async fn make(&self, contract: &str, pairs: &[(&str, &str)]) -> String {
        let pair = |(key, value): &(&str, &str)| json!({ "configuration_key": key, "configuration_value": value });
        let pairs: Vec<Value> = pairs.iter().map(pair).collect();
        let contract = format!("catalog-{contract}");
        let body = json!({ "catalog_connector_id": contract, "connector_instance_configurations": pairs });
        let made = self.platform.ask("POST", "/api/connector-instances", &body).await;
        let id = made["connector_instance_id"].as_str().unwrap().to_owned();
        let starting = json!({ "connector_instance_requested_status": "starting" });
        self.platform.ask("PUT", &format!("/api/connector-instances/{id}/requested-status"), &starting).await;
        id
    }

    /// The id of each container that runs, by its instance.
    fn all_running(&self) -> BTreeMap<String, String> {
        let filter = format!("label=dev.lockstep.owner={}", self.env.name);
        let format = "{{.Label \"dev.lockstep.instance\"}} {{.ID}}";
        let listed = docker(&["ps", "--filter", &filter, "--format", format]);
        listed.lines().map(|line| line.split_once(' ').unwrap()).map(|(name, id)| (name.into(), id.into())).collect()
    }

    /// The instance's container, as the platform knows its connector.
    async fn container_of(&self, id: &str) -> String {
        let all = self.instances().await;
        let own = all.iter().find(|it| it["connector_instance_id"] == id).unwrap();
        let running = self.all_running();
        let connector = own["connector"].as_str().unwrap();
        running.iter().find(|(name, _)| name.ends_with(connector)).unwrap().1.clone()
    }
}

fn environment_of(container: &str) -> BTreeMap<String, String> {
    let listed = docker(&["inspect", "--format", "{{json .Config.Env}}", container]);
    let lines: Vec<String> = serde_json::from_str(listed.trim()).unwrap();
    lines.iter().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_run_and_only_one_that_is_removed_there_is_removed_here() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    env.declare_with("c", "contract: a_collector", "");
    env.lockstep(&["apply"]).with(0);
    let mut ids = Vec::new();
    for number in 0..50 {
        let url = format!("https://feeds.example.org/{number}");
        let contract = ["a_collector", "an_injector"][number % 2];
        ids.push(managed.make(contract, &[("FEED_URL", &url)]).await);
    }
    let began = Instant::now();
    env.lockstep(&["apply"]).with(0).saying("50 added");
    println!("50 instances made in the platform ran after {:?}", began.elapsed());
    let running = managed.all_running();
    assert_eq!(running.len(), 51);
    let started = |it: &&Value| it["connector_instance_current_status"] == "started";
    assert_eq!(managed.instances().await.iter().filter(started).count(), 51, "and each is told");
    for fault in ["500", "html", "cut", "429", "emptied"] {
        managed.platform.fault(fault).await;
        let ended = env.lockstep(&["apply"]);
        assert_eq!(managed.all_running(), running, "a listing that is {fault} changes nothing: {ended:?}");
    }
    managed.platform.fault("none").await;
    env.lockstep(&["apply"]).with(0).saying("No changes.");

    let first = managed.container_of(&ids[7]).await;
    managed.platform.remove(&ids[7]).await;
    env.lockstep(&["apply"]).with(0).saying("1 destroyed");
    let without = |containers: &[&String]| {
        running.iter().filter(|(_, id)| !containers.contains(id)).map(|(a, b)| (a.clone(), b.clone())).collect()
    };
    let left: BTreeMap<_, _> = without(&[&first]);
    assert_eq!(managed.all_running(), left);

    let followed = Running::start(env, &[]);
    let second = managed.container_of(&ids[8]).await;
    managed.platform.remove(&ids[8]).await;
    until("its removal", 60, || !managed.all_running().values().any(|id| *id == second));
    assert_eq!(managed.all_running(), without(&[&first, &second]));
    followed.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_came_by_itself_keeps_its_id_of_any_form() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    env.declare_with("c", "contract: a_collector", "");
    env.lockstep(&["apply"]).with(0);
    managed.platform.come("collector", "openaev_example").await;
    let pairs = [("FEED_URL", "https://feeds.example.org"), ("COLLECTOR_ID", "openaev_example")];
    managed.make("a_collector", &pairs).await;
    env.lockstep(&["apply"]).with(0).saying("1 added");
    let running = managed.all_running();
    let (name, container) = running.iter().find(|(name, _)| name.contains("openaev-example")).unwrap();
    let variables = environment_of(container);
    assert_eq!(variables["COLLECTOR_ID"], "openaev_example", "{name}");
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    let words = ["import", "platform", "aev", "--no-seal", "-o", "imported"];
    env.lockstep(&words).saying("which no manifest can give").saying("0 manifests written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_envelope_holds_its_own_instance_and_no_other() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    env.declare_with("c", "contract: a_collector", "");
    env.lockstep(&["apply"]).with(0);
    managed.make("a_collector", &[("FEED_URL", "https://feeds.example.org"), ("FEED_KEY", "k3y")]).await;
    managed.platform.fault("damaged").await;
    managed.make("an_injector", &[("FEED_URL", "https://feeds.example.org")]).await;
    let ended = env.lockstep(&["apply"]).saying("1 added");
    ended.saying("FEED_KEY").saying("the envelope is not base64");
    assert_eq!(managed.all_running().len(), 2);
    managed.platform.fault("none").await;
    env.lockstep(&["apply"]).with(0).saying("1 added");
    assert_eq!(managed.all_running().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_the_source_is_stopped_and_removed_there() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    for short in ["a", "b", "c", "d", "e"] {
        env.declare_with(short, "contract: a_collector", "");
    }
    env.lockstep(&["apply"]).with(0).saying("5 added");
    env.forget("b");
    env.lockstep(&["apply"]).with(0).saying("0 added, 0 changed, 1 destroyed");
    let names = managed.instances().await;
    assert_eq!((names.len(), managed.all_running().len()), (4, 4));
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
}
