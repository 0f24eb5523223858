//! Waits for events of the file system below some folders, through their deletion and return.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, event::AccessKind, event::AccessMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, new_debouncer_opt};
use tokio::sync::Notify;

/// How long events are gathered before they are told.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// How often it is checked that the watched folders are still those that are watched.
const CHECK: Duration = Duration::from_millis(500);

/// A folder that is watched.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Where it is; it need not be there yet.
    pub(super) path: PathBuf,
    /// Whether everything below it counts as well.
    pub(super) recursive: bool,
}

/// What a look at the watched folders found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Armed {
    /// Events are awaited from now on; what happened before isn't known.
    First,
    /// The folders are others than before: something happened.
    Anew,
    /// Nothing new.
    Still,
}

/// What tells whether a path still names the same folder: device, inode and time of birth.
type Identity = Option<(u64, u64, Option<SystemTime>)>;

#[derive(Debug)]
struct Watched {
    identities: Vec<Identity>,
    /// Held for its drop, which ends its thread.
    _debouncer: Debouncer<RecommendedWatcher, NoCache>,
}

/// Waits for events below some folders.
#[derive(Debug)]
pub(super) struct EventWatch {
    targets: Vec<Target>,
    is_relevant: fn(&Path) -> bool,
    hint: Arc<Notify>,
    is_stale: Arc<AtomicBool>,
    watched: Mutex<Option<Watched>>,
}

impl EventWatch {
    /// Names the folders to watch; nothing is watched until [`Self::arm`] or [`Self::wait`].
    pub(super) fn new(targets: Vec<Target>, is_relevant: fn(&Path) -> bool) -> Self {
        Self {
            targets,
            is_relevant,
            hint: Arc::new(Notify::new()),
            is_stale: Arc::new(AtomicBool::new(false)),
            watched: Mutex::new(None),
        }
    }

    /// Watches the folders as they are now. Blocks for as long as it takes to list them.
    pub(super) fn arm(&self) -> notify::Result<Armed> {
        let identities: Vec<Identity> = self.targets.iter().map(|target| identity(&target.path)).collect();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stale = self.is_stale.swap(false, Ordering::AcqRel);
        let armed = match &*watched {
            Some(before) if before.identities == identities && !is_stale => return Ok(Armed::Still),
            Some(_) => Armed::Anew,
            None => Armed::First,
        };
        // A folder that isn't there, or vanishes meanwhile, has another identity once it is back.
        let there = self.targets.iter().filter_map(|target| Some((fs::canonicalize(&target.path).ok()?, target)));
        let there: Vec<(PathBuf, &Target)> = there.collect();
        let mut debouncer = self.debouncer(there.iter().map(|(path, _)| path.clone()).collect())?;
        for (path, target) in there {
            let mode = if target.recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            match debouncer.watch(&path, mode) {
                Err(error) if is_not_found(&error) => self.is_stale.store(true, Ordering::Release),
                other => other?,
            }
        }
        *watched = Some(Watched { identities, _debouncer: debouncer });
        Ok(armed)
    }

    /// Resolves at the next event, or at once if there was one since the last call.
    ///
    /// `Armed::First` says that events are awaited only from now on, so the caller looks once by itself. Cancel-safe.
    pub(super) async fn wait(self: &Arc<Self>) -> Result<Armed, WatchError> {
        loop {
            let this = Arc::clone(self);
            match tokio::task::spawn_blocking(move || this.arm()).await?? {
                Armed::Still => {}
                armed @ (Armed::First | Armed::Anew) => return Ok(armed),
            }
            if tokio::time::timeout(CHECK, self.hint.notified()).await.is_ok() {
                return Ok(Armed::Still);
            }
        }
    }

    fn debouncer(&self, roots: Vec<PathBuf>) -> notify::Result<Debouncer<RecommendedWatcher, NoCache>> {
        let (hint, is_stale, is_relevant) = (Arc::clone(&self.hint), Arc::clone(&self.is_stale), self.is_relevant);
        let handler = move |result: DebounceEventResult| match result {
            Ok(events) => {
                for event in events {
                    let is_gone = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(_));
                    if is_gone && event.paths.iter().any(|path| roots.contains(path)) {
                        is_stale.store(true, Ordering::Release);
                    }
                    if event.need_rescan()
                        || (is_change(event.kind) && event.paths.iter().any(|path| is_relevant(path)))
                    {
                        hint.notify_one();
                    }
                }
            }
            Err(errors) => {
                tracing::debug!(?errors, "the watch of the source reported errors");
                is_stale.store(true, Ordering::Release);
                hint.notify_one();
            }
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        new_debouncer_opt(DEBOUNCE, None, handler, NoCache::new(), config)
    }
}

/// Why nothing can be awaited.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    #[error("the system gives no events")]
    Events(#[from] notify::Error),
    #[error("the watching task ended")]
    Task(#[from] tokio::task::JoinError),
}

fn is_not_found(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_)
        | notify::ErrorKind::MaxFilesWatch => false,
    }
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

fn identity(path: &Path) -> Identity {
    use std::os::unix::fs::MetadataExt;
    // A folder that can't be looked at has no identity; reading it says why.
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}
