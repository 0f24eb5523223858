//! What the parent and its fetching child say to each other: a job as one line of JSON, and a reply with framed files.

use std::{
    borrow::Cow,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::super::SourceError;
use crate::model::SourceFile;

/// The longest job, in bytes.
pub(super) const MAX_JOB_BYTES: u64 = 32 * 1024 * 1024;
/// The longest header of a reply, in bytes.
pub(super) const MAX_HEADER_BYTES: u32 = 64 * 1024 * 1024;

/// What the child is to do. Goes through its standard input only, since arguments and environment are seen by others.
#[derive(Serialize, Deserialize)]
pub(super) struct Job<'a> {
    pub(super) operation: Operation,
    pub(super) url: String,
    /// Where the repository is, if it is on this machine.
    pub(super) local: Option<PathBuf>,
    pub(super) reference: String,
    pub(super) path: String,
    pub(super) mirror: PathBuf,
    pub(super) credentials: Credentials<'a>,
    /// The commit whose files the parent holds already.
    pub(super) known: Option<String>,
    /// The lines whose authors are asked for.
    pub(super) lines: Vec<Asked>,
    /// How long finding them may take; what is not found then stays unknown.
    pub(super) patience: Duration,
    /// What is published.
    pub(super) publish: Option<Publish>,
}

/// A line of a file below the path of the job, or the file as a whole.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) file: String,
    pub(super) line: Option<u32>,
}

/// The one file of a branch of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct Publish {
    pub(super) branch: String,
    pub(super) file: String,
    pub(super) content: String,
}

/// The commit that wrote a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Author {
    pub(super) id: String,
    pub(super) name: String,
}

/// Whether the server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Operation {
    /// Fetch, then read.
    Fetch,
    /// Read what was fetched before.
    Cached,
    /// Say who wrote the lines of the known commit.
    Blame,
    /// Say who wrote the lines of the files in the local folder, as they lie there or in the known commit.
    BlameFolder,
    /// Read a revision of the repository at `local` as it is, without any server.
    Local,
    /// Read one file of such a revision.
    LocalFile,
    /// Push a branch that holds one file.
    Publish,
}

/// Who the child is at the server.
#[derive(Serialize, Deserialize)]
pub(super) enum Credentials<'a> {
    None,
    Password { username: Cow<'a, str>, password: Cow<'a, str> },
    Ssh { key: JobKey<'a>, known_hosts: PathBuf, user: String, host: String, port: u16 },
}

/// Where the private key is.
#[derive(Serialize, Deserialize)]
pub(super) enum JobKey<'a> {
    File(PathBuf),
    Pem(Cow<'a, str>),
}

/// What the child answers; the contents of the files follow it in their order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The files of a commit, with their sizes in bytes.
    Files { commit: String, previous: Option<String>, is_forced: bool, files: Vec<(String, u64)> },
    /// The commit is the one whose files the parent holds.
    Unchanged { commit: String },
    /// Nothing was fetched before, or nothing was asked for.
    Nothing,
    /// Who wrote the lines, in their order; none where that is not known.
    Blamed { authors: Vec<Option<Author>> },
    /// It went wrong.
    Failed(Failure),
}

/// A [`SourceError`] on its way to the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Io { path: String, why: String },
    RefusedPath { path: String, why: String },
    TooLarge { what: String, limit: u64 },
    Unreachable { why: String },
    Unauthorized { why: String },
    Untrusted { why: String },
    Missing { what: String },
    Settings { why: String },
    Other { why: String },
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Io { path, source } => Self::Io { path, why: source.to_string() },
            SourceError::RefusedPath { path, why } => Self::RefusedPath { path, why: why.into_owned() },
            SourceError::TooLarge { what, limit } => Self::TooLarge { what, limit },
            SourceError::Unreachable { why, .. } => Self::Unreachable { why },
            SourceError::Unauthorized { why, .. } => Self::Unauthorized { why },
            SourceError::Untrusted { why, .. } => Self::Untrusted { why },
            SourceError::Missing { what, .. } => Self::Missing { what },
            SourceError::Settings(why) => Self::Settings { why },
            SourceError::Child(why) => Self::Other { why },
            error @ (SourceError::Deadline { .. } | SourceError::Mismatch { .. } | SourceError::Hidden { .. }) => {
                Self::Other { why: error.to_string() }
            }
        }
    }
}

impl Failure {
    /// The error, as the parent tells it.
    pub(super) fn into_error(self, url: &str) -> SourceError {
        let url = url.to_owned();
        match self {
            Self::Io { path, why } => SourceError::Io { path, source: io::Error::other(why) },
            Self::RefusedPath { path, why } => SourceError::RefusedPath { path, why: Cow::Owned(why) },
            Self::TooLarge { what, limit } => SourceError::TooLarge { what, limit },
            Self::Unreachable { why } => SourceError::Unreachable { url, why },
            Self::Unauthorized { why } => SourceError::Unauthorized { url, why },
            Self::Untrusted { why } => SourceError::Untrusted { url, why },
            Self::Missing { what } => SourceError::Missing { url, what },
            Self::Settings { why } => SourceError::Settings(why),
            Self::Other { why } => SourceError::Child(why),
        }
    }
}

/// Writes a reply: the length of its header in four bytes, the header as JSON, the contents.
pub(super) fn write_reply(out: &mut impl Write, reply: &Reply, files: &[SourceFile]) -> io::Result<()> {
    let header = serde_json::to_vec(reply)?;
    let length = u32::try_from(header.len()).ok().filter(|&length| length <= MAX_HEADER_BYTES);
    let length = length.ok_or_else(|| io::Error::other("the header of the reply is too long"))?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&header)?;
    for file in files {
        out.write_all(&file.content)?;
    }
    out.flush()
}
