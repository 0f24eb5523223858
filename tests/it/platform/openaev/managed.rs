//! Standing at an OpenAEV as its connector manager.

use std::sync::LazyLock;

use lockstep::{
    model::{ConnectorId, ConnectorKind, Slug},
    platform::{
        AccountOf, CurrentStatus, Failure, HealthReport, ManagedPlatform as _, ManagedValue, ManagerIdentity,
        ManagerKey, OpenAevClient, OutgoingInstance, OutgoingValue, Platform as _, RequestedStatus, RequestedWord,
        StatusWord, Takes,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json as value};

use super::{
    MANAGER, id,
    listing::wire,
    manager,
    scripted::{Answer, Scripted, json},
    stand_in::{StandIn, options},
};
use crate::openaev_server::Options;

pub(super) fn identity() -> ManagerIdentity {
    static IDENTITY: LazyLock<ManagerIdentity> = LazyLock::new(|| {
        let key = ManagerKey::from_pem(&ManagerKey::generate().unwrap()).unwrap();
        key.identity(MANAGER, "lockstep")
    });
    IDENTITY.clone()
}

fn catalog() -> Value {
    value!({ "contracts": [
        { "slug": "example_collector", "title": "A collector", "container_type": "COLLECTOR",
          "container_image": "example/collector", "container_version": "1", "manager_supported": true,
          "config_schema": { "properties": {
              "COLLECTOR_ID": {"type": "string"}, "COLLECTOR_NAME": {"type": "string"},
              "EXAMPLE_COUNT": {"type": "integer"}, "EXAMPLE_KEY": {"type": "string", "format": "password"} } } },
        { "slug": "example_executor", "title": "An executor", "container_type": "EXECUTOR", "manager_supported": false },
    ] })
}

fn outgoing(values: &[(&str, OutgoingValue)]) -> OutgoingInstance {
    let configuration = values.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    OutgoingInstance {
        title: "A title".to_owned(),
        contract: Slug::try_from("example_collector").unwrap(),
        image: "example/collector".to_owned(),
        catalog: None,
        kind: ConnectorKind::Collector,
        id: None,
        account: AccountOf { name: None, create: false, confidence: None },
        configuration: configuration.collect(),
    }
}

fn clear(text: &str) -> OutgoingValue {
    OutgoingValue::Clear(text.to_owned())
}

/// A stand-in at which we are the manager.
pub(super) async fn managing() -> StandIn {
    let stand_in = StandIn::start_with(Options { catalog: catalog(), ..options() }).await;
    manager(&stand_in.url()).register_manager(&identity()).await.unwrap();
    stand_in
}

/// Makes an instance.
pub(super) async fn instance(platform: &OpenAevClient) -> ConnectorId {
    platform.add(&outgoing(&[("COLLECTOR_NAME", clear("A name"))])).await.unwrap()
}

#[tokio::test]
async fn a_manager_registers_pings_and_is_recognised() {
    let stand_in = StandIn::start().await;
    let client = manager(&stand_in.url());
    assert_eq!(client.takes(), Takes::Standing);
    assert!(client.managers().await.unwrap().is_empty());
    let error = client.ping_manager(&identity()).await.unwrap_err();
    assert!(matches!(error.failure, Failure::UnknownManager { .. }), "{error:?}");
    assert_eq!(client.register_manager(&identity()).await.unwrap().version, "3.260901.0");
    assert_eq!(client.ping_manager(&identity()).await.unwrap().version, "3.260901.0");
    assert_eq!(client.managers().await.unwrap()[0].id, MANAGER);
    let page = stand_in.page("/instances.json").await;
    assert_eq!(page["manager"], value!({ "id": MANAGER, "name": "lockstep", "public_key": identity().public_spki }));

    // One that we would push out is left in its place.
    let other = ManagerIdentity { id: "another".to_owned(), ..identity() };
    let error = client.register_manager(&other).await.unwrap_err();
    assert!(matches!(error.failure, Failure::OtherManager { .. }), "{error:?}");
    assert_eq!(stand_in.page("/instances.json").await["manager"]["id"], MANAGER);
    let error = client.managed(&other).await.unwrap_err();
    assert!(matches!(error.failure, Failure::UnknownManager { .. }), "{error:?}");
}

#[tokio::test]
async fn a_manager_that_is_not_known_is_so_in_the_words_of_every_release() {
    const BAD: &str = "HTTP/1.1 400 Bad Request\r\n";
    let silent = r#"{"timestamp":"x","status":400,"error":"Bad Request","path":"/api/xtm-composer/x"}"#;
    for (head, body) in
        [(BAD, silent), (BAD, ""), ("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n", "Invalid identifier")]
    {
        let server = Scripted::start((0..3).map(|_| Answer::Reply(head, body.to_owned())).collect()).await;
        let client = manager(&server.url());
        let listed = client.managed(&identity()).await.unwrap_err();
        let pinged = client.ping_manager(&identity()).await.unwrap_err();
        for error in [listed, pinged] {
            assert!(matches!(error.failure, Failure::UnknownManager { .. }), "{body}: {error:?}");
        }
    }
    // A page of a proxy is none of them, and neither is a reason of another kind.
    for (body, head) in [
        ("<html>", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"),
        (r#"{"message":"Malformed or unreadable request body"}"#, BAD),
    ] {
        let server = Scripted::start(vec![Answer::Reply(head, body.to_owned())]).await;
        let error = manager(&server.url()).managed(&identity()).await.unwrap_err();
        assert!(!matches!(error.failure, Failure::UnknownManager { .. }), "{body}: {error:?}");
    }

    let older = StandIn::start_with(Options { catalog: catalog(), older: true, ..options() }).await;
    let client = manager(&older.url());
    client.register_manager(&identity()).await.unwrap();
    let connector = instance(&client).await;
    older.register_manager("another").await;
    let error = client.send_status(connector, CurrentStatus::Started).await.unwrap_err();
    assert!(matches!(error.failure, Failure::UnknownManager { .. }), "{error:?}");
}

#[tokio::test]
async fn a_release_that_does_not_tell_of_managers_takes_us() {
    let registered = format!(r#"{{"xtm_composer_id":"{MANAGER}","xtm_composer_version":"1"}}"#);
    let no_route = r#"{"status":404,"error":"Not Found","path":"/api/xtm-composer/reachable"}"#;
    let server = Scripted::start(vec![
        Answer::Reply("HTTP/1.1 400 Bad Request\r\n", String::new()),
        Answer::Reply("HTTP/1.1 404 Not Found\r\n", no_route.to_owned()),
        json(&registered),
        json("2"),
    ])
    .await;
    assert_eq!(manager(&server.url()).register_manager(&identity()).await.unwrap().version, "2");
}

#[tokio::test]
async fn the_calls_of_a_registration_come_in_order() {
    let refused = r#"{"message":"Invalid xtm-composer identifier"}"#;
    let registered = format!(r#"{{"xtm_composer_id":"{MANAGER}","xtm_composer_version":"1"}}"#);
    let server = Scripted::start(vec![
        Answer::Reply("HTTP/1.1 400 Bad Request\r\n", refused.to_owned()),
        json("false"),
        json(&registered),
        json("2"),
        json(&registered),
        json("3"),
    ])
    .await;
    let client = manager(&server.url());
    client.register_manager(&identity()).await.unwrap();
    let about = client.ping_manager(&identity()).await.unwrap();
    assert_eq!(about.version, "3", "the version of today, and not that of the registration");
    let lines: Vec<_> = server.requests().iter().map(|it| it.lines().next().unwrap().to_owned()).collect();
    let wanted = [
        format!("GET /api/xtm-composer/{MANAGER}/connector-instances HTTP/1.1"),
        "GET /api/xtm-composer/reachable HTTP/1.1".to_owned(),
        "POST /api/xtm-composer/register HTTP/1.1".to_owned(),
        "GET /api/settings/version HTTP/1.1".to_owned(),
        format!("PUT /api/xtm-composer/{MANAGER}/refresh-connectivity HTTP/1.1"),
        "GET /api/settings/version HTTP/1.1".to_owned(),
    ];
    assert_eq!(lines, wanted);
}

#[tokio::test]
async fn an_instance_is_made_changed_told_and_removed() {
    let stand_in = managing().await;
    let client = manager(&stand_in.url());
    let first = outgoing(&[
        ("COLLECTOR_NAME", clear("A name")),
        ("EXAMPLE_COUNT", clear("3")),
        ("EXAMPLE_KEY", OutgoingValue::Secret(SecretString::from("s3cret"))),
        ("OPENAEV_TOKEN", OutgoingValue::Secret(SecretString::from("not sent"))),
        ("OPENAEV_URL", clear("http://not.sent")),
    ]);
    let connector = client.add(&first).await.unwrap();
    let listed = client.managed(&identity()).await.unwrap().instances;
    assert_eq!((listed.len(), listed[0].id, &listed[0].requested), (1, connector, &RequestedWord::Stopping));
    let sealed = |listed: &[lockstep::platform::ManagedInstance]| match &listed[0].configuration["EXAMPLE_KEY"] {
        ManagedValue::Sealed(text) => text.clone(),
        ManagedValue::Clear(text) => panic!("in clear: {text}"),
    };
    let before = (sealed(&listed), listed[0].hash.clone());

    client.request(connector, RequestedStatus::Starting).await.unwrap();
    let second = outgoing(&[("EXAMPLE_COUNT", clear("4")), ("EXAMPLE_KEY", OutgoingValue::Kept)]);
    client.edit(connector, &second).await.unwrap();
    let listed = client.managed(&identity()).await.unwrap().instances;
    assert_eq!(listed[0].requested, RequestedWord::Starting);
    assert!(matches!(&listed[0].configuration["EXAMPLE_COUNT"], ManagedValue::Clear(text) if text == "4"));
    assert_eq!(sealed(&listed), before.0, "a secret that is kept is not sent");
    assert_ne!(listed[0].hash, before.1);

    client.edit(connector, &outgoing(&[("EXAMPLE_KEY", OutgoingValue::Kept)])).await.unwrap();
    let listed = client.managed(&identity()).await.unwrap().instances;
    let text = |key: &str| match &listed[0].configuration[key] {
        ManagedValue::Clear(text) => text.clone(),
        ManagedValue::Sealed(_) => "sealed".to_owned(),
    };
    assert_eq!(["EXAMPLE_COUNT", "EXAMPLE_KEY", "COLLECTOR_NAME"].map(text), ["", "sealed", "A title"]);

    client.send_status(connector, CurrentStatus::Started).await.unwrap();
    let health = HealthReport { restarts: u64::MAX, started_at: 1_700_000_000, crash_loop: true };
    client.send_health(connector, health).await.unwrap();
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    client.send_logs(connector, lines("b a b")).await.unwrap();
    client.send_logs(connector, lines("b a b")).await.unwrap();
    client.send_logs(connector, lines("a b c")).await.unwrap();
    let page = stand_in.page("/instances.json").await;
    let told = &page["instances"][0];
    assert_eq!(told["connector_instance_current_status"], "started");
    assert_eq!(told["logs"], value!(["b\na\nb", "c"]), "every line in its order, and each once");
    let wanted = value!({
        "connector_instance_restart_count": i32::MAX, "connector_instance_started_at": "2023-11-14T22:13:20Z",
        "connector_instance_is_in_reboot_loop": true,
    });
    assert_eq!(told["health"], wanted);

    // Another client knows nothing yet, and finds it all the same. What runs is asked to stop first.
    assert_eq!(told["connector_instance_requested_status"], "starting");
    let other = manager(&stand_in.url());
    other.delete(connector).await.unwrap();
    assert!(client.managed(&identity()).await.unwrap().instances.is_empty());
    other.delete(connector).await.unwrap();
    let error = client.send_status(connector, CurrentStatus::Started).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Refused { text, .. } if text.contains(&connector.to_string())));
}

#[tokio::test]
async fn only_keys_that_the_contract_has_are_added_to_what_is_wanted() {
    let mut catalog = catalog();
    catalog["contracts"][0]["config_schema"]["properties"].as_object_mut().unwrap().remove("COLLECTOR_NAME");
    let stand_in = StandIn::start_with(Options { catalog, ..options() }).await;
    let client = manager(&stand_in.url());
    client.register_manager(&identity()).await.unwrap();
    let connector = client.add(&outgoing(&[("EXAMPLE_COUNT", clear("3"))])).await.unwrap();
    client.edit(connector, &outgoing(&[])).await.unwrap();
    let listed = client.managed(&identity()).await.unwrap().instances;
    assert!(!listed[0].configuration.contains_key("COLLECTOR_NAME"));
    assert!(matches!(&listed[0].configuration["EXAMPLE_COUNT"], ManagedValue::Clear(text) if text.is_empty()));

    // A value that the platform has of a key that its contract lost with an upgrade is left there.
    let listing = format!("[{}]", wire(|_| {}));
    let server = Scripted::start(vec![
        json(&listing),
        json(&listing),
        json(r#"[{"catalog_connector_id":"c","catalog_connector_slug":"example_collector"}]"#),
        json(r#"[{"connector_configuration_key":"EXAMPLE_COUNT"}]"#),
        json("[]"),
    ])
    .await;
    manager(&server.url()).edit(id(1), &outgoing(&[("EXAMPLE_COUNT", clear("4"))])).await.unwrap();
    let sent = server.requests().pop().unwrap();
    assert!(sent.contains("EXAMPLE_COUNT") && !sent.contains("EXAMPLE_BARE"), "{sent}");
}

#[tokio::test]
async fn a_connector_that_registered_itself_is_taken_in_under_its_id() {
    let stand_in = managing().await;
    let client = manager(&stand_in.url());
    let error = client.migrate(id(7), &outgoing(&[])).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Refused { code, .. } if code == "409"), "{error:?}");
    let with_id = OutgoingInstance { id: Some(id(7)), ..outgoing(&[]) };
    let error = client.add(&with_id).await.unwrap_err();
    assert!(error.line().contains("chooses the ids of new ones itself"), "{}", error.line());
    assert!(client.managed(&identity()).await.unwrap().instances.is_empty());
    stand_in.come("collector", id(7)).await;
    client.migrate(id(7), &outgoing(&[])).await.unwrap();
    let listed = client.managed(&identity()).await.unwrap().instances;
    assert_eq!((listed[0].id, listed[0].title.as_str()), (id(7), "A title"), "found again by either");
    let listing = client.connectors(false).await.unwrap();
    assert_eq!(listing.connectors[&id(7)].status, Some(StatusWord::Known(CurrentStatus::Stopped)));
}

#[tokio::test]
async fn what_the_platform_refuses_has_a_name() {
    let stand_in = managing().await;
    let client = manager(&stand_in.url());
    let unknown_key = outgoing(&[("EXAMPLE_TYPO", clear("x"))]);
    let error = client.add(&unknown_key).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Refused { text, .. } if text.contains("EXAMPLE_TYPO")), "{error:?}");
    let contract = |slug: &str| OutgoingInstance { contract: Slug::try_from(slug).unwrap(), ..outgoing(&[]) };
    for (slug, word) in [("no-such", "no contract"), ("example_executor", "no connector manager runs")] {
        let error = client.add(&contract(slug)).await.unwrap_err();
        assert!(error.line().contains(word) && error.line().contains(slug), "{}", error.line());
    }
    assert!(client.managed(&identity()).await.unwrap().instances.is_empty());

    let without = StandIn::start_with(Options { catalog: catalog(), licence: false, ..options() }).await;
    let client = manager(&without.url());
    client.register_manager(&identity()).await.unwrap();
    let error = client.add(&outgoing(&[])).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NoLicence { .. }), "{error:?}");

    let capabilities = vec!["ACCESS_TENANT_SETTINGS".to_owned()];
    let limited = StandIn::start_with(Options { capabilities, ..options() }).await;
    let error = manager(&limited.url()).register_manager(&identity()).await.unwrap_err();
    assert!(
        matches!(error.failure, Failure::Forbidden { capability, .. } if capability.starts_with("MANAGE_TENANT_SETTINGS")),
        "{error:?}"
    );
}
