//! Every file that is written is what its schema says, and works in an editor and before a commit.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use clap::Parser;
use lockstep::cli::Cli;
use serde_json::Value;

use super::support::{GITHUB, GITLAB, commit, plans_against, project, repository, runs, scripts, shell, yaml};
use crate::python;

#[test]
fn a_repository_that_is_there_keeps_its_files_and_gets_all_of_ours_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let all = || runs(folder.path(), "find . -type f | sort", &[]);
    for (path, content) in [("README.md", "mine\n"), (".gitignore", "*.bak\n"), (".gitlab-ci.yml", "stages: []\n")] {
        fs::write(folder.path().join(path), content).unwrap();
    }
    let before = all();
    let refused = shell(folder.path(), folder.path(), "lockstep init .", &[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{said}");
    assert!(said.contains("`.` has .gitlab-ci.yml already") && said.contains("nothing was written"), "{said}");
    assert_eq!(all(), before);
    fs::remove_file(folder.path().join(".gitlab-ci.yml")).unwrap();
    runs(folder.path(), "lockstep init . && git init --quiet && lockstep validate", &[]);
    assert_eq!(runs(folder.path(), "cat README.md .gitignore", &[]), "mine\n*.bak\n");
    fs::write(folder.path().join(".lockstep/history.sqlite"), "").unwrap();
    let committed = runs(folder.path(), "git add --all && git ls-files", &[]);
    assert!(committed.contains("keys/recipients.txt") && committed.contains("lockstep.yaml"), "{committed}");
    for secret in ["age.key", "opencti.token", "history.sqlite"] {
        assert!(!committed.contains(secret), "{committed}");
    }
}

#[test]
fn every_script_is_sound_and_every_command_in_it_exists() {
    let folder = repository();
    let files = [GITHUB, GITLAB, ".pre-commit-config.yaml"].map(|path| yaml(&folder.path().join(path)));
    let ours = [project(".github/workflows/lockstep.yml"), project(".pre-commit-hooks.yaml")];
    let mut commands = 0;
    for script in files.iter().chain(&ours).flat_map(scripts) {
        let checked = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
        assert!(checked.status.success(), "{script}\n{}", String::from_utf8_lossy(&checked.stderr));
        for part in script.replace("||", "\n").replace("&&", "\n").split(['\n', '|', ';']) {
            let line = part.split('>').next().unwrap_or_default().trim();
            if !line.starts_with("lockstep ") {
                continue;
            }
            commands += 1;
            let words: Vec<_> = line.split_whitespace().map(|word| word.trim_matches('"').replace('$', "")).collect();
            let words: Vec<_> = match words.iter().position(|word| word == "--against") {
                Some(at) if !plans_against() => [&words[..at], &words[at + 2..]].concat(),
                Some(_) | None => words,
            };
            assert!(Cli::try_parse_from(&words).is_ok(), "{line}");
        }
    }
    assert!(commands > 15, "{commands} commands were found");
    runs(folder.path(), "lockstep validate", &[]);
}

/// Runs check-jsonschema with one of the schemas that come with it.
fn check(python: &Path, schema: &str, more: &[&str], files: &[&Path]) -> Output {
    let files = files.iter().map(|file| file.to_str().unwrap());
    let words = ["-m", "check_jsonschema", "--builtin-schema", schema].into_iter().chain(more.iter().copied());
    python::run(python, &words.chain(files).collect::<Vec<_>>())
}

#[test]
fn workflows_and_pipelines_are_what_their_schemas_say() {
    let Some(python) = python::with("check-jsonschema", "check_jsonschema") else { return };
    let folder = repository();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let workflows = [folder.path().join(GITHUB), ours.join("lockstep.yml"), ours.join("ci.yml")];
    let gitlab = folder.path().join(GITLAB);
    let github = |files: &[&Path]| check(&python, "vendor.github-workflows", &[], files);
    let pipeline = |file: &Path| check(&python, "vendor.gitlab-ci", &["--data-transform", "gitlab-ci"], &[file]);
    for output in [github(&workflows.each_ref().map(std::path::PathBuf::as_path)), pipeline(&gitlab)] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    for (file, word, other) in [(&workflows[0], "runs-on:", "runs:"), (&gitlab, "script:", "skript:")] {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, text.replace(word, other)).unwrap();
    }
    assert!(!github(&[&workflows[0]]).status.success() && !pipeline(&gitlab).status.success());
}

#[test]
fn pre_commit_takes_both_files_and_runs_their_hooks() {
    let Some(python) = python::with("pre-commit", "pre_commit") else { return };
    let (folder, hooks) = (repository(), tempfile::tempdir().unwrap());
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml");
    fs::copy(&ours, hooks.path().join(".pre-commit-hooks.yaml")).unwrap();
    runs(hooks.path(), "git init --quiet", &[]);
    commit(hooks.path());
    let line = format!("'{}' -m pre_commit", python.display());
    runs(folder.path(), &format!("{line} validate-manifest '{}'", ours.display()), &[]);
    runs(folder.path(), &format!("{line} validate-config .pre-commit-config.yaml"), &[]);
    let ways = [
        format!("{line} run --all-files"),
        format!("{line} try-repo '{}' lockstep-validate-system --all-files", hooks.path().display()),
    ];
    for way in &ways {
        assert!(runs(folder.path(), way, &[]).contains("Passed"));
    }
    let manifest = folder.path().join("connectors/example-import.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("EXAMPLE_URL:", "EXAMPLE_ULR:")).unwrap();
    for way in &ways {
        let broken = shell(folder.path(), folder.path(), way, &[]);
        let said = String::from_utf8_lossy(&broken.stdout);
        assert!(
            !broken.status.success() && said.contains("error[unknown-key]") && said.contains("exit code: 3"),
            "{said}"
        );
    }
}

#[test]
fn the_reusable_workflow_does_what_the_written_one_does() {
    let folder = repository();
    let (written, reusable) = (yaml(&folder.path().join(GITHUB)), project(".github/workflows/lockstep.yml"));
    assert_eq!(scripts(&written), scripts(&reusable));
    assert!(scripts(&written).len() >= 6);
    assert!(reusable["on"]["workflow_call"]["inputs"]["source"].is_object());
    let ids: Vec<_> =
        project(".pre-commit-hooks.yaml").as_array().unwrap().iter().map(|hook| hook["id"].clone()).collect();
    assert_eq!(ids, ["lockstep-validate", "lockstep-validate-system"]);
    assert_eq!(project(".github/workflows/ci.yml")["jobs"]["checks"]["steps"][3]["run"], "tests/run");
}

#[test]
fn editors_find_the_schema_and_refreshing_it_changes_nothing() {
    let folder = repository();
    let schema = folder.path().join("connectors/.schema.json");
    let written = fs::read_to_string(&schema).unwrap();
    let readme = fs::read_to_string(folder.path().join("README.md")).unwrap();
    let refresh = readme.lines().find(|line| line.contains("lockstep schema manifest")).unwrap().trim();
    runs(folder.path(), refresh, &[]);
    assert_eq!(fs::read_to_string(&schema).unwrap(), written);
    let schema: Value = serde_json::from_str(&written).unwrap();
    assert!(schema["$defs"]["config.example-import"]["properties"]["EXAMPLE_URL"].is_object());
    for file in ["example-import.yaml", "defaults.yaml"] {
        let text = fs::read_to_string(folder.path().join("connectors").join(file)).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema=.schema.json\n"), "{file}");
        let parsed: Value = serde_yaml::from_str(&text).unwrap();
        assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&parsed), "{file}");
    }
    let settings: Value =
        serde_json::from_slice(&fs::read(folder.path().join(".vscode/settings.json")).unwrap()).unwrap();
    let (path, _) = settings["yaml.schemas"].as_object().unwrap().iter().next().unwrap();
    assert!(folder.path().join(path).exists());
}
