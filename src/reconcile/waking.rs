//! What wakes the loop, and what it then knows to be no longer so.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{
    StepError, StepReport,
    managed::AtPlatformReport,
    memory::{ABSENT_FOR, Look, Loop, RETRY, epoch_seconds},
};
use crate::{
    engine::{Engine, EngineError, EngineEvent, Outcome},
    model::InstanceName,
    source::Source,
};

/// The first and the longest wait for the engine to list a container that died as what it is.
const AFTER_DEATH: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(13));

/// Between two looks at what instances wait for.
const DEPENDING: Duration = Duration::from_secs(1);

/// What has woken the loop.
pub(super) enum Wake {
    /// A step ended.
    Ended(StepReport),
    /// The source was read, or a platform.
    News,
    /// Something was done at a platform, or not.
    AtPlatform(AtPlatformReport),
}

impl<S: Source + 'static, E: Engine> Loop<S, E> {
    pub(super) fn note_ended(&mut self, report: StepReport) {
        self.past.note_ended(&report, epoch_seconds());
        let name = report.instance.clone();
        self.busy.remove(&name);
        self.touch(&name);
        let why = match &report.result {
            Ok(Outcome::Done) => {
                self.failures.forget(&name);
                return;
            }
            Ok(Outcome::Unfinished) | Err(StepError::Cancelled) => return,
            Ok(Outcome::Unhealthy { why }) => report.unhealthy(why),
            // A container that could never start again was removed, or somebody removed it meanwhile: the next pass makes it
            // anew.
            Err(StepError::Engine(EngineError::Wedged { .. } | EngineError::NoSuchContainer(_))) => {
                self.failures.note_mended(&name, Instant::now());
                return;
            }
            Err(error) => crate::telemetry::chain(error),
        };
        self.failures.note(&name, Instant::now());
        self.failed.insert(name, why);
    }

    pub(super) fn note_event(&mut self, event: &EngineEvent) {
        let is_wanted = self.desired.as_ref().is_some_and(|desired| desired.wanted.contains_key(&event.instance));
        self.past.note_event(event, self.busy.contains_key(&event.instance), is_wanted);
        // Our own steps do this only to containers that are not meant to run afterwards.
        if matches!(event.action.as_str(), "kill" | "stop" | "pause") {
            self.by_hand.insert(event.container.clone());
        }
        // Docker tells of a death before it cleans up, and lists the container as running until that is done.
        match event.action.as_str() {
            "die" => {
                self.died.insert(event.container.clone(), (Instant::now() + AFTER_DEATH.0, AFTER_DEATH.0));
            }
            "start" => {
                self.died.remove(&event.container);
            }
            _ => {}
        }
        self.touch(&event.instance);
    }

    /// Makes the next pass look at an instance anew.
    pub(super) fn touch(&mut self, name: &InstanceName) {
        self.observed = None;
        match &mut self.must_look {
            Look::All => {}
            Look::Some(names) => {
                names.insert(name.clone());
            }
        }
    }

    /// Makes the next pass look at everything anew, since events may have been missed.
    pub(super) fn lost_sight(&mut self) {
        self.observed = None;
        self.must_look = Look::All;
        if self.retry.is_none() {
            self.retry = Some((Instant::now() + RETRY.0, RETRY.0));
        }
    }

    pub(super) fn force(&mut self) {
        tracing::info!("a pass was asked for");
        self.lost_sight();
        self.deep = true;
        self.reader.ask();
        self.catalogs_read = None;
        self.platform_work.ask();
        self.at_once = true;
    }

    pub(super) fn note_time(&mut self, now: Instant) {
        if self.died.values().any(|(at, _)| *at <= now) {
            self.observed = None;
        }
        self.died.retain(|_, (at, wait)| {
            if *at <= now {
                *wait *= 2;
                *at = now + *wait;
            }
            *wait <= AFTER_DEATH.1
        });
        if now.duration_since(self.last_resync) >= self.options.resync {
            self.last_resync = now;
            self.observed = None;
            self.deep = true;
            self.must_look = Look::All;
        }
        if self.absent.values().any(|(since, _)| now.duration_since(*since) >= ABSENT_FOR) {
            self.platform_work.ask();
            self.reader.ask();
        }
    }

    /// Whether the last pass got an answer from the engine.
    pub(super) fn engine_answers(&self) -> bool {
        self.retry.is_none() || self.observed.is_some() || !self.busy.is_empty()
    }

    /// Tells everything that can wake the loop apart from the engine's events.
    ///
    /// All are cancel-safe: a report that is not received stays in its channel, and news stay unseen.
    pub(super) async fn woken(&mut self) -> Wake {
        tokio::select! {
            Some(report) = self.reports.1.recv() => Wake::Ended(report),
            () = self.reader.changed() => Wake::News,
            Ok(()) = self.catalogs.changed() => Wake::News,
            Ok(()) = self.credentials.changed() => {
                self.credentials.mark_changed();
                Wake::News
            }
            report = self.platform_work.woken() => report.map_or(Wake::News, Wake::AtPlatform),
            () = any_changed(&mut self.heard) => Wake::News,
            () = any_changed(&mut self.connections) => Wake::News,
            () = self.logs.collected() => Wake::News,
        }
    }

    /// When the next pass is due without any event.
    pub(super) fn next_wake(&self, now: Instant) -> Instant {
        let soon = now + Duration::from_millis(50);
        let resync = self.last_resync + self.options.resync;
        let absent = self.absent.values().map(|(since, _)| *since + ABSENT_FOR).filter(|at| *at > now).min();
        let times = [
            Some(resync),
            absent,
            self.failures.next(now),
            self.platform_work.next(now),
            self.crashes.next(now),
            self.died.values().map(|(at, _)| *at).min(),
            self.retry.map(|(at, _)| at),
            self.settles,
            self.logs.due(),
            (!self.depending.is_empty()).then(|| now + DEPENDING),
        ];
        times.into_iter().flatten().min().unwrap_or(resync).max(soon)
    }
}

/// Resolves when something of a platform has changed. Cancel-safe: what was not seen stays so.
async fn any_changed<T>(watched: &mut [watch::Receiver<T>]) {
    let changes = watched.iter_mut().map(|receiver| {
        Box::pin(async move {
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    });
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        std::future::pending::<()>().await;
    }
    futures_util::future::select_all(changes).await;
}
