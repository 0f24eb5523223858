//! What the loop remembers between two passes, and what wakes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use secrecy::SecretString;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Pipeline, PlatformLink, RunOptions, State, StepError, StepReport,
    backoff::Backoff,
    logs::LogCollector,
    managed::{AtPlatformReport, PlatformWorks},
    past::Past,
    reader::Reader,
};
use crate::{
    desired::{DesiredState, SettingsSecrets, Wanted},
    engine::{Engine, EngineError, EngineEvent, Outcome},
    model::{InstanceName, PlatformName, Revision},
    plan::{ContainerId, Observed},
    report::{Live, StatusReport},
    source::Source,
};

/// Between two readings in which an instance must be absent before it is removed.
pub(super) const ABSENT_FOR: Duration = Duration::from_secs(1);
/// The first and the longest wait for the engine to list a container that died as what it is.
const AFTER_DEATH: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(13));
/// The first and the longest wait after the engine or the source could not be read.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Between two looks at what instances wait for.
const DEPENDING: Duration = Duration::from_secs(1);

pub(super) struct Loop<S, E> {
    pub(super) pipeline: Pipeline<S, E>,
    pub(super) options: RunOptions,
    pub(super) platforms: Vec<PlatformLink>,
    pub(super) status: watch::Sender<StatusReport>,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) slots: Arc<Semaphore>,
    pub(super) reports: (mpsc::UnboundedSender<StepReport>, mpsc::UnboundedReceiver<StepReport>),
    pub(super) logs: LogCollector,
    pub(super) heard: Vec<watch::Receiver<crate::platform::Heard>>,
    pub(super) connections: Vec<watch::Receiver<crate::platform::Connection>>,
    /// The platforms that were there in the last pass.
    pub(super) up: BTreeSet<PlatformName>,

    /// Counts the changes of what platforms publish, and the count that the desired state was made with.
    pub(super) catalogs: watch::Receiver<u64>,
    pub(super) catalogs_read: Option<u64>,

    /// What connectors get from the settings, as it changes.
    pub(super) credentials: watch::Receiver<Arc<SettingsSecrets>>,

    pub(super) reader: Reader,
    pub(super) desired: Option<DesiredState>,
    /// Every instance as it was last wanted, as long as anything of it is there.
    pub(super) known: BTreeMap<InstanceName, Arc<Wanted>>,
    pub(super) observed: Option<Observed>,
    pub(super) live: BTreeMap<ContainerId, Live>,
    pub(super) secrets: BTreeMap<ContainerId, Vec<SecretString>>,
    pub(super) must_look: Look,
    pub(super) planned_revision: Option<Revision>,
    pub(super) applied: Option<String>,
    pub(super) busy: BTreeMap<InstanceName, String>,
    pub(super) failed: BTreeMap<InstanceName, String>,
    pub(super) failures: Backoff,
    pub(super) crashes: Backoff,
    /// What something else changed and was put back: how often in a row.
    pub(super) drifts: Backoff,
    /// Whether the next pass looks at every container field by field.
    pub(super) deep: bool,
    pub(super) waiting: BTreeSet<InstanceName>,
    /// The instances that wait for those they depend on, and what is said of it.
    pub(super) depending: BTreeMap<InstanceName, String>,
    pub(super) unrestartable: BTreeSet<InstanceName>,
    pub(super) by_hand: BTreeSet<crate::plan::ContainerId>,
    /// Containers that died and may be listed as running for a while: when to list them again, and the wait after that.
    pub(super) died: BTreeMap<crate::plan::ContainerId, (Instant, Duration)>,
    pub(super) absent: BTreeMap<InstanceName, (Instant, u64)>,
    pub(super) at_once: bool,
    pub(super) last_resync: Instant,
    pub(super) retry: Option<(Instant, Duration)>,
    pub(super) settles: Option<Instant>,
    pub(super) past: Past,
    pub(super) platform_work: PlatformWorks,
}

/// What has woken the loop.
pub(super) enum Wake {
    /// A step ended.
    Ended(StepReport),
    /// The source was read, or a platform.
    News,
    /// Something was done at a platform, or not.
    AtPlatform(AtPlatformReport),
}

/// Which containers must be inspected for the next report.
pub(super) enum Look {
    All,
    Some(BTreeSet<InstanceName>),
}
impl<S: Source + 'static, E: Engine> Loop<S, E> {
    pub(super) fn new(
        pipeline: Pipeline<S, E>,
        options: RunOptions,
        platforms: Vec<PlatformLink>,
        status: watch::Sender<StatusReport>,
        cancel: CancellationToken,
    ) -> Self {
        let logs = LogCollector::new(options.scrubber.clone());
        let tasks = TaskTracker::new();
        let reader = Reader::begin(Arc::clone(&pipeline.source), &tasks, cancel.clone());
        let first = pipeline.openers.settings.clone();
        let credentials = pipeline.credentials.clone().watch(first, &tasks, cancel.clone());
        let platform_work = PlatformWorks::begin(&pipeline.managers, &platforms, &tasks, &cancel);
        Self {
            past: Past::begin(
                Arc::clone(&pipeline.source),
                options.state.clone(),
                options.scrubber.clone(),
                cancel.clone(),
            ),
            platform_work,
            heard: platforms.iter().map(|link| link.reporter.heard()).collect(),
            connections: platforms.iter().map(|link| link.reporter.connection()).collect(),
            up: BTreeSet::new(),
            catalogs: pipeline.catalogs.changes().subscribe(),
            catalogs_read: None,
            credentials,
            reader,
            slots: Arc::new(Semaphore::new(options.concurrency.max(1))),
            applied: State::read(&options.state).applied,
            pipeline,
            options,
            platforms,
            status,
            cancel,
            tasks,
            reports: mpsc::unbounded_channel(),
            logs,
            desired: None,
            known: BTreeMap::new(),
            observed: None,
            live: BTreeMap::new(),
            secrets: BTreeMap::new(),
            must_look: Look::All,
            planned_revision: None,
            busy: BTreeMap::new(),
            failed: BTreeMap::new(),
            failures: Backoff::default(),
            crashes: Backoff::default(),
            drifts: Backoff::default(),
            deep: true,
            waiting: BTreeSet::new(),
            depending: BTreeMap::new(),
            unrestartable: BTreeSet::new(),
            by_hand: BTreeSet::new(),
            died: BTreeMap::new(),
            absent: BTreeMap::new(),
            at_once: true,
            last_resync: Instant::now(),
            retry: None,
            settles: None,
        }
    }
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
            // A container that could never start again was removed: the next pass makes it anew.
            Err(StepError::Engine(EngineError::Wedged { .. })) => {
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

    /// Waits for the steps in hand to reach a state that the next start resumes from.
    pub(super) async fn finish(mut self, patience: Duration) {
        self.cancel.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("steps in hand did not end in time; the next start resumes from what they left");
        }
        self.reports.1.close();
        while let Ok(report) = self.reports.1.try_recv() {
            self.note_ended(report);
        }
        self.past.finish(Duration::from_secs(1)).await;
        let farewells = self.platforms.iter().map(|link| link.farewell(Duration::from_secs(1)));
        futures_util::future::join_all(farewells).await;
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
/// Seconds since the Unix epoch.
pub fn epoch_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
