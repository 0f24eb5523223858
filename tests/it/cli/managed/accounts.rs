//! Whom a managed connector runs as, and what the releases of the platform have to do with it.

use serde_json::json;

use super::support::{Managed, until};
use crate::cli::{running::Running, trouble};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_or_taken_as_the_manifest_says() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    env.declare_with("a", "serviceAccount: {name: feeds, create: true, confidence: 80}", "");
    env.declare_with("b", "serviceAccount: {name: lockstep}", "");
    managed.apply().with(0);
    let users = managed.users(&["feeds", "lockstep"]).await;
    let of = async |short: &str| managed.at_platform(&env.instance(short)).await["managed"]["user"].clone();
    assert_eq!([of("a").await, of("b").await], [users[0].clone(), users[1].clone()]);
    assert_eq!(managed.confidence().await, json!({ "feeds": "80" }));
    // One that is there already is taken: it may be the one of an answer that was lost.
    env.declare_with("c", "serviceAccount: {name: feeds, create: true}", "");
    managed.apply().with(0);
    assert_eq!(of("c").await, users[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_an_account_from_being_made_holds_its_instance_alone_and_says_what_to_do() {
    for (older, account, advice) in [
        (false, "serviceAccount: {name: nobody}", "no user of it is named `nobody`; make one, or write `create: true`"),
        (false, "", "make one of its groups the default group of ingestion users"),
        (true, "", "make the user `[C] "),
    ] {
        let managed = Managed::start_without_ingestion_group(older).await;
        let env = &managed.env;
        env.declare_with("a", account, "");
        env.declare_with("b", "serviceAccount: {name: lockstep}", "");
        let ended = managed.apply().saying(advice);
        assert_eq!(env.running().keys().collect::<Vec<_>>(), ["b"], "{ended:?}");
        assert_eq!(managed.count().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_another_connector_has_is_refused_with_advice() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    env.declare("b", "");
    managed.apply().with(0);
    // One that registers itself has the name; it is not listed among those to manage.
    managed.platform.register_connector("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b77", &env.instance("a")).await;
    env.declare("a", "");
    managed.apply().saying("CONNECTOR_NAME_ALREADY_EXISTS").saying("give the instance another name");
    assert_eq!(env.running().keys().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_refuses_for_itself_is_called_by_its_name_in_the_status() {
    let managed = Managed::start_without_licence().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    managed.configure("managed", "", &format!("listen: 127.0.0.1:{port}\n"));
    managed.env.declare("a", "");
    let running = Running::start(&managed.env, &[]);
    let said = || trouble::conditions(port).is_some_and(|all| all.iter().any(|one| one == "no-licence"));
    until("it is said", async || said()).await;
    running.end();
    assert_eq!(managed.count().await, 0);
}
