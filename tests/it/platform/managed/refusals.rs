//! What a platform refuses, and how that is said.

use std::collections::BTreeMap;

use lockstep::platform::{Failure, ManagedPlatform as _, RequestedStatus};
use serde_json::json;

use super::{
    super::{
        assert_discreet, client, id,
        scripted::{self, Scripted},
        stand_in::StandIn,
    },
    support::{ALL, SECRET, manager, outgoing, stand_in, with_catalog},
};
use crate::opencti_server::Options;

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
    let licensed = super::support::stand_in(true).await;
    assert_eq!(super::super::client(&licensed.url()).licence().await.unwrap(), lockstep::platform::Licence::Valid);
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
