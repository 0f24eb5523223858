//! Keeping an OpenAEV told as far as it takes it, and hearing what it has heard.

use std::{sync::Arc, time::Duration};

use lockstep::platform::{Connection, Intervals, Reporter};

use super::{
    super::reporter::{OUTAGE, SOON, intervals, until},
    MANAGER, client, id,
    managed::{instance, managing},
    manager,
    stand_in::{StandIn, options},
    standing,
};

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_connector_that_registers_itself_is_heard_and_nothing_is_told() {
    for older in [false, true] {
        let stand_in = StandIn::start_with(crate::openaev_server::Options { older, ..options() }).await;
        let reporter = Reporter::spawn(Arc::new(client(&stand_in.url())), intervals());
        let started = jiff::Timestamp::now().as_second();
        assert_eq!(reporter.register_now(&[standing(1)], LONG).await.unwrap(), 0);
        reporter.update((1..=3).map(standing).collect());
        assert!(reporter.flush(LONG).await, "what it has no place for counts as told");
        let heard = until(reporter.heard(), |heard| heard.read).await;
        assert_eq!(heard.since(id(1), started), Some(false));
        let mut turn = tokio::time::interval(Duration::from_millis(100));
        for (kind, number) in [("collector", 1), ("injector", 2), ("executor", 3)] {
            let watched = reporter.heard();
            let all = async {
                while watched.borrow().since(id(number), started) != Some(true) {
                    stand_in.come(kind, id(number)).await;
                    turn.tick().await;
                }
            };
            tokio::time::timeout(LONG, all).await.expect("it is heard in time");
        }
        assert!(matches!(&*reporter.connection().borrow(), Connection::Up { refused, .. } if refused.is_empty()));
        let asked = stand_in.asked().await;
        assert!(asked.iter().all(|line| line.starts_with("GET ")), "{asked:#?}");
    }
}

#[tokio::test]
async fn a_managed_instance_is_told_whole_and_after_an_outage_its_newest_status() {
    let mut stand_in = managing().await;
    let platform = manager(&stand_in.url());
    let id = instance(&platform).await;
    let reporter = Reporter::spawn(Arc::new(manager(&stand_in.url())), intervals());
    let mut standing = standing(1);
    standing.id = id;
    standing.restarts = 2;
    reporter.update(vec![standing.clone()]);
    assert!(reporter.flush(LONG).await);
    let page = stand_in.page("/instances.json").await;
    let told = &page["instances"][0];
    assert_eq!(told["connector_instance_current_status"], "started");
    assert_eq!(told["health"]["connector_instance_restart_count"], 2);
    assert_eq!(told["logs"], serde_json::json!(["hello\n[lockstep] started"]));

    stand_in.shut().await;
    for round in 0..5 {
        standing.running = round % 2 == 1;
        reporter.update(vec![standing.clone()]);
    }
    until(reporter.connection(), |connection| matches!(connection, Connection::Down { .. })).await;
    let status = format!(
        "/api/xtm-composer/{MANAGER}/connector-instances/{}/status",
        told["connector_instance_id"].as_str().unwrap()
    );
    let sent = async |stand_in: &StandIn| {
        stand_in.asked().await.iter().filter(|line| **line == format!("PUT {status}")).count()
    };
    let before = sent(&stand_in).await;
    stand_in.open().await;
    assert!(reporter.flush(LONG).await);
    assert_eq!(stand_in.page("/instances.json").await["instances"][0]["connector_instance_current_status"], "stopped");
    assert_eq!(sent(&stand_in).await, before + 1, "the newest status, once");
}

/// Twelve instances change while the platform fails in one way; after its return each is told, once.
async fn back_after(outage: &str) {
    let mut stand_in = managing().await;
    let platform = manager(&stand_in.url());
    let mut standings = Vec::new();
    for number in 1..=12 {
        let mut standing = standing(number);
        standing.id = instance(&platform).await;
        standings.push(standing);
    }
    let reporter = Reporter::spawn(Arc::new(manager(&stand_in.url())), Intervals::default());
    reporter.update(standings.clone());
    assert!(reporter.flush(LONG).await);
    if outage == "refused" {
        stand_in.shut().await;
    } else {
        stand_in.fault(outage).await;
    }
    standings.iter_mut().for_each(|standing| standing.running = false);
    reporter.update(standings.clone());
    until(reporter.connection(), |connection| !connection.is_up()).await;
    tokio::time::sleep(OUTAGE).await;
    let sent = async |stand_in: &StandIn| {
        let asked = stand_in.asked().await;
        asked.into_iter().filter(|line| line.starts_with("PUT ") && line.ends_with("/status")).collect::<Vec<_>>()
    };
    let before = sent(&stand_in).await.len();
    if outage == "refused" {
        stand_in.open().await;
    } else {
        stand_in.fault("none").await;
    }
    assert_eq!(tokio::time::timeout(SOON, reporter.flush(LONG)).await, Ok(true), "{outage}");
    for instance in stand_in.page("/instances.json").await["instances"].as_array().unwrap() {
        assert_eq!(instance["connector_instance_current_status"], "stopped", "{outage}");
    }
    let mut told = sent(&stand_in).await.split_off(before);
    told.sort();
    told.dedup();
    assert_eq!((told.len(), sent(&stand_in).await.len() - before), (12, 12), "{outage}: each instance, once");
}

#[tokio::test]
async fn a_return_after_a_long_outage_is_noticed_soon_and_each_instance_told_once() {
    let outages = ["refused", "500", "hang", "429", "cut"].map(back_after);
    futures_util::future::join_all(outages).await;
}
