//! Killed at any call, before, within or after it, the next attempt converges, and never do two run.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bollard::{Docker, models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::StreamExt as _;
use lockstep::{
    engine::{DockerConfig, DockerEngine, Outcome},
    plan::{LABELS, NewContainer, Work},
};
use tokio::sync::Notify;

use super::{
    proxy::{Fate, Proxy},
    support::{Lab, apply},
};

/// Watches how many containers of a corner run at a time.
struct Watch {
    events: Arc<Mutex<Vec<(String, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn of(lab: &Lab) -> Self {
        let docker = Docker::connect_with_unix_defaults().unwrap();
        let filters = HashMap::from([("label", vec![format!("{}={}", LABELS.owner, lab.owner)])]);
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let options = EventsOptionsBuilder::new().since(&since.to_string()).filters(&filters).build();
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let task = tokio::spawn(async move {
            let mut stream = docker.events(Some(options));
            while let Some(Ok(EventMessage { action: Some(action), actor: Some(actor), .. })) = stream.next().await {
                seen.lock().unwrap().push((action, actor.id.unwrap()));
            }
        });
        Self { events, task }
    }

    /// The most that ran at a time; waits until the starts and ends of everything that runs have been told.
    async fn most(&self, running: usize) -> usize {
        for _ in 0..200 {
            let mut alive = HashSet::new();
            let mut most = 0;
            for (action, id) in self.events.lock().unwrap().iter() {
                match action.as_str() {
                    "start" => alive.insert(id.clone()),
                    "die" => alive.remove(id),
                    _ => false,
                };
                most = most.max(alive.len());
            }
            if alive.len() == running && most > 0 {
                return most;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the events do not add up to {running} running: {:?}", self.events.lock().unwrap());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs the work until its call of a number, which meets a fate, and kills it there; false where there is no such call.
async fn killed(work: Work, number: usize, fate: Fate) -> bool {
    let hit = Arc::new(Notify::new());
    let (told, last) = (Arc::clone(&hit), fate.clone());
    // The first call agrees on the version.
    let proxy = Proxy::new(move |call| {
        if call.number != number + 1 {
            return Fate::Pass;
        }
        told.notify_one();
        last.clone()
    });
    let engine = DockerEngine::connect(DockerConfig::at(&proxy.host())).await.unwrap();
    let swallows = matches!(fate, Fate::Swallow);
    tokio::select! {
        outcome = apply(&engine, work, &[]) => {
            assert_eq!(outcome.unwrap(), Outcome::Done);
            false
        }
        () = async { if swallows { proxy.swallowed.notified().await } else { hit.notified().await } } => true,
    }
}

/// Whatever was left, one more pass ends with exactly the wanted container.
async fn resume(lab: &Lab, new: &NewContainer, watch: &Watch, when: &str) {
    let mut last = None;
    for _ in 0..5 {
        match lab.apply(Work::Replace(Box::new(lab.replacement(new).await)), &[]).await {
            Ok(outcome) => {
                assert_eq!(outcome, Outcome::Done, "{when}");
                last = None;
                break;
            }
            Err(error) => last = Some(error),
        }
    }
    assert!(last.is_none(), "{when}: {last:?}");
    assert_eq!(lab.running(), [new.name.as_str()], "{when}");
    assert_eq!(lab.observe().await.containers.len(), 1, "{when}");
    assert_eq!(watch.most(1).await, 1, "{when}");
}

async fn every_call(fate: Fate) {
    let lab = Lab::new().await;
    let variants = |new: &NewContainer| {
        let mut new = new.clone();
        let mut wanted = (*new.wanted).clone();
        wanted.health.settle = Duration::from_millis(30);
        new.wanted = Arc::new(wanted);
        new
    };
    let mut variant = 1;
    let mut current = variants(&lab.container(variant));
    let watch = Watch::of(&lab);
    lab.create(&current, &[]).await;
    for number in 1.. {
        variant += 1;
        let new = variants(&lab.container(variant));
        let work = Work::Replace(Box::new(lab.replacement(&new).await));
        let reached = killed(work, number, fate.clone()).await;
        resume(&lab, &new, &watch, &format!("{fate:?} at call {number} from {}", current.name)).await;
        current = new;
        if !reached {
            assert!(number > 7, "a replacement has more calls than {number}");
            break;
        }
    }
    // The same for a container where there was none.
    for number in 1..=2 {
        let id = lab.find(&current).await.unwrap();
        lab.apply(Work::Remove { containers: vec![id] }, &[]).await.unwrap();
        variant += 1;
        current = variants(&lab.container(variant));
        assert!(killed(Work::Create(Box::new(current.clone())), number, fate.clone()).await);
        resume(&lab, &current, &watch, &format!("{fate:?} at call {number} of a creation")).await;
    }
}

#[tokio::test]
async fn killed_before_a_call() {
    every_call(Fate::Hang).await;
}

#[tokio::test]
async fn killed_within_a_call() {
    every_call(Fate::Lose).await;
}

#[tokio::test]
async fn killed_after_a_call() {
    every_call(Fate::Swallow).await;
}
