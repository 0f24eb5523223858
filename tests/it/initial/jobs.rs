//! The jobs of the workflow do what they are there for.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::support::{GITHUB, GITLAB, commit, plans_against, repository, runs, shell, stand_in, step, yaml};

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
