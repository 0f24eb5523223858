//! Collects the newest output of running containers for the platforms, in the background.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tokio_util::task::TaskTracker;

use crate::{
    engine::{Engine, EngineError},
    model::InstanceName,
    plan::ContainerId,
    report::StatusReport,
    telemetry::Scrubber,
};

/// How many lines a platform is shown.
pub(super) const LINES: u32 = 100;
/// How often they are collected.
const EVERY: Duration = Duration::from_secs(10);
/// Between two looks whether a collection has come to its end.
const SOON: Duration = Duration::from_millis(500);
/// How long collecting one container's lines may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest line that is passed on, in bytes.
const LONGEST: usize = 4_096;
/// How many containers at once.
const AT_ONCE: usize = 4;

/// The newest lines of every container, scrubbed.
pub(super) struct LogCollector {
    scrubber: Scrubber,
    lines: Arc<Mutex<BTreeMap<InstanceName, Vec<String>>>>,
    running: Arc<Mutex<bool>>,
    /// Whether a collection was begun whose lines nobody has taken.
    awaited: bool,
    next: Option<Instant>,
    muted: bool,
}

impl LogCollector {
    pub(super) fn new(scrubber: Scrubber) -> Self {
        Self { scrubber, lines: Arc::default(), running: Arc::default(), awaited: false, next: None, muted: false }
    }

    /// Passes no output on any more, since its secrets can't be taken out.
    pub(super) fn mute(&mut self) {
        self.muted = true;
        self.next = None;
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// When the next collection is due, or the lines of the last one can be taken; none where nobody wants any.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.awaited { Some(Instant::now() + SOON) } else { self.next }
    }

    /// The newest lines of an instance.
    pub(super) fn of(&self, instance: &InstanceName) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).get(instance).cloned().unwrap_or_default()
    }

    /// Begins a collection where one is due and none is under way.
    pub(super) fn watch<E: Engine>(
        &mut self,
        engine: &Arc<E>,
        report: &StatusReport,
        wanted: bool,
        tasks: &TaskTracker,
    ) {
        if !wanted || self.muted {
            return;
        }
        let now = Instant::now();
        self.awaited &= *self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.next.is_some_and(|next| next > now) {
            return;
        }
        self.next = Some(now + EVERY);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running {
            return;
        }
        *running = true;
        drop(running);
        self.awaited = true;
        let with_container = |instance: &crate::report::InstanceStatus| {
            Some((instance.name.clone(), ContainerId(instance.container.clone()?)))
        };
        let containers: Vec<_> = report.instances.iter().filter_map(with_container).collect();
        let (engine, lines, flag) = (Arc::clone(engine), Arc::clone(&self.lines), Arc::clone(&self.running));
        let scrubber = self.scrubber.clone();
        tasks.spawn(async move {
            let collected: BTreeMap<_, _> = stream::iter(containers)
                .map(async |(name, id)| {
                    let lines = collect(engine.as_ref(), &id, &scrubber).await;
                    (name, lines)
                })
                .buffer_unordered(AT_ONCE)
                .filter_map(async |(name, lines)| match lines {
                    Ok(lines) => Some((name, lines)),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::debug!(instance = %name, error, "the output could not be collected");
                        None
                    }
                })
                .collect()
                .await;
            *lines.lock().unwrap_or_else(PoisonError::into_inner) = collected;
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = false;
        });
    }
}

async fn collect<E: Engine>(engine: &E, id: &ContainerId, scrubber: &Scrubber) -> Result<Vec<String>, EngineError> {
    let read = async {
        let mut stream = engine.logs(id, LINES, false);
        let mut lines = Vec::new();
        while let Some(line) = stream.next().await {
            let text = line?.text;
            let end = text.floor_char_boundary(LONGEST);
            lines.push(scrubber.scrub(&text[..end]).into_owned());
        }
        Ok(lines)
    };
    let late = |_| EngineError::Deadline { what: "give a container's output".to_owned(), seconds: DEADLINE.as_secs() };
    tokio::time::timeout(DEADLINE, read).await.map_err(late)?
}
