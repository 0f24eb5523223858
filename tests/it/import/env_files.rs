//! What services name with `env_file`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
};

const SERVICE: &str = "services:\n  rules:\n    image: example/rules:1\n    env_file: ";

fn import(folder: &Path, env_file: &str, more: &str, words: &[&str]) -> (i32, String, String) {
    fs::write(folder.join("c.yml"), format!("{SERVICE}{env_file}\n{more}")).unwrap();
    fs::remove_dir_all(folder.join("out")).ok();
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog/opencti.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.env_clear().current_dir(folder).args(["import", "compose", "c.yml", "--output", "out", "--catalog"]);
    let Output { status, stdout, .. } = command.arg(catalog).args(words).output().unwrap();
    let manifest = fs::read_to_string(folder.join("out/rules.yaml")).unwrap();
    (status.code().unwrap(), manifest, String::from_utf8(stdout).unwrap())
}

#[test]
fn its_variables_are_read_as_compose_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("env")).unwrap();
    let first = "# who\n\nexport RULES_USER=ada # the first\nRULES_MODE='as $IT is'\nRULES_HOST=one\nRULES_PASSWORD=hunter2-hunter2\n";
    fs::write(folder.path().join("env/first.env"), first).unwrap();
    fs::write(folder.path().join("second.env"), "RULES_HOST=\"two.${DOMAIN:-example}.org\"\nRULES_PORT=1\n").unwrap();
    let files = "[env/first.env, {path: ./second.env, required: true}, {path: no.env, required: false}]";
    let environment = "    environment: {RULES_PORT: 8443}\n";
    let (_, manifest, said) = import(folder.path(), files, environment, &["--no-seal"]);
    for line in
        ["RULES_USER: ada\n", "RULES_MODE: \"as $IT is\"\n", "RULES_HOST: two.example.org\n", "RULES_PORT: 8443\n"]
    {
        assert!(manifest.contains(&format!("    {line}")), "{line}{manifest}");
    }
    assert!(!manifest.contains("hunter2") && !said.contains("hunter2"), "{manifest}{said}");
    assert!(said.contains("env/first.env:6:1") && said.contains("RULES_PASSWORD"), "a secret, at its line\n{said}");
    assert!(said.contains("`no.env` of `env_file` is not there, and need not be"), "{said}");
    assert!(!manifest.contains("RULES_HOST: one") && !manifest.contains("RULES_PORT: 1\n"), "{manifest}");
    let given = folder.path().join("given");
    fs::write(&given, "DOMAIN=given\nWHICH=second\n").unwrap();
    let (_, manifest, _) = import(folder.path(), "'${WHICH}.env'", "", &["--no-seal", "--env-file", "given"]);
    assert!(manifest.contains("RULES_HOST: two.given.org"), "{manifest}");
}

#[test]
fn what_lies_elsewhere_is_not_read_unless_it_is_given() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("project");
    fs::create_dir(&folder).unwrap();
    fs::write(root.path().join("outside.env"), "RULES_USER=from-outside\n").unwrap();
    symlink("../outside.env", folder.join("link.env")).unwrap();
    symlink("/dev/zero", folder.join("zero.env")).unwrap();
    let absolute = root.path().join("outside.env").display().to_string();
    for path in ["../outside.env", "link.env", &absolute, "/etc/hostname", "zero.env", "./../project/../outside.env"] {
        let (code, manifest, said) = import(&folder, path, "", &["--no-seal"]);
        assert_eq!(code, 3, "{path}: {said}");
        assert!(said.contains("lies outside of the folder of the compose file"), "{path}: {said}");
        assert!(!manifest.contains("from-outside"), "{path}: {manifest}");
    }
    let (_, manifest, said) = import(&folder, "../outside.env", "", &["--no-seal", "--env-file", "../outside.env"]);
    assert!(manifest.contains("RULES_USER: from-outside"), "{manifest}{said}");
}

#[test]
fn what_can_not_be_read_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("bad.env"), "RULES_USER=ada\nhunter2 is no line\n").unwrap();
    fs::write(folder.path().join("latin.env"), b"RULES_USER=\xe4\n").unwrap();
    fs::write(folder.path().join("large.env"), "# x\n".repeat(300_000)).unwrap();
    fs::write(folder.path().join("raw.env"), "RULES_USER=ada\n").unwrap();
    let cases = [
        ("missing.env", "`missing.env` of `env_file` is not there"),
        ("folder", "is no file"),
        ("bad.env", "bad.env"),
        ("latin.env", "is not UTF-8"),
        ("large.env", "is larger than 1048576 bytes"),
        ("'${NOWHERE}.env'", "uses `NOWHERE`, which has no value"),
        ("[{path: raw.env, format: raw}]", "is of format `raw`"),
    ];
    for (named, why) in cases {
        let (code, manifest, said) = import(folder.path(), named, "", &["--no-seal"]);
        assert_eq!(code, 3, "{named}: {said}");
        assert!(said.contains(why) && said.contains("c.yml:4:1"), "{named}: {said}");
        assert!(!said.contains("hunter2") && !manifest.contains("RULES_USER"), "{said}{manifest}");
    }
}
