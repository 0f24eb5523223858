//! Another checker takes the schema for editors, and says of manifests what `lockstep validate` says.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use lockstep::{
    catalog::{Catalog, Contract},
    yaml,
};
use serde_json::Value;

use super::{
    editor::{TEN, texts},
    real,
    support::{openaev, slug},
};
use crate::python;

/// Runs check-jsonschema; gives its exit code and output.
fn check(python: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["-m", "check_jsonschema"];
    all.extend(words);
    let output = python::run(python, &all);
    assert!(output.status.code() != Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn lockstep(words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    let output =
        command.args(words).current_dir(std::env::temp_dir()).env_remove("LOCKSTEP_SETTINGS").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Whether only a format decides about a manifest; which of them are looked at is left to each checker.
fn is_about_format(validators: &[jsonschema::Validator; 2], text: &str) -> bool {
    let file = "m.yaml".into();
    let root = yaml::parse(&file, text.as_bytes(), &yaml::Limits::default()).into_single(&file).unwrap().to_json();
    validators[0].is_valid(&root) != validators[1].is_valid(&root)
}

/// Compares the two on every so many manifests of contracts; says how many were compared.
fn compare(python: &Path, catalog: &Path, contracts: &[&Contract], step: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let schema = lockstep(&["schema", "manifest", "--catalog", catalog.to_str().unwrap()]);
    let path = folder.path().join("schema.json");
    fs::write(&path, schema.to_string()).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(check(python, &["--check-metaschema", path]).0, Some(0), "it is no schema");
    let validator = |formats| jsonschema::options().offline().should_validate_formats(formats).build(&schema).unwrap();
    let validators = [validator(true), validator(false)];
    let manifests = folder.path().join("manifests");
    fs::create_dir_all(manifests.join("secrets")).unwrap();
    fs::write(manifests.join("secrets/a.age"), "sealed").unwrap();
    let mut files = Vec::new();
    for contract in contracts {
        let all = texts(contract, &[]);
        // The first few are the smallest sound one and those without a required key.
        for text in all.iter().take(6).chain(all.iter().skip(6).step_by(step)) {
            if !is_about_format(&validators, text) {
                let name = format!("m{}", files.len());
                let file = manifests.join(format!("{name}.yaml"));
                fs::write(&file, text.replace("{name: one}", &format!("{{name: {name}}}"))).unwrap();
                files.push(file);
            }
        }
    }
    let mut words = vec!["--schemafile", path, "--output-format", "json"];
    words.extend(files.iter().map(|file| file.to_str().unwrap()));
    let (_, output) = check(python, &words);
    let output: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}"));
    assert_eq!(output["parse_errors"], serde_json::json!([]), "{output:#}");
    let name = |file: &Value| PathBuf::from(file.as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
    let refused: BTreeSet<String> = output["errors"].as_array().unwrap().iter().map(|e| name(&e["filename"])).collect();
    let found = lockstep(&[
        "validate",
        "--format",
        "json",
        "--catalog",
        catalog.to_str().unwrap(),
        manifests.to_str().unwrap(),
    ]);
    // What the operator's policy refuses is no matter of a manifest's form.
    let is_error = |finding: &&Value| finding["severity"] == "error" && finding["code"] != "policy";
    let errors = found["findings"].as_array().unwrap().iter().filter(is_error);
    let broken: BTreeSet<String> = errors.map(|finding| name(&finding["file"])).collect();
    let differing: Vec<_> = refused.symmetric_difference(&broken).collect();
    let last = |file: &&&String| fs::read_to_string(manifests.join(file)).unwrap().lines().last().unwrap().to_owned();
    let shown: Vec<_> = differing.iter().map(|file| (refused.contains(*file), last(&file))).collect();
    assert!(differing.is_empty(), "{} of {} differ (refused, last line): {shown:#?}", differing.len(), files.len());
    assert!(!broken.is_empty() && broken.len() < files.len(), "{} of {}", broken.len(), files.len());
    files.len()
}

#[test]
fn another_checker_agrees_on_ten_contracts_of_the_platforms() {
    let Some(python) = python::with("check-jsonschema", "check_jsonschema") else { return };
    let mut compared = 0;
    for real in real::all() {
        let contracts = real.catalog.contracts().iter();
        let ten: Vec<_> = contracts.filter(|contract| TEN.contains(&contract.slug.as_str())).collect();
        compared += compare(&python, &real::path(real.catalog.name()), &ten, 17);
    }
    assert!(real::all().is_empty() || compared > 150, "{compared}");
}

#[test]
fn another_checker_agrees_on_catalogs_of_our_own() {
    let Some(python) = python::with("check-jsonschema", "check_jsonschema") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("src/cli/commands/init/catalog.json");
    let initial = Catalog::read("catalog.json", &fs::read(&path).unwrap()).unwrap();
    let contracts: Vec<_> = initial.contracts().iter().collect();
    assert!(compare(&python, &path, &contracts, 1) > 50);
    let contracts: Vec<_> = openaev().contract(&slug("example_injector")).into_iter().collect();
    assert!(compare(&python, &root.join("tests/fixtures/catalog/openaev.json"), &contracts, 1) > 20);
}
