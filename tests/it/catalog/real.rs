//! The platforms' own catalogs, where they are at hand: every contract takes what its schema asks for, and each kind of
//! mistake is found in each key, alone and at its place.

use std::{path::PathBuf, sync::LazyLock};

use lockstep::{
    catalog::{Catalog, Checked, Contract, check},
    model::{PlatformKind, Registration, Severity},
};
use serde_json::Value;

use super::support::{Given, config_place, key_place, manifest, mark, marks, value_place};

/// A catalog of a platform together with its schemas as plain JSON, or none where there is no shared data.
pub(super) struct Real {
    pub(super) catalog: Catalog,
    pub(super) raw: Value,
    pub(super) platform: PlatformKind,
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests is to see that some were left out")]
fn shared(name: &str, platform: PlatformKind) -> Option<Real> {
    let Ok(content) = std::fs::read(path(name)) else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let raw = serde_json::from_slice(&content).unwrap();
    Some(Real { catalog: Catalog::read(name, &content).unwrap(), raw, platform })
}

/// Where a catalog of the platforms is.
pub(super) fn path(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests find shared data by the environment")]
    let root = std::env::var_os("LOCKSTEP_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    root.join("catalogs").join(name)
}

pub(super) fn all() -> &'static [Real] {
    static ALL: LazyLock<Vec<Real>> = LazyLock::new(|| {
        let opencti = shared("opencti-manifest.json", PlatformKind::OpenCti);
        opencti.into_iter().chain(shared("openaev-manifest.json", PlatformKind::OpenAev)).collect()
    });
    &ALL
}

impl Real {
    fn schema(&self, contract: &Contract) -> &Value {
        let contracts = self.raw["contracts"].as_array().unwrap();
        let entry = contracts.iter().find(|entry| entry["slug"] == contract.slug.as_str()).unwrap();
        &entry["config_schema"]
    }

    /// The keys of a contract that a manifest may set, with their definitions, in the schema's order.
    pub(super) fn keys(&self, contract: &Contract) -> Vec<(String, Value)> {
        const RESERVED: &[&str] = &[
            "OPENCTI_URL",
            "OPENCTI_TOKEN",
            "CONNECTOR_TYPE",
            "CONNECTOR_RUN_AND_TERMINATE",
            "OPENAEV_URL",
            "OPENAEV_TOKEN",
            "COLLECTOR_ID",
            "INJECTOR_ID",
            "EXECUTOR_ID",
        ];
        let properties = self.schema(contract)["properties"].as_object().unwrap();
        let free = properties.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str()));
        free.map(|(key, definition)| (key.clone(), definition.clone())).collect()
    }

    pub(super) fn requires(&self, contract: &Contract, key: &str) -> bool {
        self.schema(contract)["required"].as_array().unwrap().iter().any(|required| required == key)
    }

    /// Contracts that the platform manages: 159 of OpenCTI, 44 of OpenAEV.
    pub(super) fn managed(&self) -> impl Iterator<Item = &Contract> {
        self.catalog.contracts().iter().filter(|contract| contract.manager_supported)
    }

    fn check(&self, contract: &Contract, config: &[(String, Given)]) -> Checked {
        check(contract, &manifest(&contract.slug, config), self.platform, Registration::Managed)
    }

    /// A configuration that sets every key that is not deprecated.
    pub(super) fn full(&self, contract: &Contract) -> Vec<(String, Given)> {
        let keys = self.keys(contract).into_iter().filter(|(_, definition)| definition["deprecated"] != true);
        keys.map(|(key, definition)| (key.clone(), valid(contract, &key, &definition))).collect()
    }
}

pub(super) fn is_secret(contract: &Contract, key: &str) -> bool {
    contract.properties().iter().any(|property| property.key == key && property.secret)
}

/// A value that a definition takes.
fn valid(contract: &Contract, key: &str, definition: &Value) -> Given {
    if is_secret(contract, key) {
        return Given::Sealed;
    }
    if let Some(choices) = definition["enum"].as_array() {
        return Given::Plain(choices[0].as_str().unwrap().to_owned());
    }
    let text = match (definition["type"].as_str(), definition["format"].as_str()) {
        (Some("boolean"), _) => "true".to_owned(),
        (Some("integer" | "number"), _) => within(definition).to_string(),
        (Some("array"), _) | (None, _) => {
            let item = definition["items"]["enum"][0].as_str().unwrap_or("item");
            return Given::List(vec![item.to_owned()]);
        }
        (_, Some("uri")) => "https://example.org/a".to_owned(),
        (_, Some("duration")) => "PT5M".to_owned(),
        (_, Some("date-time")) => "2024-01-31T00:00:00Z".to_owned(),
        (_, Some("email")) => "name@example.org".to_owned(),
        (_, Some("uuid")) => "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11".to_owned(),
        (_, Some(other)) => panic!("format {other}"),
        (_, None) => "text".to_owned(),
    };
    Given::Plain(text)
}

fn within(definition: &Value) -> i64 {
    let bound = |keyword: &str| definition[keyword].as_f64();
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|bound| bound + 1.0)).unwrap_or(1.0).ceil();
    let number = bound("maximum").map_or(least.max(1.0), |most| least.max(1.0).min(most));
    number as i64
}

#[test]
fn every_managed_contract_takes_a_configuration_made_from_its_schema() {
    for real in all() {
        let expected = if real.platform == PlatformKind::OpenCti { 159 } else { 44 };
        assert_eq!(real.managed().count(), expected);
        for contract in real.managed() {
            let checked = real.check(contract, &real.full(contract));
            assert_eq!(checked.findings, [], "{}", contract.slug);
            let least: Vec<_> =
                real.full(contract).into_iter().filter(|(key, _)| real.requires(contract, key)).collect();
            let checked = real.check(contract, &least);
            assert_eq!(checked.findings, [], "{}", contract.slug);
            for (key, definition) in real.keys(contract) {
                let default = &definition["default"];
                let given = least.iter().any(|(other, _)| *other == key);
                let expected = given || !(default.is_null() || default == "**********");
                assert_eq!(checked.values.contains_key(&key), expected, "{} {key}", contract.slug);
            }
            assert!(!checked.values.keys().any(|key| key.ends_with("_TYPE") && key.starts_with("CONNECTOR_T")));
        }
    }
}

#[test]
fn every_deprecated_key_is_a_warning() {
    for real in all() {
        for contract in real.managed() {
            for (key, definition) in real.keys(contract) {
                let mut config = real.full(contract);
                if definition["deprecated"] == true {
                    config.push((key.clone(), valid(contract, &key, &definition)));
                    let findings = real.check(contract, &config).findings;
                    let place = key_place(config.len() - 1);
                    assert_eq!(marks(&findings), [mark("deprecated-key", &place)], "{} {key}", contract.slug);
                    assert_eq!(findings[0].severity, Severity::Warning);
                }
            }
        }
    }
}

/// Puts one mistake after another into a configuration that is right, and expects each to be found alone.
fn each_key(mistake: impl Fn(&Contract, &str, &Value) -> Vec<(Given, &'static str)>) -> usize {
    let mut made = 0;
    for real in all() {
        for contract in real.managed() {
            let full = real.full(contract);
            let definitions = real.keys(contract);
            for (line, (key, _)) in full.iter().enumerate() {
                let definition = &definitions.iter().find(|(other, _)| other == key).unwrap().1;
                for (wrong, code) in mistake(contract, key, definition) {
                    let mut config = full.clone();
                    config[line].1 = wrong.clone();
                    let findings = real.check(contract, &config).findings;
                    let expected = [mark(code, &value_place(line))];
                    assert_eq!(marks(&findings), expected, "{} {key} {wrong:?} {findings:?}", contract.slug);
                    made += 1;
                }
            }
        }
    }
    made
}

#[test]
fn every_misspelt_key_is_found_alone() {
    for real in all() {
        for contract in real.managed() {
            let full = real.full(contract);
            for (line, (key, _)) in full.iter().enumerate() {
                let (swapped, longer) =
                    (format!("{}{}", &key[1..2], key.replacen(&key[1..2], "", 1)), format!("{key}X"));
                for misspelt in [swapped, longer, key.to_ascii_lowercase()] {
                    let mut config = full.clone();
                    config[line].0 = misspelt.clone();
                    let findings = real.check(contract, &config).findings;
                    assert_eq!(
                        marks(&findings),
                        [mark("unknown-key", &key_place(line))],
                        "{} {misspelt}",
                        contract.slug
                    );
                    let help = findings[0].help.clone().unwrap_or_default();
                    assert_eq!(help, format!("did you mean `{key}`?"), "{} {misspelt}", contract.slug);
                }
            }
        }
    }
}

#[test]
fn every_value_of_a_wrong_type_is_found_alone() {
    let made = each_key(|contract, key, definition| match definition["type"].as_str() {
        _ if is_secret(contract, key) => Vec::new(),
        Some("integer") => ["many", "1.5", "0x10"].map(|text| (Given::Plain(text.to_owned()), "wrong-type")).to_vec(),
        Some("number" | "boolean" | "array") => vec![(Given::Plain("maybe".to_owned()), "wrong-type")],
        Some("string") => vec![(Given::List(vec!["a".to_owned()]), "wrong-type")],
        Some(_) | None => Vec::new(),
    });
    assert!(made == 0 || made > 2_500, "{made}");
}

#[test]
fn every_value_outside_its_enum_or_range_is_found_alone() {
    let made = each_key(|contract, key, definition| {
        let mut wrong = Vec::new();
        if is_secret(contract, key) {
            return wrong;
        }
        if definition["enum"].is_array() {
            wrong.push((Given::Plain("no such choice".to_owned()), "not-allowed"));
        }
        let number = |keyword: &str| definition[keyword].as_f64();
        let low = number("minimum").map(|bound| bound - 1.0).or(number("exclusiveMinimum"));
        let high = number("maximum").map(|bound| bound + 1.0);
        let integer = definition["type"] == "integer";
        let text = |number: f64| if integer { format!("{number:.0}") } else { number.to_string() };
        wrong.extend(low.into_iter().chain(high).map(|number| (Given::Plain(text(number)), "out-of-range")));
        if definition["minLength"] == 1 {
            wrong.push((Given::Quoted(String::new()), "out-of-range"));
        }
        if let Some(most) = definition["maxLength"].as_u64() {
            let long = format!("https://example.org/{}", "a".repeat(usize::try_from(most).unwrap()));
            wrong.push((Given::Plain(long), "out-of-range"));
        }
        if definition["minItems"] == 1 {
            wrong.push((Given::List(Vec::new()), "out-of-range"));
        }
        wrong
    });
    assert!(made == 0 || made > 500, "{made}");
}

#[test]
fn every_text_of_a_bad_format_is_found_alone() {
    let made = each_key(|contract, key, definition| match definition["format"].as_str() {
        Some("password") | None => Vec::new(),
        Some(_) if is_secret(contract, key) => Vec::new(),
        Some(_) => vec![(Given::Plain("not that".to_owned()), "bad-format")],
    });
    assert!(made == 0 || made > 300, "{made}");
}

#[test]
fn every_secret_in_clear_is_found_alone() {
    let made = each_key(|contract, key, _| {
        let secret =
            is_secret(contract, key).then(|| (Given::Quoted("0123456789abcdef".to_owned()), "plaintext-secret"));
        secret.into_iter().collect()
    });
    assert!(made == 0 || made > 170, "{made}");
}

#[test]
fn every_required_key_left_out_is_found_alone() {
    for real in all() {
        for contract in real.managed() {
            let full = real.full(contract);
            for (line, (key, _)) in full.iter().enumerate() {
                let definition = &real.schema(contract)["properties"][key];
                let mut config = full.clone();
                config.remove(line);
                let findings = real.check(contract, &config).findings;
                if real.requires(contract, key) && definition["default"].is_null() {
                    assert_eq!(marks(&findings), [mark("missing-key", &config_place())], "{} {key}", contract.slug);
                    assert!(findings[0].message.ends_with(&format!("`{key}`")), "{findings:?}");
                } else {
                    assert_eq!(findings, [], "{} {key}", contract.slug);
                }
            }
        }
    }
}

#[test]
fn contracts_that_are_not_managed_deploy_where_they_are_containers() {
    for real in all() {
        for contract in real.catalog.contracts().iter().filter(|contract| !contract.manager_supported) {
            let full = if contract.has_schema() { real.full(contract) } else { Vec::new() };
            let manifest = manifest(&contract.slug, &full);
            let findings = |registration| marks(&check(contract, &manifest, real.platform, registration).findings);
            let not = vec![mark("not-deployable", &super::support::contract_place())];
            assert_eq!(findings(Registration::Managed), not, "{}", contract.slug);
            let own = if real.platform == PlatformKind::OpenCti { Vec::new() } else { not };
            assert_eq!(findings(Registration::Itself), own, "{}", contract.slug);
        }
    }
}
