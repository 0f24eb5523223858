//! Writes history beside the passes: nothing waits for it, and nothing fails with it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{StepError, StepReport};
use crate::{
    engine::Outcome,
    history::{self, Ending, Entry, Event, HistoryError, Store},
    model::{Finding, InstanceName, Revision},
    plan::{self, Reason, Timings},
    source::Source,
    telemetry::{Scrubber, chain},
};

/// What is to be written down.
pub(super) enum Happened {
    /// Something that happened to one instance, its reasons not yet among it.
    Entry {
        /// What happened.
        entry: Entry,
        /// Why; which commits wrote what they name is looked up before they are written.
        reasons: Vec<Reason>,
        /// The revision that the reasons speak of.
        revision: Revision,
    },
    /// Which instances are held now.
    Held {
        /// Seconds since the Unix epoch.
        at: i64,
        /// The revision that was read.
        revision: Revision,
        /// The instances, with what is wrong.
        held: BTreeMap<InstanceName, Vec<Finding>>,
        /// Whether every other instance is not held.
        all: bool,
    },
}

/// The history, opened when it is first needed and opened anew where it was damaged.
pub(super) struct Keeper {
    folder: PathBuf,
    store: Option<Store>,
    failing: bool,
}

impl Keeper {
    /// For the history of a state folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, store: None, failing: false }
    }

    /// Writes everything down; what can't be written is lost, and said once until it works again.
    pub(super) fn keep(&mut self, happened: &[Happened]) {
        match self.try_keep(happened) {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.store = None;
                let again = if error.is_damage() { self.try_keep(happened) } else { Err(error) };
                if let Err(error) = again {
                    self.store = None;
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(error = &error as &dyn std::error::Error, "history is not kept");
                    }
                }
            }
        }
    }

    fn try_keep(&mut self, happened: &[Happened]) -> Result<(), HistoryError> {
        let store = match &mut self.store {
            Some(store) => store,
            None => self.store.insert(Store::open(&self.folder)?),
        };
        let mut entries = Vec::new();
        for one in happened {
            match one {
                Happened::Entry { entry, reasons, .. } => entries.push(entry.clone().because(reasons)),
                Happened::Held { at, revision, held, all } => {
                    store.add(&std::mem::take(&mut entries))?;
                    store.hold(*at, &revision.full(), held, *all)?;
                }
            }
        }
        store.add(&entries)
    }
}

/// Writes down what comes, until nothing can come any more.
pub(super) async fn on<S: Source>(
    source: Arc<S>,
    mut keeper: Keeper,
    mut receiver: mpsc::UnboundedReceiver<Happened>,
    cancel: CancellationToken,
) {
    while let Some(first) = receiver.recv().await {
        let mut happened = vec![first];
        while let Ok(next) = receiver.try_recv() {
            happened.push(next);
        }
        if !cancel.is_cancelled() {
            tokio::select! {
                // Where this is dropped, the reasons are written without their commits.
                () = cancel.cancelled() => {}
                () = cite(source.as_ref(), &mut happened) => {}
            }
        }
        let written = tokio::task::spawn_blocking(move || {
            keeper.keep(&happened);
            keeper
        });
        match written.await {
            Ok(back) => keeper = back,
            Err(error) => {
                tracing::warn!(%error, "history is not kept any more");
                return;
            }
        }
    }
}

async fn cite<S: Source>(source: &S, happened: &mut [Happened]) {
    let mut of_revision: BTreeMap<Revision, Vec<&mut Reason>> = BTreeMap::new();
    for one in happened {
        if let Happened::Entry { reasons, revision, .. } = one {
            of_revision.entry(revision.clone()).or_default().extend(reasons);
        }
    }
    for (revision, reasons) in of_revision {
        let lines = plan::cited(reasons.iter().map(|reason| &**reason));
        if !lines.is_empty() {
            let commits = source.blame(&revision, &lines).await;
            plan::cite(reasons, &commits);
        }
    }
}

/// Writes down how one application went. What can't be written is said in a warning.
pub(super) async fn once(folder: &Path, happened: Vec<Happened>) {
    let is_new = !folder.join(history::FILE).exists();
    let says_nothing = |one: &Happened| matches!(one, Happened::Held { held, .. } if held.is_empty());
    if is_new && happened.iter().all(says_nothing) {
        return;
    }
    let mut keeper = Keeper::new(folder.to_owned());
    if let Err(error) = tokio::task::spawn_blocking(move || keeper.keep(&happened)).await {
        tracing::warn!(%error, "history is not kept");
    }
}

/// What is written down of a step that ended; nothing where it was not begun.
pub(super) fn of_step(report: &StepReport, revision: &Revision, now: i64, scrubber: &Scrubber) -> Option<Entry> {
    let (ending, message) = match &report.result {
        Ok(Outcome::Done) => (Ending::Done, String::new()),
        Ok(Outcome::Unfinished) => (Ending::Unfinished, "waiting for its health was ended".to_owned()),
        Ok(Outcome::Unhealthy { why }) => (Ending::Unhealthy, report.unhealthy(why)),
        Err(StepError::Cancelled) => return None,
        Err(error) => (Ending::Failed, chain(error)),
    };
    let event = Event::Step(report.action, ending);
    let entry = Entry::new(&report.instance, now, event, Some(revision.full()), &scrubber.scrub(&message));
    // What a step took that failed says nothing of the next one.
    let took = if ending == Ending::Done { report.took } else { Timings::default() };
    Some(Entry { took, ..entry })
}
