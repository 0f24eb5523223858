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
pub(super) fn key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| ManagerKey::generate().unwrap().expose_secret().to_owned())
}

/// Opens what the platform has sealed for the manager.
pub(super) fn opened(envelope: &str) -> String {
    static KEY: OnceLock<ManagerKey> = OnceLock::new();
    let key = KEY.get_or_init(|| ManagerKey::from_pem(&key().to_owned().into()).unwrap());
    key.open(envelope).unwrap().expose_secret().to_owned()
}

pub(super) struct Managed {
    pub(super) env: TestEnvironment,
    pub(super) platform: StandIn,
    older: bool,
}

impl Managed {
    /// With further lines for the platform's settings, each ended with a comma, and further settings.
    pub(super) async fn start(of_platform: &str, settings: &str) -> Self {
        Self::start_as(false, of_platform, settings).await
    }

    pub(super) async fn start_as(older: bool, of_platform: &str, settings: &str) -> Self {
        let env = TestEnvironment::new();
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let catalog: Value = serde_json::from_str(&catalog).unwrap();
        let platform = StandIn::start_options(Options { catalogs: vec![catalog], ..options(older, &ALL) }).await;
        env.write("t", &format!("{TOKEN}\n"));
        env.write("manager.pem", key());
        fs::set_permissions(env.path("manager.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let managed = Self { env, platform, older };
        managed.configure("managed", of_platform, settings);
        managed
    }

    pub(super) fn configure(&self, registration: &str, of_platform: &str, settings: &str) {
        let url = self.platform.url();
        let manager = match registration {
            "managed" => "manager: {id: lockstep-1, name: edge, key: manager.pem},",
            _ => "",
        };
        self.env.settings(&format!(
            "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}, {manager} {of_platform} \
             registration: {registration}}}}}\n{settings}"
        ));
    }

    /// The managed connector of a name, as the platform has it.
    pub(super) async fn at_platform(&self, name: &str) -> Value {
        let all = self.platform.connectors().await;
        all.into_iter().find(|known| known["name"] == name).unwrap_or(Value::Null)
    }

    pub(super) async fn id(&self, name: &str) -> String {
        self.at_platform(name).await["id"].as_str().unwrap().to_owned()
    }

    /// How many connectors the platform has.
    pub(super) async fn count(&self) -> usize {
        self.platform.connectors().await.len()
    }

    /// One variable of an instance's container.
    pub(super) fn variable(&self, short: &str, key: &str) -> Option<String> {
        // It may be replaced just now.
        let id = self.env.containers(true).get(short)?.clone();
        let set = docker_quietly(&["inspect", "--format", "{{json .Config.Env}}", &id]);
        let set: Vec<String> = serde_json::from_str(set.trim()).ok()?;
        set.iter().find_map(|line| line.strip_prefix(&format!("{key}="))).map(str::to_owned)
    }

    pub(super) fn apply(&self) -> Ended {
        self.env.lockstep(&["apply"])
    }

    /// What a person does in the platform's pages: asks for a start or a stop.
    pub(super) async fn request(&self, id: &str, status: &str) {
        let text = format!(
            "mutation {{ updateConnectorRequestedStatus(input: {{id: \"{id}\", status: {status}}}) {{ id }} }}"
        );
        self.platform.graphql(&text).await;
    }

    /// What a person does in the platform's pages: changes a configuration.
    pub(super) async fn edit(&self, name: &str, pairs: &[(&str, &str)]) {
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
    pub(super) async fn make(&self, name: &str, pairs: &[(&str, &str)]) -> String {
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

    pub(super) async fn delete(&self, id: &str) {
        self.platform.graphql(&format!("mutation {{ deleteConnector(id: \"{id}\") }}")).await;
    }

    pub(super) async fn reset(&self, id: &str) {
        self.platform.graphql(&format!("mutation {{ resetStateConnector(id: \"{id}\") {{ id }} }}")).await;
    }

    /// Registers us as the manager, which people need before they can make anything.
    pub(super) fn register(&self) {
        self.apply().with(0);
    }
}

fn configuration(pairs: &[(&str, &str)]) -> String {
    let items = pairs.iter().map(|(key, value)| format!("{{key: {}, value: {}}}", json!(key), json!(value)));
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Waits until a condition that has to be asked for holds.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        while !holds().await {
            turn.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(40), waiting).await.is_ok(), "waited in vain until {what}");
}
