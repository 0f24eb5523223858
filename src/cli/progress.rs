//! What a person at a terminal sees of steps in hand.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::render;
use crate::{
    engine::{Outcome, Progress},
    model::InstanceName,
    plan::Step,
    reconcile::{StepReport, Watcher},
};

/// A line for each step in hand, on standard error; nothing where that is no terminal.
pub(super) struct Display {
    lines: MultiProgress,
    bars: Mutex<HashMap<InstanceName, ProgressBar>>,
}

impl Display {
    /// An empty display.
    pub(super) fn new() -> Self {
        // The target draws nothing where standard error is no terminal.
        Self { lines: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()), bars: Mutex::default() }
    }

    /// Takes away what is left of it.
    pub(super) fn finish(&self) {
        for (_, bar) in self.bars.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            bar.finish_and_clear();
        }
    }

    fn with(&self, name: &InstanceName, act: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            act(bar);
        }
    }
}

impl Watcher for Display {
    fn begun(&self, step: &Step) {
        let bar = self.lines.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<32} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(step.instance.to_string());
        bar.set_message(format!("{} …", step.action.as_str()));
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).insert(step.instance.clone(), bar);
    }

    fn progress(&self, step: &Step, progress: Progress) {
        self.with(&step.instance, |bar| bar.set_message(words(&progress)));
    }

    fn ended(&self, report: &StepReport) {
        let bar = self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(&report.instance);
        if let Some(bar) = bar {
            let word = match &report.result {
                Ok(Outcome::Done) => render::green("done"),
                Ok(Outcome::Unfinished | Outcome::Unhealthy { .. }) => render::yellow("unfinished"),
                Err(_) => render::red("failed"),
            };
            bar.finish_with_message(format!("{} {word}", report.action.as_str()));
        }
    }
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::Pulling(done, Some(all)) if *all > 0 => format!("pulling {} %", done * 100 / all),
        Progress::Pulling(done, _) => format!("pulling {} MiB", done >> 20),
        Progress::Creating => "creating".to_owned(),
        Progress::StoppingOld => "stopping the former container".to_owned(),
        Progress::Starting => "starting".to_owned(),
        Progress::Settling => "waiting for its health".to_owned(),
        Progress::Removing => "removing".to_owned(),
    }
}

/// Shows nothing; the log says what happens.
pub(super) struct Quiet;

impl Watcher for Quiet {
    fn begun(&self, step: &Step) {
        tracing::info!(instance = %step.instance, action = step.action.as_str(), "begins a step");
    }

    fn progress(&self, step: &Step, progress: Progress) {
        tracing::debug!(instance = %step.instance, progress = words(&progress), "works on a step");
    }

    fn ended(&self, report: &StepReport) {
        tracing::debug!(instance = %report.instance, well = report.result.is_ok(), "ended a step");
    }
}
