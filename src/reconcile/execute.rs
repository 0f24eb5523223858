//! Carries out the steps of a plan, several at a time, each to its own end.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{AtPlatformError, stopwatch::Stopwatch};
use crate::{
    desired::Openers,
    engine::{Engine, EngineError, Outcome, Progress},
    model::{Finding, InstanceName},
    plan::{Action, Step, Timings, Work},
};

/// Why a step was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A secret could be opened when the plan was made and can't now.
    #[error("{}", .0.first().map_or("a secret can't be opened", |finding| finding.message.as_str()))]
    Secret(Vec<Finding>),
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An instance that it depends on is not healthy; which, and how it is.
    #[error("not begun: {0}")]
    Waits(String),
    /// The platform did not do it.
    #[error(transparent)]
    AtPlatform(#[from] AtPlatformError),
    /// The command was told to end before this step began.
    #[error("not begun: the command was told to end")]
    Cancelled,
}

/// How one step ended.
#[derive(Debug)]
pub struct StepReport {
    /// The instance.
    pub instance: InstanceName,
    /// What was to happen.
    pub action: Action,
    /// How it ended.
    pub result: Result<Outcome, StepError>,
    /// How long its parts took.
    pub took: Timings,
}

impl StepReport {
    /// How a step ended of which nothing was measured.
    pub fn of(step: &Step, result: Result<Outcome, StepError>) -> Self {
        Self { instance: step.instance.clone(), action: step.action, result, took: Timings::default() }
    }
}

impl StepReport {
    /// What is said where the container did not become healthy.
    pub fn unhealthy(&self, why: &str) -> String {
        let kept = if self.action == Action::Create { "" } else { ", the former container is kept" };
        format!("did not become healthy{kept}: {why}")
    }
}

/// Someone who watches steps, such as a progress display.
pub trait Watcher: Send + Sync {
    /// A step has begun.
    fn begun(&self, step: &Step);
    /// A step does something now.
    fn progress(&self, step: &Step, progress: Progress);
    /// A step has ended.
    fn ended(&self, report: &StepReport);
}

/// Carries out one step; what it needs of secrets is opened here and lives no longer.
pub(super) async fn execute_one<E: Engine>(
    engine: &E,
    openers: &Openers,
    step: &Step,
    watcher: &dyn Watcher,
    cancel: &CancellationToken,
) -> StepReport {
    if cancel.is_cancelled() {
        return StepReport::of(step, Err(StepError::Cancelled));
    }
    watcher.begun(step);
    let opened = match &step.work {
        Work::Create(new) | Work::Recreate { new, .. } => new.wanted.open(openers).map(Some),
        Work::Replace(replacement) => replacement.new.wanted.open(openers).map(Some),
        Work::Update { .. } | Work::Start { .. } | Work::Stop { .. } | Work::Remove { .. } | Work::AtPlatform(_) => {
            Ok(None)
        }
    };
    let stopwatch = Stopwatch::default();
    let result = match opened {
        Ok(env) => {
            let progress = |progress| {
                stopwatch.see(&progress, Instant::now());
                watcher.progress(step, progress);
            };
            engine.apply(step, env.as_ref(), &progress, cancel).await.map_err(StepError::from)
        }
        Err(findings) => Err(StepError::Secret(findings)),
    };
    let report = StepReport { took: stopwatch.end(Instant::now()), ..StepReport::of(step, result) };
    match &report.result {
        Ok(outcome) => {
            let action = step.action.as_str();
            tracing::info!(instance = %step.instance, action, ?outcome, "carried out a step");
        }
        Err(error) => {
            let error = error as &dyn std::error::Error;
            tracing::error!(instance = %step.instance, action = step.action.as_str(), error, "a step failed");
        }
    }
    watcher.ended(&report);
    report
}

/// Carries out steps, at most `concurrency` at a time; one that fails stops no other.
pub async fn execute<E: Engine>(
    engine: &Arc<E>,
    openers: &Openers,
    steps: &[Step],
    concurrency: usize,
    watcher: &dyn Watcher,
    cancel: &CancellationToken,
) -> Vec<StepReport> {
    stream::iter(steps)
        .map(|step| execute_one(engine.as_ref(), openers, step, watcher, cancel))
        .buffer_unordered(concurrency.max(1))
        .collect()
        .await
}
