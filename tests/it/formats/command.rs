//! The command line: which formats there are, where they go, and the files of a workflow's step.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

const GOOD: &str =
    "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata:\n  name: good\nspec:\n  contract: misp\n";
const BAD: &str =
    "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata:\n  name: bad\nspec:\n  contract: misp\n  oops: 1\n";

/// A repository whose manifests lie in `connectors`.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("connectors")).unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    std::fs::write(folder.path().join("connectors/good.yaml"), GOOD).unwrap();
    std::fs::write(folder.path().join("connectors/bad one.yaml"), BAD).unwrap();
    folder
}

fn validate(folder: &Path, format: &str, env: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(["validate", "--format", format, "connectors"]).current_dir(folder).env_clear();
    command.envs(env.iter().copied()).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn files_are_named_as_the_repository_knows_them() {
    let folder = repository();
    let github = validate(folder.path(), "github", &[]);
    assert_eq!(github.status.code(), Some(3));
    assert!(stdout(&github).starts_with("::error file=connectors/bad one.yaml,line=7,col=3,title=unknown-field::"));
    let gitlab: Value = serde_json::from_slice(&validate(folder.path(), "gitlab", &[]).stdout).unwrap();
    assert_eq!(gitlab[0]["location"]["path"], "connectors/bad one.yaml");
    let sarif: Value = serde_json::from_slice(&validate(folder.path(), "sarif", &[]).stdout).unwrap();
    let uri = sarif.pointer("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri").unwrap();
    assert_eq!(uri, "connectors/bad%20one.yaml");
    let junit = validate(folder.path(), "junit", &[]);
    assert!(
        stdout(&junit).contains("<testcase classname=\"connectors/good.yaml\" name=\"good\" time=\"0\"/>"),
        "{junit:?}"
    );
    assert!(stdout(&junit).contains("tests=\"2\" failures=\"1\""), "{junit:?}");
}

#[test]
fn without_a_checkout_files_are_named_from_the_working_directory() {
    let folder = repository();
    std::fs::remove_dir(folder.path().join(".git")).unwrap();
    let named = |output: &Output| stdout(output).split([',', '=']).nth(1).unwrap().to_owned();
    assert_eq!(named(&validate(folder.path(), "github", &[])), "connectors/bad one.yaml");
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path().join("connectors"), elsewhere.path().join("connectors")).unwrap();
    assert_eq!(named(&validate(elsewhere.path(), "github", &[])), "bad one.yaml");
}

#[test]
fn a_step_of_a_workflow_gets_its_summary_and_outputs() {
    let folder = repository();
    let (summary, output) = (folder.path().join("summary"), folder.path().join("output"));
    std::fs::write(&summary, "before\n").unwrap();
    let run = validate(folder.path(), "github", &[("GITHUB_STEP_SUMMARY", &summary), ("GITHUB_OUTPUT", &output)]);
    assert_eq!(run.status.code(), Some(3), "{run:?}");
    let summary = std::fs::read_to_string(&summary).unwrap();
    assert!(summary.starts_with("before\n### Lockstep: 1 error in 2 instances\n"), "{summary}");
    assert!(summary.contains("--> connectors/bad one.yaml:7:3"), "{summary}");
    assert_eq!(std::fs::read_to_string(output).unwrap(), "errors=1\nwarnings=0\n");
    let other = validate(folder.path(), "text", &[("GITHUB_OUTPUT", &folder.path().join("untouched"))]);
    assert_eq!(other.status.code(), Some(3));
    assert!(!folder.path().join("untouched").exists(), "only the format of GitHub writes its files");
}

#[test]
fn a_full_summary_is_left_alone_and_one_that_can_not_be_written_is_an_error() {
    let folder = repository();
    let full = folder.path().join("full");
    std::fs::write(&full, vec![b'x'; 1024 * 1024 - 100]).unwrap();
    assert_eq!(validate(folder.path(), "github", &[("GITHUB_STEP_SUMMARY", &full)]).status.code(), Some(3));
    assert_eq!(std::fs::metadata(&full).unwrap().len(), 1024 * 1024 - 100);
    for variable in ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"] {
        let run = validate(folder.path(), "github", &[(variable, &folder.path().join("no/such/folder"))]);
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(String::from_utf8_lossy(&run.stderr).contains("no/such/folder"), "{run:?}");
    }
}

#[test]
fn formats_of_the_other_command_are_refused() {
    let folder = repository();
    assert_eq!(validate(folder.path(), "markdown", &[]).status.code(), Some(64));
    let plan = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["plan", "--format", "markdown", "--marker", "a--b"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(plan.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&plan.stderr).contains("without `--`"), "{plan:?}");
}

#[test]
fn the_reference_names_every_format() {
    let readme = include_str!("../../../README.md");
    let section = readme.split("\n## Formats\n").nth(1).unwrap().split("\n# ").next().unwrap();
    let cli = <lockstep::cli::Cli as clap::CommandFactory>::command();
    for command in ["plan", "validate"] {
        let table = section.split(&format!("| `{command} --format` |")).nth(1).unwrap().split("\n\n").next().unwrap();
        let format =
            cli.find_subcommand(command).unwrap().get_arguments().find(|one| one.get_id() == "format").unwrap();
        for value in format.get_possible_values() {
            assert!(table.contains(&format!("`{}`", value.get_name())), "{command} --format {}", value.get_name());
        }
    }
}
