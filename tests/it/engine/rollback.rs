//! What happens to a new container that does not become healthy.

use std::{sync::Arc, time::Duration};

use lockstep::{
    desired::Wanted,
    engine::{Engine as _, Gate, Outcome, Proof},
    plan::Work,
};

use super::support::{Lab, eventually, restart_policy, state};

/// Says the same of every container whose manifest asks for it.
struct Says(Proof);

impl Gate for Says {
    fn proof(&self, wanted: &Wanted, started: i64) -> Proof {
        assert!(started > 1_600_000_000, "the time of the start is known");
        if wanted.health.require_platform { self.0.clone() } else { Proof::Given }
    }
}

#[tokio::test]
async fn the_former_one_serves_again_and_the_new_one_stays_to_be_looked_at() {
    let lab = Lab::new().await;
    let former = lab.container(1);
    let old = lab.create(&former, &[]).await;
    let new = lab.container(2);
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let outcome = lab.apply(work, &[("RUN", "busybox sleep 0.2; exit 3")]).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Unhealthy { why } if why.contains("exit code 3") && why.contains("rolled back")),
        "{outcome:?}"
    );
    assert_eq!(lab.running(), [former.name]);
    assert_eq!((state(&old.0).as_str(), restart_policy(&old.0).as_str()), ("running", "on-failure"));
    let failed = lab.find(&new).await.unwrap();
    assert_eq!((state(&failed.0).as_str(), restart_policy(&failed.0).as_str()), ("exited", "no"));
    // A third one takes the place of both.
    let third = lab.container(3);
    let work = Work::Replace(Box::new(lab.replacement(&third).await));
    assert_eq!(lab.apply(work, &[]).await.unwrap(), Outcome::Done);
    assert_eq!(lab.running(), [third.name]);
    assert_eq!(lab.observe().await.containers.len(), 1);
}

#[tokio::test]
async fn a_new_one_that_runs_on_is_stopped_before_the_former_one_serves() {
    let lab = Lab::new().await;
    lab.engine.set_gate(Arc::new(Says(Proof::Missing("nobody heard from it".to_owned()))));
    let former = lab.container(1);
    lab.create(&former, &[]).await;
    let new = lab.container_of(&lab.instance(), 2, |wanted| {
        wanted.health.require_platform = true;
        wanted.health.within = Duration::from_secs(2);
        wanted.container.stop_grace = Some(Duration::from_secs(1));
    });
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let outcome = lab.apply(work, &[]).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Unhealthy { why } if why.starts_with("nobody heard from it within 2 s")),
        "{outcome:?}"
    );
    assert_eq!(lab.running(), [former.name]);
    assert_eq!(state(&lab.find(&new).await.unwrap().0), "exited");
}

#[tokio::test]
async fn what_nobody_can_say_is_no_fault_of_the_container() {
    for proof in [Proof::Given, Proof::Unknown("it is away".to_owned()), Proof::Unasked("there is none".to_owned())] {
        let lab = Lab::new().await;
        lab.engine.set_gate(Arc::new(Says(proof.clone())));
        lab.create(&lab.container(1), &[]).await;
        let new = lab.container_of(&lab.instance(), 2, |wanted| {
            wanted.health.require_platform = true;
            wanted.health.within = Duration::from_secs(3);
        });
        let work = Work::Replace(Box::new(lab.replacement(&new).await));
        assert_eq!(lab.apply(work, &[]).await.unwrap(), Outcome::Done, "{proof:?}");
        assert_eq!(lab.running(), [new.name], "{proof:?}");
    }
}

#[tokio::test]
async fn a_rollback_that_was_cut_off_is_gone_through_again() {
    let lab = Lab::new().await;
    let former = lab.container(1);
    let old = lab.create(&former, &[]).await;
    let new = lab.container(2);
    let failing = [("RUN", "exit 3")];
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    lab.apply(work, &failing).await.unwrap();
    // As it is left by a kill between the stop of the new one and the start of the former one.
    lab.apply(Work::Stop { container: old.clone(), grace: Some(Duration::from_secs(1)) }, &[]).await.unwrap();
    eventually("nothing runs", || lab.running().is_empty()).await;
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let outcome = lab.apply(work, &failing).await.unwrap();
    assert!(matches!(outcome, Outcome::Unhealthy { .. }), "{outcome:?}");
    assert_eq!(lab.running(), [former.name]);
    assert_eq!(lab.engine.observe(&lab.owner).await.unwrap().containers.len(), 2);
}
