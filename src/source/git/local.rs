//! Reads a revision of a repository on this machine as it is, in the child.

use std::path::Path;

use git2::{Commit, ErrorCode, Repository, RepositoryOpenFlags};

use super::{
    super::{SourceError, select},
    child::files_reply,
    mirror::Trouble,
    tree,
    wire::{Job, Reply},
};
use crate::model::SourceFile;

/// What stands between two revisions whose newest common ancestor is meant.
const COMMON: &str = "...";

/// The files of the revision that the job names. A revision without the folder of the job has no files.
pub(super) fn read(job: &Job<'_>) -> Result<(Reply, Vec<SourceFile>), SourceError> {
    let broken = |error: &git2::Error| SourceError::Child(select::printable(error.message().as_bytes()));
    let root = job.local.as_deref().ok_or_else(|| SourceError::Child("its job names no repository".to_owned()))?;
    // The environment is ours, set by the parent: it keeps the configuration of system and user out.
    let flags = RepositoryOpenFlags::FROM_ENV | RepositoryOpenFlags::NO_SEARCH;
    let repository = Repository::open_ext(root, flags, &[] as &[&Path]).map_err(|error| broken(&error))?;
    let commit = match job.reference.split_once(COMMON) {
        None => commit(&repository, &job.reference, job)?,
        Some((one, other)) => {
            let (one, other) = (commit(&repository, one, job)?, commit(&repository, other, job)?);
            match repository.merge_base(one.id(), other.id()) {
                Ok(base) => repository.find_commit(base).map_err(|error| broken(&error))?,
                Err(error) if error.code() == ErrorCode::NotFound => {
                    return Err(missing(job, format!("common ancestor of `{}`", job.reference)));
                }
                Err(error) => return Err(broken(&error)),
            }
        }
    };
    let tree = commit.tree().map_err(|error| broken(&error))?;
    let files = match tree.get_path(Path::new(&job.path)) {
        Err(error) if error.code() == ErrorCode::NotFound && !job.path.is_empty() => Vec::new(),
        Ok(_) | Err(_) => {
            let trouble = |error: &git2::Error| Trouble::Failed(broken(error));
            tree::read(&repository, &trouble, commit.id(), job).map_err(|trouble| match trouble {
                Trouble::Failed(error) => error,
                Trouble::Corrupt(why) => SourceError::Child(why),
            })?
        }
    };
    Ok((files_reply(commit.id(), None, false, &files), files))
}

fn commit<'a>(repository: &'a Repository, name: &str, job: &Job<'_>) -> Result<Commit<'a>, SourceError> {
    let found = repository.revparse_single(name).and_then(|object| object.peel_to_commit());
    found.map_err(|error| {
        if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Peel) {
            missing(job, format!("commit `{}`", name.escape_debug()))
        } else if error.code() == ErrorCode::Ambiguous {
            SourceError::Settings(format!("`{}` names several objects", name.escape_debug()))
        } else {
            SourceError::Child(select::printable(error.message().as_bytes()))
        }
    })
}

fn missing(job: &Job<'_>, what: String) -> SourceError {
    SourceError::Missing { url: job.url.clone(), what }
}
