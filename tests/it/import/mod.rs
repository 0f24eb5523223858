//! Import of compose files, from the outside.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};

use lockstep::{
    catalog::{Catalog, Catalogs},
    import::{self, ComposeFile, Imported, Outcome, Request},
    model::Severity,
    secrets::{self, Binding, BindingPolicy, Keyring, Recipients, SecretMap},
};
use secrecy::ExposeSecret;

mod command;
mod env_files;
mod real;

fn catalogs() -> Catalogs {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog").join(name);
        Arc::new(Catalog::read(name, &std::fs::read(path).unwrap()).unwrap())
    };
    Catalogs::new(vec![read("opencti.json"), read("openaev.json")])
}

fn fixture(name: &str) -> ComposeFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose").join(name);
    ComposeFile { name: name.into(), content: std::fs::read(path).unwrap(), env_files: BTreeMap::new() }
}

fn text(content: &str) -> ComposeFile {
    ComposeFile { name: "c.yml".into(), content: content.as_bytes().to_vec(), env_files: BTreeMap::new() }
}

/// Imports with the fixture's catalogs.
fn imported(files: &[ComposeFile], variables: Option<&SecretMap>, recipients: Option<&Recipients>) -> Imported {
    import::run(&Request { files, catalogs: &catalogs(), variables, recipients, platform: None })
}

/// Everything that an import says.
fn shown(imported: &Imported) -> String {
    let mut text = String::new();
    for service in &imported.services {
        match &service.outcome {
            Outcome::Manifest { instance, text: manifest, .. } => {
                writeln!(text, "## {} -> {instance}\n{manifest}", service.name).unwrap();
            }
            Outcome::LeftAlone => writeln!(text, "## {}: left alone", service.name).unwrap(),
            Outcome::Refused => writeln!(text, "## {}: refused", service.name).unwrap(),
        }
        for note in &service.notes {
            writeln!(text, "note {} {}", note.place, note.text).unwrap();
        }
        text.push('\n');
    }
    for finding in &imported.findings {
        let instance = finding.instance.as_ref().map_or("-", |name| name.as_str());
        let (place, severity, code) = (&finding.place, finding.severity.as_str(), finding.code);
        let help = finding.help.as_deref().expect("every finding has help");
        writeln!(text, "{place} {severity} [{instance}] {code}: {}\n    {help}", finding.message).unwrap();
    }
    text
}

/// Secrets of the fixtures, none of which may be seen anywhere.
const SECRETS: &[&str] = &[
    "a-real-platform-token",
    "hunter2-the-key",
    "token-in-a-comment",
    "url-password",
    "proxy-password",
    "password-of-a-stranger",
    "tok-en-of-free",
    "tok-in-a-label",
    "a-secret-of-a-stranger",
];

fn check(name: &str) {
    let shown = shown(&imported(&[fixture(name)], None, None));
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    insta::with_settings!({ snapshot_suffix => name, omit_expression => true }, { insta::assert_snapshot!("import", shown) });
}

#[test]
fn environments() {
    check("environment.yml");
}

#[test]
fn containers() {
    check("container.yml");
}

#[test]
fn anchors_aliases_and_merge_keys() {
    check("anchors.yml");
}

#[test]
fn what_can_not_be_imported() {
    check("odd.yml");
}

#[test]
fn secrets_are_sealed_for_their_instance_and_key() {
    let (identity, recipient) = secrets::keygen();
    let mut keyring = Keyring::default();
    keyring.add("key", identity.expose_secret().as_bytes()).unwrap();
    let recipients = Recipients::parse(&recipient).unwrap();
    let variables = SecretMap::of_clear_text("e", "MAIL_PASSWORD=mail-password\nSTART=2024-01-01T00:00:00Z\n").unwrap();
    let imported = imported(&[fixture("environment.yml")], Some(&variables), Some(&recipients));
    let all = shown(&imported);
    for secret in SECRETS.iter().chain(&["mail-password"]) {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    let texts = imported.services.iter().filter_map(|service| match &service.outcome {
        Outcome::Manifest { instance, text, .. } => Some((instance.clone(), text.clone())),
        Outcome::LeftAlone | Outcome::Refused => None,
    });
    let mut opened = Vec::new();
    for (instance, text) in texts {
        let file = "m.yaml".into();
        let root = lockstep::yaml::parse(&file, text.as_bytes(), &lockstep::yaml::Limits::default())
            .into_single(&file)
            .unwrap();
        let spec = root.get("spec").unwrap();
        let config = spec.get("config").and_then(|config| config.entries()).unwrap_or_default();
        let token = spec.entries().unwrap().iter().filter(|(key, _)| key.text == "token");
        for (key, value) in config.iter().chain(token) {
            let Some(sealed) = value.scalar().and_then(|scalar| lockstep::model::Sealed::recognise(&scalar.text))
            else {
                continue;
            };
            let whom = Binding { instance: instance.clone(), key: key.text.clone() };
            let value = keyring.open(&sealed, &whom, BindingPolicy::Required).unwrap();
            opened.push(format!("{instance} {} {}", key.text, value.expose_secret()));
        }
    }
    assert_eq!(
        opened,
        [
            "everything-list EVERY_KEY hunter2-the-key",
            "everything-list EVERY_MAYBE https://user:url-password@example.org/",
            "everything-list token a-real-platform-token",
            "everything-map EVERY_MAIL mail-password",
            "free FREE_TOKEN tok-en-of-free",
        ]
    );
}

#[test]
fn lines_of_an_environment_that_are_no_variables_are_said() {
    for (environment, code, line) in [
        ("[MY_PASSWORD hunter2-the-key]", "bad-name", 4),
        ("{BAD KEY: 1}", "bad-name", 4),
        ("[[A=b]]", "wrong-type", 4),
        ("{A: {b: c}}", "wrong-type", 4),
        ("text", "wrong-type", 4),
    ] {
        let content = format!("services:\n  a:\n    image: example/simple\n    environment: {environment}\n");
        let imported = imported(&[text(&content)], None, None);
        let found = imported.findings.iter().any(|finding| finding.code.as_str() == code && finding.place.line == line);
        assert!(found && !shown(&imported).contains("hunter2"), "{environment}: {}", shown(&imported));
    }
}

#[test]
fn no_secret_of_the_environment_is_repeated_elsewhere() {
    let content = "services:\n  a:\n    image: example/simple\n    labels:\n      a: ${DB_PASSWORD}\n      b: amqp://u:hunter2-b@h\n      c: plain\n\
                   \x20   healthcheck: {test: check hunter2-the-key}\n    environment:\n      SIMPLE_NAME: hunter2-the-key\n      SIMPLE_TOKEN: hunter2-the-key\n";
    let variables = SecretMap::of_clear_text("e", "DB_PASSWORD=hunter2-a\n").unwrap();
    let imported = imported(&[text(content)], Some(&variables), None);
    let Outcome::Manifest { text, .. } = &imported.services[0].outcome else { panic!("{imported:?}") };
    let (metadata, spec) = text.split_once("spec:").unwrap();
    assert!(metadata.contains("    c: plain\n") && !metadata.contains("hunter2"), "{metadata}");
    assert!(spec.contains("#   healthcheck: fill in") && !spec.contains("check hunter2"), "{spec}");
    let secrets = imported.findings.iter().filter(|finding| finding.code.as_str() == "plaintext-secret");
    assert_eq!(secrets.map(|finding| finding.place.line).collect::<Vec<_>>(), [5, 6, 8]);
}

#[test]
fn an_id_that_two_services_share_is_found() {
    let service = "image: example/simple\n    environment: [CONNECTOR_ID=5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11]";
    let imported = imported(&[text(&format!("services:\n  a:\n    {service}\n  b:\n    {service}\n"))], None, None);
    let errors: Vec<_> = imported.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(!errors.is_empty() && errors.iter().all(|finding| finding.code.as_str() == "bad-id"), "{errors:?}");
}

#[test]
fn files_that_are_no_compose_files() {
    for (content, code, line) in [
        ("", "bad-yaml", 1),
        ("a: [", "bad-yaml", 1),
        ("services: {}\n---\nservices: {}\n", "bad-yaml", 3),
        ("a: 1\n", "missing-field", 1),
        ("services: [a]\n", "missing-field", 1),
        ("services:\n  a: {image: \u{7}}\n", "bad-yaml", 2),
    ] {
        let imported = imported(&[text(content)], None, None);
        let found =
            imported.findings.first().map(|finding| (finding.code.as_str(), finding.severity, finding.place.line));
        assert_eq!(found, Some((code, Severity::Error, line)), "{content:?}");
        assert!(imported.services.is_empty());
    }
}

#[test]
fn whatever_the_input_nothing_panics() {
    use proptest::prelude::*;
    let part = prop_oneof![
        "[ \\n#:=${}\\-\"'|&*A-Z_a-z0-9]{0,12}",
        Just("      - EVERY_KEY=secret # c\n".to_owned()),
        Just("    environment:\n".to_owned()),
        Just("      # - EVERY_COUNT=1\n".to_owned()),
        Just("    image: example/everything\n".to_owned()),
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    runner
        .run(&prop::collection::vec(part, 0..12), |parts| {
            let content = format!("services:\n  a:\n    image: example/everything\n{}", parts.concat());
            let imported = imported(&[text(&content)], None, None);
            prop_assert!(imported.findings.iter().all(|finding| finding.help.is_some()));
            Ok(())
        })
        .unwrap();
}
