//! What `lockstep init` writes for editors and CI works: it is what their schemas say, its shell is sound, its commands
//! exist and run.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use clap::{CommandFactory, Parser};
use lockstep::cli::Cli;
use serde_json::Value;
use tempfile::TempDir;

use crate::python;

const GITHUB: &str = ".github/workflows/lockstep.yml";
const GITLAB: &str = ".gitlab-ci.yml";

/// Runs a line of shell in a folder, with `lockstep` and the programs of another folder on the PATH.
fn shell(folder: &Path, programs: &Path, line: &str, variables: &[(&str, &str)]) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_lockstep")).parent().unwrap().display();
    let mut command = Command::new("bash");
    // As GitHub runs it.
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", line]).current_dir(folder).env_clear();
    command.env("PATH", format!("{}:{bin}:/usr/bin:/bin", programs.display())).env("HOME", folder);
    command.env("GIT_CONFIG_NOSYSTEM", "1").envs(variables.iter().copied()).output().unwrap()
}

#[track_caller]
fn runs(folder: &Path, line: &str, variables: &[(&str, &str)]) -> String {
    let output = shell(folder, folder, line, variables);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A repository as `init` makes it, committed, without the keys that are never committed.
fn repository() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    runs(folder.path(), "lockstep init .", &[]);
    runs(folder.path(), "git init --quiet --initial-branch main", &[]);
    commit(folder.path());
    fs::remove_dir_all(folder.path().join("keys")).unwrap();
    runs(folder.path(), "git checkout --quiet -- keys", &[]);
    folder
}

fn commit(folder: &Path) -> String {
    let line = "git add --all && git -c user.name=Ada -c user.email=ada@example.org commit --quiet -m change && git \
                rev-parse HEAD";
    runs(folder, line, &[]).trim().to_owned()
}

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every script of a workflow or pipeline, in order.
fn scripts(value: &Value) -> Vec<String> {
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
fn step(workflow: &Value, job: &str, name: &str) -> String {
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let found = steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}"));
    found["run"].as_str().unwrap().to_owned()
}

fn project(path: &str) -> Value {
    yaml(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
}

/// Whether this version can compare two revisions.
fn plans_against() -> bool {
    let cli = Cli::command();
    cli.find_subcommand("plan").unwrap().get_arguments().any(|argument| argument.get_id() == "against")
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
fn the_written_workflow_validates_and_plans() {
    let folder = repository();
    let base = runs(folder.path(), "git rev-parse HEAD", &[]).trim().to_owned();
    let manifest = folder.path().join("connectors/example-import.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("tlp:green, phishing", "tlp:amber")).unwrap();
    commit(folder.path());
    let workflow = yaml(&folder.path().join(GITHUB));
    let files = [("GITHUB_STEP_SUMMARY", "summary.md"), ("GITHUB_OUTPUT", "outputs"), ("BASE", base.as_str())];
    runs(folder.path(), &step(&workflow, "validate", "Install Lockstep"), &files);
    runs(folder.path(), &step(&workflow, "validate", "Validate"), &files);
    runs(folder.path(), &step(&workflow, "validate", "Write SARIF"), &files);
    let sarif: Value = serde_json::from_slice(&fs::read(folder.path().join("lockstep.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let pipeline = yaml(&folder.path().join(GITLAB));
    let gitlab = [("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.as_str())];
    let script = |job: &str| pipeline[job]["script"][0].as_str().unwrap().to_owned();
    runs(folder.path(), &script("lockstep-validate"), &gitlab);
    assert_eq!(fs::read_to_string(folder.path().join("gl-code-quality-report.json")).unwrap().trim(), "[]");
    assert!(fs::read_to_string(folder.path().join("junit.xml")).unwrap().contains("example-import"));
    if plans_against() {
        runs(folder.path(), &step(&workflow, "plan", "Plan"), &files);
        let plan = fs::read_to_string(folder.path().join("plan.md")).unwrap();
        assert!(plan.starts_with("<!-- lockstep:plan:example -->\n"), "{plan}");
        assert!(plan.contains("0 to add, 1 to change, 0 to destroy"), "{plan}");
        assert!(fs::read_to_string(folder.path().join("outputs")).unwrap().contains("change=1"));
        runs(folder.path(), &script("lockstep-plan"), &gitlab);
        let counts: Value = serde_json::from_slice(&fs::read(folder.path().join("plan.json")).unwrap()).unwrap();
        assert_eq!(counts["update"], 1);
    } else {
        fs::write(folder.path().join("observed.json"), "{\"containers\": []}").unwrap();
        fs::remove_dir_all(folder.path().join("keys")).unwrap();
        runs(folder.path(), "mkdir keys && lockstep secret keygen -o keys/age.key", &[]);
        let plan = runs(folder.path(), "lockstep plan --observed observed.json --format markdown", &[]);
        assert!(plan.starts_with("<!-- lockstep:plan:example -->\n"), "{plan}");
    }
    fs::write(&manifest, text.replace("EXAMPLE_URL:", "EXAMPLE_ULR:")).unwrap();
    let broken = shell(folder.path(), folder.path(), &step(&workflow, "validate", "Validate"), &files);
    assert_eq!(broken.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&broken.stdout).contains("::error file=connectors/example-import.yaml,line="));
    let broken = shell(folder.path(), folder.path(), &script("lockstep-validate"), &gitlab);
    assert_eq!(broken.status.code(), Some(3));
    assert!(fs::read_to_string(folder.path().join("gl-code-quality-report.json")).unwrap().contains("unknown-key"));
    runs(folder.path(), &step(&workflow, "validate", "Write SARIF"), &files);
}

/// Puts a program into a folder that writes down how it was called and says what it is told.
fn stand_in(folder: &Path, name: &str, says: &str) {
    fs::write(folder.join("says"), says).unwrap();
    let script = format!("#!/bin/bash\necho \"$@\" >> '{0}/calls'\ncat '{0}/says'\n", folder.display());
    fs::write(folder.join(name), script).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_comment_is_made_once_and_then_updated() {
    let folder = repository();
    let programs = tempfile::tempdir().unwrap();
    let marker = "<!-- lockstep:plan:example -->";
    fs::write(folder.path().join("plan.md"), format!("{marker}\n### Plan\n")).unwrap();
    let workflow = yaml(&folder.path().join(GITHUB));
    let github = step(&workflow, "plan", "Comment");
    let pipeline = yaml(&folder.path().join(GITLAB));
    let gitlab = pipeline["lockstep-plan"]["script"][1].as_str().unwrap().to_owned();
    let variables = [
        ("GITHUB_REPOSITORY", "team/connectors"),
        ("NUMBER", "7"),
        ("LOCKSTEP_NOTE_TOKEN", "t"),
        ("CI_API_V4_URL", "https://gitlab.example.org/api/v4"),
        ("CI_PROJECT_ID", "3"),
        ("CI_MERGE_REQUEST_IID", "7"),
    ];
    let other = r#"[{"id": 5, "body": "looks good"}]"#;
    let there = format!(r#"[{{"id": 5, "body": "looks good"}}, {{"id": 6, "body": "{marker}\nolder"}}]"#);
    for (says, github_call, gitlab_call) in [
        (other, "--method POST repos/team/connectors/issues/7/comments", "--request POST"),
        (there.as_str(), "--method PATCH repos/team/connectors/issues/comments/6", "--request PUT"),
    ] {
        for (name, script, call) in [("gh", &github, github_call), ("curl", &gitlab, gitlab_call)] {
            stand_in(programs.path(), name, says);
            let output = shell(folder.path(), programs.path(), script, &variables);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let calls = fs::read_to_string(programs.path().join("calls")).unwrap();
            assert!(calls.lines().last().unwrap().contains(call), "{calls}");
            assert_eq!(calls.lines().count(), 2, "{calls}");
            fs::remove_file(programs.path().join("calls")).unwrap();
        }
    }
    let note: Value = serde_json::from_slice(&fs::read(folder.path().join("note.json")).unwrap()).unwrap();
    assert_eq!(note["body"], format!("{marker}\n### Plan\n"));
}

/// A pull request as CI checks it out: a clone whose head is the merge of a branch that changes the example manifest; and
/// the commit that the request is against.
fn checkout_of_a_request(change: impl FnOnce(&str) -> String) -> (TempDir, String) {
    let (origin, clone) = (repository(), tempfile::tempdir().unwrap());
    let git = "git -c user.name=Ada -c user.email=ada@example.org";
    runs(origin.path(), "git checkout --quiet -b change", &[]);
    let manifest = origin.path().join("connectors/example-import.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, change(&text)).unwrap();
    commit(origin.path());
    runs(origin.path(), "git checkout --quiet main && echo more >> README.md", &[]);
    let base = commit(origin.path());
    runs(origin.path(), &format!("git checkout --quiet --detach && {git} merge --quiet --no-ff -m merge change"), &[]);
    runs(clone.path(), &format!("git clone --quiet '{}' . 2>&1", origin.path().display()), &[]);
    runs(clone.path(), "git checkout --quiet --detach HEAD", &[]);
    assert!(!clone.path().join("keys/age.key").exists(), "no key is ever committed");
    (clone, base)
}

/// Runs the steps of a job that are shell, one after the other until one fails, as a runner does; those that run always
/// are run then too. Gives the first exit code that is not 0.
fn job(folder: &Path, programs: &Path, workflow: &Value, job: &str, variables: &[(&str, &str)]) -> i32 {
    let mut code = 0;
    for step in workflow["jobs"][job]["steps"].as_array().unwrap() {
        let always = step["if"].as_str().is_some_and(|condition| condition.starts_with("always()"));
        let Some(script) = step["run"].as_str().filter(|_| code == 0 || always) else { continue };
        let output = shell(folder, programs, script, variables);
        let failed = output.status.code().unwrap();
        println!("{}", String::from_utf8_lossy(&output.stdout));
        code = if code == 0 { failed } else { code };
    }
    code
}

#[test]
fn the_jobs_run_in_a_checkout_of_a_pull_request() {
    for (word, other, code, said) in [
        ("tlp:green, phishing", "tlp:amber", 0, "Plan: 0 to add, 1 to change, 0 to destroy."),
        ("EXAMPLE_URL:", "EXAMPLE_ULR:", 3, "<code>example-import</code> is held"),
    ] {
        let (clone, base) = checkout_of_a_request(|text| text.replace(word, other));
        let (programs, runner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        stand_in(programs.path(), "gh", "[]");
        let file = |name: &str| runner.path().join(name).to_str().unwrap().to_owned();
        let (summary, outputs) = (file("summary"), file("outputs"));
        let variables = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_WORKSPACE", clone.path().to_str().unwrap()),
            ("GITHUB_REPOSITORY", "team/connectors"),
            ("GITHUB_STEP_SUMMARY", &summary),
            ("GITHUB_OUTPUT", &outputs),
            ("LOCKSTEP_SOURCE", ""),
            ("BASE", &base),
            ("NUMBER", "7"),
            ("GH_TOKEN", "t"),
        ];
        let workflow = yaml(&clone.path().join(GITHUB));
        for name in ["validate", "plan"] {
            assert_eq!(job(clone.path(), programs.path(), &workflow, name, &variables), code, "{name}");
        }
        let comment = fs::read_to_string(clone.path().join("plan.md")).unwrap();
        assert!(comment.starts_with("<!-- lockstep:plan:example -->\n") && comment.contains(said), "{comment}");
        assert!(fs::read_to_string(&summary).unwrap().contains(said));
        let calls = fs::read_to_string(programs.path().join("calls")).unwrap();
        assert!(calls.contains("--method POST repos/team/connectors/issues/7/comments -F body=@plan.md"), "{calls}");
        let outputs = fs::read_to_string(&outputs).unwrap();
        assert!(outputs.contains(&format!("errors={}\n", u8::from(code != 0))), "{outputs}");
        assert!(outputs.contains(&format!("change={}\n", u8::from(code == 0))), "{outputs}");
    }
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
