//! The files of one revision of the source, read once and held in memory.

use std::{fmt, sync::Arc};

use super::printable;

/// Which state of the source something was read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// A git commit, as 40 or 64 hexadecimal digits.
    Commit(String),
    /// The SHA-256 over the names and contents of a directory's files, as 64 hexadecimal digits.
    Directory(String),
}

impl Revision {
    /// The full identifier: `COMMIT`, or `dir:HASH`.
    pub fn full(&self) -> String {
        match self {
            Self::Commit(id) => id.clone(),
            Self::Directory(hash) => format!("dir:{hash}"),
        }
    }

    /// The identifier cut to twelve digits, for people.
    pub fn short(&self) -> String {
        match self {
            Self::Commit(id) => id.chars().take(12).collect(),
            Self::Directory(hash) => format!("dir:{}", hash.chars().take(12).collect::<String>()),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full())
    }
}

/// A commit that wrote something, for people who ask who changed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit {
    /// Its id, as 40 or 64 hexadecimal digits.
    pub id: String,
    /// Its author's name, safe to print and short.
    pub author: String,
}

/// The longest name of an author that is kept, in characters.
const MAX_AUTHOR: usize = 60;

impl Commit {
    /// Takes what a repository says; none where the id is no commit's.
    pub fn new(id: &str, author: &str) -> Option<Self> {
        let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| Self { id: id.to_owned(), author: printable(author.trim(), MAX_AUTHOR) })
    }

    /// The id cut to twelve digits, for people.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// One file of a snapshot.
#[derive(Clone)]
pub struct SourceFile {
    /// The path relative to the root of the source, with `/` between its parts.
    pub path: Arc<str>,
    /// The content, shared since several readers look at it.
    pub content: Arc<[u8]>,
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceFile({}, {} bytes)", self.path, self.content.len())
    }
}

/// Every file of one revision that Lockstep may need, sorted by path.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which state of the source this is.
    pub revision: Revision,
    /// The files, sorted by path, each path once.
    pub files: Vec<SourceFile>,
}

impl Snapshot {
    /// The file at a path, if the revision has it.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.binary_search_by(|file| (*file.path).cmp(path)).ok().map(|index| &self.files[index])
    }
}
