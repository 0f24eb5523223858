//! Reads one revision of a directory or git repository into a snapshot, and says when there may be a new one.
//!
//! What is read, of either kind of source: files ending in `.yaml`, `.yml`, `.json` or `.age`, and every file below a
//! folder called `secrets`. Names that begin with a dot and the temporary files of editors are left out; everything
//! else is ignored. A symbolic link that leaves the source, a submodule, and a name with odd characters among the files
//! that would be read refuse the whole snapshot: nothing is half read, and what can't be read is never taken as absent.
//! Neither is what a sparse checkout hides, where it is asked for that ([`DirectorySource::refusing_hidden`]).

mod any;
mod catalog_url;
mod directory;
mod error;
mod git;
mod hidden;
mod limits;
mod select;
mod walk;
mod watch;

use std::{collections::BTreeMap, future::Future, path::PathBuf};

pub use any::AnySource;
pub use catalog_url::{download, fetch_url};
pub use directory::{DirectoryConfig, DirectorySource};
pub use error::SourceError;
pub use git::{Checkout, GitAuth, GitConfig, GitSource, SshKey, fetch_child_main};
pub use limits::{
    MAX_DEPTH, MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_JSON_BYTES, MAX_RECEIVED_BYTES, MAX_TOTAL_BYTES,
};

use crate::model::{Cited, Commit, Revision, Snapshot};

/// Where manifests come from.
pub trait Source: Send + Sync {
    /// Reads the newest revision whole. An error never means that the source is empty.
    ///
    /// # Errors
    /// Everything that keeps the source from being read completely, see [`SourceError`].
    fn snapshot(&self) -> impl Future<Output = Result<Snapshot, SourceError>> + Send;

    /// The newest revision that was read before and kept, without any network; none where none is kept.
    ///
    /// # Errors
    /// Where what was kept can't be read.
    fn cached(&self) -> impl Future<Output = Result<Option<Snapshot>, SourceError>> + Send;

    /// The commits that wrote lines of a revision, as far as they can be found in a few seconds; a line that is not in
    /// the answer has none, or none that is known.
    fn blame(&self, revision: &Revision, lines: &[Cited]) -> impl Future<Output = BTreeMap<Cited, Commit>> + Send;

    /// Resolves when there may be something new: an event of the file system, or the next poll is due.
    ///
    /// Cancel-safe: dropping it loses at most a hint, and every pass reads the whole source anyway.
    fn changed(&self) -> impl Future<Output = ()> + Send;

    /// What the source is, for messages: a path or a URL without credentials.
    fn describe(&self) -> String;

    /// The local directory manifests are read from, where there is one, so that places can be printed as paths.
    fn local_root(&self) -> Option<PathBuf>;
}
