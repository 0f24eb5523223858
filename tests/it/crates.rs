//! The sources of public crates, for the files in them that tests compare with.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::python::cache;

/// The folder of a crate's sources, fetched by cargo; none where no registry can be reached.
pub(crate) fn sources(name: &str, version: &str) -> Option<PathBuf> {
    let scratch = cache().join(format!("crate-{name}"));
    fs::create_dir_all(scratch.join("src")).unwrap();
    let lock = File::create(scratch.join("lock")).unwrap();
    lock.lock().unwrap();
    let manifest = format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies.{name}]\nversion \
         = \"={version}\"\ndefault-features = false\n"
    );
    fs::write(scratch.join("Cargo.toml"), manifest).unwrap();
    fs::write(scratch.join("src/lib.rs"), "").unwrap();
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(["metadata", "--format-version", "1"]).current_dir(&scratch).output().unwrap();
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let unreachable = ["failed to download", "failed to query", "failed to get", "spurious network error"];
        assert!(unreachable.iter().any(|word| words.contains(word)), "cargo: {words}");
        println!("skipped: {name} can't be fetched");
        return None;
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == name).unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).parent().map(Path::to_owned)
}
