//! The routes of instances that the platform has a manager run.

#[path = "../opencti/managed/seal.rs"]
mod seal;

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Asked, DELETE, READ, WRITE,
    answers::{hidden, refused, refused_silently, unknown_route},
    state::Platform,
};

/// How long a manager counts as reachable after a sign of life.
const LIFE: SignedDuration = SignedDuration::from_hours(2);
/// The tenant of a platform that was started without one.
const TENANT: &str = "2cffad3a-0001-4078-b0e2-ef74274022c3";
/// How many texts of log lines are kept for an instance.
const LOGS: usize = 10;

/// What is remembered of the manager and its instances.
#[derive(Default)]
pub(super) struct Managed {
    manager: Option<Manager>,
    instances: BTreeMap<String, Instance>,
}

struct Manager {
    id: String,
    name: String,
    public_key: String,
    version: String,
    last: Timestamp,
}

struct Instance {
    title: String,
    image: String,
    /// The key of its connector's id.
    id_key: String,
    current: String,
    requested: String,
    health: Value,
    logs: Vec<String>,
    /// By key: the text, and whether it is sealed.
    configuration: BTreeMap<String, (String, bool)>,
}

impl Instance {
    fn connector(&self) -> &str {
        self.configuration.get(&self.id_key).map_or("", |(id, _)| id)
    }

    /// As its manager sees it.
    fn whole(&self, id: &str) -> Value {
        let configuration = self.configuration.iter().map(|(key, (text, sealed))| {
            json!({ "configuration_key": key, "configuration_value": text, "configuration_is_encrypted": sealed })
        });
        let configuration: Vec<_> = configuration.collect();
        let hash = hex::encode(Sha256::digest(format!("{}{configuration:?}", self.image)));
        json!({
            "connector_instance_id": id,
            "connector_instance_name": format!("{}-{}", self.title, self.connector()),
            "connector_instance_hash": hash,
            "connector_image": self.image,
            "connector_instance_current_status": self.current,
            "connector_instance_requested_status": self.requested,
            "connector_instance_configurations": configuration,
        })
    }
}

impl Managed {
    /// Everything, for people and tests.
    pub(super) fn page(&self) -> Value {
        let manager = self
            .manager
            .as_ref()
            .map(|manager| json!({ "id": manager.id, "name": manager.name, "public_key": manager.public_key }));
        let instance = |(id, instance): (&String, &Instance)| {
            let mut whole = instance.whole(id);
            whole["connector"] = json!(instance.connector());
            whole["health"] = instance.health.clone();
            whole["logs"] = json!(instance.logs);
            whole
        };
        json!({ "manager": manager, "instances": self.instances.iter().map(instance).collect::<Vec<_>>() })
    }

    /// The instance of a connector, as the list of connectors has it.
    pub(super) fn short(&self, connector: &str) -> Option<Value> {
        let (id, instance) = self.instances.iter().find(|(_, instance)| instance.connector() == connector)?;
        Some(json!({
            "connector_instance_id": id,
            "connector_instance_current_status": instance.current,
            "connector_instance_requested_status": instance.requested,
        }))
    }

    fn is_manager(&self, id: &str) -> bool {
        self.manager.as_ref().is_some_and(|manager| manager.id == id)
    }

    /// Whether an instance runs and is asked to.
    fn is_started(&self, id: &str) -> bool {
        self.instances.get(id).is_some_and(|instance| instance.requested == "starting" && instance.current == "started")
    }

    fn is_reachable(&self) -> bool {
        self.manager.as_ref().is_some_and(|manager| Timestamp::now().duration_since(manager.last) < LIFE)
    }
}

/// What a route answers.
pub(super) fn of(platform: &Platform, asked: &Asked, route: &[&str]) -> Response {
    let needed = match asked.method {
        Method::GET => READ,
        Method::DELETE => DELETE,
        _ => WRITE,
    };
    if !platform.allows(needed) {
        return hidden();
    }
    match (asked.method.as_str(), route) {
        ("GET", ["catalog-connector"]) => Json(catalog(platform)).into_response(),
        ("GET", ["catalog-connector", id, "configurations"]) => keys(platform, id),
        ("POST", ["xtm-composer", "register"]) => register(platform, &asked.json()),
        ("GET", ["xtm-composer", "reachable"]) => Json(platform.managed(|it| it.is_reachable())).into_response(),
        (_, ["xtm-composer", manager, rest @ ..]) => {
            if !platform.managed(|managed| managed.is_manager(manager)) {
                return match platform.options.older {
                    false => refused(StatusCode::BAD_REQUEST, "Invalid xtm-composer identifier"),
                    true => refused_silently(&route.join("/")),
                };
            }
            of_manager(platform, asked, rest)
        }
        ("POST", ["connector-instances"]) => make(platform, &asked.json()),
        (_, ["connector-instances", id, rest @ ..]) => of_instance(platform, asked, id, rest),
        _ => unknown_route(&route.join("/")),
    }
}

fn catalog(platform: &Platform) -> Value {
    let contracts = platform.options.catalog["contracts"].as_array().into_iter().flatten();
    let line = |contract: &Value| {
        json!({
            "catalog_connector_id": format!("catalog-{}", text(contract, "slug")),
            "catalog_connector_slug": contract["slug"],
            "catalog_connector_title": contract["title"],
            "catalog_connector_type": contract["container_type"],
            "catalog_connector_manager_supported": contract["manager_supported"],
        })
    };
    contracts.map(line).collect()
}

/// The keys of one contract, as the platform keeps them: without bounds, and without a type where there are several.
fn keys(platform: &Platform, id: &str) -> Response {
    let contracts = platform.options.catalog["contracts"].as_array().into_iter().flatten();
    let is_it = |contract: &&Value| id.strip_prefix("catalog-") == Some(text(contract, "slug"));
    let Some(contract) = contracts.into_iter().find(is_it) else {
        return refused(StatusCode::NOT_FOUND, "Connector not found");
    };
    let schema = &contract["config_schema"];
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let key = |(key, property): (&String, &Value)| {
        let upper = |field: &str| property[field].as_str().map(|word| word.replace('-', "").to_uppercase());
        json!({
            "connector_configuration_id": format!("{id}-{key}"),
            "connector_configuration_key": key,
            "connector_configuration_type": upper("type"),
            "connector_configuration_format": upper("format"),
            "connector_configuration_description": property["description"],
            "connector_configuration_default": property["default"],
            "connector_configuration_enum": property["enum"],
            "connector_configuration_required": required.contains(&key.as_str()),
            "connector_configuration_writeonly": property["writeOnly"].as_bool().unwrap_or(false),
            "listened": true,
        })
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    Json(properties.map(key).collect::<Value>()).into_response()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn register(platform: &Platform, input: &Value) -> Response {
    let manager = Manager {
        id: text(input, "id").to_owned(),
        name: text(input, "name").to_owned(),
        public_key: text(input, "public_key").to_owned(),
        version: platform.version().to_owned(),
        last: Timestamp::now(),
    };
    if [&manager.id, &manager.name, &manager.public_key].iter().any(|text| text.is_empty()) {
        return refused(StatusCode::BAD_REQUEST, "This value should not be blank.");
    }
    let answer = json!({ "xtm_composer_id": manager.id, "xtm_composer_version": manager.version });
    platform.managed(|managed| managed.manager = Some(manager));
    Json(answer).into_response()
}

fn of_manager(platform: &Platform, asked: &Asked, route: &[&str]) -> Response {
    let body = asked.json();
    match (asked.method.as_str(), route) {
        ("PUT", ["refresh-connectivity"]) => platform.managed(|managed| match &mut managed.manager {
            Some(manager) => {
                manager.last = Timestamp::now();
                Json(json!({ "xtm_composer_id": manager.id, "xtm_composer_version": manager.version })).into_response()
            }
            None => hidden(),
        }),
        ("GET", ["connector-instances"]) => {
            let all = |managed: &mut Managed| -> Value {
                managed.instances.iter().map(|(id, instance)| instance.whole(id)).collect()
            };
            Json(platform.managed(all)).into_response()
        }
        ("PUT", ["connector-instances", id, "status"]) => change(platform, id, |instance| {
            let word = text(&body, "connector_instance_current_status").to_owned();
            let is_word = ["started", "stopped"].contains(&word.as_str());
            if is_word {
                instance.current = word;
            }
            is_word
        }),
        ("PUT", ["connector-instances", id, "health-check"]) => change(platform, id, |instance| {
            let time = text(&body, "connector_instance_started_at").parse::<Timestamp>();
            instance.health = body.clone();
            time.is_ok()
        }),
        ("POST", ["connector-instances", id, "logs"]) => change(platform, id, |instance| {
            // A set: what stands twice counts once.
            let texts = body["connector_instance_logs"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let texts: std::collections::BTreeSet<_> = texts.map(str::trim).filter(|text| !text.is_empty()).collect();
            instance.logs.extend(texts.into_iter().map(str::to_owned));
            instance.logs.drain(..instance.logs.len().saturating_sub(LOGS));
            true
        }),
        _ => unknown_route(&route.join("/")),
    }
}

/// Changes an instance; false says that the body made no sense.
fn change(platform: &Platform, id: &str, change: impl FnOnce(&mut Instance) -> bool) -> Response {
    platform.managed(|managed| match managed.instances.get_mut(id) {
        None => refused(StatusCode::NOT_FOUND, &format!("Element not found: ConnectorInstance with id {id} not found")),
        Some(instance) => {
            if change(instance) {
                Json(instance.whole(id)).into_response()
            } else {
                refused(StatusCode::BAD_REQUEST, "Malformed or unreadable request body")
            }
        }
    })
}

fn of_instance(platform: &Platform, asked: &Asked, id: &str, route: &[&str]) -> Response {
    let body = asked.json();
    match (asked.method.as_str(), route) {
        ("PUT", ["requested-status"])
            if body["connector_instance_requested_status"] == "starting" && !platform.options.licence =>
        {
            refused(StatusCode::FORBIDDEN, "LICENSE_RESTRICTION")
        }
        ("PUT", ["requested-status"]) => change(platform, id, |instance| {
            let word = text(&body, "connector_instance_requested_status").to_owned();
            let is_word = ["starting", "stopping"].contains(&word.as_str());
            if is_word {
                instance.requested = word;
            }
            is_word
        }),
        ("PUT", ["configurations"]) => match given(platform, &body) {
            Ok((_, configuration)) => change(platform, id, |instance| {
                instance.configuration.extend(configuration);
                true
            }),
            Err(answer) => *answer,
        },
        ("DELETE", []) if !platform.options.older && platform.managed(|managed| managed.is_started(id)) => {
            refused(StatusCode::BAD_REQUEST, &format!("The connector of {id} is started, stop it before deleting it"))
        }
        ("DELETE", []) => match platform.managed(|managed| managed.instances.remove(id)) {
            Some(instance) => {
                platform.remove(instance.connector());
                StatusCode::OK.into_response()
            }
            None => refused(StatusCode::NOT_FOUND, &format!("Element not found: {id}")),
        },
        _ => unknown_route(&route.join("/")),
    }
}

type Configuration = BTreeMap<String, (String, bool)>;

/// The contract and the values that a body names, sealed where the contract has a secret.
fn given<'a>(platform: &'a Platform, body: &Value) -> Result<(&'a Value, Configuration), Box<Response>> {
    let refuse = |status, message: &str| Err(Box::new(refused(status, message)));
    if !platform.options.licence {
        return refuse(StatusCode::FORBIDDEN, "LICENSE_RESTRICTION");
    }
    if !platform.managed(|managed| managed.is_reachable()) {
        return refuse(StatusCode::BAD_REQUEST, "XTM Composer is not reachable");
    }
    let wanted = text(body, "catalog_connector_id");
    let mut contracts = platform.options.catalog["contracts"].as_array().into_iter().flatten();
    let Some(contract) = contracts.find(|contract| format!("catalog-{}", text(contract, "slug")) == wanted) else {
        return refuse(StatusCode::NOT_FOUND, "Element not found: CatalogConnector");
    };
    let key_of_manager = platform.managed(|it| it.manager.as_ref().map(|it| it.public_key.clone())).unwrap_or_default();
    let mut configuration = Configuration::new();
    for pair in body["connector_instance_configurations"].as_array().into_iter().flatten() {
        let (key, value) = (text(pair, "configuration_key"), text(pair, "configuration_value"));
        let Some(definition) = contract["config_schema"]["properties"].get(key) else {
            let message = format!("Configuration key '{key}' not a valid key for this integration");
            return refuse(StatusCode::BAD_REQUEST, &message);
        };
        let is_secret = definition["format"] == "password";
        let kept = if is_secret { seal::seal(1, &key_of_manager, value) } else { Some(value.to_owned()) };
        let Some(kept) = kept else {
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "Failed to encrypt configuration value");
        };
        configuration.insert(key.to_owned(), (kept, is_secret));
    }
    Ok((contract, configuration))
}

fn make(platform: &Platform, body: &Value) -> Response {
    let (contract, mut configuration) = match given(platform, body) {
        Ok(given) => given,
        Err(answer) => return *answer,
    };
    let id_key = format!("{}_ID", text(contract, "container_type"));
    match configuration.get(&id_key) {
        Some((connector, _)) if !platform.knows(connector) => {
            return refused(StatusCode::CONFLICT, &format!("Connector with id {connector} does not exist"));
        }
        Some(_) => {}
        None => {
            configuration.insert(id_key.clone(), (Uuid::new_v4().to_string(), false));
        }
    }
    let token = platform.options.tokens.first().cloned().unwrap_or_default();
    configuration.insert("OPENAEV_TOKEN".to_owned(), (token, false));
    let tenant = platform.options.tenant.clone().unwrap_or_else(|| TENANT.to_owned());
    configuration.insert("OPENAEV_TENANT_ID".to_owned(), (tenant, false));
    let instance = Instance {
        title: text(contract, "title").to_owned(),
        image: format!("{}:{}", text(contract, "container_image"), text(contract, "container_version")),
        id_key,
        current: "stopped".to_owned(),
        requested: "stopping".to_owned(),
        health: Value::Null,
        logs: Vec::new(),
        configuration,
    };
    let id = Uuid::new_v4().to_string();
    platform.managed(|managed| managed.instances.insert(id.clone(), instance));
    Json(json!({ "connector_instance_id": id })).into_response()
}
