//! What is asked of each release, and what is made of its answers.

use std::collections::BTreeMap;

use apollo_compiler::{ExecutableDocument, Schema, request::coerce_variable_values, validation::Valid};
use lockstep::platform::{
    CurrentStatus, Failure, HealthReport, ManagedPlatform as _, ManagedValue, Platform as _, RequestedStatus,
    RequestedWord, StatusWord,
};
use serde_json::{Value, json};

use super::{
    super::{
        client,
        documents::{newer, older},
        id,
        scripted::{self, Answer, Scripted},
    },
    support::{listed, manager, operations, outgoing, stand_in},
};

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
    ]);
    // Whether it keeps all items of a list is looked at.
    let looked = || (!newer).then(|| data(json!({ "connectorsForManagers": [] })));
    answers.extend(looked());
    answers.extend([
        data(json!({ "updateConnectorRequestedStatus": { "id": "x" } })),
        data(json!({ "updateConnectorHealth": "x" })),
        data(json!({ "updateConnectorCurrentStatus": { "id": "x" } })),
        data(json!({ "updateConnectorLogs": "x" })),
        data(json!({ "connector": one })),
        data(users),
        data(json!({ "managedConnectorEdit": { "id": "x" } })),
    ]);
    answers.extend(looked());
    answers.extend([
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
    let looks = |name: &&str| ["LockstepAdd", "LockstepEdit"].contains(name).then_some("LockstepManaged");
    let after: Vec<_> = after.iter().flat_map(|name| [Some(*name), looks(name)]).flatten().collect();
    assert_eq!(names(&day), [&before[..], &after[..]].concat());
    for (_, query, variables) in day.iter().filter(|(name, _, _)| !name.starts_with("LockstepKnows")) {
        check(&schema, query, variables);
    }
}

#[tokio::test]
async fn words_and_nulls_in_the_listing_are_not_guessed_at() {
    let envelope = crate::platform::form_of_an_envelope();
    let instance = |change: fn(&mut Value)| {
        let mut one = json!({
            "id": id(1).to_string(), "name": "misp", "manager_contract_image": "a/b:1", "manager_contract_hash": "0",
            "manager_current_status": "dreaming\u{1b}", "manager_requested_status": "dancing",
            "manager_contract_configuration": [
                { "key": "A", "value": null, "encrypted": null },
                { "key": "B", "value": null, "encrypted": true },
                { "key": "C", "value": "c" },
                { "key": "D", "value": envelope, "encrypted": null },
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
        ("D".to_owned(), ManagedValue::Sealed(envelope.clone())),
    ]);
    assert_eq!(instance.configuration, expected, "a secret that is null is one that can't be opened");
    assert!(listed(&client).await.is_empty(), "an id that no instance can have");
    for _ in 0..2 {
        let error = client.managed(&manager("lockstep-1")).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Answer(_)), "{error:?}");
    }
}
