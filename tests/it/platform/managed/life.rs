//! The life of an instance at a platform that is really there.

use std::time::Duration;

use lockstep::{
    model::{ConnectorId, ConnectorKind},
    platform::{
        AccountOf, CurrentStatus, Failure, ManagedPlatform as _, OpenCtiClient, OutgoingValue, Platform as _,
        RequestedStatus, RequestedWord, StatusWord,
    },
};

use super::{
    super::{
        client, config, id,
        scripted::{self, Answer, Scripted},
        standing,
    },
    support::{SECRET, clear, listed, manager, opened, outgoing, stand_in},
};

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
    client.register(&standing(1)).await.unwrap();
    client.migrate(id(1), &outgoing("MISP")).await.unwrap();
    let instance = listed(&client).await.remove(0);
    assert_eq!((instance.id, instance.title.as_str()), (id(1), "instance-1"));
    assert_eq!(opened(&instance, "MISP_KEY"), SECRET);

    let older = super::support::stand_in(true).await;
    let client = super::super::client(&older.url());
    let error = client.migrate(id(1), &outgoing("MISP")).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Unsupported(_)), "{error:?}");
    assert!(older.operations().await.is_empty(), "nothing is tried: {:?}", older.operations().await);
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
