//! The bare repository that fetches go into: private, locked, made anew when it is broken.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use git2::{ErrorClass, ErrorCode, Oid, Repository, RepositoryInitOptions, RepositoryOpenFlags};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use sha2::{Digest, Sha256};

use super::{
    super::{SourceError, select},
    wire::Job,
};
use crate::durable;

/// With more packs than this the mirror is packed anew.
const MAX_PACKS: usize = 40;

/// Why a mirror gave nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Not the mirror's fault, or nothing that a new mirror would mend.
    Failed(SourceError),
    /// The mirror is broken; a new one may do.
    Corrupt(String),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// The folder of a mirror, locked against other processes for as long as this lives.
#[derive(Debug)]
pub(super) struct Mirror {
    folder: PathBuf,
    repository: PathBuf,
    /// The reference that keeps the last commit whose files could all be read, for one URL and reference.
    good: String,
    lock: Arc<File>,
}

impl Mirror {
    /// Creates the folder where needed and waits for its lock.
    pub(super) fn lock(job: &Job<'_>) -> Result<Self, SourceError> {
        let folder = job.mirror.clone();
        private_folder(&folder)?;
        let home = folder.join("home");
        private_folder(&home)?;
        // The owner of a local repository may be another user than ours: the settings name it, which is leave enough.
        write(&home.join(".gitconfig"), b"[safe]\n\tdirectory = *\n")?;
        let path = folder.join("lock");
        let lock = File::options().create(true).append(true).mode(0o600).open(&path);
        let lock = lock.map_err(|error| io_error(&path, error))?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| io_error(&path, error.into()))?;
        let key = Sha256::new().chain_update(&job.url).chain_update(b"\0").chain_update(&job.reference).finalize();
        let good = format!("refs/lockstep/{}/good", hex::encode(&key[..8]));
        Ok(Self { repository: folder.join("repository.git"), folder, good, lock: Arc::new(lock) })
    }

    /// Where the child's own `known_hosts` lies, which tells libssh2 what types of key to ask for.
    pub(super) fn write_known_hosts(&self, lines: &str) -> Result<(), SourceError> {
        let folder = self.folder.join("home/.ssh");
        private_folder(&folder)?;
        write(&folder.join("known_hosts"), lines.as_bytes())
    }

    /// An empty mirror beside this one.
    pub(super) fn fresh(&self) -> Result<Self, SourceError> {
        let repository = self.folder.join("repository.new");
        remove(&repository)?;
        let (folder, good, lock) = (self.folder.clone(), self.good.clone(), Arc::clone(&self.lock));
        Ok(Self { folder, repository, good, lock })
    }

    /// Puts a fresh mirror in the place of this one, which is kept as `repository.broken` until the next time.
    pub(super) fn replace_by(&self, fresh: Self) -> Result<(), SourceError> {
        let broken = self.folder.join("repository.broken");
        remove(&broken)?;
        renameat_with(CWD, &fresh.repository, CWD, &self.repository, RenameFlags::EXCHANGE)
            .map_err(|error| io_error(&self.repository, error.into()))?;
        fs::rename(&fresh.repository, &broken).map_err(|error| io_error(&broken, error))
    }

    /// Opens the repository; `None` where there is none yet.
    pub(super) fn open(&self) -> Result<Option<Repository>, Trouble> {
        if !self.repository.try_exists().map_err(|error| io_error(&self.repository, error))? {
            return Ok(None);
        }
        remove_leftovers(&self.repository)?;
        // The environment is ours, set by the parent: it keeps the configuration of system and user out.
        let flags = RepositoryOpenFlags::FROM_ENV | RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE;
        Repository::open_ext(&self.repository, flags, &[] as &[&Path]).map(Some).map_err(|error| self.trouble(&error))
    }

    /// Opens the repository, created where there is none yet.
    pub(super) fn open_or_create(&self) -> Result<Repository, Trouble> {
        if let Some(repository) = self.open()? {
            return Ok(repository);
        }
        // Made elsewhere and moved as a whole, so that a kill leaves all of it or nothing.
        let beside = self.folder.join("repository.init");
        remove(&beside)?;
        private_folder(&beside)?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(true);
        Repository::init_opts(&beside, &options).map_err(|error| self.trouble(&error))?;
        // Credentials must not follow a redirect to another server.
        let config = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n[http]\n\tfollowRedirects = false\n";
        write(&beside.join("config"), config)?;
        fs::rename(&beside, &self.repository).map_err(|error| io_error(&self.repository, error))?;
        self.open()?.ok_or_else(|| Trouble::Corrupt("the new mirror vanished".to_owned()))
    }

    /// The last commit whose files could all be read.
    pub(super) fn good(&self, repository: &Repository) -> Result<Option<Oid>, Trouble> {
        match repository.refname_to_id(&self.good) {
            Ok(id) => {
                repository.find_commit(id).and_then(|commit| commit.tree()).map_err(|error| self.trouble(&error))?;
                Ok(Some(id))
            }
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.trouble(&error)),
        }
    }

    /// Remembers a commit as the last one whose files could all be read.
    pub(super) fn set_good(&self, repository: &Repository, commit: Oid) -> Result<(), Trouble> {
        repository.reference(&self.good, commit, true, "").map(drop).map_err(|error| self.trouble(&error))
    }

    /// Puts many packs, one of each fetch, into one.
    pub(super) fn tidy(&self, repository: &Repository) -> Result<(), Trouble> {
        let folder = self.repository.join("objects/pack");
        let packs = list(&folder)?;
        if packs.iter().filter(|path| path.extension().is_some_and(|it| it == "pack")).count() <= MAX_PACKS {
            return Ok(());
        }
        let pack = || {
            let mut walk = repository.revwalk()?;
            walk.push_glob("refs/lockstep/*")?;
            let mut builder = repository.packbuilder()?;
            builder.insert_walk(&mut walk)?;
            builder.write(&folder, 0o600)
        };
        pack().map_err(|error| self.trouble(&error))?;
        let is_old = |path: &&PathBuf| path.extension().is_some_and(|it| it == "pack" || it == "idx");
        // A pack of the same objects has the same name, so the new one could be among the old ones.
        let newest = list(&folder)?.into_iter().filter(|path| !packs.contains(path)).count();
        for path in packs.iter().filter(is_old).filter(|_| newest > 0) {
            fs::remove_file(path).map_err(|error| io_error(path, error))?;
        }
        Ok(())
    }

    /// What an error while reading or writing the mirror means.
    pub(super) fn trouble(&self, error: &git2::Error) -> Trouble {
        match is_machine_error(error) {
            true => io_error(&self.repository, io::Error::other(error.message().to_owned())).into(),
            false => Trouble::Corrupt(select::printable(error.message().as_bytes())),
        }
    }
}

/// Whether an error is of this machine, and a new mirror would meet it again: no space, no right, no memory.
pub(super) fn is_machine_error(error: &git2::Error) -> bool {
    const SIGNS: [&str; 6] =
        ["No space left", "quota exceeded", "Read-only file system", "Permission denied", "Too many open", "I/O error"];
    error.class() == ErrorClass::NoMemory || SIGNS.iter().any(|sign| error.message().contains(sign))
}

/// Removes what a killed process left: locks, which would be waited for in vain, and unfinished packs.
fn remove_leftovers(repository: &Path) -> Result<(), SourceError> {
    let mut folders = vec![repository.to_owned(), repository.join("refs")];
    while let Some(folder) = folders.pop() {
        for path in list(&folder)? {
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            if is_folder && folder != repository {
                folders.push(path);
            } else if !is_folder && path.extension().is_some_and(|extension| extension == "lock") {
                fs::remove_file(&path).map_err(|error| io_error(&path, error))?;
            }
        }
    }
    let packs = repository.join("objects/pack");
    for path in list(&packs)? {
        let is_finished = path.extension().is_some_and(|extension| extension == "pack" || extension == "idx");
        if !is_finished {
            remove(&path)?;
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(|error| io_error(folder, error))?.path())).collect(),
        // A broken mirror may lack any folder; opening it says so.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(io_error(folder, error)),
    }
}

fn remove(path: &Path) -> Result<(), SourceError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| io_error(path, error))
}

/// Creates a folder, and makes it its owner's only where others could look into it.
fn private_folder(path: &Path) -> Result<(), SourceError> {
    let create = || {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    };
    create().map_err(|error| io_error(path, error))
}

/// Writes a small file where it is not as it should be.
fn write(path: &Path, content: &[u8]) -> Result<(), SourceError> {
    if fs::read(path).is_ok_and(|before| before == content) {
        return Ok(());
    }
    durable::write(path, content, durable::PRIVATE).map_err(|error| io_error(path, error))
}

fn io_error(path: &Path, source: io::Error) -> SourceError {
    SourceError::Io { path: path.display().to_string(), source }
}
