//! Keeping a platform told, through outages.

use std::{sync::Arc, time::Duration};

use lockstep::platform::{Connection, Heard, Intervals, Reporter, ReporterHandle};
use tokio::{sync::watch, time};

use super::{client, config, id, stand_in::StandIn, standing};

const LONG: Duration = Duration::from_secs(20);

pub(super) fn intervals() -> Intervals {
    Intervals {
        logs: Duration::from_millis(200),
        list: Duration::from_millis(500),
        list_waiting: Duration::from_millis(100),
        first_retry: Duration::from_millis(50),
        longest_retry: Duration::from_secs(1),
        ..Intervals::default()
    }
}

fn reporter(stand_in: &StandIn) -> ReporterHandle {
    Reporter::spawn(Arc::new(client(&stand_in.url())), intervals())
}

pub(super) async fn until<T: Clone>(mut watched: watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) -> T {
    let found = time::timeout(LONG, watched.wait_for(wanted)).await;
    found.expect("it comes about in time").expect("the reporter lives").clone()
}

/// Waits until the connectors were read three times more.
async fn read_again(stand_in: &StandIn) {
    let before = stand_in.count("connectors", "").await;
    let again = async {
        let mut turn = time::interval(Duration::from_millis(20));
        while stand_in.count("connectors", "").await < before + 3 {
            turn.tick().await;
        }
    };
    time::timeout(LONG, again).await.unwrap();
}

#[tokio::test]
async fn an_instance_is_registered_and_told_whole() {
    let stand_in = StandIn::start(false).await;
    let reporter = reporter(&stand_in);
    let mut first = standing(1);
    first.restarts = 2;
    reporter.update(vec![first.clone()]);
    assert!(reporter.flush(LONG).await);
    let connectors = stand_in.connectors().await;
    let connector = &connectors[0];
    assert_eq!(connector["name"], "instance-1");
    assert_eq!(connector["scope"], serde_json::json!(["report"]));
    assert_eq!(connector["status"], "started");
    assert_eq!(connector["health"]["restart_count"], 2);
    assert_eq!(connector["logs"], serde_json::json!(["hello", "[lockstep] started"]));
    let Connection::Up { version, limited: None, refused, .. } = reporter.connection().borrow().clone() else {
        panic!("{:?}", reporter.connection().borrow());
    };
    assert_eq!(version, "7.260901.0");
    assert!(refused.is_empty());

    // The same once more is not told again; a change is, logs and all, since somebody waits for it.
    reporter.update(vec![first.clone()]);
    assert!(reporter.flush(LONG).await);
    assert_eq!(stand_in.count("updateConnectorCurrentStatus", id(1)).await, 1);
    assert_eq!(stand_in.count("registerConnector", id(1)).await, 1);
    first.running = false;
    first.logs.push("bye".to_owned());
    reporter.update(vec![first]);
    assert!(reporter.flush(LONG).await);
    let connectors = stand_in.connectors().await;
    assert_eq!(connectors[0]["status"], "stopped");
    assert_eq!(connectors[0]["logs"], serde_json::json!(["hello", "bye", "[lockstep] started"]));
}

#[tokio::test]
async fn after_an_outage_the_newest_status_is_told_once() {
    for older in [false, true] {
        let mut stand_in = StandIn::start(older).await;
        let reporter = reporter(&stand_in);
        reporter.update((1..=5).map(standing).collect());
        assert!(reporter.flush(LONG).await);
        stand_in.shut().await;
        for round in 0..20 {
            let changed = (1..=5).map(|number| {
                let mut standing = standing(number);
                standing.running = round % 2 == 0;
                standing.restarts = round + 1;
                standing
            });
            let before = time::Instant::now();
            reporter.update(changed.collect());
            assert!(before.elapsed() < Duration::from_millis(100), "telling never waits");
            assert!(!reporter.flush(Duration::from_millis(10)).await, "there is nobody to tell");
        }
        until(reporter.connection(), |connection| matches!(connection, Connection::Down { .. })).await;
        stand_in.open().await;
        let returned = time::Instant::now();
        assert!(reporter.flush(LONG).await);
        assert!(returned.elapsed() < Duration::from_secs(10));
        assert!(reporter.connection().borrow().is_up());
        for connector in stand_in.connectors().await {
            assert_eq!(connector["status"], "stopped");
        }
        for number in 1..=5 {
            assert_eq!(stand_in.count("updateConnectorCurrentStatus", id(number)).await, 2, "started, then stopped");
            assert_eq!(stand_in.count("registerConnector", id(number)).await, 1);
        }
    }
}

/// How long outages are in which waits have grown as far as they do.
pub(super) const OUTAGE: Duration = Duration::from_secs(12);
/// How soon after a return everything has to be told.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// Twelve instances change while the platform fails in one way; after its return each is told, once.
async fn back_after(outage: &str) {
    let mut stand_in = StandIn::start(false).await;
    let reporter = Reporter::spawn(Arc::new(client(&stand_in.url())), Intervals::default());
    reporter.update((1..=12).map(standing).collect());
    assert!(reporter.flush(LONG).await);
    if outage == "refused" {
        stand_in.shut().await;
    } else {
        stand_in.fault(outage).await;
    }
    let stopped = |restarts| {
        let stopped = (1..=12).map(standing).map(|mut standing| {
            (standing.running, standing.restarts) = (false, restarts);
            standing
        });
        stopped.collect()
    };
    reporter.update(stopped(1));
    until(reporter.connection(), |connection| !connection.is_up()).await;
    time::sleep(OUTAGE).await;
    reporter.update(stopped(2));
    if outage == "refused" {
        stand_in.open().await;
    } else {
        stand_in.fault("none").await;
    }
    assert_eq!(time::timeout(SOON, reporter.flush(LONG)).await, Ok(true), "{outage}");
    for connector in stand_in.connectors().await {
        assert_eq!(connector["status"], "stopped", "{outage}");
    }
    for number in 1..=12 {
        assert_eq!(
            stand_in.count("updateConnectorCurrentStatus", id(number)).await,
            2,
            "{outage}: started, then stopped"
        );
        assert_eq!(stand_in.count("registerConnector", id(number)).await, 1, "{outage}");
    }
}

#[tokio::test]
async fn a_return_after_a_long_outage_is_noticed_soon_and_each_instance_told_once() {
    let outages = ["refused", "500", "html", "hang", "429", "cut"].map(back_after);
    futures_util::future::join_all(outages).await;
}

#[tokio::test]
async fn every_way_of_failing_is_got_over() {
    let stand_in = StandIn::start(false).await;
    let mut config = config(&stand_in.url());
    config.timeout = Duration::from_millis(300);
    let reporter = Reporter::spawn(Arc::new(lockstep::platform::OpenCtiClient::new(config).unwrap()), intervals());
    reporter.update(vec![standing(1)]);
    assert!(reporter.flush(LONG).await);
    for (round, kind) in ["500", "html", "hang", "401", "429", "cut"].into_iter().enumerate() {
        stand_in.fault(kind).await;
        let mut changed = standing(1);
        changed.restarts = round as u64 + 1;
        reporter.update(vec![changed]);
        // On a busy machine an answer of any kind may first come too late.
        let refused = |connection: &Connection| matches!(connection, Connection::Unauthorized { .. });
        let named = |connection: &Connection| !connection.is_up() && refused(connection) == (kind == "401");
        until(reporter.connection(), named).await;
        stand_in.fault("none").await;
        assert!(reporter.flush(LONG).await, "{kind}");
        assert_eq!(stand_in.connectors().await[0]["health"]["restart_count"], round as u64 + 1);
    }
}

#[tokio::test]
async fn what_the_platform_hears_is_read_back() {
    for older in [false, true] {
        let stand_in = StandIn::start(older).await;
        let reporter = reporter(&stand_in);
        let mut first = standing(1);
        // Signs of life within the second of the start do not count, so it was a while ago.
        let started_at = first.started_at.unwrap() - 10;
        assert_eq!(reporter.heard().borrow().since(id(1), started_at), None, "nothing was read yet");
        assert_eq!(reporter.register_now(std::slice::from_ref(&first), LONG).await.unwrap(), 1);
        assert_eq!(reporter.register_now(std::slice::from_ref(&first), LONG).await.unwrap(), 0);
        first.started_at = Some(started_at);
        reporter.update(vec![first]);
        assert!(reporter.flush(LONG).await);
        let heard = until(reporter.heard(), |heard| heard.read).await;
        assert_eq!(heard.since(id(1), started_at), Some(false), "our own requests are no sign of life");
        read_again(&stand_in).await;
        assert_eq!(reporter.heard().borrow().since(id(1), started_at), Some(false), "still");
        stand_in.ping(id(1)).await;
        let heard = until(reporter.heard(), |heard| heard.since(id(1), started_at) == Some(true)).await;
        assert_eq!(heard.connectors[&id(1)].active, Some(true));
        let queue = |heard: &Heard| heard.connectors[&id(1)].queue.map(|queue| queue.messages);
        until(reporter.heard(), |heard| queue(heard) == Some(3.0)).await;
        assert_eq!(heard.since(id(1), started_at + 3_600), Some(false));
    }
}

#[tokio::test]
async fn the_time_of_the_last_change_alone_is_no_sign_of_life() {
    let stand_in = StandIn::start(true).await;
    let reporter = reporter(&stand_in);
    let mut first = standing(1);
    let started_at = first.started_at.unwrap() - 10;
    first.started_at = Some(started_at);
    reporter.update(vec![first]);
    assert!(reporter.flush(LONG).await);
    until(reporter.heard(), |heard| heard.since(id(1), started_at) == Some(false)).await;
    // A change that Lockstep makes beside its reporter.
    let mark = reporter.marks().change(id(1));
    let input = format!("{{id: \"{}\", status: stopped}}", id(1));
    stand_in.graphql(&format!("mutation {{ updateConnectorCurrentStatus(input: {input}) {{ id }} }}")).await;
    drop(mark);
    read_again(&stand_in).await;
    assert_eq!(reporter.heard().borrow().since(id(1), started_at), Some(false));
    // Another process can't know who changed it.
    let other = self::reporter(&stand_in);
    let heard = until(other.heard(), |heard| heard.read).await;
    assert_eq!(heard.since(id(1), started_at), None);
    stand_in.ping(id(1)).await;
    until(other.heard(), |heard| heard.since(id(1), started_at) == Some(true)).await;
    until(reporter.heard(), |heard| heard.since(id(1), started_at) == Some(true)).await;
}

#[tokio::test]
async fn a_refused_instance_holds_no_other() {
    let stand_in = StandIn::start(false).await;
    let reporter = reporter(&stand_in);
    let mut short = standing(1);
    short.name = "x".to_owned();
    reporter.update(vec![short.clone(), standing(2)]);
    assert!(!reporter.flush(LONG).await, "not all of it was taken");
    stand_in.until("the other one is told", |all| all.len() == 1 && all[0]["status"] == "started").await;
    let state = until(reporter.connection(), Connection::is_up).await;
    let Connection::Up { refused, .. } = state else { panic!("{state:?}") };
    assert!(refused[&id(1)].contains("at least 2 characters"), "{refused:?}");
    short.name = "longer".to_owned();
    reporter.update(vec![short, standing(2)]);
    stand_in.until("it is told once it is taken", |all| all.len() == 2 && all[0]["status"] == "started").await;
    until(reporter.connection(), |state| matches!(state, Connection::Up { refused, .. } if refused.is_empty())).await;
}

#[tokio::test]
async fn a_token_that_can_not_list_still_tells() {
    let stand_in = StandIn::start_with(false, &["CONNECTORAPI"]).await;
    let reporter = reporter(&stand_in);
    reporter.update(vec![standing(1)]);
    assert!(reporter.flush(LONG).await);
    assert_eq!(stand_in.connectors().await[0]["status"], "started");
    let Connection::Up { limited: Some(limited), .. } = reporter.connection().borrow().clone() else {
        panic!("{:?}", reporter.connection().borrow());
    };
    assert!(limited.contains("MODULES"), "{limited}");
    assert_eq!(reporter.heard().borrow().since(id(1), 0), None);
}

#[tokio::test]
async fn a_token_that_can_tell_nothing_is_an_alarm() {
    let stand_in = StandIn::start_with(false, &["MODULES"]).await;
    let reporter = reporter(&stand_in);
    reporter.update(vec![standing(1)]);
    let alarm = until(reporter.connection(), |state| matches!(state, Connection::Unauthorized { .. })).await;
    let Connection::Unauthorized { error, .. } = alarm else { panic!("{alarm:?}") };
    assert!(error.contains("CONNECTORAPI"), "{error}");
}

#[tokio::test]
async fn a_connector_that_someone_deleted_comes_back() {
    let stand_in = StandIn::start(false).await;
    let reporter = reporter(&stand_in);
    reporter.update(vec![standing(1)]);
    assert!(reporter.flush(LONG).await);
    stand_in.graphql(&format!("mutation {{ deleteConnector(id: \"{}\") }}", id(1))).await;
    stand_in.until("it is registered again", |all| all.len() == 1).await;
}

#[tokio::test]
async fn registering_beforehand_has_a_short_deadline() {
    let mut stand_in = StandIn::start(false).await;
    let reporter = reporter(&stand_in);
    stand_in.fault("hang").await;
    let error = reporter.register_now(&[standing(1)], Duration::from_millis(100)).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    stand_in.shut().await;
    assert!(reporter.register_now(&[standing(1)], LONG).await.unwrap_err().is_transient());
}
