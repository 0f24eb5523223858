//! The manifests of a snapshot as trees, each file for itself.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Reading, document, reading};
use crate::{
    model::{Snapshot, SourceFile},
    yaml::{self, Checker, Limits},
};

/// The manifests of a snapshot as trees: each `*.yaml` and `*.yml` outside files and folders whose name begins with a dot.
#[derive(Debug)]
pub struct Parsed {
    /// Sorted by path.
    files: Vec<ParsedFile>,
    /// What the trees are checked with; none where our own schema can't be used.
    checker: Option<Arc<Checker>>,
}

/// One file and what it holds.
#[derive(Debug, Clone)]
pub(super) struct ParsedFile {
    pub(super) file: SourceFile,
    pub(super) parsed: Arc<yaml::Parsed>,
}

impl Parsed {
    /// Parses every manifest of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let make = || Checker::new(&document::checked_schema()).ok().map(Arc::new);
        let (checker, files) = rayon::join(make, || parse(snapshot, &[]));
        Self { files, checker }
    }

    /// The same for a snapshot that is much like another one: what is the same in both is taken from there.
    pub fn beside(snapshot: &Snapshot, other: &Self) -> Self {
        Self { files: parse(snapshot, &other.files), checker: other.checker.clone() }
    }

    /// Reads them.
    pub fn read(&self) -> Reading {
        reading::read(&self.files, self.checker.as_deref())
    }
}

/// Parses what is not among the files known already, by path and content.
fn parse(snapshot: &Snapshot, known: &[ParsedFile]) -> Vec<ParsedFile> {
    let same = |file: &SourceFile| {
        let index = known.binary_search_by(|known| known.file.path.cmp(&file.path)).ok()?;
        Some(&known[index]).filter(|known| known.file.content == file.content)
    };
    let parse = |file: &&SourceFile| match same(file) {
        Some(known) => known.clone(),
        None => {
            let parsed = Arc::new(yaml::parse(&file.path, &file.content, &Limits::default()));
            ParsedFile { file: (*file).clone(), parsed }
        }
    };
    let files: Vec<&SourceFile> = snapshot.files.iter().filter(|file| is_manifest(&file.path)).collect();
    files.par_iter().map(parse).collect()
}

fn is_manifest(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    ["yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        && !path.split('/').any(|part| part.starts_with('.'))
}
