//! A directory of this machine as a source.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};

use super::{
    Source, SourceError, git, hidden, select,
    walk::{self, Fingerprint, WalkError, Walked},
    watch::{Armed, EventWatch, Target, WatchError},
};
use crate::model::{Cited, Commit, Revision, Snapshot, SourceFile};

/// How often files are looked at where the system gives no events.
const POLL: Duration = Duration::from_secs(2);
/// How often a directory that changes while it is read is read again.
const TRIES: u32 = 5;
/// How long to wait before it is read again.
const PAUSE: Duration = Duration::from_millis(50);
/// A file that was changed less than this ago is looked at twice; the clocks of file systems tick every few milliseconds.
const FRESH: Duration = Duration::from_millis(20);
/// How long all of this may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Which directory, and how to notice changes.
#[derive(Debug, Clone)]
pub struct DirectoryConfig {
    /// The directory; it may be a symbolic link, and its own name may be anything.
    pub root: PathBuf,
    /// Look at the files this often rather than wait for events; left out: events, or every 2 s where there are none.
    pub poll: Option<Duration>,
}

/// A directory of this machine.
#[derive(Debug)]
pub struct DirectorySource {
    root: PathBuf,
    poll: Option<Duration>,
    watch: Arc<EventWatch>,
    has_no_events: AtomicBool,
    seen: Mutex<Seen>,
    git_program: Option<PathBuf>,
    refuses_hidden: bool,
}

/// The state of the directory that the caller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Unreadable,
    State(Fingerprint),
}

impl DirectorySource {
    /// Names the directory. It need not be there yet: that is an error of each reading.
    ///
    /// # Errors
    /// [`SourceError::Settings`] where the poll interval is zero or the current directory is needed and gone.
    pub fn new(config: DirectoryConfig) -> Result<Self, SourceError> {
        if config.poll.is_some_and(|poll| poll.is_zero()) {
            return Err(SourceError::Settings("the poll interval of a directory must not be zero".to_owned()));
        }
        let root = std::path::absolute(&config.root)
            .map_err(|error| SourceError::Settings(format!("failed to find the directory: {error}")))?;
        let target = Target { path: root.clone(), recursive: true };
        Ok(Self {
            root,
            poll: config.poll,
            watch: Arc::new(EventWatch::new(vec![target], is_relevant)),
            has_no_events: AtomicBool::new(false),
            seen: Mutex::new(Seen::Nothing),
            git_program: None,
            refuses_hidden: false,
        })
    }

    /// Also finds the commits that wrote lines, where the directory lies in a work tree: with this program, which runs
    /// [`super::fetch_child_main`] as that of a git source does.
    #[must_use]
    pub fn with_git(self, program: PathBuf) -> Self {
        Self { git_program: Some(program), ..self }
    }

    /// Takes a file that git hides in this work tree for an error: whoever decides what is gone must not take it as gone.
    #[must_use]
    pub fn refusing_hidden(self) -> Self {
        Self { refuses_hidden: true, ..self }
    }

    async fn read(&self) -> Result<Walked, SourceError> {
        let walked = self.walk().await?;
        if self.refuses_hidden {
            let root = self.root.clone();
            if let Some(path) = blocking(move || hidden::find(&root)).await?? {
                return Err(SourceError::Hidden { path });
            }
        }
        Ok(walked)
    }

    async fn walk(&self) -> Result<Walked, SourceError> {
        let mut tries = 1;
        loop {
            let root = self.root.clone();
            let error = match blocking(move || read_still(&root)).await? {
                Ok(walked) if !is_fresh(&walked) => return Ok(walked),
                Ok(walked) => {
                    // Whoever wrote a moment ago may be in the middle of it.
                    tokio::time::sleep(PAUSE).await;
                    let root = self.root.clone();
                    match blocking(move || walk::fingerprint(&root)).await? {
                        Ok(fingerprint) if fingerprint == walked.fingerprint => return Ok(walked),
                        Ok(_) => walk::changed_while_read("."),
                        Err(error) => error.into_inner(),
                    }
                }
                Err(WalkError::Final(error)) => return Err(error),
                Err(WalkError::Moved(error)) => error,
            };
            if tries == TRIES {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the directory is in another state than the one the caller knows; from now on it is known.
    async fn is_other(&self) -> bool {
        let root = self.root.clone();
        let now = match blocking(move || walk::fingerprint(&root)).await {
            Ok(Ok(fingerprint)) => Seen::State(fingerprint),
            Ok(Err(_)) | Err(_) => Seen::Unreadable,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = *seen != Seen::Nothing && *seen != now;
        *seen = now;
        is_other
    }

    fn remember(&self, state: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn say_polled(&self, error: &WatchError) {
        let error: &dyn std::error::Error = error;
        tracing::warn!(error, directory = %self.describe(), "no events of the directory, so it is polled");
    }

    async fn poll_every(&self, interval: Duration) {
        loop {
            if self.is_other().await {
                return;
            }
            tokio::time::sleep(interval).await;
        }
    }
}

impl Source for DirectorySource {
    async fn cached(&self) -> Result<Option<Snapshot>, SourceError> {
        // A directory is its own last state.
        Ok(None)
    }

    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        let deadline = SourceError::Deadline { what: self.describe(), deadline: DEADLINE };
        match tokio::time::timeout(DEADLINE, self.read()).await.unwrap_or(Err(deadline)) {
            Ok(walked) => {
                self.remember(Seen::State(walked.fingerprint));
                Ok(Snapshot { revision: revision_of(&walked.files), files: walked.files })
            }
            Err(error) => {
                self.remember(Seen::Unreadable);
                Err(error)
            }
        }
    }

    async fn blame(&self, _: &Revision, lines: &[Cited]) -> BTreeMap<Cited, Commit> {
        let in_work_tree =
            self.root.canonicalize().is_ok_and(|root| root.ancestors().any(|it| it.join(".git").exists()));
        let Some(program) = self.git_program.as_ref().filter(|_| in_work_tree && !lines.is_empty()) else {
            return BTreeMap::new();
        };
        let (home, patience) = (Path::new("/nonexistent"), git::BLAME_PATIENCE);
        let folder = git::Folder { root: &self.root, home, commit: None, patience };
        match git::blame_folder(program, &folder, lines).await {
            Ok(commits) => {
                lines.iter().cloned().zip(commits).filter_map(|(line, commit)| Some((line, commit?))).collect()
            }
            Err(error) => {
                tracing::debug!(%error, "it is not known who wrote the lines of the plan");
                BTreeMap::new()
            }
        }
    }

    async fn changed(&self) {
        if let Some(interval) = self.poll {
            return self.poll_every(interval).await;
        }
        if self.has_no_events.load(Ordering::Acquire) || is_remote(&self.root) {
            return self.poll_every(POLL).await;
        }
        loop {
            match self.watch.wait().await {
                Ok(Armed::First) if !self.is_other().await => {}
                Ok(_) => return,
                Err(error) => {
                    self.say_polled(&error);
                    self.has_no_events.store(true, Ordering::Release);
                    return self.poll_every(POLL).await;
                }
            }
        }
    }

    fn describe(&self) -> String {
        select::printable(std::os::unix::ffi::OsStrExt::as_bytes(self.root.as_os_str()))
    }

    fn local_root(&self) -> Option<PathBuf> {
        Some(self.root.clone())
    }
}

/// Reads everything, and looks again whether it was still for as long as that took.
fn read_still(root: &Path) -> Result<Walked, WalkError> {
    let walked = walk::read(root)?;
    if walk::fingerprint(root)? != walked.fingerprint {
        return Err(WalkError::Moved(walk::changed_while_read(".")));
    }
    Ok(walked)
}

/// Whether a file was changed so short a time ago that its times may not tell another change.
fn is_fresh(walked: &Walked) -> bool {
    let (seconds, nanoseconds) = walked.newest;
    let newest = u64::try_from(seconds).ok().zip(u32::try_from(nanoseconds).ok());
    let newest = newest.map(|(seconds, nanoseconds)| UNIX_EPOCH + Duration::new(seconds, nanoseconds));
    // A time in the future is of another machine's clock, and says nothing.
    newest.is_some_and(|newest| newest.elapsed().is_ok_and(|age| age < FRESH))
}

fn revision_of(files: &[SourceFile]) -> Revision {
    let mut hash = Sha256::new();
    for file in files {
        for part in [file.path.as_bytes(), &file.content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Revision::Directory(hex::encode(hash.finalize()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| SourceError::Child("the task that reads the directory ended early".to_owned()))
}

/// Whether an event at a path may change what is read.
fn is_relevant(path: &Path) -> bool {
    let name = path.file_name().map(std::os::unix::ffi::OsStrExt::as_bytes);
    !name.is_some_and(select::is_temporary) && !path.components().any(|part| part.as_os_str() == ".git")
}

/// Whether the directory lies on a file system that other machines write to, whose events don't reach this one.
fn is_remote(root: &Path) -> bool {
    /// NFS, SMB, SMB2, CIFS, FUSE, 9P, Ceph and virtiofs over FUSE, as numbered in statfs(2).
    const REMOTE: [u64; 7] = [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400];
    rustix::fs::statfs(root).is_ok_and(|stat| REMOTE.contains(&(stat.f_type as u64 & 0xffff_ffff)))
}
