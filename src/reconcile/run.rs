//! The loop: every wake, whatever its cause, walks the whole pipeline from fresh state.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Health, Pipeline, PlatformLink, Watcher, memory::Loop, waking::Wake};
use crate::{engine::Engine, plan::Observed, report::StatusReport, source::Source, telemetry::Scrubber};

/// How long steps in hand may take after the loop was told to end.
const FAREWELL: Duration = Duration::from_secs(6);
/// How long further events are awaited after the first, so that a burst makes one pass.
const COALESCE: Duration = Duration::from_millis(20);

/// What the loop is told besides its pipeline.
pub struct RunOptions {
    /// How many steps at a time.
    pub concurrency: usize,
    /// How often everything is looked at anew, whatever events said.
    pub resync: Duration,
    /// Where the applied revision is remembered.
    pub state: PathBuf,
    /// Takes secrets out of container logs before a platform sees them.
    pub scrubber: Scrubber,
    /// Who watches the steps.
    pub watcher: Arc<dyn Watcher>,
    /// Gets what every pass has observed.
    pub observed: watch::Sender<Option<Observed>>,
}

/// What the loop tells and hears from outside.
pub struct Wires {
    /// The platforms that are told.
    pub platforms: Vec<PlatformLink>,
    /// When the last pass was finished.
    pub health: Health,
    /// Where every instance stands.
    pub status: watch::Sender<StatusReport>,
    /// A message asks for a pass in which nothing waits.
    pub force: mpsc::Receiver<()>,
    /// Ends the loop.
    pub cancel: CancellationToken,
}

/// Runs until cancelled: steps in hand are finished as far as their current call, then it returns.
pub async fn run<S: Source + 'static, E: Engine>(pipeline: Pipeline<S, E>, options: RunOptions, wires: Wires) {
    let Wires { platforms, health, status, mut force, cancel } = wires;
    let engine = Arc::clone(&pipeline.engine);
    let owner = pipeline.owner.clone();
    let mut events = engine.events(&owner);
    let mut events_whole = true;
    let mut state = Loop::new(pipeline, options, platforms, status, cancel.child_token());
    loop {
        // A pass that is dropped has begun its steps or not; either way the next start sees what is true.
        let passed = tokio::select! {
            () = cancel.cancelled() => break,
            passed = state.pass() => passed,
        };
        match passed {
            Ok(()) => health.pass_finished(),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(error = cause, "a pass did not finish; what runs stays as it is");
                health.pass_failed(crate::telemetry::chain(cause));
            }
        }
        let wake = state.next_wake(Instant::now());
        // Every arm may be dropped at any time: what it would have said is only a hint, and the pass looks for itself.
        tokio::select! {
            biased;
            // Cancelling is remembered by the token.
            () = cancel.cancelled() => break,
            // Both channels keep what is not received.
            wake = state.woken() => match wake {
                Wake::Ended(report) => state.note_ended(report),
                Wake::News => {}
                Wake::AtPlatform(report) => state.platform_work.note(report),
            },
            Some(()) = force.recv() => state.force(),
            // A broken stream means that events were missed: look again, and subscribe anew.
            event = events.next(), if events_whole => match event {
                Some(Ok(event)) => {
                    state.note_event(&event);
                    while let Ok(Some(Ok(event))) = tokio::time::timeout(COALESCE, events.next()).await {
                        state.note_event(&event);
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the engine's events broke off");
                    events_whole = false;
                    state.lost_sight();
                }
                None => {
                    events_whole = false;
                    state.lost_sight();
                }
            },
            () = tokio::time::sleep_until(wake.into()) => state.note_time(Instant::now()),
        }
        if !events_whole && state.engine_answers() {
            events = engine.events(&owner);
            events_whole = true;
            // What happened before this subscription was not told: the next pass looks for itself.
            state.lost_sight();
        }
    }
    drop(events);
    state.finish(FAREWELL).await;
}
