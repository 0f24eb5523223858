//! Reading of manifests, from the outside.

use std::{fmt::Write as _, path::Path, sync::Arc};

use lockstep::{
    manifest::{self, Reading},
    model::{Code, Revision, Severity, Snapshot, SourceFile},
};

mod bad;
mod laws;

fn snapshot(files: &[(&str, &[u8])]) -> Snapshot {
    let mut files: Vec<SourceFile> =
        files.iter().map(|(path, content)| SourceFile { path: (*path).into(), content: Arc::from(*content) }).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Snapshot { revision: Revision::Directory("0".repeat(64)), files }
}

/// The findings as people see them.
fn shown(reading: &Reading) -> String {
    let mut text = String::new();
    for finding in &reading.findings {
        let instance = finding.instance.as_ref().map_or("-", |name| name.as_str());
        writeln!(
            text,
            "{} {} [{instance}] {}: {}",
            finding.place,
            finding.severity.as_str(),
            finding.code,
            finding.message
        )
        .unwrap();
        writeln!(text, "    {}", finding.help.as_deref().expect("every finding has help")).unwrap();
    }
    let names = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    let good = names(reading.manifests.iter().map(|manifest| manifest.name.value.as_str()).collect());
    let held = names(reading.held.iter().map(|name| name.as_str()).collect());
    writeln!(text, "good: {good}; held: {held}; complete: {}", reading.complete).unwrap();
    text
}

fn fixtures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifests").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .filter(|(name, _)| name.ends_with(".yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_field_is_understood() {
    let files = fixtures("good");
    let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    let reading = manifest::read(&snapshot(&files));
    assert_eq!(shown(&reading), "good: export-file-csv misp-prod; held: none; complete: true\n");
    insta::assert_debug_snapshot!(reading.manifests);
}

#[test]
fn the_published_schema_is_the_one_derived() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/manifest.schema.json");
    let derived = serde_json::to_string_pretty(&manifest::schema()).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    if std::env::var_os("LOCKSTEP_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &derived).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == derived, "run the tests with LOCKSTEP_UPDATE_SCHEMAS=1 and commit {}", path.display());
}

#[test]
fn the_published_schema_accepts_what_reading_accepts() {
    let validator = jsonschema::validator_for(&manifest::schema()).unwrap();
    for (name, content) in fixtures("good") {
        let parsed = lockstep::yaml::parse(&name.as_str().into(), &content, &lockstep::yaml::Limits::default());
        for document in parsed.documents {
            let value = document.root.unwrap().to_json();
            if value["kind"] != "Settings" {
                let errors: Vec<_> =
                    validator.iter_errors(&value).map(|error| error.instance_path().to_string()).collect();
                assert!(errors.is_empty(), "{name}: {errors:?}");
            }
        }
    }
}

#[test]
fn every_code_that_reading_can_give_has_a_fixture() {
    let mut seen: Vec<Code> = Vec::new();
    for (name, content) in fixtures("bad") {
        let reading = manifest::read(&snapshot(&[(name.as_str(), &content)]));
        assert!(reading.findings.iter().any(|finding| finding.severity == Severity::Error), "{name} is clean");
        seen.extend(reading.findings.iter().map(|finding| finding.code));
    }
    // The others need a catalog, settings or an identity.
    let elsewhere = [
        Code::UnknownPlatform,
        Code::UnknownContract,
        Code::NotDeployable,
        Code::UnknownKey,
        Code::MissingKey,
        Code::CommaInItem,
        Code::DeprecatedKey,
        Code::Policy,
        Code::Platform,
    ];
    let unseen: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code) && !elsewhere.contains(code)).collect();
    assert!(unseen.is_empty(), "no fixture for {unseen:?}");
}

/// Prints what reading costs: `cargo test --release speed -- --ignored --nocapture`.
#[test]
#[ignore = "prints a number, judges nothing"]
fn speed_of_reading_a_thousand_manifests() {
    let sealed = "      -----BEGIN AGE ENCRYPTED FILE-----\n".to_owned()
        + &"      YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBZV2RsTFdWdVkzSjVjSFJw\n".repeat(6)
        + "      -----END AGE ENCRYPTED FILE-----\n";
    let texts: Vec<(String, String)> = (0..1_000)
        .map(|number| {
            let text = format!(
                "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata:\n  name: misp-{number}\n  labels: {{team: cti}}\n\
                 spec:\n  platform: opencti\n  contract: misp\n  version: 7.260820.0\n  config:\n    MISP_URL: https://misp.example.org\n\
                 \x20   MISP_KEY: |\n{sealed}    MISP_TAGS: [tlp:green, phishing]\n    CONNECTOR_NAME: MISP {number}\n    CONNECTOR_SCOPE: misp\n\
                 \x20   CONNECTOR_LOG_LEVEL: error\n  container:\n    resources: {{cpus: 0.5, memory: 512Mi, pids: 200}}\n    stopGrace: 30s\n"
            );
            (format!("connectors/misp-{number}.yaml"), text)
        })
        .collect();
    let files: Vec<_> = texts.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let snapshot = snapshot(&files);
    let mut best = std::time::Duration::MAX;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        assert_eq!(manifest::read(&snapshot).manifests.len(), 1_000);
        best = best.min(start.elapsed());
    }
    println!("1,000 manifests read in {best:?}");
}
