//! Either kind of source, chosen by the settings.

use std::{collections::BTreeMap, path::PathBuf};

use super::{DirectorySource, GitSource, Source, SourceError};
use crate::model::{Cited, Commit, Revision, Snapshot};

/// The source that the settings name.
#[derive(Debug)]
pub enum AnySource {
    /// A directory of this machine.
    Directory(DirectorySource),
    /// A git repository.
    Git(GitSource),
}

impl Source for AnySource {
    async fn snapshot(&self) -> Result<Snapshot, SourceError> {
        match self {
            Self::Directory(directory) => directory.snapshot().await,
            Self::Git(git) => git.snapshot().await,
        }
    }

    async fn cached(&self) -> Result<Option<Snapshot>, SourceError> {
        match self {
            Self::Directory(directory) => directory.cached().await,
            Self::Git(git) => git.cached().await,
        }
    }

    async fn blame(&self, revision: &Revision, lines: &[Cited]) -> BTreeMap<Cited, Commit> {
        match self {
            Self::Directory(directory) => directory.blame(revision, lines).await,
            Self::Git(git) => git.blame(revision, lines).await,
        }
    }

    async fn changed(&self) {
        match self {
            Self::Directory(directory) => directory.changed().await,
            Self::Git(git) => git.changed().await,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Directory(directory) => directory.describe(),
            Self::Git(git) => git.describe(),
        }
    }

    fn local_root(&self) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => directory.local_root(),
            Self::Git(git) => git.local_root(),
        }
    }
}
