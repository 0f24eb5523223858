//! The schema for editors says of a manifest what reading and checking it say.

use std::sync::Arc;

use lockstep::{
    catalog::{Contract, check, manifest_schema},
    manifest,
    model::{PlatformKind, Registration, Revision, Severity, Slug, Snapshot, SourceFile},
    yaml::{Limits, parse},
};

use super::{
    real,
    support::{openaev, opencti, sealed_text},
};

fn validator<'a>(contracts: impl IntoIterator<Item = &'a Contract>) -> jsonschema::Validator {
    let schema = manifest_schema(contracts);
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::options().offline().should_validate_formats(true).build(&schema).unwrap()
}

/// Contracts of the platforms with all kinds of keys.
pub(super) const TEN: &[&str] = &[
    "misp",
    "virustotal",
    "splunk",
    "import-document",
    "tagger",
    "crowdstrike-falcon-intel",
    "openaev_crowdstrike",
    "openaev_nmap",
    "openaev_nuclei",
    "openaev_nvd_nist_cve",
];

/// Of the manifests of all contracts, every so many are compared.
const STRIDE: usize = 11;

/// A sealed value, as the value of a key of the configuration.
fn sealed() -> String {
    let lines: String = sealed_text().lines().map(|line| format!("      {line}\n")).collect();
    format!("|\n{}", lines.trim_end())
}

fn document(slug: &str, config: &[(String, String)]) -> String {
    let head = "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {name: one}\n";
    let lines: String = config.iter().map(|(key, value)| format!("    {key}: {value}\n")).collect();
    let config = if lines.is_empty() { String::new() } else { format!("  config:\n{lines}") };
    format!("{head}spec:\n  contract: {slug}\n{config}")
}

/// Whether reading and checking find no error.
fn is_sound(contract: &Contract, text: &str) -> bool {
    let file = SourceFile { path: "m.yaml".into(), content: Arc::from(text.as_bytes()) };
    let reading = manifest::read(&Snapshot { revision: Revision::Directory(String::new()), files: vec![file] });
    let platform = contract.platform().unwrap_or(PlatformKind::OpenCti);
    let checked = reading.manifests.first().map(|manifest| check(contract, manifest, platform, Registration::Itself));
    let findings = reading.findings.iter().chain(checked.iter().flat_map(|checked| &checked.findings));
    findings.into_iter().all(|finding| finding.severity != Severity::Error)
}

fn is_accepted(validator: &jsonschema::Validator, text: &str) -> bool {
    let file = "m.yaml".into();
    let root = parse(&file, text.as_bytes(), &Limits::default()).into_single(&file).unwrap();
    validator.is_valid(&root.to_json())
}

/// What the keys of a contract are given, right for some and wrong for others.
fn candidates(choices: &[String]) -> Vec<String> {
    let plain = [
        "5",
        "\"5\"",
        "0",
        "\"0\"",
        "\"100000\"",
        "\"-1\"",
        "1.5",
        "true",
        "\"true\"",
        "text",
        "\"\"",
        "[]",
        "[a, b]",
        "[5, x]",
        "[\"a,b\"]",
        "[true]",
        "{a: b}",
        "\"{\\\"a\\\": 1}\"",
        "https://example.org/x",
        "PT1H",
        "P30D",
        "2024-01-01T00:00:00Z",
        "2024-01-01",
        "{fromSecret: secrets/a.age, key: b}",
        "{fromSecret: secrets/a.age}",
        "[https://example.org/x]",
        "name@example.org",
        "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11",
    ];
    let choices = choices.iter().flat_map(|choice| [format!("\"{choice}\""), format!("[\"{choice}\"]")]);
    plain.into_iter().map(str::to_owned).chain(choices).chain([sealed()]).collect()
}

/// Gives every key of a contract every candidate, and leaves keys out; says how often the two sides agreed.
fn compare(validator: &jsonschema::Validator, contract: &Contract, except: &[(&str, &str)]) -> usize {
    let (slug, texts) = (contract.slug.as_str(), texts(contract, except));
    let mut sound = 0;
    let mut differing = Vec::new();
    for text in &texts {
        let checked = is_sound(contract, text);
        sound += usize::from(checked);
        if is_accepted(validator, text) != checked {
            differing.push(text.rsplit("  config:").next().unwrap_or_default().lines().last().unwrap_or_default());
        }
    }
    assert!(differing.is_empty(), "{slug}: schema and check differ on {differing:#?}");
    assert!(sound > 0 && (contract.properties().is_empty() || sound < texts.len()));
    texts.len()
}

/// Manifests of a contract, right and wrong ones.
pub(super) fn texts(contract: &Contract, except: &[(&str, &str)]) -> Vec<String> {
    let slug = contract.slug.as_str();
    let required = contract.properties().iter().filter(|property| {
        property.required && property.default.is_none() && contract.instead_of(&property.key).is_none()
    });
    let least: Vec<(String, String)> = required.map(|property| (property.key.clone(), sealed())).collect();
    let mut texts = vec![document(slug, &least)];
    for left_out in 0..least.len() {
        let mut config = least.clone();
        config.remove(left_out);
        texts.push(document(slug, &config));
    }
    let with = |key: &str, value: String| {
        let mut config: Vec<_> = least.iter().filter(|(other, _)| other != key).cloned().collect();
        config.push((key.to_owned(), value));
        document(slug, &config)
    };
    texts.extend(["NO_SUCH_KEY", "OPENCTI_TOKEN", "OPENAEV_URL"].map(|key| with(key, "x".to_owned())));
    for property in contract.properties() {
        let values = candidates(&property.choices);
        let values = values.into_iter().filter(|value| !except.contains(&(property.key.as_str(), value.as_str())));
        texts.extend(values.map(|value| with(&property.key, value)));
    }
    texts
}

#[test]
fn it_agrees_with_the_check_on_ten_contracts_of_the_platforms() {
    let all: Vec<&Contract> = real::all().iter().flat_map(|real| real.catalog.contracts()).collect();
    if all.is_empty() {
        return;
    }
    let ten: Vec<&Contract> = all.iter().copied().filter(|contract| TEN.contains(&contract.slug.as_str())).collect();
    assert_eq!(ten.len(), TEN.len());
    let validator = validator(ten.iter().copied());
    let compared: usize = ten.iter().map(|contract| compare(&validator, contract, &[])).sum();
    assert!(compared > 2_000, "{compared}");
}

#[test]
fn it_is_a_schema_for_all_contracts_of_the_platforms() {
    let all = real::all().iter().flat_map(|real| real.catalog.contracts());
    let all: Vec<&Contract> = all.collect();
    let validator = validator(all.iter().copied());
    let known = |contract: &&&Contract| contract.deployable(Registration::Itself, false).is_ok();
    for contract in all.iter().filter(known) {
        let text = document(contract.slug.as_str(), &[("NO-KEY".to_owned(), "x".to_owned())]);
        assert!(!is_accepted(&validator, &text), "{}", contract.slug);
    }
}

#[test]
fn it_agrees_with_the_check_on_every_contract_of_the_platforms() {
    let all = real::all().iter().flat_map(|real| real.catalog.contracts());
    let all = all.filter(|contract| contract.deployable(Registration::Itself, false).is_ok());
    let (mut compared, mut sound, mut differing) = (0, 0, Vec::new());
    for (number, contract) in all.enumerate() {
        let validator = validator([contract]);
        let texts = texts(contract, &[]);
        // The first few are the smallest sound one, those that lack a key, and those with a key too many.
        let some = texts.iter().take(4).chain(texts.iter().skip(4 + number % STRIDE).step_by(STRIDE));
        for text in some {
            compared += 1;
            let checked = is_sound(contract, text);
            sound += usize::from(checked);
            if is_accepted(&validator, text) != checked {
                differing.push((contract.slug.to_string(), checked, text.lines().last().unwrap().to_owned()));
            }
        }
    }
    assert!(differing.is_empty(), "{} of {compared} differ (sound, last line): {differing:#?}", differing.len());
    assert!(real::all().is_empty() || (compared > 5_000 && sound > 500 && sound < compared), "{compared} {sound}");
}

#[test]
fn it_agrees_with_the_check_on_contracts_of_our_own() {
    let slug = |text: &str| Slug::try_from(text).unwrap();
    let everything = opencti().contract(&slug("everything")).unwrap();
    let no_schema = opencti().contract(&slug("no-schema")).unwrap();
    let injector = openaev().contract(&slug("example_injector")).unwrap();
    let validator = validator([everything, no_schema, injector]);
    compare(&validator, injector, &[]);
    for (key, value) in [
        ("A_KEY", "x".to_owned()),
        ("A_KEY", sealed()),
        ("A_PUBLIC_KEY", "x".to_owned()),
        ("A_CLIENTSECRET", "x".to_owned()),
        ("USE_TOKEN", "true".to_owned()),
        ("A_PRIVATE_KEY_ID", "x".to_owned()),
        ("A_TOKEN_URL", "x".to_owned()),
        ("KEY", "x".to_owned()),
        ("A_MONKEY", "x".to_owned()),
        ("lower", "x".to_owned()),
        ("HTTP_PROXY", "x".to_owned()),
        ("PYTHONPATH", "x".to_owned()),
        ("CONNECTOR_ID", "x".to_owned()),
        ("CONNECTOR_TYPE", "x".to_owned()),
        ("A_LIST", "[a, 5]".to_owned()),
        ("A_LIST", "[\"a,b\"]".to_owned()),
        ("A_MAP", "{a: b}".to_owned()),
    ] {
        let text = document("no-schema", &[(key.to_owned(), value)]);
        assert_eq!(is_accepted(&validator, &text), is_sound(no_schema, &text), "{text}");
    }
}

#[test]
fn it_names_contracts_keys_and_what_is_deprecated() {
    let everything = opencti().contract(&Slug::try_from("everything").unwrap()).unwrap();
    let schema = manifest_schema(opencti().contracts());
    let slugs = schema["$defs"]["Contract"]["enum"].as_array().unwrap();
    assert!(slugs.iter().any(|slug| slug == "everything") && slugs.iter().all(|slug| slug != "unknown-kind"));
    let keys = schema["$defs"]["config.everything"]["properties"].as_object().unwrap();
    for property in everything.properties() {
        let reserved = everything.instead_of(&property.key).is_some();
        assert_eq!(keys.contains_key(&property.key), !reserved, "{}", property.key);
        if reserved {
            continue;
        }
        let key = &keys[&property.key];
        assert_eq!(key["description"].as_str().unwrap_or_default(), property.description);
        assert_eq!(key["deprecated"].as_bool().unwrap_or(false), property.deprecated, "{}", property.key);
        assert_eq!(key.get("default").is_some(), property.default.is_some(), "{}", property.key);
    }
}

#[test]
fn the_command_prints_it() {
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockstep"));
        let folder = std::env::temp_dir();
        command.env_clear().current_dir(folder).arg("schema").args(arguments).output().unwrap()
    };
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/catalog/opencti.json");
    let printed = run(&["manifest", "--catalog", catalog]);
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, manifest_schema(opencti().contracts()));
    assert_eq!(run(&["plan", "--catalog", catalog]).status.code(), Some(64));
    assert_eq!(run(&["manifest", "--catalog", "none.json"]).status.code(), Some(3));
    // Without a file, the catalogs are those of the settings, and here are none.
    assert_eq!(run(&["manifest", "--catalog"]).status.code(), Some(3));
}
