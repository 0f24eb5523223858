//! OpenCTI as a platform that has us run its connectors.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use apollo_compiler::{ExecutableDocument, Schema, request::coerce_variable_values, validation::Valid};
use lockstep::{
    model::{ConnectorId, ConnectorKind, Slug},
    platform::{
        AccountOf, CurrentStatus, Failure, HealthReport, ManagedInstance, ManagedPlatform as _, ManagedValue,
        ManagerIdentity, ManagerKey, OpenCtiClient, OutgoingInstance, OutgoingValue, Platform as _, RequestedStatus,
        RequestedWord, StatusWord,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{
    assert_discreet, client, config,
    documents::{newer, older},
    id,
    scripted::{self, Answer, Scripted},
    stand_in::{StandIn, options},
};
use crate::opencti_server::Options;

const ALL: [&str; 4] = ["CONNECTORAPI", "SETTINGS_SETACCESSES", "MODULES", "MODULES_MODMANAGE"];
const SECRET: &str = "hunter2-and-more";

/// A key of one test run.
fn key() -> &'static ManagerKey {
    static KEY: OnceLock<ManagerKey> = OnceLock::new();
    KEY.get_or_init(|| ManagerKey::from_pem(&ManagerKey::generate().unwrap()).unwrap())
}

fn manager(id: &str) -> ManagerIdentity {
    key().identity(id, "edge")
}

fn catalog() -> Value {
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

fn with_catalog(older: bool, capabilities: &[&str]) -> Options {
    Options { catalogs: vec![catalog()], ..options(older, capabilities) }
}

async fn stand_in(older: bool) -> StandIn {
    StandIn::start_options(with_catalog(older, &ALL)).await
}

fn outgoing(title: &str) -> OutgoingInstance {
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

async fn listed(client: &OpenCtiClient) -> Vec<ManagedInstance> {
    let listing = client.managed(&manager("lockstep-1")).await.unwrap();
    assert!(listing.unreadable.is_empty(), "{:?}", listing.unreadable);
    listing.instances
}

fn opened(instance: &ManagedInstance, name: &str) -> String {
    match &instance.configuration[name] {
        ManagedValue::Sealed(envelope) => key().open(envelope).unwrap().expose_secret().to_owned(),
        ManagedValue::Clear(text) => panic!("{name} is in clear: {text}"),
    }
}

fn clear<'a>(instance: &'a ManagedInstance, name: &str) -> &'a str {
    match &instance.configuration[name] {
        ManagedValue::Clear(text) => text,
        ManagedValue::Sealed(_) => panic!("{name} is sealed"),
    }
}

#[tokio::test]
async fn an_instance_lives_at_platforms_of_both_kinds() {
    for older in [false, true] {
        let stand_in = stand_in(older).await;
        let client = client(&stand_in.url());
        assert_eq!(client.register_manager(&manager("lockstep-1")).await.unwrap().version, "7.260901.0");
        client.ping_manager(&manager("lockstep-1")).await.unwrap();
        assert_eq!(listed(&client).await.len(), 0);

        let id = client.add(&outgoing("MISP (prod)")).await.unwrap();
        let instance = listed(&client).await.remove(0);
        assert_eq!((instance.id, instance.name.as_str()), (id, "misp-prod"));
        assert_eq!(instance.title, if older { "misp-prod" } else { "MISP (prod)" });
        assert_eq!(
            (instance.image.as_str(), instance.kind),
            ("opencti/connector-misp:7.1.0", Some(ConnectorKind::ExternalImport))
        );
        assert_eq!((&instance.requested, &instance.current), (&RequestedWord::Initial, &None));
        assert_eq!(opened(&instance, "MISP_KEY"), SECRET);
        assert_eq!((clear(&instance, "MISP_TAGS"), clear(&instance, "MISP_SSL")), ("a,b", "true"));
        assert_eq!(clear(&instance, "CONNECTOR_ID"), id.to_string());
        let shown = format!("{instance:?}");
        assert!(!shown.contains("flgrn_octi_tkn") && !shown.contains(SECRET), "{shown}");

        client.request(id, RequestedStatus::Starting).await.unwrap();
        client.send_status(id, CurrentStatus::Started).await.unwrap();
        let started = listed(&client).await.remove(0);
        assert_eq!(started.requested, RequestedWord::Starting);
        assert_eq!(started.current, Some(StatusWord::Known(CurrentStatus::Started)));
        assert_eq!(started.hash, instance.hash, "a start is no other configuration");

        // What is kept is not sealed anew; what is sent is, and both are other configurations where they differ.
        let mut changed = outgoing("MISP (prod)");
        changed.configuration.insert("MISP_KEY".to_owned(), OutgoingValue::Kept);
        client.edit(id, &changed).await.unwrap();
        assert_eq!(listed(&client).await.remove(0).hash, instance.hash);
        changed.configuration.insert("MISP_SSL".to_owned(), OutgoingValue::Clear("false".to_owned()));
        changed.title = "MISP two".to_owned();
        client.edit(id, &changed).await.unwrap();
        let edited = listed(&client).await.remove(0);
        assert_ne!(edited.hash, instance.hash);
        assert_eq!((clear(&edited, "MISP_SSL"), opened(&edited, "MISP_KEY").as_str()), ("false", SECRET));
        assert_eq!((edited.title.as_str(), edited.id), ("MISP two", id));
        client.edit(id, &outgoing("MISP two")).await.unwrap();
        assert_ne!(listed(&client).await.remove(0).hash, edited.hash);

        client.delete(id).await.unwrap();
        assert_eq!(listed(&client).await.len(), 0);
        let asked = stand_in.operations().await;
        let writes = ["managedConnectorAdd", "managedConnectorEdit", "deleteConnector"];
        let writes: Vec<_> = asked.iter().filter(|asked| writes.contains(&asked.as_str())).collect();
        assert_eq!(writes.len(), 5, "asking for the release carries nothing out: {asked:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_mean_that_nothing_was_made() {
    let stand_in = stand_in(false).await;
    let client = client(&stand_in.url());
    client.register_manager(&manager("lockstep-1")).await.unwrap();
    assert_eq!(listed(&client).await.len(), 0);
    stand_in.fault_of("managedConnectorAdd", "lost", 1).await;
    let mut instance = outgoing("MISP");
    instance.account = AccountOf { name: Some("misp".to_owned()), create: true, confidence: Some(80) };
    let error = client.add(&instance).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let made = listed(&client).await;
    assert_eq!(made.len(), 1);
    let again = client.add(&instance).await.unwrap_err();
    assert!(again.line().contains("CONNECTOR_NAME_ALREADY_EXISTS"), "the account is found again: {}", again.line());
    client.delete(made[0].id).await.unwrap();
    client.add(&instance).await.unwrap();
}

#[tokio::test]
async fn accounts_are_found_by_name_or_id_or_made() {
    for older in [false, true] {
        let stand_in = stand_in(older).await;
        let client = client(&stand_in.url());
        client.register_manager(&manager("lockstep-1")).await.unwrap();
        let mut instance = outgoing("MISP");
        instance.account = AccountOf { name: Some("nobody".to_owned()), create: false, confidence: None };
        let error = client.add(&instance).await.unwrap_err();
        assert!(matches!(&error.failure, Failure::Settings(why) if why.contains("`nobody`")), "{error:?}");
        instance.account = AccountOf { name: None, create: false, confidence: Some(70) };
        let made = client.add(&instance).await;
        if older {
            let error = made.unwrap_err();
            assert!(matches!(&error.failure, Failure::Unsupported(why) if why.contains("[C] MISP")), "{error:?}");
        } else {
            let id = made.unwrap();
            let users = stand_in.graphql("{ users { edges { node { id name } } } }").await.to_string();
            assert!(users.contains("[C] MISP"), "{users}");
            // A change names no account, and so changes none.
            let account = stand_in.connectors().await[0]["managed"]["user"].clone();
            client.edit(id, &instance).await.unwrap();
            assert_eq!(stand_in.connectors().await[0]["managed"]["user"], account);
            instance.account.name = Some("lockstep".to_owned());
            client.edit(id, &instance).await.unwrap();
            assert_ne!(stand_in.connectors().await[0]["managed"]["user"], account);
        }
        let mut by_id = outgoing("By id");
        by_id.account.name = Some("88ec0c6a-13ce-4e39-b486-354fe4a7084f".to_owned());
        client.add(&by_id).await.unwrap();
    }
}

#[tokio::test]
async fn a_connector_that_registered_itself_keeps_its_id_as_a_managed_one() {
    let stand_in = stand_in(false).await;
    let client = client(&stand_in.url());
    client.register_manager(&manager("lockstep-1")).await.unwrap();
    client.register(&super::standing(1)).await.unwrap();
    client.migrate(id(1), &outgoing("MISP")).await.unwrap();
    let instance = listed(&client).await.remove(0);
    assert_eq!((instance.id, instance.title.as_str()), (id(1), "instance-1"));
    assert_eq!(opened(&instance, "MISP_KEY"), SECRET);

    let older = self::stand_in(true).await;
    let client = super::client(&older.url());
    let error = client.migrate(id(1), &outgoing("MISP")).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Unsupported(_)), "{error:?}");
    assert!(older.operations().await.is_empty(), "nothing is tried: {:?}", older.operations().await);
}

#[tokio::test]
async fn a_second_manager_is_told_which_is_the_first() {
    let stand_in = stand_in(false).await;
    let client = client(&stand_in.url());
    client.register_manager(&manager("default-manager-id")).await.unwrap();
    let error = client.register_manager(&manager("lockstep-1")).await.unwrap_err();
    assert_discreet(&error);
    assert!(matches!(error.failure, Failure::OtherManager { .. }), "{error:?}");
    let line = error.line();
    assert!(
        line.contains("`edge` (id `default-manager-id`, heard from") && line.contains("manager: {id, key}"),
        "{line}"
    );
    let managers = client.managers().await.unwrap();
    assert_eq!((managers[0].id.as_str(), managers[0].active), ("default-manager-id", Some(true)));
    client.register_manager(&manager("default-manager-id")).await.unwrap();

    let unknown = client.ping_manager(&manager("lockstep-1")).await.unwrap_err();
    assert!(matches!(unknown.failure, Failure::UnknownManager { .. }), "{unknown:?}");
}

#[tokio::test]
async fn without_a_licence_nothing_is_made_and_the_error_says_why() {
    let stand_in = StandIn::start_options(Options { licence: false, ..with_catalog(false, &ALL) }).await;
    let client = client(&stand_in.url());
    client.register_manager(&manager("lockstep-1")).await.unwrap();
    let error = client.add(&outgoing("MISP")).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NoLicence { .. }), "{error:?}");
    assert!(error.line().contains("registration: self"), "{}", error.line());
    assert_eq!(client.licence().await.unwrap(), lockstep::platform::Licence::Missing);
    let licensed = self::stand_in(true).await;
    assert_eq!(super::client(&licensed.url()).licence().await.unwrap(), lockstep::platform::Licence::Valid);
}

/// The capability that a call lacks at a platform whose token has all but this one.
async fn lacking(missing: &str) -> BTreeMap<&'static str, String> {
    let capabilities: Vec<_> = ALL.into_iter().filter(|one| *one != missing).collect();
    let mut held: Vec<&str> = capabilities.clone();
    // A capability includes those its name begins with; without MODULES there is no MODULES_MODMANAGE either.
    if missing == "MODULES" {
        held.retain(|one| *one != "MODULES_MODMANAGE");
    }
    let stand_in = StandIn::start_options(with_catalog(false, &held)).await;
    let client = client(&stand_in.url());
    let ours = manager("lockstep-1");
    let failures = [
        ("register", client.register_manager(&ours).await.map(drop).err()),
        ("ping", client.ping_manager(&ours).await.map(drop).err()),
        ("managers", client.managers().await.map(drop).err()),
        ("managed", client.managed(&ours).await.map(drop).err()),
        ("add", client.add(&outgoing("MISP")).await.map(drop).err()),
        ("edit", client.edit(id(1), &outgoing("MISP")).await.err()),
        ("request", client.request(id(1), RequestedStatus::Starting).await.err()),
        ("delete", client.delete(id(1)).await.err()),
        ("migrate", client.migrate(id(1), &outgoing("MISP")).await.err()),
    ];
    let forbidden = failures.into_iter().filter_map(|(call, error)| {
        let Failure::Forbidden { capability, .. } = error?.failure else { return None };
        Some((call, capability.to_owned()))
    });
    forbidden.collect()
}

#[tokio::test]
async fn a_missing_capability_is_named_for_every_call() {
    let expected = [
        ("CONNECTORAPI", vec!["add", "ping", "register"]),
        ("SETTINGS_SETACCESSES", vec!["add", "managed"]),
        ("MODULES_MODMANAGE", vec!["delete", "migrate", "request"]),
    ];
    for (missing, calls) in expected {
        let forbidden = lacking(missing).await;
        assert_eq!(forbidden.keys().copied().collect::<Vec<_>>(), calls, "{missing}: {forbidden:?}");
        assert!(forbidden.values().all(|capability| capability == missing), "{forbidden:?}");
    }
    let forbidden = lacking("MODULES").await;
    for call in ["managers", "managed", "edit"] {
        assert_eq!(forbidden[call], "MODULES", "{forbidden:?}");
    }
}

#[tokio::test]
async fn the_release_is_asked_for_once_and_again_after_an_upgrade() {
    let stand_in = stand_in(false).await;
    let server = client(&stand_in.url());
    server.register_manager(&manager("lockstep-1")).await.unwrap();
    drop(server);
    let known = |answer: &str| scripted::json(answer);
    let valid = r#"{"data":{}}"#;
    let invalid = r#"{"errors":[{"message":"Cannot query","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#;
    let plain = r#"{"data":{"connectorsForManagers":[]}}"#;
    let titled = r#"{"data":{"connectorsForManagers":[],"connectors":[]}}"#;
    let synced = |version: &str| {
        let manager = json!({ "id": "lockstep-1", "about_version": version });
        scripted::json(&json!({ "data": { "updateConnectorManagerStatus": manager } }).to_string())
    };
    let answers = vec![
        synced("6.8.17"),
        known(invalid),
        known(valid),
        known(invalid),
        known(invalid),
        known(invalid),
        known(invalid),
        known(valid),
        known(plain),
        synced("6.8.17"),
        known(plain),
        synced("7.260901.0"),
        known(valid),
        known(titled),
    ];
    let server = Scripted::start(answers).await;
    let client = client(&server.url());
    for _ in 0..3 {
        client.ping_manager(&manager("lockstep-1")).await.unwrap();
        listed(&client).await;
    }
    let asked = operations(&server);
    let asked: Vec<_> = asked.iter().map(|(name, _, _)| name.as_str()).collect();
    let expected = [
        "LockstepPingManager",
        "LockstepKnowsAll",
        "LockstepKnowsAccounts",
        "LockstepKnowsTitledEdits",
        "LockstepKnowsTitledListing",
        "LockstepKnowsMigration",
        "LockstepKnowsKeys",
        "LockstepKnowsLists",
        "LockstepManaged",
        "LockstepPingManager",
        "LockstepManaged",
        "LockstepPingManager",
        "LockstepKnowsAll",
        "LockstepManaged",
    ];
    assert_eq!(asked, expected);
}

/// What a server was asked: the operation's name, the document and the variables.
fn operations(server: &Scripted) -> Vec<(String, String, Value)> {
    let operation = |request: String| {
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let query = body["query"].as_str().unwrap().to_owned();
        let name = query.split([' ', '(', '{']).nth(1).unwrap().to_owned();
        (name, query, body["variables"].clone())
    };
    server.requests().into_iter().map(operation).collect()
}

/// Checks a request as the platform does before it carries out anything.
fn check(schema: &Valid<Schema>, query: &str, variables: &Value) {
    let document = ExecutableDocument::parse_and_validate(schema, query, "request.graphql").unwrap();
    let operation = document.operations.iter().next().unwrap();
    let values = serde_json_bytes(variables);
    coerce_variable_values(schema, operation, &values)
        .unwrap_or_else(|error| panic!("{error:?}\n{query}\n{variables}"));
}

fn serde_json_bytes(variables: &Value) -> apollo_compiler::response::JsonMap {
    serde_json::from_value(variables.clone()).unwrap()
}

/// A manager's whole day at a platform that takes everything, or nothing of what is newer.
async fn a_day(newer: bool) -> Vec<(String, String, Value)> {
    let data = |data: Value| scripted::json(&json!({ "data": data }).to_string());
    let invalid = || {
        let body = r#"{"errors":[{"message":"Cannot query","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#;
        Answer::Reply("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n", body.to_owned())
    };
    let manager_wire = json!({ "id": "lockstep-1", "about_version": "7.1" });
    let users = json!({ "users": { "edges": [{ "node": { "id": "u-1", "name": "lockstep" } }] } });
    let one = json!({ "id": id(1).to_string(), "name": "misp", "connector_user_id": "u-1" });
    let mut answers = vec![
        data(json!({ "about": { "version": "7.1" } })),
        data(json!({ "registerConnectorsManager": manager_wire })),
        data(json!({ "updateConnectorManagerStatus": manager_wire })),
    ];
    if newer {
        answers.push(data(json!({})));
    } else {
        answers.extend((0..6).map(|_| invalid()));
        // It takes lists of texts, and no others.
        answers.push(data(json!({})));
    }
    answers.extend([
        data(json!({ "connectorsForManagers": [], "connectors": [] })),
        data(users.clone()),
        data(json!({ "managedConnectorAdd": { "id": id(1).to_string() } })),
        data(json!({ "updateConnectorRequestedStatus": { "id": "x" } })),
        data(json!({ "updateConnectorHealth": "x" })),
        data(json!({ "updateConnectorCurrentStatus": { "id": "x" } })),
        data(json!({ "updateConnectorLogs": "x" })),
        data(json!({ "connector": one })),
        data(users),
        data(json!({ "managedConnectorEdit": { "id": "x" } })),
        data(json!({ "updateConnectorManagerStatus": manager_wire })),
        data(json!({ "deleteConnector": "x" })),
    ]);
    let server = Scripted::start(answers).await;
    let client = client(&server.url());
    let ours = manager("lockstep-1");
    client.about().await.unwrap();
    client.register_manager(&ours).await.unwrap();
    client.ping_manager(&ours).await.unwrap();
    client.managed(&ours).await.unwrap();
    let made = client.add(&outgoing("MISP")).await.unwrap();
    client.request(made, RequestedStatus::Starting).await.unwrap();
    client.send_health(made, HealthReport { restarts: 0, started_at: 1, crash_loop: false }).await.unwrap();
    client.send_status(made, CurrentStatus::Started).await.unwrap();
    client.send_logs(made, vec!["hello".to_owned()]).await.unwrap();
    client.edit(made, &outgoing("MISP")).await.unwrap();
    client.ping_manager(&ours).await.unwrap();
    client.delete(made).await.unwrap();
    operations(&server)
}

#[tokio::test]
async fn the_managers_requests_come_in_order_and_every_release_takes_them() {
    let before = ["LockstepAbout", "LockstepRegisterManager", "LockstepPingManager"];
    let after = [
        "LockstepManaged",
        "LockstepUsers",
        "LockstepAdd",
        "LockstepRequest",
        "LockstepHealth",
        "LockstepStatus",
        "LockstepLogs",
        "LockstepConnector",
        "LockstepUsers",
        "LockstepEdit",
        "LockstepPingManager",
        "LockstepDelete",
    ];
    let names = |day: &[(String, String, Value)]| {
        let names = day.iter().map(|(name, _, _)| name.clone());
        names.filter(|name| !name.starts_with("LockstepKnows")).collect::<Vec<_>>()
    };
    let day = a_day(true).await;
    assert_eq!(names(&day), [&before[..], &after[..]].concat());
    assert!(day[3].0 == "LockstepKnowsAll", "the release is asked for before the first listing");
    let schema = newer();
    for (_, query, variables) in &day {
        check(&schema, query, variables);
    }
    let register = &day[1].2["input"];
    assert!(register["public_key"].as_str().unwrap().starts_with("-----BEGIN RSA PUBLIC KEY-----\n"), "{register}");

    let Some(schema) = older() else { return };
    let day = a_day(false).await;
    assert_eq!(names(&day), [&before[..], &after[..]].concat());
    for (_, query, variables) in day.iter().filter(|(name, _, _)| !name.starts_with("LockstepKnows")) {
        check(&schema, query, variables);
    }
}

#[tokio::test]
async fn words_and_nulls_in_the_listing_are_not_guessed_at() {
    let instance = |change: fn(&mut Value)| {
        let mut one = json!({
            "id": id(1).to_string(), "name": "misp", "manager_contract_image": "a/b:1", "manager_contract_hash": "0",
            "manager_current_status": "dreaming\u{1b}", "manager_requested_status": "dancing",
            "manager_contract_configuration": [
                { "key": "A", "value": null, "encrypted": null },
                { "key": "B", "value": null, "encrypted": true },
                { "key": "C", "value": "c" },
            ],
        });
        change(&mut one);
        json!({ "data": { "connectorsForManagers": [one], "connectors": [] } }).to_string()
    };
    let valid = r#"{"data":{}}"#.to_owned();
    let answers = [
        valid,
        instance(|_| ()),
        instance(|one| one["id"] = json!("ChangeMe")),
        r#"{"data":{"connectorsForManagers":null,"connectors":[]}}"#.to_owned(),
        r#"{"data":{}}"#.to_owned(),
    ];
    let server = Scripted::start(answers.iter().map(|answer| scripted::json(answer)).collect()).await;
    let client = client(&server.url());
    let instance = listed(&client).await.remove(0);
    assert_eq!(instance.requested, RequestedWord::Unknown("dancing".to_owned()));
    assert_eq!(instance.current, Some(StatusWord::Unknown("dreaming\\u{1b}".to_owned())));
    assert_eq!(instance.kind, None);
    let expected = BTreeMap::from([
        ("B".to_owned(), ManagedValue::Sealed(String::new())),
        ("C".to_owned(), ManagedValue::Clear("c".to_owned())),
    ]);
    assert_eq!(instance.configuration, expected, "a secret that is null is one that can't be opened");
    assert!(listed(&client).await.is_empty(), "an id that no instance can have");
    for _ in 0..2 {
        let error = client.managed(&manager("lockstep-1")).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Answer(_)), "{error:?}");
    }
}

#[tokio::test]
async fn the_listing_may_take_longer_than_other_calls() {
    let listing = r#"{"data":{"connectorsForManagers":[],"connectors":[]}}"#.to_owned();
    let answers = vec![scripted::json(r#"{"data":{}}"#), Answer::Later(Duration::from_secs(2), listing)];
    let server = Scripted::start(answers).await;
    let mut config = config(&server.url());
    config.timeout = Duration::from_secs(1);
    let client = OpenCtiClient::new(config).unwrap();
    assert!(listed(&client).await.is_empty());
}

#[tokio::test]
async fn an_error_never_repeats_a_secret_that_was_sent() {
    let refused = json!({ "errors": [{
        "message": format!("Invalid configuration: {SECRET} is bad"), "extensions": { "code": "UNSUPPORTED_ERROR" },
    }] });
    let users = json!({ "data": { "users": { "edges": [{ "node": { "id": "u-1", "name": "lockstep" } }] } } });
    let answers = [r#"{"data":{}}"#.to_owned(), users.to_string(), refused.to_string()];
    let server = Scripted::start(answers.iter().map(|answer| scripted::json(answer)).collect()).await;
    let error = client(&server.url()).add(&outgoing("MISP")).await.unwrap_err();
    assert_discreet(&error);
    assert!(error.line().contains("(secret) is bad"), "{}", error.line());
    assert!(!format!("{error:?}{:?}", outgoing("MISP")).contains(SECRET));
}

#[tokio::test]
async fn listings_that_fail_are_errors_and_an_empty_one_is_empty() {
    let stand_in = stand_in(false).await;
    let client = client(&stand_in.url());
    let ours = manager("lockstep-1");
    client.register_manager(&ours).await.unwrap();
    let made: ConnectorId = client.add(&outgoing("MISP")).await.unwrap();
    for kind in ["500", "html", "cut", "429"] {
        stand_in.fault_of("connectorsForManagers", kind, 1).await;
        let error = client.managed(&ours).await.unwrap_err();
        assert!(error.is_transient(), "{kind}: {error:?}");
    }
    stand_in.fault_of("connectorsForManagers", "empty", 1).await;
    assert!(listed(&client).await.is_empty());
    assert_eq!(listed(&client).await[0].id, made);
    stand_in.graphql(&format!("mutation {{ resetStateConnector(id: \"{made}\") {{ id }} }}")).await;
    stand_in.set_version("7.260915.0").await;
    assert_eq!(client.ping_manager(&ours).await.unwrap().version, "7.260915.0");
}

#[tokio::test]
async fn an_instance_that_makes_no_sense_is_there_and_the_others_are_read() {
    let whole = |number| {
        json!({
            "id": id(number).to_string(), "name": format!("n{number}"),
            "manager_contract_image": "example/one:1", "manager_contract_hash": "h", "manager_current_status": null,
            "manager_requested_status": "starting",
            "manager_contract_configuration": [{ "key": "EXAMPLE_KEY", "value": "s3cret", "encrypted": false }],
        })
    };
    let read = async |bent: &Value| {
        let answer = json!({ "data": { "connectorsForManagers": [bent, whole(2)], "connectors": [] } });
        let newer = scripted::json(r#"{"data":{"__typename":"Mutation"}}"#);
        let server = Scripted::start(vec![newer, scripted::json(&answer.to_string())]).await;
        client(&server.url()).managed(&manager("lockstep-1")).await
    };
    for (field, value, why) in [
        ("name", json!(null), "`name` is null"),
        ("manager_contract_image", json!(null), "`manager_contract_image` is null"),
        ("manager_contract_hash", json!(7), "`manager_contract_hash` is not a text"),
        ("manager_requested_status", json!(null), "`manager_requested_status` is null"),
        ("manager_contract_configuration", json!(null), "`manager_contract_configuration` is null"),
        ("manager_contract_configuration", json!([null]), "an item of `manager_contract_configuration` is no object"),
        ("manager_contract_configuration", json!([{ "key": null, "value": "s3cret" }]), "`key` is null"),
        ("manager_contract_configuration", json!([{ "key": "K", "value": ["s3cret"] }]), "`value` is not a text"),
    ] {
        let mut bent = whole(1);
        bent[field] = value;
        let listing = read(&bent).await.unwrap();
        let [one] = &listing.unreadable[..] else { panic!("{field}: {listing:?}") };
        assert_eq!((one.id.to_string().as_str(), one.why.as_str()), (bent["id"].as_str().unwrap(), why));
        assert_eq!(one.name, if field == "name" { "" } else { "n1" });
        let [other] = &listing.instances[..] else { panic!("{field}: {listing:?}") };
        assert_eq!(other.name, "n2");
    }
    let mut nameless = whole(1);
    nameless["id"] = json!(null);
    let error = read(&nameless).await.unwrap_err();
    assert!(error.line().contains("of one of its managed connectors, `id` is null"), "{}", error.line());
}
