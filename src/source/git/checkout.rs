//! A checkout on this machine, of which any commit can be read out of the object store.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rand::Rng;

use super::{
    super::SourceError,
    process::{self, Folder, Found},
    settings::checked_path,
    wire::{Credentials, Job, Operation},
};
use crate::model::{Cited, Commit, Revision, Snapshot, SourceFile};

/// How long one reading may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long finding authors may take: a comparison of two revisions is to be quick.
const PATIENCE: Duration = Duration::from_millis(200);

/// A checkout on this machine. Nothing is fetched, checked out or written.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
    path: String,
    program: PathBuf,
}

impl Checkout {
    /// The checkout with `.git` in `root`, of which the folder `path` is read; `program` is our own.
    ///
    /// # Errors
    /// [`SourceError::Settings`] where `path` leads out of the checkout.
    pub fn new(root: &Path, path: &str, program: PathBuf) -> Result<Self, SourceError> {
        Ok(Self { root: root.to_owned(), path: checked_path(path)?, program })
    }

    /// Reads a commit: a branch, a tag, whatever else git takes for a revision, or `ONE...OTHER` for the newest common
    /// ancestor of two. One that does not have the folder has no files.
    ///
    /// # Errors
    /// [`SourceError::Missing`] where the checkout has no such commit, and what keeps its files from being read.
    pub async fn read(&self, revision: &str) -> Result<Snapshot, SourceError> {
        let (commit, files) = self.ask(Operation::Local, revision, self.path.clone()).await?;
        Ok(Snapshot { revision: Revision::Commit(commit), files })
    }

    /// Reads one file of a commit, named as in [`Self::read`], by its path below the root; none where it has no such file.
    ///
    /// # Errors
    /// Those of [`Self::read`], and where the file is too large for a source.
    pub async fn file(&self, revision: &str, path: &str) -> Result<Option<SourceFile>, SourceError> {
        let (_, files) = self.ask(Operation::LocalFile, revision, path.to_owned()).await?;
        Ok(files.into_iter().next())
    }

    async fn ask(
        &self,
        operation: Operation,
        revision: &str,
        path: String,
    ) -> Result<(String, Vec<SourceFile>), SourceError> {
        let url = self.root.display().to_string();
        let home = Home::new()?;
        let job = Job {
            operation,
            url: url.clone(),
            local: Some(self.root.clone()),
            reference: revision.to_owned(),
            path,
            mirror: PathBuf::new(),
            credentials: Credentials::None,
            known: None,
            lines: Vec::new(),
            patience: Duration::ZERO,
            publish: None,
        };
        let mut command = process::command(&self.program, &home.0);
        process::without_certificates(&mut command, &home.0);
        match process::answered(command, &process::line_of(&job)?, &url, DEADLINE).await? {
            Found::Files { commit, files, .. } => Ok((commit, files)),
            Found::Unchanged { .. } | Found::Nothing | Found::Blamed(_) => {
                Err(SourceError::Child("its answer fits no question".to_owned()))
            }
        }
    }

    /// The commits that wrote lines of files in the folder, of a commit or as they lie there, as far as they are found in a
    /// tenth of a second.
    ///
    /// # Errors
    /// Where the child does not answer.
    pub async fn blame(&self, commit: Option<&str>, lines: &[Cited]) -> Result<BTreeMap<Cited, Commit>, SourceError> {
        let home = Home::new()?;
        let folder = self.root.join(&self.path);
        let place = Folder { root: &folder, home: &home.0, commit, patience: PATIENCE };
        let commits = process::blame_folder(&self.program, &place, lines).await?;
        Ok(lines.iter().cloned().zip(commits).filter_map(|(line, commit)| Some((line, commit?))).collect())
    }
}

/// A home for the child, in which the owner of the checkout may be another user than ours; gone with this.
struct Home(PathBuf);

impl Home {
    fn new() -> Result<Self, SourceError> {
        let path = std::env::temp_dir().join(format!("lockstep-{:032x}", rand::rng().random::<u128>()));
        let make = || {
            fs::DirBuilder::new().mode(0o700).create(&path)?;
            let home = Self(path.clone());
            let mut file =
                fs::File::options().create_new(true).write(true).mode(0o600).open(path.join(".gitconfig"))?;
            file.write_all(b"[safe]\n\tdirectory = *\n")?;
            Ok(home)
        };
        make().map_err(|source| SourceError::Io { path: path.display().to_string(), source })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "a temporary folder stays");
        }
    }
}
