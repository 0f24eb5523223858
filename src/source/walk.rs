//! Reads the files of a directory, beneath its root whatever symbolic links say.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use rustix::{
    fd::OwnedFd,
    fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};
use sha2::{Digest, Sha256};

use super::{
    SourceError,
    limits::{Budget, check_depth},
    select,
};
use crate::model::SourceFile;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// What identifies the state of a directory without reading its files: their names, sizes, inodes and times.
pub(super) type Fingerprint = [u8; 32];

/// What one walk found.
#[derive(Debug)]
pub(super) struct Walked {
    /// The state of the directory, by metadata.
    pub(super) fingerprint: Fingerprint,
    /// The files, sorted by path; empty where only the fingerprint was asked for.
    pub(super) files: Vec<SourceFile>,
    /// When any file was changed last, in seconds and nanoseconds of Unix time.
    pub(super) newest: (i64, i64),
}

/// Why a walk ended early.
#[derive(Debug)]
pub(super) enum WalkError {
    /// Something was changed or vanished meanwhile: worth another try.
    Moved(SourceError),
    /// Another try would end the same.
    Final(SourceError),
}

impl WalkError {
    /// The error, whichever it is.
    pub(super) fn into_inner(self) -> SourceError {
        match self {
            Self::Moved(error) | Self::Final(error) => error,
        }
    }
}

impl From<SourceError> for WalkError {
    fn from(error: SourceError) -> Self {
        Self::Final(error)
    }
}

/// Reads every file below a root.
pub(super) fn read(root: &Path) -> Result<Walked, WalkError> {
    walk(root, true)
}

/// Looks at every file below a root without reading it.
pub(super) fn fingerprint(root: &Path) -> Result<Fingerprint, WalkError> {
    walk(root, false).map(|walked| walked.fingerprint)
}

fn walk(root: &Path, contents: bool) -> Result<Walked, WalkError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = fs::openat(CWD, root, flags, Mode::empty())
        .map_err(|error| SourceError::Io { path: select::printable(bytes_of(root)), source: error.into() })?;
    let mut walker = Walker {
        root: handle,
        contents,
        budget: Budget::default(),
        hash: Sha256::new(),
        files: Vec::new(),
        newest: (0, 0),
        ancestors: Vec::new(),
    };
    walker.folder(&Folder { path: Vec::new(), depth: 0, in_secrets: false })?;
    walker.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Walked { fingerprint: walker.hash.finalize().into(), files: walker.files, newest: walker.newest })
}

fn bytes_of(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

struct Folder {
    path: Vec<u8>,
    depth: usize,
    in_secrets: bool,
}

struct Walker {
    root: OwnedFd,
    contents: bool,
    budget: Budget,
    hash: Sha256,
    files: Vec<SourceFile>,
    newest: (i64, i64),
    /// Device and inode of each folder on the way here, so that a link to one of them is seen as a loop.
    ancestors: Vec<(u64, u64)>,
}

impl Walker {
    fn folder(&mut self, folder: &Folder) -> Result<(), WalkError> {
        check_depth(&select::printable(&folder.path), folder.depth)?;
        let handle = self.open(&folder.path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let stat = stat(&handle, &folder.path)?;
        if self.ancestors.contains(&(stat.st_dev, stat.st_ino)) {
            return Err(refused(&folder.path, "it is a symbolic link to a folder that holds it").into());
        }
        self.hash.update(b"folder\0");
        self.hash.update(&folder.path);
        self.hash.update(b"\0");
        self.ancestors.push((stat.st_dev, stat.st_ino));
        for name in self.names(&handle, &folder.path)? {
            self.entry(folder, &handle, &name)?;
        }
        self.ancestors.pop();
        Ok(())
    }

    fn names(&mut self, handle: &OwnedFd, path: &[u8]) -> Result<Vec<Vec<u8>>, WalkError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(handle).map_err(|error| failed(path, error))? {
            let entry = entry.map_err(|error| failed(path, error))?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                self.budget.entry()?;
                names.push(name.to_vec());
            }
        }
        names.sort();
        Ok(names)
    }

    fn entry(&mut self, folder: &Folder, handle: &OwnedFd, name: &[u8]) -> Result<(), WalkError> {
        let selected = select::is_selected(name, folder.in_secrets);
        if select::is_temporary(name) || (select::is_hidden(name) && !selected) {
            return Ok(());
        }
        let mut path = folder.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        // Most names are no links, and what such a one is can be told, and read, right from its folder.
        let own = fs::statat(handle, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| failed(&path, error))?;
        let (stat, place) = match FileType::from_raw_mode(own.st_mode) {
            FileType::Symlink => (stat(self.open(&path, OFlags::PATH)?, &path)?, None),
            FileType::RegularFile
            | FileType::Directory
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => (own, Some((handle, name))),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if select::is_hidden(name) => Ok(()),
            FileType::Directory => {
                let in_secrets = folder.in_secrets || select::is_secrets(name);
                self.folder(&Folder { path, depth: folder.depth + 1, in_secrets })
            }
            FileType::RegularFile if selected => self.file(&path, place, &stat),
            FileType::RegularFile => Ok(()),
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown
                if selected =>
            {
                Err(refused(&path, "it is not a regular file").into())
            }
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Ok(()),
        }
    }

    /// Takes a file; `place` is its folder and its name there, where no link leads to it.
    fn file(&mut self, path: &[u8], place: Option<(&OwnedFd, &[u8])>, seen: &Stat) -> Result<(), WalkError> {
        if !select::is_plain_path(path) {
            return Err(refused(path, select::ODD_NAME).into());
        }
        let name = select::printable(path);
        let size = u64::try_from(seen.st_size).unwrap_or(u64::MAX);
        self.budget.file(&name, size)?;
        let state = State::of(seen);
        self.newest = self.newest.max(state.changed);
        self.hash.update(&name);
        self.hash.update(state.bytes());
        if self.contents {
            // The type is known by now, and the file is opened without blocking in case it was exchanged meanwhile.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
            let handle = match place {
                Some((folder, name)) => {
                    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    fs::openat2(folder, name, flags, Mode::empty(), BENEATH).map_err(|error| failed(path, error))?
                }
                None => self.open(path, flags)?,
            };
            let moved = || WalkError::Moved(changed_while_read(&name));
            if State::of(&stat(&handle, path)?) != state {
                return Err(moved());
            }
            let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
            let mut file = File::from(handle);
            file.read_exact(&mut content).map_err(|error| {
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    moved()
                } else {
                    WalkError::Moved(SourceError::Io { path: name.clone(), source: error })
                }
            })?;
            if State::of(&stat(&file, path)?) != state {
                return Err(moved());
            }
            self.files.push(SourceFile { path: Arc::from(name), content: Arc::from(content) });
        }
        Ok(())
    }

    fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, WalkError> {
        let below: &[u8] = if path.is_empty() { b"." } else { path };
        fs::openat2(&self.root, below, flags | OFlags::CLOEXEC, Mode::empty(), BENEATH).map_err(|error| match error {
            Errno::XDEV => refused(path, "it is a symbolic link that leaves the source").into(),
            Errno::LOOP => refused(path, "it is a symbolic link that leads to itself").into(),
            other => failed(path, other),
        })
    }
}

/// What changes whenever a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    mode: u32,
    place: (u64, u64),
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    fn of(stat: &Stat) -> Self {
        Self {
            mode: stat.st_mode,
            place: (stat.st_dev, stat.st_ino),
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }

    /// All of it, behind a byte that no name holds.
    fn bytes(self) -> Vec<u8> {
        let Self { mode, place: (device, inode), size, modified, changed } = self;
        let mut bytes = vec![0];
        bytes.extend_from_slice(&mode.to_ne_bytes());
        for number in [device, inode] {
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
        for number in [size, modified.0, modified.1, changed.0, changed.1] {
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
        bytes
    }
}

fn stat(handle: impl rustix::fd::AsFd, path: &[u8]) -> Result<Stat, WalkError> {
    fs::fstat(handle).map_err(|error| failed(path, error))
}

/// An error of one file or folder below the root; it may have been exchanged at that moment, so another try may do.
fn failed(path: &[u8], error: Errno) -> WalkError {
    let path = if path.is_empty() { ".".to_owned() } else { select::printable(path) };
    WalkError::Moved(SourceError::Io { path, source: error.into() })
}

fn refused(path: &[u8], why: &'static str) -> SourceError {
    SourceError::RefusedPath { path: select::printable(path), why: why.into() }
}

/// The error of a file that is never still.
pub(super) fn changed_while_read(path: &str) -> SourceError {
    SourceError::Io { path: path.to_owned(), source: io::Error::other("it keeps changing while it is read") }
}
