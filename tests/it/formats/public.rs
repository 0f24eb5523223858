//! Reports are what the public schemas of their formats say.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use lockstep::{
    cli::render::{self, Case, Run},
    model::{Code, Finding},
};
use serde_json::{Value, json};

use super::{
    hostile::VALUES,
    sample::{findings, name, place},
};
use crate::{crates, python};

/// Prints for each report what is wrong with it, and for each case its file, name, and what it failed with.
const READ: &str = r#"
import json, sys
from lxml import etree
schemas = [etree.XMLSchema(etree.parse(path)) for path in json.loads(sys.argv[1])]
told = []
for path in sys.argv[2:]:
    report = etree.parse(path, etree.XMLParser(huge_tree=True))
    wrong = [str(error) for schema in schemas if not schema.validate(report) for error in schema.error_log]
    cases = [[case.get("classname"), case.get("name"), case.findtext("failure")] for case in report.iter("testcase")]
    told.append({"wrong": wrong, "cases": cases, "out": report.findtext("testsuite/system-out")})
print(json.dumps(told))
"#;

/// The schema of Apache Ant's reports, and that of Jenkins.
fn schemas() -> Option<[PathBuf; 2]> {
    let folder = crates::sources("junit-report", "0.9.1")?.join("tests");
    Some([folder.join("JUnit-alternative.xsd"), folder.join("JUnit.xsd")])
}

/// What a reader of XML and the schemas say of reports; nothing where they can't be had.
fn read(reports: &[String]) -> Option<Vec<Value>> {
    let (schemas, python) = (schemas()?, python::with("lxml", "lxml")?);
    let folder = tempfile::tempdir().unwrap();
    let write = |(number, text): (usize, &String)| {
        let path = folder.path().join(format!("{number}.xml"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let paths: Vec<_> = reports.iter().enumerate().map(write).collect();
    let schemas = json!(schemas).to_string();
    let words: Vec<_> = ["-c", READ, &schemas].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let output = python::run(&python, &words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Texts that XML or JSON could stumble over.
fn texts() -> Vec<String> {
    let long = "very long & <wide> ".repeat(20_000);
    let more = ["]]>", "<![CDATA[x]]>", "&#0;&amp;", "\u{fffe}\u{ffff}\u{1f980} größer als £5", "\t  a  \t", "", &long];
    VALUES.into_iter().chain(more).map(str::to_owned).collect()
}

fn finding(text: &str) -> Finding {
    Finding::error(Code::NotAllowed, place(&format!("dir/{}.yaml", text.replace('/', "_")), 3), text).with_help(text)
}

fn junit(cases: &[Case], findings: &[Finding]) -> String {
    let run = Run { began: 1_700_000_000, took: Duration::from_millis(1_234), version: "1.2.3" };
    render::junit(&run, cases, findings)
}

#[test]
fn junit_is_valid_whatever_is_found_and_says_what_was_found() {
    let case = |instance: &str| Case { file: "a.yaml".to_owned(), instance: name(instance) };
    let mut reports = vec![junit(&[], &[]), junit(&[case("a"), case("b")], &[]), junit(&[case("broken")], &findings())];
    for text in texts() {
        let warning = Finding::warning(Code::DeprecatedKey, place("a.yaml", 1), text.as_str());
        let all = [finding(&text), finding(&text).of_instance(&name("a")), warning.of_instance(&name("b"))];
        reports.push(junit(&[case("a"), case("b"), Case { file: text.clone(), instance: name("c") }], &all));
    }
    let wrong = junit(&[case("a")], &[]).replace("hostname=\"localhost\" ", "");
    let Some(mut told) = read(&[reports, vec![wrong]].concat()) else { return };
    assert_ne!(told.pop().unwrap()["wrong"], json!([]), "the schemas refuse what they should");
    let wrong: Vec<_> = told.iter().map(|report| &report["wrong"]).filter(|wrong| **wrong != json!([])).collect();
    assert_eq!(wrong, [&Value::Null; 0]);
    assert_eq!(told[0]["cases"], json!([]));
    assert_eq!(told[1]["cases"], json!([["a.yaml", "a", null], ["a.yaml", "b", null]]));
    assert_eq!(told[2]["cases"][0][1], "broken");
    assert!(told[2]["cases"][0][2].as_str().unwrap().contains("put it in quotation marks"), "{}", told[2]);
    for (report, text) in told[3..].iter().zip(texts()) {
        let shown = lockstep::model::printable(&text, usize::MAX).replace("\\n", "\n");
        let shown = shown.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}");
        let failure = report["cases"][0][2].as_str().unwrap();
        let whole = failure.contains(&format!("error[not-allowed]: {shown}; help: {shown}\n"));
        assert!(whole, "{failure:.500}\n{shown:.500}");
        assert!(report["cases"][3][2].as_str().unwrap().contains(&shown));
        assert_eq!((&report["cases"][1][2], &report["cases"][2][2]), (&json!(null), &json!(null)));
        assert!(report["out"].as_str().unwrap().contains(&shown), "a warning fails nothing and is told");
    }
}

/// The schema of SARIF 2.1.0 that OASIS publishes.
fn sarif_schema() -> Option<jsonschema::Validator> {
    let text = fs::read(crates::sources("serde-sarif", "0.8.0")?.join("src/schema.json")).unwrap();
    let mut schema: Value = serde_json::from_slice(&text).unwrap();
    assert!(schema["$id"].as_str().unwrap().contains("/oasis-tcs/sarif-spec/"));
    // Its bracket without a partner is no regular expression for all engines, and we say no language.
    for of in ["run", "toolComponent"] {
        schema["definitions"][of]["properties"]["language"].as_object_mut().unwrap().remove("pattern").unwrap();
    }
    Some(jsonschema::options().offline().should_validate_formats(true).build(&schema).unwrap())
}

#[track_caller]
fn is_sarif(validator: &jsonschema::Validator, log: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn sarif_is_valid_whatever_is_found() {
    let Some(validator) = sarif_schema() else { return };
    is_sarif(&validator, &render::sarif(&[], "1.2.3"));
    is_sarif(&validator, &render::sarif(&findings(), "1.2.3"));
    let everything: Vec<_> = texts().iter().map(|text| finding(text)).collect();
    is_sarif(&validator, &render::sarif(&everything, "1.2.3"));
    is_sarif(&validator, &render::sarif(&vec![findings().remove(0); 5_002], "1.2.3"));
    let mut other = render::sarif(&findings(), "1.2.3");
    other["runs"][0]["results"][0]["level"] = json!("fatal");
    assert!(!validator.is_valid(&other), "the schema refuses what it should");
}

fn validate(folder: &Path, format: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    let output = command.args(["validate", "--format", format, "."]).current_dir(folder).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_the_command_prints_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = |name: &str, spec: &str| {
        format!("apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n")
    };
    let files = [
        ("good.yaml", manifest("good", "contract: misp")),
        ("held back.yaml", manifest("held", "contract: misp\n  'a<b>&\"]]>\u{1f980}': 1")),
        ("nobody.yaml", "\u{7}: [".to_owned()),
        ("twice.yaml", format!("{0}---\n{0}", manifest("twice", "contract: misp"))),
    ];
    for (file, text) in files {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let report = validate(folder.path(), "junit");
    if let Some(told) = read(std::slice::from_ref(&report)) {
        assert_eq!(told[0]["wrong"], json!([]), "{report}");
        let cases = told[0]["cases"].as_array().unwrap();
        let failed = |name: &str| cases.iter().any(|case| case[1] == name && case[2].is_string());
        assert!(failed("held") && failed("twice") && failed("nobody.yaml") && !failed("good"), "{told:#?}");
    }
    if let Some(validator) = sarif_schema() {
        let log: Value = serde_json::from_str(&validate(folder.path(), "sarif")).unwrap();
        is_sarif(&validator, &log);
        assert!(log["runs"][0]["results"].as_array().unwrap().len() >= 4, "{log:#}");
    }
}
