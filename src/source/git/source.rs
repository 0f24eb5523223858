//! A git repository as the rest of Lockstep sees it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::Rng;
use tokio::time::Instant;

use super::{
    super::{
        Source, SourceError,
        watch::{EventWatch, Target},
    },
    process::{self, Found},
    settings::{self, Checked, GitConfig},
    url::Transport,
    wire::{Operation, Publish},
};
use crate::model::{Cited, Commit, Revision, Snapshot};

/// A git repository.
#[derive(Debug)]
pub struct GitSource {
    checked: Box<Checked>,
    /// Events of the references of a repository on this machine.
    watch: Option<Arc<EventWatch>>,
    next_poll: Mutex<Instant>,
    /// The revision read last; held while the next is read, so that there is one child at a time.
    last: tokio::sync::Mutex<Option<Snapshot>>,
    /// What is known of the authors of one revision.
    blamed: tokio::sync::Mutex<Blamed>,
}

/// The commits that were found, or not found, for lines of one revision.
#[derive(Debug, Default)]
struct Blamed {
    revision: Option<Revision>,
    commits: BTreeMap<Cited, Option<Commit>>,
}

impl GitSource {
    /// Checks the settings; nothing is read or written yet.
    ///
    /// # Errors
    /// [`SourceError::Settings`] says which setting can't work.
    pub fn new(config: GitConfig) -> Result<Self, SourceError> {
        let checked = Box::new(settings::check(config)?);
        let watch = match &checked.url.transport {
            Transport::Local(path) => Some(Arc::new(watch_of(path))),
            Transport::Http | Transport::Ssh { .. } => None,
        };
        let next_poll = Mutex::new(Instant::now() + jittered(checked.config.interval));
        Ok(Self {
            checked,
            watch,
            next_poll,
            last: tokio::sync::Mutex::new(None),
            blamed: tokio::sync::Mutex::default(),
        })
    }

    /// Makes a branch of the repository hold one file and nothing else, with the credentials that it is read with.
    ///
    /// # Errors
    /// [`SourceError::Settings`] where the branch holds something else, and what keeps it from being pushed.
    pub async fn publish(&self, branch: &str, file: &str, content: Vec<u8>) -> Result<(), SourceError> {
        let content = String::from_utf8(content);
        let content = content.map_err(|_| SourceError::Settings("what is published must be text".to_owned()))?;
        let publish = Publish { branch: branch.to_owned(), file: file.to_owned(), content };
        match process::run_with(&self.checked, Operation::Publish, None, Some(publish)).await? {
            Found::Nothing => Ok(()),
            Found::Files { .. } | Found::Unchanged { .. } | Found::Blamed(_) => {
                Err(SourceError::Child("its answer fits no question".to_owned()))
            }
        }
    }

    async fn read(&self) -> Result<Snapshot, SourceError> {
        let mut last = self.last.lock().await;
        let known = last.as_ref().map(|snapshot| snapshot.revision.full());
        match (process::run(&self.checked, Operation::Fetch, known).await?, &*last) {
            (Found::Files { commit, previous, is_forced, files }, _) => {
                if is_forced {
                    let previous = previous.unwrap_or_default();
                    tracing::warn!(
                        url = %self.checked.url.text, reference = %self.checked.config.reference, previous, commit,
                        "the reference was moved to a commit that doesn't follow from the last one"
                    );
                }
                let snapshot = Snapshot { revision: Revision::Commit(commit), files };
                *last = Some(snapshot.clone());
                Ok(snapshot)
            }
            (Found::Unchanged { commit }, Some(last)) if last.revision.full() == commit => Ok(last.clone()),
            (Found::Unchanged { .. } | Found::Nothing | Found::Blamed(_), _) => {
                Err(SourceError::Child("its answer fits no question".to_owned()))
            }
        }
    }

    fn next_poll(&self) -> Instant {
        *self.next_poll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn schedule(&self) {
        let next = Instant::now() + jittered(self.checked.config.interval);
        *self.next_poll.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn say_polled(&self, error: &(dyn std::error::Error + 'static)) {
        tracing::debug!(error, url = %self.checked.url.text, "no events of the repository, so it is polled");
    }

    /// Never resolves where there are no events.
    async fn event(&self) {
        if let Some(watch) = &self.watch {
            match watch.wait().await {
                Ok(_) => return,
                Err(error) => self.say_polled(&error),
            }
        }
        std::future::pending().await
    }
}

impl Source for GitSource {
    async fn cached(&self) -> Result<Option<Snapshot>, SourceError> {
        let mut last = self.last.lock().await;
        match process::run(&self.checked, Operation::Cached, None).await? {
            Found::Files { commit, files, .. } => {
                let snapshot = Snapshot { revision: Revision::Commit(commit), files };
                *last = Some(snapshot.clone());
                Ok(Some(snapshot))
            }
            Found::Nothing => Ok(None),
            Found::Unchanged { .. } | Found::Blamed(_) => {
                Err(SourceError::Child("its answer fits no question".to_owned()))
            }
        }
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        if let Some(watch) = self.watch.clone() {
            // Watched from before it is read, so that no commit falls in between.
            match tokio::task::spawn_blocking(move || watch.arm()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the repository can't be watched, so it is polled"),
                Err(error) => tracing::debug!(%error, "the repository can't be watched, so it is polled"),
            }
        }
        let snapshot = self.read().await;
        self.schedule();
        snapshot
    }

    async fn blame(&self, revision: &Revision, lines: &[Cited]) -> BTreeMap<Cited, Commit> {
        let Revision::Commit(commit) = revision else { return BTreeMap::new() };
        let mut blamed = self.blamed.lock().await;
        if blamed.revision.as_ref() != Some(revision) {
            *blamed = Blamed { revision: Some(revision.clone()), commits: BTreeMap::new() };
        }
        let unknown: Vec<_> = lines.iter().filter(|line| !blamed.commits.contains_key(*line)).cloned().collect();
        if !unknown.is_empty() {
            match process::blame(&self.checked, commit, &unknown).await {
                Ok(Found::Blamed(commits)) => blamed.commits.extend(unknown.into_iter().zip(commits)),
                Ok(Found::Files { .. } | Found::Unchanged { .. } | Found::Nothing) => {}
                Err(error) => tracing::debug!(%error, "it is not known who wrote the lines of the plan"),
            }
        }
        let known = |line: &Cited| Some((line.clone(), blamed.commits.get(line)?.clone()?));
        lines.iter().filter_map(known).collect()
    }

    async fn changed(&self) {
        tokio::select! {
            // Both are cancel-safe: the time of the next poll and pending events are kept outside of them.
            () = tokio::time::sleep_until(self.next_poll()) => self.schedule(),
            () = self.event() => {}
        }
    }

    fn describe(&self) -> String {
        self.checked.url.text.clone()
    }

    fn local_root(&self) -> Option<PathBuf> {
        None
    }
}

/// An interval give or take a tenth, so that many Locksteps don't ask a server at one moment.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random_range(0.9..=1.1))
}

fn watch_of(repository: &std::path::Path) -> EventWatch {
    let inner = repository.join(".git");
    let folder = if inner.is_dir() { inner } else { repository.to_owned() };
    let refs = folder.join("refs");
    let targets = vec![Target { path: folder, recursive: false }, Target { path: refs, recursive: true }];
    EventWatch::new(targets, is_reference)
}

/// Whether an event at a path of a repository may move a reference.
fn is_reference(path: &std::path::Path) -> bool {
    let is_lock = path.extension().is_some_and(|extension| extension == "lock");
    let is_top = path.file_name().is_some_and(|name| name == "HEAD" || name == "packed-refs");
    !is_lock && (is_top || path.components().any(|part| part.as_os_str() == "refs"))
}
