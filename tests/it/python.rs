//! Programs of Python that tests compare with, each in an environment of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub(crate) fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// The folder that the environment names for what is made once.
#[expect(clippy::disallowed_methods, reason = "the tests are told by the environment where their data are")]
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("LOCKSTEP_CACHE").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from)
}

/// A Python with a package, made once; none where no registry of packages can be reached.
pub(crate) fn with(package: &str, module: &str) -> Option<PathBuf> {
    let cache = cache();
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join(format!("{package}.lock"))).unwrap();
    lock.lock().unwrap();
    let environment = cache.join(package);
    let python = environment.join("bin/python");
    if python.exists() && run(&python, &["-c", &format!("import {module}")]).status.success() {
        return Some(python);
    }
    let made = run(Path::new("python3"), &["-m", "venv", "--clear", environment.to_str().unwrap()]);
    assert!(made.status.success(), "python3-venv is needed: {}", String::from_utf8_lossy(&made.stderr));
    let installed = run(&python, &["-m", "pip", "install", "--quiet", "--retries", "1", package]);
    if installed.status.success() {
        return Some(python);
    }
    let words = String::from_utf8_lossy(&installed.stderr);
    let unreachable = ["connection broken by", "Max retries", "Temporary failure", "timed out"];
    assert!(unreachable.iter().any(|word| words.contains(word)), "pip: {words}");
    println!("skipped: {package} can't be installed");
    None
}
