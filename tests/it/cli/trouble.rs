//! Everything that can be wrong with what a platform answers: each has a name in the status, costs nothing, and passes.

use std::{fs, os::unix::fs::PermissionsExt as _};

use lockstep::platform::ManagerKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::{
    openaev_server, opencti_server,
    platform::{TOKEN, openaev, stand_in},
};

/// What a platform does, and what the status calls it.
const TROUBLES: [(&str, &str); 15] = [
    ("500", "server-error"),
    ("html", "not-the-platform"),
    ("hang", "no-answer"),
    ("401", "token-refused"),
    ("429", "rate-limited"),
    ("cut", "unreachable"),
    ("endless", "endless-answer"),
    ("words", "unknown-word"),
    ("nulls", "bad-answer"),
    ("emptied", "empty-listing"),
    ("errors", "server-error"),
    ("clock-ahead", "clock-off"),
    ("clock-behind", "clock-off"),
    ("times-ahead", "clock-off"),
    ("times-behind", "clock-off"),
];

const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11";

/// A platform of either kind.
pub(super) enum Platform {
    OpenCti(stand_in::StandIn),
    OpenAev(openaev::stand_in::StandIn),
}

impl Platform {
    pub(super) async fn fault(&self, kind: &str) {
        match self {
            Self::OpenCti(platform) => platform.fault(kind).await,
            Self::OpenAev(platform) => platform.fault(kind).await,
        }
    }

    pub(super) async fn set_tokens(&self, tokens: &[&str]) {
        match self {
            Self::OpenCti(platform) => platform.set_tokens(tokens).await,
            Self::OpenAev(platform) => platform.set_tokens(tokens).await,
        }
    }

    /// An environment with one instance that it serves, and the port of its status page.
    pub(super) async fn start(kind: &str, registration: &str) -> (Self, TestEnvironment, u16) {
        let env = TestEnvironment::new();
        let image = env.image();
        let of_openaev = include_str!("openaev.json").replace("IMAGE", image.strip_suffix(":1").unwrap());
        if kind == "openaev" {
            env.write("connectors/catalog/test.json", &of_openaev);
        }
        let catalog = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
        let catalog: Value = serde_json::from_str(&catalog).unwrap();
        let platform = if kind == "openaev" {
            let options = openaev_server::Options { catalog, ..openaev::stand_in::options() };
            Self::OpenAev(openaev::stand_in::StandIn::start_with(options).await)
        } else {
            let options = stand_in::options(false, &["BYPASS"]);
            let options = opencti_server::Options { catalogs: vec![catalog], ..options };
            Self::OpenCti(stand_in::StandIn::start_options(options).await)
        };
        let url = match &platform {
            Self::OpenCti(platform) => platform.url(),
            Self::OpenAev(platform) => platform.url(),
        };
        env.write("t", &format!("{TOKEN}\n"));
        env.write("manager.pem", ManagerKey::generate().unwrap().expose_secret());
        fs::set_permissions(env.path("manager.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let manager = match registration {
            "managed" => "manager: {id: lockstep-1, name: edge, key: manager.pem}, ",
            _ => "",
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        env.settings(&format!(
            "platforms: {{p: {{kind: {kind}, url: '{url}', token: {{file: t}}, timeout: 1s, {manager}registration: \
             {registration}}}}}\nlisten: 127.0.0.1:{port}\nintervals: {{heartbeat: 1s}}\n"
        ));
        let contract = if kind == "openaev" { "contract: a_collector\n" } else { "" };
        let id = if registration == "self" { format!("id: {ID}") } else { String::new() };
        env.declare_with("a", &format!("{contract}{id}"), "");
        (platform, env, port)
    }
}

/// The status of a running Lockstep.
pub(super) fn page(port: u16) -> Option<Value> {
    let text = super::run::get(port, "/status");
    serde_json::from_str(text.split_once("\r\n\r\n").map_or(text.as_str(), |(_, body)| body)).ok()
}

/// The names of what is wrong with the platform; none before that is known, and where nothing is.
pub(super) fn conditions(port: u16) -> Option<Vec<String>> {
    let page = page(port)?;
    let platform = page["platforms"].get(0)?;
    let all = platform["conditions"].as_array()?;
    Some(all.iter().map(|one| one["condition"].as_str().unwrap().to_owned()).collect())
}

pub(super) fn is_well(port: u16) -> bool {
    let connected = page(port).is_some_and(|page| page["platforms"][0]["connected"] == json!(true));
    connected && conditions(port).is_some_and(|all| all.is_empty())
}

async fn every_trouble(kind: &str, registration: &str, left_out: &[&str]) {
    let (platform, env, port) = Platform::start(kind, registration).await;
    let running = Running::start(&env, &[]);
    until("the instance", 40, || env.running().len() == 1);
    // The connector comes by itself, and gives a sign of life.
    let variables = super::variables_of(&env.running()["a"]);
    match &platform {
        Platform::OpenCti(platform) => {
            platform.until("it is known", |all| !all.is_empty()).await;
            platform.ping(&variables["CONNECTOR_ID"]).await;
        }
        Platform::OpenAev(platform) => platform.come("collector", &variables["COLLECTOR_ID"]).await,
    }
    until("the platform is well", 40, || is_well(port));
    let container = env.running()["a"].clone();
    for (trouble, name) in TROUBLES.iter().filter(|(trouble, _)| !left_out.contains(trouble)) {
        platform.fault(trouble).await;
        until(&format!("{trouble} is called {name}"), 40, || {
            conditions(port).is_some_and(|all| all.iter().any(|one| one == name))
        });
        if *trouble == "500" {
            env.lockstep(&["status"]).with(0).saying("platform p: away").saying("server-error: failed to");
        }
        if *trouble == "words" {
            env.lockstep(&["status"]).with(0).saying("unknown-word: it");
        }
        platform.fault("none").await;
        until(&format!("{trouble} is over"), 40, || is_well(port));
        assert_eq!(env.running().get("a"), Some(&container), "{trouble} costs no container:\n{}", running.log());
    }
    assert_eq!(env.containers(true).len(), 1);
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trouble_of_an_opencti_has_a_name_and_passes() {
    every_trouble("opencti", "self", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trouble_of_an_opencti_that_has_us_manage_has_a_name_and_passes() {
    every_trouble("opencti", "managed", &[]).await;
}

// It says no word of a connector that registers itself, and whether it counts one as active neither; its answers hold
// data or an error.
#[tokio::test(flavor = "multi_thread")]
async fn every_trouble_of_an_openaev_has_a_name_and_passes() {
    every_trouble("openaev", "self", &["words", "errors", "times-behind"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trouble_of_an_openaev_that_has_us_manage_has_a_name_and_passes() {
    every_trouble("openaev", "managed", &["errors", "times-behind"]).await;
}
