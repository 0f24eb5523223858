//! Instances that people make in the platform's pages, run by the real binary.

use std::time::Instant;

use super::support::{Managed, until};
use crate::cli::{environment, running::Running};

const URL: (&str, &str) = ("FEED_URL", "https://feeds.example.org");

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_made_in_the_platform_is_run_updated_stopped_and_removed() {
    let managed = Managed::start("", "prune: {retain: 0s}\n").await;
    managed.env.declare("git", "");
    let running = Running::start(&managed.env, &[]);
    environment::until("the instance of the source", 30, || managed.env.running().len() == 1);
    let (one, two) = (managed.env.instance("one"), managed.env.instance("two"));
    let id = managed.make(&one, &[URL, ("FEED_API_KEY", "k3y-by-hand")]).await;
    managed.make(&two, &[URL]).await;
    environment::until("both", 40, || managed.env.running().len() == 3);
    assert_eq!(managed.variable("one", "FEED_API_KEY").as_deref(), Some("k3y-by-hand"));
    assert_eq!(managed.variable("one", "CONNECTOR_ID"), Some(id.clone()));
    until("it is told", async || managed.at_platform(&one).await["status"] == "started").await;

    managed.edit(&one, &[URL, ("FEED_COUNT", "33")]).await;
    environment::until("the update", 40, || {
        managed.env.running().contains_key("one") && managed.variable("one", "FEED_COUNT").as_deref() == Some("33")
    });
    assert_eq!(managed.variable("one", "FEED_API_KEY").as_deref(), Some("k3y-by-hand"));
    managed.request(&id, "stopping").await;
    environment::until("its stop", 40, || !managed.env.running().contains_key("one"));
    managed.request(&id, "starting").await;
    environment::until("its start", 40, || managed.env.running().contains_key("one"));
    managed.delete(&id).await;
    environment::until("its removal", 60, || !managed.env.containers(true).contains_key("one"));
    assert_eq!(managed.env.running().len(), 2);
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_or_empty_listing_removes_nothing() {
    let managed = Managed::start("", "prune: {retain: 0s}\n").await;
    managed.register();
    let one = managed.env.instance("one");
    managed.make(&one, &[URL]).await;
    managed.apply().with(0).saying("1 added");
    assert_eq!(managed.env.running().len(), 1);
    for fault in ["empty", "500", "html"] {
        managed.platform.fault_of("connectorsForManagers", fault, 3).await;
        let ended = managed.apply();
        assert_eq!(managed.env.running().len(), 1, "{fault}: {ended:?}");
        assert!(ended.stdout.contains("held") || ended.stdout.contains("empty listing"), "{fault}: {ended:?}");
    }
    managed.platform.fault_of("connectorsForManagers", "none", 0).await;
    managed.apply().with(0).saying("No changes.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_listed_in_a_way_that_makes_no_sense_is_held_and_the_others_go_on() {
    let managed = Managed::start("", "prune: {retain: 0s}\n").await;
    let running = Running::start(&managed.env, &[]);
    let (one, two) = (managed.env.instance("one"), managed.env.instance("two"));
    managed.make(&one, &[URL]).await;
    environment::until("the first", 40, || managed.env.running().len() == 1);
    managed.env.declare("sourced", "");
    environment::until("both", 40, || managed.env.running().len() == 2);
    let before = managed.env.running();
    managed.platform.fault("first-null").await;
    let text = "`manager_contract_hash` is null";
    environment::until("it is held", 40, || managed.env.lockstep(&["status"]).stdout.contains(text));
    let status = managed.env.lockstep(&["status"]).with(0);
    status.saying("bad-answer: it lists what makes no sense").saying("what runs of it stays as it is");
    let id = managed.make(&two, &[URL]).await;
    environment::until("the third", 40, || managed.env.running().len() == 3);
    managed.delete(&id).await;
    environment::until("its removal", 60, || !managed.env.containers(true).contains_key("two"));
    assert_eq!(managed.env.running(), before, "{}", running.log());
    managed.platform.fault("none").await;
    environment::until("it passes", 40, || !managed.env.lockstep(&["status"]).stdout.contains("makes no sense"));
    assert_eq!(managed.env.running(), before, "{}", running.log());
    running.end();
    // A command by itself does no more.
    managed.platform.fault("first-null").await;
    managed.apply().with(7).saying(text);
    managed.env.lockstep(&["doctor"]).with(7).saying("it lists 1 managed connector in a way that makes no sense");
    let recipient = managed.env.recipient.clone();
    let words = ["import", "platform", "opencti", "-o", "imported", "-r", &recipient];
    managed.env.lockstep(&words).with(3).saying(text);
    managed.platform.fault("none").await;
    let ended = managed.apply().with(0).saying("No changes.");
    assert_eq!(ended.stderr.matches("everybody on this host can read `t`").count(), 1, "{ended:?}");
    assert_eq!(managed.env.running(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_instances_made_in_the_platform_run() {
    let managed = Managed::start("", "").await;
    managed.register();
    for number in 0..50 {
        managed.make(&managed.env.instance(&format!("n{number}")), &[URL]).await;
    }
    let began = Instant::now();
    managed.apply().with(0).saying("50 added");
    println!("50 instances made in the platform ran after {:?}", began.elapsed());
    assert_eq!(managed.env.running().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_made_in_the_platform_becomes_a_manifest_and_nothing_changes() {
    let managed = Managed::start("", "").await;
    managed.register();
    let one = managed.env.instance("one");
    let id = managed.make(&one, &[URL, ("FEED_API_KEY", "k3y-by-hand"), ("FEED_TAGS", "a,b")]).await;
    managed.apply().with(0);
    let container = managed.env.running()["one"].clone();
    let blank = managed.env.lockstep(&["import", "platform", "opencti", "-o", "blank", "--no-seal"]).with(3);
    blank.saying("`FEED_API_KEY` is a secret and was not sealed");
    let recipient = managed.env.recipient.clone();
    let words = ["import", "platform", "opencti", "-o", "connectors/imported", "-r", &recipient];
    managed.env.lockstep(&words).with(0).saying("1 manifest written");
    let path = format!("connectors/imported/{one}.yaml");
    let text = std::fs::read_to_string(managed.env.path(&path)).unwrap();
    assert!(text.contains(&format!("id: {id}")) && text.contains("FEED_TAGS: [a, b]"), "{text}");
    assert!(!text.contains("k3y-by-hand") && !text.contains("FEED_COUNT"), "{text}");
    // What tests declare for every instance is not what people made.
    managed.env.write("connectors/defaults.yaml", "apiVersion: lockstep/v1\nkind: Defaults\nspec: {contract: test}\n");
    managed.apply().with(0).saying("No changes.");
    assert_eq!(managed.env.running()["one"], container);
    managed.edit(&one, &[URL, ("FEED_COUNT", "5"), ("FEED_TAGS", "a,b")]).await;
    managed.env.lockstep(&["plan"]).with(0).saying("(drift)");
}
