//! Bare repositories made object by object, so that they can hold what git itself would never write.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};
use tempfile::TempDir;

/// An entry of a tree: its mode in octal, its name, its object.
pub(super) type Entry = (&'static str, Vec<u8>, Oid);

/// A bare repository of its own.
pub(super) struct Bare {
    folder: TempDir,
    repository: Repository,
}

impl Bare {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let repository = Repository::init_bare(folder.path().join("repository.git")).unwrap();
        Self { folder, repository }
    }

    /// With one commit on `main` that holds these files.
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let bare = Self::new();
        bare.push("main", files);
        bare
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("repository.git")
    }

    pub(super) fn url(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub(super) fn blob(&self, content: impl AsRef<[u8]>) -> Oid {
        self.repository.odb().unwrap().write(ObjectType::Blob, content.as_ref()).unwrap()
    }

    /// Writes a tree byte by byte, unchecked, sorted as git sorts.
    pub(super) fn tree(&self, mut entries: Vec<Entry>) -> Oid {
        let key = |entry: &Entry| {
            let mut name = entry.1.clone();
            if entry.0 == "40000" {
                name.push(b'/');
            }
            name
        };
        entries.sort_by_key(key);
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(&name);
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        self.repository.odb().unwrap().write(ObjectType::Tree, &bytes).unwrap()
    }

    /// An ordinary file.
    pub(super) fn file(&self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Entry {
        ("100644", name.as_ref().to_vec(), self.blob(content))
    }

    pub(super) fn link(&self, name: &str, target: &str) -> Entry {
        ("120000", name.as_bytes().to_vec(), self.blob(target))
    }

    pub(super) fn folder_of(&self, name: impl AsRef<[u8]>, entries: Vec<Entry>) -> Entry {
        ("40000", name.as_ref().to_vec(), self.tree(entries))
    }

    pub(super) fn submodule(&self, name: &str) -> Entry {
        ("160000", name.as_bytes().to_vec(), Oid::from_bytes(&[7; 20]).unwrap())
    }

    pub(super) fn commit(&self, tree: Oid, parents: &[Oid]) -> Oid {
        let parents: String = parents.iter().map(|id| format!("parent {id}\n")).collect();
        let who = "A <a@example.org> 1700000000 +0000";
        let text = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\nmessage\n");
        self.repository.odb().unwrap().write(ObjectType::Commit, text.as_bytes()).unwrap()
    }

    pub(super) fn set(&self, reference: &str, id: Oid) {
        self.repository.reference(reference, id, true, "").unwrap();
    }

    pub(super) fn delete(&self, reference: &str) {
        self.repository.find_reference(reference).unwrap().delete().unwrap();
    }

    /// Puts entries into a first commit of `main`.
    pub(super) fn holding(&self, entries: Vec<Entry>) -> Oid {
        let commit = self.commit(self.tree(entries), &[]);
        self.set("refs/heads/main", commit);
        commit
    }

    /// Puts files of the top folder into a commit on top of a branch.
    pub(super) fn push(&self, branch: &str, files: &[(&str, &str)]) -> Oid {
        let reference = format!("refs/heads/{branch}");
        let parent = self.repository.refname_to_id(&reference).ok();
        let entries = files.iter().map(|(name, content)| self.file(name, content)).collect();
        let commit = self.commit(self.tree(entries), parent.as_slice());
        self.set(&reference, commit);
        commit
    }

    /// An annotated tag.
    pub(super) fn tag(&self, name: &str, target: Oid, kind: &str) -> Oid {
        let text =
            format!("object {target}\ntype {kind}\ntag {name}\ntagger A <a@example.org> 1700000000 +0000\n\nmessage\n");
        let id = self.repository.odb().unwrap().write(ObjectType::Tag, text.as_bytes()).unwrap();
        self.set(&format!("refs/tags/{name}"), id);
        id
    }
}
