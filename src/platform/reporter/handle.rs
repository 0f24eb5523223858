//! The side of a reporter that the rest of Lockstep holds.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{self, Instant},
};

use super::{
    Connection, Heard, Intervals,
    beats::{Asked, Beats},
    task::Task,
};
use crate::{
    model::ConnectorId,
    platform::{Failure, Platform, PlatformError, Standing, Takes},
};

/// The newest standings and how often they were replaced.
#[derive(Debug, Clone, Default)]
pub(super) struct Newest {
    pub(super) generation: u64,
    pub(super) standings: Arc<Vec<Standing>>,
    /// The generation that somebody waits for.
    pub(super) awaited: u64,
}

/// How far telling has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The newest generation that was told.
    pub(super) generation: u64,
    /// Whether the platform took all of it.
    pub(super) whole: bool,
}

/// What the task and its handle both touch.
#[derive(Debug)]
pub(super) struct Shared {
    beats: Mutex<Beats>,
    /// When the platform last answered anything, and the longest time it took since that was last asked.
    answers: Mutex<(Instant, Duration)>,
    /// Seconds since the Unix epoch.
    now: fn() -> i64,
    /// Whether somebody waits for signs of life without having told whose.
    closely: AtomicBool,
    /// Whether any change of a connector looks like a sign of life.
    changes_are_heartbeats: AtomicBool,
}

impl Shared {
    fn new(now: fn() -> i64) -> Self {
        let answers = Mutex::new((Instant::now(), Duration::ZERO));
        let (closely, changes_are_heartbeats) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { beats: Mutex::default(), answers, now, closely, changes_are_heartbeats }
    }

    /// A listing is about to be asked for.
    pub(super) fn reading(&self) -> Asked {
        self.beats().reading((self.now)())
    }

    fn answers(&self) -> MutexGuard<'_, (Instant, Duration)> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to watch how long answers take.
    pub(super) fn listen(&self) {
        *self.answers() = (Instant::now(), Duration::ZERO);
    }

    /// The platform answered something.
    pub(super) fn answered(&self) {
        let mut answers = self.answers();
        let now = Instant::now();
        *answers = (now, answers.1.max(now.duration_since(answers.0)));
    }

    /// The longest time without any answer since [`Self::listen`].
    pub(super) fn longest(&self) -> Duration {
        self.answers().1
    }

    /// Resolves once there was no answer at all for so long. Cancel-safe.
    pub(super) async fn silent_for(&self, patience: Duration) {
        loop {
            let until = self.answers().0 + patience;
            if until <= Instant::now() {
                return;
            }
            time::sleep_until(until).await;
        }
    }

    pub(super) fn beats(&self) -> MutexGuard<'_, Beats> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether any change of a connector looks like a sign of life.
    pub(super) fn note_changes(&self, are_heartbeats: bool) {
        self.changes_are_heartbeats.store(are_heartbeats, Ordering::Relaxed);
    }

    pub(super) fn is_closely_listened_to(&self) -> bool {
        self.closely.load(Ordering::Relaxed)
    }
}

/// Marks a write of ours that looks like a sign of life from its beginning to its end, however it ends.
pub(super) struct WriteMark<'a> {
    shared: &'a Shared,
    id: ConnectorId,
}

impl<'a> WriteMark<'a> {
    pub(super) fn new(shared: &'a Shared, id: ConnectorId) -> Self {
        shared.beats().writing(id);
        Self { shared, id }
    }
}

impl Drop for WriteMark<'_> {
    fn drop(&mut self) {
        self.shared.beats().written(self.id);
    }
}

/// Marks changes that others than the reporter make at its platform.
#[derive(Debug, Clone)]
pub struct ChangeMarks(Arc<Shared>);

impl ChangeMarks {
    /// A change of a connector is about to be sent; it ends when what is given is dropped. On platforms that keep only the
    /// time of the last change, it is then not taken for a sign of life.
    pub fn change(&self, id: ConnectorId) -> impl Drop + Send + use<> {
        let shared = self.0.changes_are_heartbeats.load(Ordering::Relaxed).then(|| Arc::clone(&self.0));
        ChangeMark(shared.inspect(|shared| shared.beats().writing(id)), id)
    }
}

struct ChangeMark(Option<Arc<Shared>>, ConnectorId);

impl Drop for ChangeMark {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.beats().written(self.1);
        }
    }
}

/// Starts reporters.
#[derive(Debug)]
pub struct Reporter;

impl Reporter {
    /// Starts telling a platform; the task ends when the handle is dropped.
    pub fn spawn(platform: Arc<dyn Platform>, intervals: Intervals) -> ReporterHandle {
        let (newest, newest_receiver) = watch::channel(Newest::default());
        let (heard_sender, heard) = watch::channel(Heard::default());
        let (connection_sender, connection) = watch::channel(Connection::Connecting);
        let (progress_sender, progress) = watch::channel(Progress::default());
        let shared = Arc::new(Shared::new(intervals.now));
        let heard_sender = Arc::new(heard_sender);
        let task = Task::new(
            Arc::clone(&platform),
            intervals,
            Arc::clone(&shared),
            newest_receiver,
            Arc::clone(&heard_sender),
            connection_sender,
            progress_sender,
        );
        let task = tokio::spawn(task.run());
        ReporterHandle { platform, newest, heard_sender, heard, connection, progress, shared, task }
    }
}

/// A running reporter; dropping it ends the reporter.
pub struct ReporterHandle {
    platform: Arc<dyn Platform>,
    newest: watch::Sender<Newest>,
    heard_sender: Arc<watch::Sender<Heard>>,
    heard: watch::Receiver<Heard>,
    connection: watch::Receiver<Connection>,
    progress: watch::Receiver<Progress>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl fmt::Debug for ReporterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReporterHandle").field("platform", self.platform.name()).finish_non_exhaustive()
    }
}

impl Drop for ReporterHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ReporterHandle {
    /// What the platform can be told.
    pub fn takes(&self) -> Takes {
        self.platform.takes()
    }

    /// Replaces what is to be told; never waits, whatever the platform does.
    pub fn update(&self, standings: Vec<Standing>) {
        self.newest.send_modify(|newest| {
            newest.generation += 1;
            newest.standings = Arc::new(standings);
        });
    }

    /// Has the platform asked for signs of life as often as while an instance that was started lately is waited for.
    pub fn listen_closely(&self) {
        self.shared.closely.store(true, Ordering::Relaxed);
        // The task plans its next reading anew.
        self.newest.send_modify(|_| {});
    }

    /// What marks changes that others make at the platform.
    pub fn marks(&self) -> ChangeMarks {
        ChangeMarks(Arc::clone(&self.shared))
    }

    /// What the platform has heard from its connectors, as it changes.
    pub fn heard(&self) -> watch::Receiver<Heard> {
        self.heard.clone()
    }

    /// Whether the platform is there, as it changes.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }

    /// Waits until the platform was told the newest standings; false where the deadline passed before, or where the
    /// platform refused part of them.
    pub async fn flush(&self, deadline: Duration) -> bool {
        let mut wanted = 0;
        self.newest.send_modify(|newest| {
            newest.generation += 1;
            newest.awaited = newest.generation;
            wanted = newest.generation;
        });
        let mut progress = self.progress.clone();
        let told = progress.wait_for(|progress| progress.generation >= wanted);
        match time::timeout(deadline, told).await {
            Ok(Ok(progress)) => progress.whole,
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Makes those known that the platform does not list, so that they show before their first start; gives how many that
    /// were.
    ///
    /// # Errors
    /// What the platform answers, or [`Failure::Timeout`] after `deadline`; starting them does not depend on it.
    pub async fn register_now(&self, standings: &[Standing], deadline: Duration) -> Result<usize, PlatformError> {
        match time::timeout(deadline, self.register_missing(standings)).await {
            Ok(result) => result,
            Err(_) => Err(PlatformError {
                platform: self.platform.name().clone(),
                what: "register new connectors",
                failure: Failure::Timeout(deadline),
            }),
        }
    }

    async fn register_missing(&self, standings: &[Standing]) -> Result<usize, PlatformError> {
        match self.platform.takes() {
            Takes::Everything => {}
            Takes::Standing | Takes::Nothing => return Ok(0),
        }
        let listing = self.platform.connectors(false).await?;
        let mut registered = 0;
        for standing in standings.iter().filter(|standing| !listing.connectors.contains_key(&standing.id)) {
            let _write = WriteMark::new(&self.shared, standing.id);
            self.platform.register(standing).await?;
            registered += 1;
        }
        if registered > 0 {
            let asked = self.shared.reading();
            let listing = self.platform.connectors(false).await?;
            self.heard_sender.send_modify(|heard| self.shared.beats().read(asked, &listing, heard));
        }
        Ok(registered)
    }
}
