//! Reads the files of one commit out of the object store.

use std::{collections::BTreeMap, sync::Arc};

use git2::{ObjectType, Oid, Repository, Tree};

use super::{
    super::{
        SourceError,
        limits::{Budget, check_depth},
        select,
    },
    mirror::Trouble,
    wire::Job,
};
use crate::model::SourceFile;

const FOLDER: i32 = 0o040_000;
pub(super) const FILE: i32 = 0o100_644;
pub(super) const EXECUTABLE: i32 = 0o100_755;
const LINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;

/// The longest target of a symbolic link, in bytes.
const MAX_LINK_BYTES: usize = 4096;

/// Reads every selected file below the path of the job, sorted by its path relative to there.
///
/// `trouble` says what an error of the object store means.
pub(super) fn read(
    repository: &Repository,
    trouble: &dyn Fn(&git2::Error) -> Trouble,
    commit: Oid,
    job: &Job<'_>,
) -> Result<Vec<SourceFile>, Trouble> {
    let top = repository.find_commit(commit).and_then(|commit| commit.tree()).map_err(|error| trouble(&error))?;
    let mut reader = Reader { repository, trouble, top: &top, job, budget: Budget::default(), files: BTreeMap::new() };
    let root = reader.root()?;
    reader.folder(&root, &Folder { path: Vec::new(), depth: 0, in_secrets: false })?;
    Ok(reader.files.into_iter().map(|(path, content)| SourceFile { path: path.into(), content }).collect())
}

struct Folder {
    path: Vec<u8>,
    depth: usize,
    in_secrets: bool,
}

struct Reader<'a> {
    repository: &'a Repository,
    trouble: &'a dyn Fn(&git2::Error) -> Trouble,
    top: &'a Tree<'a>,
    job: &'a Job<'a>,
    budget: Budget,
    files: BTreeMap<String, Arc<[u8]>>,
}

impl<'a> Reader<'a> {
    /// The tree of the folder that is read.
    fn root(&self) -> Result<Tree<'a>, Trouble> {
        let mut tree = self.top.clone();
        let parts: Vec<&str> = self.job.path.split('/').filter(|part| !part.is_empty()).collect();
        for (index, part) in parts.iter().enumerate() {
            let path = parts[..=index].join("/");
            let missing = |what: String| SourceError::Missing { url: self.job.url.clone(), what };
            let (id, mode) = match tree.get_name(part) {
                Some(entry) => (entry.id(), entry.filemode_raw()),
                None => return Err(missing(format!("folder `{path}`")).into()),
            };
            match mode {
                FOLDER => tree = self.tree(id)?,
                LINK => return Err(refused(path.as_bytes(), "it is a symbolic link").into()),
                SUBMODULE => return Err(refused(path.as_bytes(), "it is a submodule").into()),
                _ => return Err(missing(format!("folder `{path}`: it is a file")).into()),
            }
        }
        Ok(tree)
    }

    fn folder(&mut self, tree: &Tree<'_>, folder: &Folder) -> Result<(), Trouble> {
        check_depth(&select::printable(&folder.path), folder.depth)?;
        for entry in tree {
            self.budget.entry()?;
            let name = entry.name_bytes();
            let mut path = folder.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            if select::is_forged(name) {
                return Err(refused(&path, select::NOT_A_NAME).into());
            }
            let selected = select::is_selected(name, folder.in_secrets);
            if select::is_temporary(name) || (select::is_hidden(name) && !selected) {
                continue;
            }
            match entry.filemode_raw() {
                FOLDER if select::is_hidden(name) => {}
                FOLDER => {
                    let in_secrets = folder.in_secrets || select::is_secrets(name);
                    let below = Folder { path, depth: folder.depth + 1, in_secrets };
                    self.folder(&self.tree(entry.id())?, &below)?;
                }
                FILE | EXECUTABLE if selected => self.file(&path, entry.id())?,
                FILE | EXECUTABLE => {}
                LINK if !selected && self.leads_to_file(&folder.path, entry.id())? => {}
                LINK => return Err(refused(&path, "it is a symbolic link").into()),
                SUBMODULE => return Err(refused(&path, "it is a submodule").into()),
                _ if selected => return Err(refused(&path, "it has a mode that git never writes").into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &[u8], id: Oid) -> Result<(), Trouble> {
        if !select::is_plain_path(path) {
            return Err(refused(path, select::ODD_NAME).into());
        }
        let path = select::printable(path);
        let trouble = |error: git2::Error| (self.trouble)(&error);
        let store = self.repository.odb().map_err(trouble)?;
        // The size is known before anything is unpacked.
        let (size, kind) = store.read_header(id).map_err(trouble)?;
        if kind != ObjectType::Blob {
            return Err(refused(path.as_bytes(), "it is said to be a file, and is not").into());
        }
        self.budget.file(&path, size as u64)?;
        let content: Arc<[u8]> = Arc::from(store.read(id).map_err(trouble)?.data());
        if self.files.insert(path.clone(), content).is_some() {
            return Err(refused(path.as_bytes(), "its name is there twice").into());
        }
        Ok(())
    }

    /// Whether a symbolic link with a name of no interest leads to a file of this commit: then it hides no folder.
    fn leads_to_file(&self, folder: &[u8], id: Oid) -> Result<bool, Trouble> {
        let trouble = |error: git2::Error| (self.trouble)(&error);
        let store = self.repository.odb().map_err(trouble)?;
        let (size, _) = store.read_header(id).map_err(trouble)?;
        if size > MAX_LINK_BYTES {
            return Ok(false);
        }
        let target = store.read(id).map_err(trouble)?;
        let mut parts: Vec<&[u8]> = Vec::new();
        if target.data().starts_with(b"/") {
            return Ok(false);
        }
        let base = self.job.path.as_bytes();
        for part in [base, folder, target.data()].iter().flat_map(|path| path.split(|&byte| byte == b'/')) {
            match part {
                b"" | b"." => {}
                b".." if parts.pop().is_none() => return Ok(false),
                b".." => {}
                part => parts.push(part),
            }
        }
        let mut tree = self.top.clone();
        for (index, part) in parts.iter().enumerate() {
            let entry = tree.get_name_bytes(part).map(|entry| (entry.id(), entry.filemode_raw()));
            match entry {
                Some((id, FOLDER)) => tree = self.tree(id)?,
                Some((_, FILE | EXECUTABLE)) => return Ok(index + 1 == parts.len()),
                Some(_) | None => return Ok(false),
            }
        }
        Ok(false)
    }

    fn tree(&self, id: Oid) -> Result<Tree<'a>, Trouble> {
        self.repository.find_tree(id).map_err(|error| (self.trouble)(&error))
    }
}

fn refused(path: &[u8], why: &'static str) -> SourceError {
    SourceError::RefusedPath { path: select::printable(path), why: why.into() }
}
