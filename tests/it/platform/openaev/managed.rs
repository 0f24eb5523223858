//! Standing at an OpenAEV as its connector manager.

use std::{collections::BTreeMap, sync::LazyLock};

use lockstep::{
    model::{ConnectorId, ConnectorKind, Slug},
    platform::{
        AccountOf, CurrentStatus, Failure, HealthReport, ManagedListing, ManagedPlatform as _, ManagedValue,
        ManagerIdentity, ManagerKey, OpenAevClient, OutgoingInstance, OutgoingValue, Platform as _, RequestedStatus,
        RequestedWord, StatusWord, Takes,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json as value};

use super::{
    MANAGER, assert_discreet, id, manager,
    scripted::{Answer, Scripted, json},
    stand_in::{StandIn, options},
};
use crate::{openaev_server::Options, platform::form_of_an_envelope};

const OWN: &str = "8a4b7a55-79c0-4c2f-8f07-3d2f2b8f3a10";

fn identity() -> ManagerIdentity {
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

async fn managed(body: &str) -> Result<Vec<lockstep::platform::ManagedInstance>, Failure> {
    let listing = listing(body).await?;
    assert!(listing.unreadable.is_empty(), "{:?}", listing.unreadable);
    Ok(listing.instances)
}

async fn listing(body: &str) -> Result<ManagedListing, Failure> {
    let server = Scripted::start(vec![json(body)]).await;
    let listed = manager(&server.url()).managed(&identity()).await;
    listed.map_err(|error| {
        assert_discreet(&error);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        error.failure
    })
}

fn wire(change: impl FnOnce(&mut Value)) -> String {
    let pair = |key: &str, text: Value, sealed: Value| value!({ "configuration_key": key, "configuration_value": text, "configuration_is_encrypted": sealed });
    let mut instance = value!({
        "connector_instance_id": OWN,
        "connector_instance_name": format!("A Title!-{}", id(1)),
        "connector_instance_hash": "abc",
        "connector_image": "example/collector:1",
        "connector_instance_current_status": "started",
        "connector_instance_requested_status": "stopping",
        "connector_instance_configurations": [
            pair("COLLECTOR_ID", value!(id(1).to_string()), value!(false)),
            pair("EXAMPLE_KEY", value!("c2VhbGVk"), value!(true)),
            pair("EXAMPLE_NOTHING", value!(null), value!(false)),
            pair("EXAMPLE_LOST", value!(null), value!(true)),
            pair("EXAMPLE_BARE", value!("x"), value!(null)),
            pair("EXAMPLE_UNSAID", value!(form_of_an_envelope()), value!(null)),
        ],
        "something_new": 1,
    });
    change(&mut instance);
    instance.to_string()
}

#[tokio::test]
async fn an_instance_is_read_whole() {
    let listed = managed(&format!("[{}]", wire(|_| {}))).await.unwrap();
    let instance = &listed[0];
    assert_eq!((instance.id, instance.kind), (id(1), Some(ConnectorKind::Collector)));
    assert_eq!(instance.name, format!("a-title-{}", id(1)));
    assert_eq!((instance.title.as_str(), instance.image.as_str()), ("A Title!", "example/collector:1"));
    assert_eq!((instance.hash.as_str(), &instance.requested), ("abc", &RequestedWord::Stopping));
    assert_eq!(instance.current, Some(StatusWord::Known(CurrentStatus::Started)));
    let keys: BTreeMap<_, _> = instance.configuration.iter().map(|(key, value)| (key.as_str(), value)).collect();
    assert!(matches!(keys["EXAMPLE_KEY"], ManagedValue::Sealed(text) if text == "c2VhbGVk"));
    assert!(matches!(keys["EXAMPLE_LOST"], ManagedValue::Sealed(text) if text.is_empty()), "kept, and can't be opened");
    assert!(matches!(keys["EXAMPLE_BARE"], ManagedValue::Clear(text) if text == "x"));
    assert!(matches!(keys["EXAMPLE_UNSAID"], ManagedValue::Sealed(_)), "no connector could do anything with it");
    assert!(!keys.contains_key("EXAMPLE_NOTHING"));
    assert!(managed("[]").await.unwrap().is_empty());
    let named = wire(|instance| {
        let name = value!({ "configuration_key": "COLLECTOR_NAME", "configuration_value": "Mine" });
        instance["connector_instance_configurations"].as_array_mut().unwrap().push(name);
    });
    assert_eq!(managed(&format!("[{named}]")).await.unwrap()[0].title, "Mine", "the name that people gave it");
}

#[tokio::test]
async fn an_instance_has_the_text_of_each_value_and_the_id_that_its_connector_has() {
    for (value, text) in [
        (value!(5), "5"),
        (value!(0.5), "0.5"),
        (value!(true), "true"),
        (value!(["a", "b"]), "a,b"),
        (value!([]), ""),
        (value!(""), ""),
    ] {
        let body = wire(|it| it["connector_instance_configurations"][4]["configuration_value"] = value.clone());
        let listed = managed(&format!("[{body}]")).await.unwrap();
        let read = &listed[0].configuration["EXAMPLE_BARE"];
        assert!(matches!(read, ManagedValue::Clear(read) if read == text), "{value}");
    }
    // Connectors that come by themselves may have ids of any form, and are taken in under those.
    for own in ["openaev_mitre_attack", "elastic--0b13e3f7-5c9e-46f5-acc4-33032e9b4921", ""] {
        let body = wire(|it| it["connector_instance_configurations"][0]["configuration_value"] = value!(own));
        let listed = managed(&format!("[{body}]")).await.unwrap();
        assert_eq!(listed[0].id.to_string(), OWN, "the platform's own id");
        assert!(matches!(&listed[0].configuration["COLLECTOR_ID"], ManagedValue::Clear(text) if text == own));
    }
    let one = wire(|_| {});
    assert_eq!(managed(&format!("[{one},{one}]")).await.unwrap().len(), 1, "listed twice, and one all the same");
}

#[tokio::test]
async fn nulls_and_unknown_words_are_no_defaults() {
    let word = |text: Value| {
        wire(|instance| {
            instance["connector_instance_requested_status"] = text.clone();
            instance["connector_instance_current_status"] = text;
        })
    };
    let listed = managed(&format!("[{}]", word(value!(null)))).await.unwrap();
    assert_eq!((&listed[0].requested, &listed[0].current), (&RequestedWord::Initial, &None));
    let listed = managed(&format!("[{}]", word(value!("deleting\u{1b}")))).await.unwrap();
    let unknown = "deleting\\u{1b}".to_owned();
    assert_eq!(listed[0].requested, RequestedWord::Unknown(unknown.clone()));
    assert_eq!(listed[0].current, Some(StatusWord::Unknown(unknown)));

    let id_only = wire(|instance| instance["connector_instance_configurations"] = value!([]));
    let listed = managed(&format!("[{id_only}]")).await.unwrap();
    assert_eq!((listed[0].id.to_string().as_str(), listed[0].kind), (OWN, None));
}

#[tokio::test]
async fn a_listing_that_does_not_say_what_is_there_is_an_error_and_no_listing() {
    for body in [
        "null".to_owned(),
        "{}".to_owned(),
        "[null]".to_owned(),
        format!("[{}]", wire(|instance| instance["connector_instance_configurations"] = value!(null))),
        format!("[{}]", wire(|instance| instance["connector_instance_id"] = value!(null))),
        format!("[{}]", wire(|it| it["connector_instance_configurations"][0]["configuration_value"] = value!(null))),
        format!("[{}]", wire(|it| it["connector_instance_configurations"][0]["configuration_key"] = value!(null))),
    ] {
        let failure = listing(&body).await.unwrap_err();
        assert!(matches!(failure, Failure::Answer(_)), "{body}: {failure:?}");
    }
}

#[tokio::test]
async fn an_instance_that_makes_no_sense_is_there_and_the_others_are_read() {
    let other = wire(|instance| {
        instance["connector_instance_id"] = value!("other");
        instance["connector_instance_configurations"][0]["configuration_value"] = value!(id(2).to_string());
    });
    let both = async |change: &dyn Fn(&mut Value)| {
        let listed = listing(&format!("[{},{other}]", wire(change))).await.unwrap();
        let [instance] = &listed.instances[..] else { panic!("{listed:?}") };
        assert_eq!(instance.id, id(2));
        let [one] = &listed.unreadable[..] else { panic!("{listed:?}") };
        assert_eq!((one.id, one.name.as_str()), (id(1), format!("a-title-{}", id(1)).as_str()));
        assert!(!one.why.contains("s3cret"), "{}", one.why);
        one.why.clone()
    };
    assert_eq!(both(&|it| it["connector_image"] = value!(null)).await, "`connector_image` is null");
    assert_eq!(both(&|it| it["connector_image"] = value!("")).await, "`connector_image` is empty");
    assert_eq!(both(&|it| it["connector_instance_hash"] = value!(null)).await, "`connector_instance_hash` is null");
    let why = both(&|it| it["connector_instance_hash"] = value!(["s3cret"])).await;
    assert_eq!(why, "`connector_instance_hash` is not a text");
    let pair = |field: &'static str, to: Value| {
        move |it: &mut Value| it["connector_instance_configurations"][1][field] = to.clone()
    };
    assert_eq!(
        both(&pair("configuration_is_encrypted", value!("s3cret"))).await,
        "`configuration_is_encrypted` is neither true nor false"
    );
    let why = both(&pair("configuration_value", value!({ "s3cret": 1 }))).await;
    assert_eq!(why, "of `EXAMPLE_KEY`, `configuration_value` is not a text");
    assert_eq!(both(&pair("configuration_key", value!(null))).await, "`configuration_key` is null");

    // Nobody can say which of the two a container is of.
    let twin = wire(|instance| instance["connector_instance_id"] = value!("twin"));
    let listed = listing(&format!("[{},{twin},{other}]", wire(|_| {}))).await.unwrap();
    let [one] = &listed.unreadable[..] else { panic!("{listed:?}") };
    assert_eq!((one.id, listed.instances.len()), (id(1), 1));
    assert!(one.why.contains(OWN) && one.why.contains("twin"), "{}", one.why);

    // What has no id that one of ours can have, of neither kind, is nobody's of ours.
    let foreign = |value: Value| wire(|it| it["connector_instance_configurations"][0]["configuration_value"] = value);
    let nobody = wire(|it| {
        it["connector_instance_id"] = value!("by-hand");
        it["connector_instance_configurations"][0]["configuration_value"] = value!("by-hand");
    });
    let listed = listing(&format!("[{nobody},{other}]")).await.unwrap();
    assert_eq!((listed.instances.len(), listed.unreadable.len()), (1, 0));
    // One that had such an id before is held.
    let whole = format!("[{},{other}]", wire(|_| {}));
    let bent = [value!("by-hand"), value!(null)].map(|value| format!("[{},{other}]", foreign(value)));
    let server = Scripted::start([&whole, &bent[0], &bent[1]].into_iter().map(|body| json(body)).collect()).await;
    let client = manager(&server.url());
    assert_eq!(client.managed(&identity()).await.unwrap().instances.len(), 2);
    for why in ["its connector id is no UUID of version 4 any more", "of `COLLECTOR_ID`, `configuration_value` is null"]
    {
        let listed = client.managed(&identity()).await.unwrap();
        let [one] = &listed.unreadable[..] else { panic!("{listed:?}") };
        assert_eq!((one.id, one.why.as_str(), listed.instances.len()), (id(1), why, 1));
    }
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
