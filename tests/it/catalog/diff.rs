//! What another catalog changes.

use lockstep::{
    catalog::{Catalog, Change, Concern, What, concern, differences},
    model::{PlatformKind, Registration, Severity},
};
use serde_json::{Value, json};

use super::{
    real,
    support::{Given, config_place, contract_place, items, key_place, manifest, marks, plain, slug},
};

fn read(contract: &Value) -> Catalog {
    Catalog::read("c", json!({"contracts": [contract]}).to_string().as_bytes()).unwrap()
}

fn contract(fields: &Value, properties: &Value, required: &[&str]) -> Value {
    let mut contract = json!({
        "slug": "feed", "container_type": "EXTERNAL_IMPORT", "container_image": "example/feed", "container_version": "1",
        "manager_supported": true,
        "config_schema": {"type": "object", "properties": properties, "required": required},
    });
    let all = contract.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    contract
}

fn lines(changes: &[Change]) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let line = |change: &Change| {
        format!("{} {} {} {}", change.what.as_str(), text(&change.key), text(&change.before), text(&change.after))
    };
    changes.iter().map(line).collect()
}

fn old() -> Value {
    let properties = json!({
        "KEEP": {"type": "string", "description": "Stays."},
        "GONE": {"type": "string"},
        "GONE_DEFAULT": {"type": "string", "default": "d"},
        "TYPED": {"type": "string"},
        "DEFAULTED": {"type": "integer", "default": 1},
        "CHOSEN": {"type": "string", "enum": ["a", "b"]},
        "LEVELS": {"type": "array", "items": {"type": "string"}},
        "BOUND": {"type": "integer", "minimum": 1},
        "WHERE": {"type": "string"},
        "OPENED": {"type": "string"},
        "MUST": {"type": "string"},
        "MAY": {"type": "string"},
        "OLD_WAY": {"type": "string"},
        "OPENCTI_URL": {"type": "string"},
    });
    contract(&json!({"support_version": ">=6.0.0"}), &properties, &["MUST"])
}

fn new() -> Value {
    let properties = json!({
        "KEEP": {"type": "string", "description": "Stays, in other words.", "title": "Kept"},
        "TYPED": {"type": "boolean"},
        "DEFAULTED": {"type": "integer", "default": 2},
        "CHOSEN": {"type": "string", "enum": ["a", "c"]},
        "LEVELS": {"type": "array", "items": {"type": "string"}},
        "BOUND": {"type": "integer", "minimum": 5},
        "WHERE": {"type": "string", "format": "uri"},
        "OPENED": {"type": "string", "format": "password", "writeOnly": true},
        "MUST": {"type": "string"},
        "MAY": {"type": "string"},
        "OLD_WAY": {"type": "string", "deprecated": true},
        "NEW_MUST": {"type": "string"},
        "NEW_MAY": {"type": "string"},
        "NEW_DEFAULT": {"type": "string", "default": "n"},
        "OPENCTI_TOKEN": {"type": "string"},
    });
    let fields = json!({"container_version": "2", "container_image": "example/feeds", "support_version": ">=7.0.0"});
    contract(&fields, &properties, &["MAY", "NEW_MUST"])
}

#[test]
fn every_kind_of_difference_is_told() {
    let (old, new) = (read(&old()), read(&new()));
    let changes = differences(old.contract(&slug("feed")), new.contract(&slug("feed")));
    insta::assert_snapshot!(lines(&changes).join("\n"), @r#"
    image - example/feed example/feeds
    version - 1 2
    support - >=6.0.0 >=7.0.0
    bounds BOUND {"minimum":1} {"minimum":5}
    choices CHOSEN a, b a, c
    default DEFAULTED 1 2
    key-removed GONE - -
    key-removed GONE_DEFAULT d -
    required MAY - -
    optional MUST - -
    key-added NEW_DEFAULT - n
    key-added NEW_MAY - -
    required-key-added NEW_MUST - -
    deprecated OLD_WAY - -
    format OPENED - password
    secret OPENED in clear sealed
    type TYPED string boolean
    format WHERE - uri
    "#);
    assert_eq!(differences(old.contract(&slug("feed")), old.contract(&slug("feed"))), []);
    assert_eq!(lines(&differences(old.contract(&slug("feed")), None)), ["contract-removed - example/feed:1 -"]);
    assert_eq!(lines(&differences(None, new.contract(&slug("feed")))), ["contract-added - - example/feeds:2"]);
    let words: std::collections::BTreeSet<_> = What::ALL.iter().map(|what| what.as_str()).collect();
    assert_eq!(words.len(), What::ALL.len());
}

fn concerned(config: &[(&str, Given)]) -> Concern {
    let config: Vec<_> = config.iter().map(|(key, given)| ((*key).to_owned(), given.clone())).collect();
    let manifest = manifest(&slug("feed"), &config);
    let (old, new) = (read(&old()), read(&new()));
    let (old, new) = (old.contract(&slug("feed")), new.contract(&slug("feed")));
    concern(&manifest, old, new, PlatformKind::OpenCti, Registration::Itself)
}

#[test]
fn an_instance_is_told_of_what_it_would_notice_and_of_nothing_else() {
    let seen = concerned(&[("MUST", plain("x")), ("LEVELS", items(&["a"]))]);
    let changes: Vec<_> = seen.changes.iter().map(|(change, _)| change.clone()).collect();
    assert_eq!(
        lines(&changes),
        [
            "image - example/feed example/feeds",
            "version - 1 2",
            "default DEFAULTED 1 2",
            "key-removed GONE_DEFAULT d -",
            "required MAY - -",
            "key-added NEW_DEFAULT - n",
            "required-key-added NEW_MUST - -",
        ]
    );
    assert!(
        seen.changes.iter().filter(|(change, _)| change.key.is_none()).all(|(_, place)| *place == contract_place())
    );
    assert_eq!(
        marks(&seen.findings),
        [("missing-key", config_place().line, config_place().column); 2],
        "{:?}",
        seen.findings
    );
}

#[test]
fn what_would_be_wrong_is_found_at_its_line() {
    let seen = concerned(&[
        ("MUST", plain("x")),
        ("MAY", plain("x")),
        ("NEW_MUST", plain("x")),
        ("GONE", plain("x")),
        ("TYPED", plain("text")),
        ("CHOSEN", plain("b")),
        ("BOUND", plain("3")),
        ("OPENED", plain("x")),
        ("OLD_WAY", plain("x")),
        ("DEFAULTED", plain("7")),
    ]);
    let at = |line: usize| key_place(line);
    for (what, key, line) in [
        (What::KeyRemoved, "GONE", 3),
        (What::Type, "TYPED", 4),
        (What::Choices, "CHOSEN", 5),
        (What::Bounds, "BOUND", 6),
        (What::Secret, "OPENED", 7),
        (What::Deprecated, "OLD_WAY", 8),
    ] {
        let found = |(change, place): &&(Change, _)| {
            change.what == what && change.key.as_deref() == Some(key) && *place == at(line)
        };
        assert_eq!(seen.changes.iter().filter(found).count(), 1, "{key}: {:?}", seen.changes);
    }
    assert!(!seen.changes.iter().any(|(change, _)| change.key.as_deref() == Some("DEFAULTED")), "it is set");
    let codes: Vec<_> = seen.findings.iter().map(|finding| (finding.code.as_str(), finding.place.line)).collect();
    assert_eq!(
        codes,
        [
            ("unknown-key", 13),
            ("wrong-type", 14),
            ("not-allowed", 15),
            ("out-of-range", 16),
            ("plaintext-secret", 17),
            ("deprecated-key", 18),
        ]
    );
}

#[test]
fn a_contract_that_goes_is_an_error_and_one_that_stays_is_nothing() {
    let manifest = manifest(&slug("feed"), &[("MUST".to_owned(), plain("x"))]);
    let old = read(&old());
    let old = old.contract(&slug("feed"));
    let gone = concern(&manifest, old, None, PlatformKind::OpenCti, Registration::Itself);
    assert_eq!(gone.changes[0].0.what, What::ContractRemoved);
    assert_eq!(marks(&gone.findings), [("unknown-contract", contract_place().line, contract_place().column)]);
    assert!(concern(&manifest, old, old, PlatformKind::OpenCti, Registration::Itself).is_empty());
    assert!(concern(&manifest, None, None, PlatformKind::OpenCti, Registration::Itself).is_empty());
}

/// A copy of a platform's own catalog in which every contract changed in the same ways, and the last one is gone.
#[test]
fn every_real_contract_is_told_of_what_was_changed_in_a_copy() {
    for real in real::all() {
        let mut raw = real.raw.clone();
        let contracts = raw["contracts"].as_array_mut().unwrap();
        let gone = contracts.pop().unwrap();
        for contract in contracts.iter_mut() {
            contract["container_version"] = json!("next");
            if let Some(schema) = contract.get_mut("config_schema") {
                schema["properties"]["LOCKSTEP_TEST_NEW"] = json!({"type": "string"});
                schema["required"].as_array_mut().unwrap().push(json!("LOCKSTEP_TEST_NEW"));
            }
        }
        let copy = Catalog::read("copy", raw.to_string().as_bytes()).unwrap();
        let mut checked = 0;
        for contract in real.catalog.contracts() {
            let manifest = manifest(&contract.slug, &[]);
            let new = copy.contract(&contract.slug);
            let concern = concern(&manifest, Some(contract), new, real.platform, Registration::Itself);
            if gone["slug"] == contract.slug.as_str() {
                assert_eq!(concern.changes[0].0.what, What::ContractRemoved);
                continue;
            }
            let expected: &[What] =
                match (contract.version.is_some() || contract.image.is_some(), contract.has_schema()) {
                    (_, true) => &[What::Version, What::RequiredKeyAdded],
                    (_, false) => &[What::Version],
                };
            let whats: Vec<_> = concern.changes.iter().map(|(change, _)| change.what).collect();
            assert_eq!(whats, expected, "{}", contract.slug);
            let missing = concern.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
            let in_process = contract.class_name.is_some();
            assert_eq!(missing, usize::from(contract.has_schema() && !in_process), "{}", contract.slug);
            assert!(differences(Some(contract), Some(contract)).is_empty());
            checked += 1;
        }
        assert!(checked > 40);
    }
}
