//! What the loop notes of the past: what engine events said when, and what is to be written down as history.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{StepReport, record};
use crate::{
    desired::DesiredState,
    engine::EngineEvent,
    history::{Entry, Event},
    model::{Finding, InstanceName, Revision},
    plan::{Action, Cause, ContainerId, ContainerState, Observed, Plan, Reason, Step},
    source::Source,
    telemetry::Scrubber,
};

/// What the loop notes of the past.
pub(super) struct Past {
    sender: mpsc::UnboundedSender<record::Happened>,
    writer: JoinHandle<()>,
    scrubber: Scrubber,
    /// The reasons of the steps in hand.
    begun: BTreeMap<InstanceName, (Vec<Reason>, Revision)>,
    /// When each container ended or was paused, in seconds since the Unix epoch.
    ended: BTreeMap<ContainerId, i64>,
    /// When the container of each instance was removed by someone else, in seconds since the Unix epoch.
    gone: BTreeMap<InstanceName, i64>,
    /// What was last written down of the instances that are held.
    held: Option<BTreeMap<InstanceName, Vec<Finding>>>,
}

impl Past {
    /// Begins to write into a state folder, beside the loop; authors are no longer looked up once cancelled.
    pub(super) fn begin<S: Source + 'static>(
        source: Arc<S>,
        folder: std::path::PathBuf,
        scrubber: Scrubber,
        cancel: CancellationToken,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let writer = tokio::spawn(record::on(source, record::Keeper::new(folder), receiver, cancel));
        let (begun, ended, gone) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { sender, writer, scrubber, begun, ended, gone, held: None }
    }

    /// Notes when a container ended, and when one was removed while no step of ours did it.
    pub(super) fn note_event(&mut self, event: &EngineEvent, is_ours: bool, is_wanted: bool) {
        let Some(time) = event.time else { return };
        match event.action.as_str() {
            "die" | "pause" => {
                self.ended.insert(event.container.clone(), time);
            }
            "destroy" if !is_ours && is_wanted => {
                self.gone.insert(event.instance.clone(), time);
            }
            _ => {}
        }
    }

    /// Writes the times of events to containers that were listed, which the list itself does not say.
    pub(super) fn date(&mut self, desired: &DesiredState, observed: &mut Observed) {
        self.gone.retain(|name, _| desired.wanted.contains_key(name));
        self.ended.retain(|id, _| observed.containers.iter().any(|container| &container.id == id));
        for container in &mut observed.containers {
            if !container.runs() || container.state == ContainerState::Paused {
                container.finished = container.finished.or_else(|| self.ended.get(&container.id).copied());
            }
        }
    }

    /// Remembers why steps are begun; what runs again since it kept ending was told to stay stopped, but not by the source.
    pub(super) fn note_begun(&mut self, steps: &[Step], revision: &Revision, crashed: &BTreeSet<InstanceName>) {
        for step in steps {
            let mut reasons = step.reasons.clone();
            if step.action == Action::Start && crashed.contains(&step.instance) {
                reasons.iter_mut().for_each(|reason| reason.cause = Cause::Drift);
            }
            if let Some(since) = self.gone.remove(&step.instance)
                && step.action == Action::Create
            {
                for reason in &mut reasons {
                    reason.before = Some("removed by someone else".to_owned());
                    (reason.cause, reason.since) = (Cause::Drift, Some(since));
                }
            }
            self.begun.insert(step.instance.clone(), (reasons, revision.clone()));
        }
    }

    /// Writes down how a step ended.
    pub(super) fn note_ended(&mut self, report: &StepReport, now: i64) {
        let Some((reasons, revision)) = self.begun.remove(&report.instance) else { return };
        if let Some(entry) = record::of_step(report, &revision, now, &self.scrubber) {
            self.send(record::Happened::Entry { entry, reasons, revision });
        }
    }

    /// Writes down that a container ended by itself, and what comes next.
    pub(super) fn note_crash(&self, name: &InstanceName, state: &str, revision: &Revision, wait: Duration) {
        let message = format!("{state} by itself; the next start is in {} s", wait.as_secs().saturating_add(1));
        let revision = revision.clone();
        let entry = Entry::new(name, super::epoch_seconds(), Event::Crashed, Some(revision.full()), &message);
        self.send(record::Happened::Entry { entry, reasons: Vec::new(), revision });
    }

    /// Writes down which instances are held, where that has changed.
    pub(super) fn note_held(&mut self, plan: &Plan, now: i64) {
        let held: BTreeMap<_, _> =
            plan.held.iter().map(|held| (held.instance.clone(), held.findings.clone())).collect();
        if self.held.as_ref() != Some(&held) {
            self.held = Some(held.clone());
            self.send(record::Happened::Held { at: now, revision: plan.revision.clone(), held, all: true });
        }
    }

    /// Waits until everything is written down.
    pub(super) async fn finish(self, patience: Duration) {
        drop(self.sender);
        if tokio::time::timeout(patience, self.writer).await.is_err() {
            tracing::warn!("the last of the history was not written in time");
        }
    }

    fn send(&self, happened: record::Happened) {
        if self.sender.send(happened).is_err() {
            tracing::debug!("nobody writes the history any more");
        }
    }
}
