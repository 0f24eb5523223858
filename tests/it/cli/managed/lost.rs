//! Answers that are lost, and a process that is killed between two calls: one connector, as it is wanted, in the end.

use super::support::{Managed, until};

/// The calls that a new instance takes, and those of one that is migrated.
const ADDING: [&str; 2] = ["LockstepAdd", "LockstepRequest"];
const MIGRATING: [&str; 3] = ["LockstepMigrate", "LockstepEdit", "LockstepRequest"];

/// Applies, and kills that with its first call of this name in flight: neither carried out nor answered.
async fn killed_at(managed: &Managed, call: &str) {
    managed.platform.fault_of(call, "hang", 1).await;
    let mut child = managed.env.command(&["apply"]).spawn().unwrap();
    until("the call", async || managed.platform.operations().await.iter().any(|one| one == "(fault)")).await;
    child.kill().unwrap();
    child.wait().unwrap();
    managed.platform.fault_of(call, "none", 0).await;
}

async fn assert_one_runs(managed: &Managed, words: &str) {
    managed.env.lockstep(&["apply"]).with(0);
    managed.env.lockstep(&["apply"]).with(0).saying("No changes.");
    let known = managed.platform.connectors().await;
    assert_eq!((known.len(), managed.env.running().len()), (1, 1), "{words}: {known:#?}");
    assert_eq!(known[0]["managed"]["requested"], "starting", "{words}");
    assert_eq!(managed.variable("a", "CONNECTOR_ID").as_deref(), known[0]["id"].as_str(), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_calls_of_a_new_instance_makes_no_second_one() {
    for call in ADDING {
        let managed = Managed::start("", "").await;
        managed.env.declare("a", "");
        killed_at(&managed, call).await;
        assert_one_runs(&managed, call).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_calls_of_a_migration_leaves_one_connector_with_its_id() {
    for call in MIGRATING {
        let managed = Managed::start("", "").await;
        managed.configure("self", "", "");
        managed.env.declare("a", "");
        managed.apply().with(0);
        let id = managed.variable("a", "CONNECTOR_ID");
        managed.configure("managed", "", "");
        killed_at(&managed, call).await;
        assert_one_runs(&managed, call).await;
        assert_eq!(managed.variable("a", "CONNECTOR_ID"), id, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lost_answer_makes_a_second_connector_or_loses_a_change() {
    for older in [false, true] {
        for call in ADDING {
            let managed = Managed::start_as(older, "", "").await;
            managed.env.declare_with("a", "serviceAccount: {name: lockstep}", "");
            managed.platform.fault_of(call, "lost", 1).await;
            managed.apply();
            assert_one_runs(&managed, call).await;
        }
    }
    let managed = Managed::start("", "prune: {retain: 0s}\n").await;
    let env = &managed.env;
    env.declare("a", "");
    managed.apply().with(0);
    managed.platform.fault_of("LockstepEdit", "lost", 1).await;
    env.declare("a", "FEED_COUNT: 12");
    managed.apply();
    assert_one_runs(&managed, "the change").await;
    assert_eq!(managed.variable("a", "FEED_COUNT").as_deref(), Some("12"));
    managed.platform.fault_of("LockstepDelete", "lost", 1).await;
    env.declare("b", "");
    env.forget("a");
    managed.apply();
    managed.apply().with(0);
    managed.apply().with(0).saying("No changes.");
    let names: Vec<_> = managed.platform.connectors().await.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, [env.instance("b")]);
    assert_eq!(env.containers(true).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lost_answer_of_a_migration_makes_a_second_connector() {
    for call in MIGRATING {
        let managed = Managed::start("", "").await;
        managed.configure("self", "", "");
        managed.env.declare("a", "");
        managed.apply().with(0);
        managed.configure("managed", "", "");
        managed.platform.fault_of(call, "lost", 1).await;
        managed.apply();
        assert_one_runs(&managed, call).await;
    }
}
