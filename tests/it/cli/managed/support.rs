//! A platform that has the real binary manage its connectors, and a repository beside it.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::OnceLock, time::Duration};

use lockstep::platform::ManagerKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{
    cli::environment::{Ended, TestEnvironment},
    engine::support::docker_quietly,
    opencti_server::Options,
    platform::{
        TOKEN,
        stand_in::{StandIn, options},
    },
};

/// What a manager's token and a writer's may do together.
const ALL: [&str; 5] = ["CONNECTORAPI", "SETTINGS_SETACCESSES", "MODULES", "MODULES_MODMANAGE", "INGESTION"];

/// The manager's key of one test run.
pub(in crate::cli) fn key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| ManagerKey::generate().unwrap().expose_secret().to_owned())
}

/// Opens what the platform has sealed for the manager.
pub(in crate::cli) fn opened(envelope: &str) -> String {
    static KEY: OnceLock<ManagerKey> = OnceLock::new();
    let key = KEY.get_or_init(|| ManagerKey::from_pem(&key().to_owned().into()).unwrap());
    key.open(envelope).unwrap().expose_secret().to_owned()
}

pub(in crate::cli) struct Managed {
    pub(in crate::cli) env: TestEnvironment,
    pub(in crate::cli) platform: StandIn,
    older: bool,
}

impl Managed {
    /// With further lines for the platform's settings, each ended with a comma, and further settings.
    pub(in crate::cli) async fn start(of_platform: &str, settings: &str) -> Self {
        Self::start_as(false, of_platform, settings).await
    }

    pub(in crate::cli) async fn start_as(older: bool, of_platform: &str, settings: &str) -> Self {
        let env = TestEnvironment::new();
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let catalog: Value = serde_json::from_str(&catalog).unwrap();
        Self::start_options(env, of_platform, settings, Options { catalogs: vec![catalog], ..options(older, &ALL) })
            .await
    }

    /// At a platform that can make no accounts for connectors.
    pub(in crate::cli) async fn start_without_ingestion_group(older: bool) -> Self {
        let env = TestEnvironment::new();
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let catalogs = vec![serde_json::from_str(&catalog).unwrap()];
        let options = Options { catalogs, ingestion_group: false, ..options(older, &ALL) };
        Self::start_options(env, "", "", options).await
    }

    /// At a platform without its enterprise licence.
    pub(in crate::cli) async fn start_without_licence() -> Self {
        let env = TestEnvironment::new();
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let catalogs = vec![serde_json::from_str(&catalog).unwrap()];
        Self::start_options(env, "", "", Options { catalogs, licence: false, ..options(false, &ALL) }).await
    }

    /// At an older platform that keeps the first of several texts alone.
    pub(in crate::cli) async fn start_with_first_texts() -> Self {
        let env = TestEnvironment::new();
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let catalogs = vec![serde_json::from_str(&catalog).unwrap()];
        Self::start_options(env, "", "", Options { catalogs, first_texts: true, ..options(true, &ALL) }).await
    }

    /// With further properties in the contract of every instance.
    pub(in crate::cli) async fn start_with_properties(older: bool, properties: Vec<(String, Value)>) -> Self {
        let env = TestEnvironment::new();
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let mut catalog: Value = serde_json::from_str(&catalog).unwrap();
        let known = catalog["contracts"][0]["config_schema"]["properties"].as_object_mut().unwrap();
        known.extend(properties);
        env.write("connectors/catalog/test.json", &catalog.to_string());
        let options = Options { catalogs: vec![catalog], ..options(older, &ALL) };
        Self::start_options(env, "", "", options).await
    }

    async fn start_options(env: TestEnvironment, of_platform: &str, settings: &str, options: Options) -> Self {
        let older = options.older;
        let platform = StandIn::start_options(options).await;
        env.write("t", &format!("{TOKEN}\n"));
        env.write("manager.pem", key());
        fs::set_permissions(env.path("manager.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let managed = Self { env, platform, older };
        managed.configure("managed", of_platform, settings);
        managed
    }

    /// With the files of these keys.
    pub(in crate::cli) fn configure_key(&self, keys: &str) {
        let (url, name) = (self.platform.url(), &self.env.name);
        self.env.settings(&format!(
            "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}, manager: {{id: {name}, name: edge, \
             {keys}}}, registration: managed}}}}\n"
        ));
    }

    /// The ids of users, by their names.
    pub(in crate::cli) async fn users(&self, names: &[&str]) -> Vec<Value> {
        let listed = self.platform.graphql("{ users { edges { node { id name } } } }").await;
        let all = listed["users"]["edges"].as_array().unwrap();
        let id = |name: &&str| all.iter().find(|edge| edge["node"]["name"] == **name).unwrap()["node"]["id"].clone();
        names.iter().map(id).collect()
    }

    /// The confidence of accounts that were made for connectors, by their names.
    pub(in crate::cli) async fn confidence(&self) -> Value {
        serde_json::from_str(&self.platform.text("/confidence.json").await).unwrap()
    }

    pub(in crate::cli) fn configure(&self, registration: &str, of_platform: &str, settings: &str) {
        let url = self.platform.url();
        let manager = match registration {
            // What carries a manager's id on the engine is one test's alone.
            "managed" => format!("manager: {{id: {}, name: edge, key: manager.pem}},", self.env.name),
            _ => String::new(),
        };
        self.env.settings(&format!(
            "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}, {manager} {of_platform} \
             registration: {registration}}}}}\n{settings}"
        ));
    }

    /// The managed connector of a name, as the platform has it.
    pub(in crate::cli) async fn at_platform(&self, name: &str) -> Value {
        let all = self.platform.connectors().await;
        all.into_iter().find(|known| known["name"] == name).unwrap_or(Value::Null)
    }

    pub(in crate::cli) async fn id(&self, name: &str) -> String {
        self.at_platform(name).await["id"].as_str().unwrap().to_owned()
    }

    /// How many connectors the platform has.
    pub(in crate::cli) async fn count(&self) -> usize {
        self.platform.connectors().await.len()
    }

    /// One variable of an instance's container.
    pub(in crate::cli) fn variable(&self, short: &str, key: &str) -> Option<String> {
        // It may be replaced just now.
        let id = self.env.containers(true).get(short)?.clone();
        let set = docker_quietly(&["inspect", "--format", "{{json .Config.Env}}", &id]);
        let set: Vec<String> = serde_json::from_str(set.trim()).ok()?;
        set.iter().find_map(|line| line.strip_prefix(&format!("{key}="))).map(str::to_owned)
    }

    pub(in crate::cli) fn apply(&self) -> Ended {
        self.env.lockstep(&["apply"])
    }

    /// What a person does in the platform's pages: asks for a start or a stop.
    pub(in crate::cli) async fn request(&self, id: &str, status: &str) {
        let text = format!(
            "mutation {{ updateConnectorRequestedStatus(input: {{id: \"{id}\", status: {status}}}) {{ id }} }}"
        );
        self.platform.graphql(&text).await;
    }

    /// What a person does in the platform's pages: changes a configuration.
    pub(in crate::cli) async fn edit(&self, name: &str, pairs: &[(&str, &str)]) {
        let id = self.id(name).await;
        let pairs = configuration(pairs);
        let title = if self.older { String::new() } else { format!("title: \"{name}\", ") };
        let text = format!(
            "mutation {{ managedConnectorEdit(input: {{id: \"{id}\", name: \"{name}\", {title}\
             connector_user_id: \"u-1\", manager_contract_configuration: {pairs}}}) {{ id }} }}"
        );
        self.platform.graphql(&text).await;
    }

    /// What a person does in the platform's pages: makes an instance and asks for its start.
    pub(in crate::cli) async fn make(&self, name: &str, pairs: &[(&str, &str)]) -> String {
        let image = self.env.image();
        let image = image.trim_end_matches(":1");
        let pairs = configuration(pairs);
        let text = format!(
            "mutation {{ managedConnectorAdd(input: {{name: \"{name}\", user_id: \"user-of-{name}\", automatic_user: \
             true, catalog_id: \"test\", manager_contract_image: \"{image}\", manager_contract_configuration: \
             {pairs}}}) {{ id }} }}"
        );
        let id = self.platform.graphql(&text).await["managedConnectorAdd"]["id"].as_str().unwrap().to_owned();
        self.request(&id, "starting").await;
        id
    }

    pub(in crate::cli) async fn delete(&self, id: &str) {
        self.platform.graphql(&format!("mutation {{ deleteConnector(id: \"{id}\") }}")).await;
    }

    pub(in crate::cli) async fn reset(&self, id: &str) {
        self.platform.graphql(&format!("mutation {{ resetStateConnector(id: \"{id}\") {{ id }} }}")).await;
    }

    /// Registers us as the manager, which people need before they can make anything.
    pub(in crate::cli) fn register(&self) {
        self.apply().with(0);
    }
}

fn configuration(pairs: &[(&str, &str)]) -> String {
    let items = pairs.iter().map(|(key, value)| format!("{{key: {}, value: {}}}", json!(key), json!(value)));
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Waits until a condition that has to be asked for holds.
pub(in crate::cli) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        while !holds().await {
            turn.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(40), waiting).await.is_ok(), "waited in vain until {what}");
}
