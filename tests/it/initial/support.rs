//! A repository as `init` makes it, and the shell that runs what its workflow says.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use clap::CommandFactory;
use lockstep::cli::Cli;
use serde_json::Value;
use tempfile::TempDir;

pub(super) const GITHUB: &str = ".github/workflows/lockstep.yml";

pub(super) const GITLAB: &str = ".gitlab-ci.yml";

/// Runs a line of shell in a folder, with `lockstep` and the programs of another folder on the PATH.
pub(super) fn shell(folder: &Path, programs: &Path, line: &str, variables: &[(&str, &str)]) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_lockstep")).parent().unwrap().display();
    let mut command = Command::new("bash");
    // As GitHub runs it.
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", line]).current_dir(folder).env_clear();
    command.env("PATH", format!("{}:{bin}:/usr/bin:/bin", programs.display())).env("HOME", folder);
    command.env("GIT_CONFIG_NOSYSTEM", "1").envs(variables.iter().copied()).output().unwrap()
}

#[track_caller]
pub(super) fn runs(folder: &Path, line: &str, variables: &[(&str, &str)]) -> String {
    let output = shell(folder, folder, line, variables);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A repository as `init` makes it, committed, without the keys that are never committed.
pub(super) fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    runs(folder.path(), "lockstep init .", &[]);
    runs(folder.path(), "git init --quiet --initial-branch main", &[]);
    commit(folder.path());
    fs::remove_dir_all(folder.path().join("keys")).unwrap();
    runs(folder.path(), "git checkout --quiet -- keys", &[]);
    folder
}

pub(super) fn commit(folder: &Path) -> String {
    let line = "git add --all && git -c user.name=Ada -c user.email=ada@example.org commit --quiet -m change && git \
                rev-parse HEAD";
    runs(folder, line, &[]).trim().to_owned()
}

pub(super) fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every script of a workflow or pipeline, in order.
pub(super) fn scripts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("run" | "entry", Value::String(script)) => vec![script.clone()],
                ("script" | "before_script", Value::Array(lines)) => {
                    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
                }
                _ => scripts(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(scripts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The steps of a job of the workflow, by name.
pub(super) fn step(workflow: &Value, job: &str, name: &str) -> String {
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let found = steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}"));
    found["run"].as_str().unwrap().to_owned()
}

pub(super) fn project(path: &str) -> Value {
    yaml(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
}

/// Whether this version can compare two revisions.
pub(super) fn plans_against() -> bool {
    let cli = Cli::command();
    cli.find_subcommand("plan").unwrap().get_arguments().any(|argument| argument.get_id() == "against")
}

/// Puts a program into a folder that writes down how it was called and says what it is told.
pub(super) fn stand_in(folder: &Path, name: &str, says: &str) {
    fs::write(folder.join("says"), says).unwrap();
    let script = format!("#!/bin/bash\necho \"$@\" >> '{0}/calls'\ncat '{0}/says'\n", folder.display());
    fs::write(folder.join(name), script).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}
