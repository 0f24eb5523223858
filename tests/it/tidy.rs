//! Every file of the tests is part of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn no_test_file_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut reached = BTreeSet::new();
    reach(&folder.join("main.rs"), &folder, &mut reached);
    let mut all = BTreeSet::new();
    collect(&folder, &mut all);
    let forgotten: Vec<_> = all.difference(&reached).collect();
    assert!(forgotten.is_empty(), "no `mod` line leads to {forgotten:?}");
    assert!(reached.len() > 20, "the `mod` lines could not be read");
}

/// Follows the `mod` lines of a file whose modules lie in a folder.
fn reach(file: &Path, folder: &Path, reached: &mut BTreeSet<PathBuf>) {
    reached.insert(file.to_owned());
    let text = fs::read_to_string(file).unwrap();
    let mut elsewhere = false;
    for line in text.lines().map(str::trim) {
        let named = line.trim_start_matches("pub ").trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ");
        if let Some(name) = named.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
            && !elsewhere
        {
            let (flat, deep) = (folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs"));
            let file = if flat.exists() { flat } else { deep };
            assert!(file.exists(), "{} is missing", file.display());
            reach(&file, &folder.join(name), reached);
        }
        // A module with a path of its own lies outside this folder.
        elsewhere = line.starts_with("#[path");
    }
}

fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.insert(entry);
        }
    }
}
