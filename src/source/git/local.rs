//! Reads a revision of a repository on this machine as it is, in the child.

use std::path::Path;

use git2::{Commit, ErrorCode, Repository, RepositoryOpenFlags, Tree};

use super::{
    super::{MAX_FILE_BYTES, SourceError, select},
    child::files_reply,
    mirror::Trouble,
    tree::{self, EXECUTABLE, FILE},
    wire::{Job, Operation, Reply},
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
    if job.operation == Operation::LocalFile {
        let files = file(&repository, &tree, job).map_err(|error| broken(&error))?;
        return Ok((files_reply(commit.id(), None, false, &files), files));
    }
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

/// The one file that the job names, where it is one and no larger than a file of a source may be.
fn file(repository: &Repository, tree: &Tree<'_>, job: &Job<'_>) -> Result<Vec<SourceFile>, git2::Error> {
    let entry = match tree.get_path(Path::new(&job.path)) {
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    if !matches!(entry.filemode(), FILE | EXECUTABLE) {
        return Ok(Vec::new());
    }
    let (size, _) = repository.odb()?.read_header(entry.id())?;
    if u64::try_from(size).is_ok_and(|size| size > MAX_FILE_BYTES) {
        return Err(git2::Error::from_str("the file is too large"));
    }
    let content = repository.find_blob(entry.id())?.content().into();
    Ok(vec![SourceFile { path: job.path.as_str().into(), content }])
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
