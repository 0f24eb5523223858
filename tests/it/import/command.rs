//! `lockstep import compose`, as people run it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn lockstep(folder: &Path, arguments: &[&str]) -> Output {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.env_clear().current_dir(folder).args(["import", "compose"]).args(arguments);
    command.arg("--catalog").arg(fixtures.join("catalog/opencti.json"));
    command.output().unwrap()
}

const GOOD: &str =
    "services:\n  simple:\n    image: example/simple\n    environment: [SIMPLE_NAME=a]\n  db:\n    image: x\n";
const OPEN: &str = "services:\n  simple:\n    image: example/simple\n    environment: [\"SIMPLE_NAME=${NAME}\"]\n";

#[test]
fn what_needs_nobody_ends_with_0_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yml"), GOOD).unwrap();
    let output = lockstep(folder.path(), &["c.yml", "--output", "out/deep", "--platform", "opencti"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let written = fs::read_to_string(folder.path().join("out/deep/simple.yaml")).unwrap();
    assert!(written.contains("  platform: opencti\n") && written.contains("    SIMPLE_NAME: a\n"), "{written}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("simple") && said.contains("no connectors: db"), "{said}");

    fs::write(folder.path().join("out/deep/simple.yaml"), "mine").unwrap();
    let output = lockstep(folder.path(), &["c.yml", "--output", "out/deep"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(fs::read_to_string(folder.path().join("out/deep/simple.yaml")).unwrap(), "mine");
}

#[test]
fn what_the_author_must_fill_in_ends_with_3_and_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yml"), OPEN).unwrap();
    let output = lockstep(folder.path(), &["c.yml", "--output", "out", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(folder.path().join("out/simple.yaml").exists());
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["services"][0]["outcome"], "imported");
    assert_eq!(json["findings"][0]["line"], 4);
    assert_eq!(json["findings"][0]["instance"], "simple");

    fs::write(folder.path().join(".env"), "NAME=given # as compose reads it\n").unwrap();
    let output = lockstep(folder.path(), &["c.yml", "--output", "filled", "--env-file", ".env"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(fs::read_to_string(folder.path().join("filled/simple.yaml")).unwrap().contains("SIMPLE_NAME: given"));
}

#[test]
fn an_override_is_no_service_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yml"), GOOD).unwrap();
    let more = "services:\n  simple:\n    environment: [SIMPLE_NAME=other]\n";
    fs::write(folder.path().join("c.override.yml"), more).unwrap();
    let output = lockstep(folder.path(), &["c.yml", "c.override.yml", "--output", "out"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for told in ["`simple` has no image", "docker compose config", "not imported: SIMPLE_NAME"] {
        assert!(said.contains(told), "{told}\n{said}");
    }
    assert!(fs::read_to_string(folder.path().join("out/simple.yaml")).unwrap().contains("SIMPLE_NAME: a\n"));
}

#[test]
fn what_can_not_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.yml"), OPEN).unwrap();
    fs::write(folder.path().join("bad.env"), "=\n").unwrap();
    fs::write(folder.path().join("empty.env"), "# nothing\n\n").unwrap();
    let output = lockstep(folder.path(), &["c.yml", "--output", "unfilled", "--env-file", "empty.env"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    fs::write(folder.path().join("latin.env"), b"A=\xff\n").unwrap();
    for (arguments, exit) in [
        (vec!["none.yml", "--output", "out"], 5),
        (vec!["c.yml", "--output", "out", "--env-file", "none.env"], 5),
        (vec!["c.yml", "--output", "out", "--env-file", "bad.env"], 3),
        (vec!["c.yml", "--output", "out", "--env-file", "latin.env"], 3),
        (vec!["c.yml", "--output", "out", "-r", "nobody"], 64),
        (vec!["c.yml", "--output", "out", "--platform", "A B"], 64),
        (vec!["c.yml", "--output", "c.yml"], 1),
        (vec!["c.yml"], 64),
    ] {
        let output = lockstep(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?} {output:?}");
        assert!(!folder.path().join("out").exists());
    }
}
