//! A manager, what it sends, and the platforms it is sent to.

use std::{collections::BTreeMap, sync::OnceLock};

use lockstep::{
    model::{ConnectorKind, Slug},
    platform::{
        AccountOf, ManagedInstance, ManagedPlatform as _, ManagedValue, ManagerIdentity, ManagerKey, OpenCtiClient,
        OutgoingInstance, OutgoingValue,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::super::{
    scripted::Scripted,
    stand_in::{StandIn, options},
};
use crate::opencti_server::Options;

pub(super) const ALL: [&str; 4] = ["CONNECTORAPI", "SETTINGS_SETACCESSES", "MODULES", "MODULES_MODMANAGE"];

pub(super) const SECRET: &str = "hunter2-and-more";

/// A key of one test run.
pub(super) fn key() -> &'static ManagerKey {
    static KEY: OnceLock<ManagerKey> = OnceLock::new();
    KEY.get_or_init(|| ManagerKey::from_pem(&ManagerKey::generate().unwrap()).unwrap())
}

pub(super) fn manager(id: &str) -> ManagerIdentity {
    key().identity(id, "edge")
}

pub(super) fn catalog() -> Value {
    json!({ "id": "catalog-1", "name": "c", "description": "", "contracts": [{
        "title": "MISP", "slug": "misp", "container_image": "opencti/connector-misp", "container_version": "7.1.0",
        "container_type": "EXTERNAL_IMPORT", "manager_supported": true,
        "config_schema": { "type": "object", "required": ["OPENCTI_TOKEN", "MISP_URL", "MISP_KEY"], "properties": {
            "OPENCTI_TOKEN": { "type": "string", "format": "password" },
            "MISP_URL": { "type": "string", "format": "uri" },
            "MISP_KEY": { "type": "string", "format": "password" },
            "MISP_TAGS": { "type": "array", "items": { "type": "string" }, "default": ["a", "b"] },
            "MISP_SSL": { "type": "boolean", "default": true },
        } },
    }] })
}

pub(super) fn with_catalog(older: bool, capabilities: &[&str]) -> Options {
    Options { catalogs: vec![catalog()], ..options(older, capabilities) }
}

pub(super) async fn stand_in(older: bool) -> StandIn {
    StandIn::start_options(with_catalog(older, &ALL)).await
}

pub(super) fn outgoing(title: &str) -> OutgoingInstance {
    OutgoingInstance {
        title: title.to_owned(),
        contract: Slug::try_from("misp").unwrap(),
        image: "opencti/connector-misp".to_owned(),
        catalog: Some("catalog-1".to_owned()),
        kind: ConnectorKind::ExternalImport,
        id: None,
        account: AccountOf { name: Some("lockstep".to_owned()), create: false, confidence: None },
        configuration: BTreeMap::from([
            ("MISP_URL".to_owned(), OutgoingValue::Clear("https://misp.example.org".to_owned())),
            ("MISP_KEY".to_owned(), OutgoingValue::Secret(SecretString::from(SECRET))),
            ("MISP_TAGS".to_owned(), OutgoingValue::List("a,b".to_owned())),
        ]),
    }
}

pub(super) async fn listed(client: &OpenCtiClient) -> Vec<ManagedInstance> {
    let listing = client.managed(&manager("lockstep-1")).await.unwrap();
    assert!(listing.unreadable.is_empty(), "{:?}", listing.unreadable);
    listing.instances
}

pub(super) fn opened(instance: &ManagedInstance, name: &str) -> String {
    match &instance.configuration[name] {
        ManagedValue::Sealed(envelope) => key().open(envelope).unwrap().expose_secret().to_owned(),
        ManagedValue::Clear(text) => panic!("{name} is in clear: {text}"),
    }
}

pub(super) fn clear<'a>(instance: &'a ManagedInstance, name: &str) -> &'a str {
    match &instance.configuration[name] {
        ManagedValue::Clear(text) => text,
        ManagedValue::Sealed(_) => panic!("{name} is sealed"),
    }
}

/// What a server was asked: the operation's name, the document and the variables.
pub(super) fn operations(server: &Scripted) -> Vec<(String, String, Value)> {
    let operation = |request: String| {
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let query = body["query"].as_str().unwrap().to_owned();
        let name = query.split([' ', '(', '{']).nth(1).unwrap().to_owned();
        (name, query, body["variables"].clone())
    };
    server.requests().into_iter().map(operation).collect()
}
