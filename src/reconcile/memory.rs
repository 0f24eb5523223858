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
    Pipeline, PlatformLink, RunOptions, State, StepReport, backoff::Backoff, logs::LogCollector,
    managed::PlatformWorks, past::Past, reader::Reader,
};
use crate::{
    desired::{DesiredState, SettingsSecrets, Wanted},
    engine::Engine,
    model::{InstanceName, PlatformName, Revision},
    plan::{ContainerId, Observed},
    report::{Live, StatusReport},
    source::Source,
};

/// Between two readings in which an instance must be absent before it is removed.
pub(super) const ABSENT_FOR: Duration = Duration::from_secs(1);

/// The first and the longest wait after the engine or the source could not be read.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

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
            by_hand: BTreeSet::new(),
            died: BTreeMap::new(),
            absent: BTreeMap::new(),
            at_once: true,
            last_resync: Instant::now(),
            retry: None,
            settles: None,
        }
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

/// Seconds since the Unix epoch.
pub fn epoch_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
