//! Collectors and injectors that OpenAEV has the real binary manage.

use std::{fs, os::unix::fs::PermissionsExt as _};

use lockstep::platform::ManagerKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::environment::TestEnvironment;
use crate::{
    engine::support::docker,
    openaev_server::Options,
    platform::{
        TOKEN,
        openaev::stand_in::{StandIn, options},
    },
};

const CATALOG: &str = include_str!("openaev.json");

pub(super) struct Managed {
    pub(super) env: TestEnvironment,
    pub(super) platform: StandIn,
    key: ManagerKey,
}

impl Managed {
    /// With further lines for the platform's settings, each ended with a comma.
    pub(super) async fn start(of_platform: &str) -> Self {
        let env = TestEnvironment::new();
        let image = env.image();
        let catalog = CATALOG.replace("IMAGE", image.strip_suffix(":1").unwrap());
        env.write("connectors/catalog/test.json", &catalog);
        let catalog = serde_json::from_str(&catalog).unwrap();
        let platform = StandIn::start_with(Options { catalog, ..options() }).await;
        env.write("t", &format!("{TOKEN}\n"));
        let pem = ManagerKey::generate().unwrap();
        env.write("manager.pem", pem.expose_secret());
        fs::set_permissions(env.path("manager.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let managed = Self { env, platform, key: ManagerKey::from_pem(&pem).unwrap() };
        managed.configure("managed", of_platform);
        managed
    }

    pub(super) fn configure(&self, registration: &str, of_platform: &str) {
        let manager = match registration {
            "managed" => format!("manager: {{id: {}, name: edge, key: manager.pem}},", self.env.name),
            _ => String::new(),
        };
        self.env.settings(&format!(
            "platforms: {{aev: {{kind: openaev, url: '{}', token: {{file: t}}, {manager} {of_platform} registration: \
             {registration}}}}}\nprune: {{retain: 0s}}\n",
            self.platform.url()
        ));
    }

    /// With the files of these keys.
    pub(super) fn configure_key(&self, keys: &str) {
        self.env.settings(&format!(
            "platforms: {{aev: {{kind: openaev, url: '{}', token: {{file: t}}, registration: managed, manager: {{id: {}, \
             name: edge, {keys}}}}}}}\nprune: {{retain: 0s}}\n",
            self.platform.url(),
            self.env.name
        ));
    }

    pub(super) async fn instances(&self) -> Vec<Value> {
        self.platform.page("/instances.json").await["instances"].as_array().unwrap().clone()
    }

    pub(super) fn variable(&self, short: &str, key: &str) -> Option<String> {
        let listed = docker(&["inspect", "--format", "{{json .Config.Env}}", &self.env.containers(true)[short]]);
        let set: Vec<String> = serde_json::from_str(listed.trim()).unwrap();
        set.iter().find_map(|line| line.strip_prefix(&format!("{key}="))).map(str::to_owned)
    }
}

fn value<'a>(instance: &'a Value, key: &str) -> &'a str {
    let all = instance["connector_instance_configurations"].as_array().unwrap();
    all.iter().find(|pair| pair["configuration_key"] == key).unwrap()["configuration_value"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_becomes_a_managed_instance_with_the_platforms_id_and_token() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    let sealed = env.sealed("c", "FEED_KEY", "c0llectors-key");
    env.declare_with("c", "contract: a_collector", &sealed);
    // A plan makes us known to nobody, and shows what is carried out all the same.
    let shown = env.lockstep(&["plan"]).with(0).saying("will be registered at its platform");
    shown.saying("1 to add, 0 to change, 0 to destroy");
    env.lockstep(&["apply"]).with(0).saying("1 added, 0 changed, 0 destroyed");
    let listed = managed.instances().await;
    assert_eq!(listed.len(), 1);
    let own = &listed[0];
    assert_eq!(
        (&own["connector_instance_requested_status"], &own["connector_instance_current_status"]),
        (&"starting".into(), &"started".into())
    );
    assert_eq!(managed.variable("c", "COLLECTOR_ID").as_deref(), own["connector"].as_str());
    assert_eq!(managed.variable("c", "OPENAEV_TOKEN").as_deref(), Some(TOKEN));
    assert_eq!(managed.variable("c", "OPENAEV_TENANT_ID").as_deref(), Some(value(own, "OPENAEV_TENANT_ID")));
    assert_eq!(managed.variable("c", "FEED_KEY").as_deref(), Some("c0llectors-key"));
    assert_eq!(managed.key.open(value(own, "FEED_KEY")).unwrap().expose_secret(), "c0llectors-key");
    env.lockstep(&["apply"]).with(0).saying("No changes.");

    let envelope = value(own, "FEED_KEY").to_owned();
    env.declare_with("c", "contract: a_collector", &format!("{sealed}FEED_COUNT: 12"));
    env.lockstep(&["apply"]).with(0);
    let listed = managed.instances().await;
    assert_eq!((listed.len(), value(&listed[0], "FEED_COUNT")), (1, "12"));
    assert_eq!(value(&listed[0], "FEED_KEY"), envelope, "an unchanged secret is not sent again");
    assert_eq!(managed.variable("c", "FEED_COUNT").as_deref(), Some("12"));
    env.lockstep(&["apply"]).with(0).saying("No changes.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_catalog_is_enough_to_make_instances() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    let text = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace("[{source: catalog/test.json}]", "[{platform: aev}]"));
    env.declare_with("c", &format!("contract: a_collector\nimage: '{}'", env.image()), "");
    env.lockstep(&["apply"]).with(0).saying("1 added, 0 changed, 0 destroyed");
    assert_eq!(managed.instances().await[0]["connector_instance_current_status"], "started");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_made_in_the_platform_is_run_and_removed() {
    let managed = Managed::start("").await;
    let env = &managed.env;
    env.declare_with("c", "contract: a_collector", "");
    env.lockstep(&["apply"]).with(0);
    let mut ids = Vec::new();
    for (contract, key) in [("a_collector", "FEED_URL"), ("an_injector", "FEED_URL"), ("an_injector", "FEED_URL")] {
        let pairs = json!([{ "configuration_key": key, "configuration_value": "https://feeds.example.org" }]);
        let catalog = format!("catalog-{contract}");
        let body = json!({ "catalog_connector_id": catalog, "connector_instance_configurations": pairs });
        let made = managed.platform.ask("POST", "/api/connector-instances", &body).await;
        let id = made["connector_instance_id"].as_str().unwrap().to_owned();
        let starting = json!({ "connector_instance_requested_status": "starting" });
        managed.platform.ask("PUT", &format!("/api/connector-instances/{id}/requested-status"), &starting).await;
        ids.push(id);
    }
    let applied = env.lockstep(&["apply"]).with(0).saying("3 added");
    assert_eq!(managed.platform.page("/instances.json").await["instances"].as_array().unwrap().len(), 4);
    let filter = format!("label=dev.lockstep.owner={}", env.name);
    let count = || docker(&["ps", "--quiet", "--filter", &filter]).lines().count();
    assert_eq!(count(), 4, "{applied:?}");
    for fault in ["500", "emptied", "nulls"] {
        managed.platform.fault(fault).await;
        let applied = env.lockstep(&["apply"]);
        assert_eq!(count(), 4, "a listing that is {fault} removes nothing: {applied:?}");
    }
    managed.platform.fault("none").await;
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    managed.platform.remove(&ids[0]).await;
    let removed = env.lockstep(&["apply", "--allow-removals", "1"]);
    assert_eq!(count(), 3, "{removed:?}");
}
