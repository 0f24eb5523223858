//! The same from real text: findings of a check stand on the line of the mistake.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use lockstep::{
    catalog::{Contract, check},
    manifest,
    model::{Registration, Revision, Snapshot, SourceFile},
};
use serde_json::Value;

use super::{
    real::{Real, all, is_secret},
    support::{Given, sealed_text},
};

/// Puts a mistake into a configuration that is right; says on which line of it, or that there is nothing to get wrong.
type Make = fn(&Real, &Contract, &mut Vec<(String, Given)>) -> Option<usize>;

/// A mistake in one key, with the code it has and whether it is found at the key, the value, or the configuration.
struct Mistake {
    name: &'static str,
    code: &'static str,
    at: At,
    make: Make,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Key,
    Value,
    Config,
}

const FIRST_LINE: u32 = 8;

/// The text of a manifest and the line of each key.
fn document(contract: &Contract, config: &[(String, Given)]) -> (String, Vec<u32>) {
    let name = contract.slug.as_str().to_ascii_lowercase().replace('_', "-");
    let mut text = format!(
        "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata:\n  name: {name}\nspec:\n  contract: {}\n  config:{}\n",
        contract.slug,
        if config.is_empty() { " {}" } else { "" }
    );
    let mut line = FIRST_LINE;
    let mut lines = Vec::new();
    for (key, given) in config {
        lines.push(line);
        let value = match given {
            Given::Plain(text) => text.clone(),
            Given::Quoted(text) => format!("'{text}'"),
            Given::List(texts) => format!("[{}]", texts.join(", ")),
            Given::Sealed => format!("|\n      {}", sealed_text().trim_end().replace('\n', "\n      ")),
            Given::FromSecret => "{fromSecret: a.age, key: k}".to_owned(),
        };
        line += u32::try_from(value.matches('\n').count()).unwrap() + 1;
        writeln!(text, "    {key}: {value}").unwrap();
    }
    (text, lines)
}

/// Replaces the value of the first key that fits.
fn first(
    real: &Real,
    contract: &Contract,
    config: &mut [(String, Given)],
    wrong: impl Fn(&str, &Value) -> Option<Given>,
) -> Option<usize> {
    let definitions: BTreeMap<String, Value> = real.keys(contract).into_iter().collect();
    let found = config.iter().enumerate().find_map(|(index, (key, _))| Some((index, wrong(key, &definitions[key])?)));
    found.map(|(index, given)| {
        config[index].1 = given;
        index
    })
}

const MISTAKES: &[Mistake] = &[
    Mistake { name: "right", code: "", at: At::Config, make: |_, _, _| None },
    Mistake {
        name: "misspelt",
        code: "unknown-key",
        at: At::Key,
        make: |_, _, config| {
            let last = config.len().checked_sub(1)?;
            config[last].0.push('Z');
            Some(last)
        },
    },
    Mistake {
        name: "wrong type",
        code: "wrong-type",
        at: At::Value,
        make: |real, contract, config| {
            first(real, contract, config, |key, definition| match definition["type"].as_str() {
                _ if is_secret(contract, key) => None,
                Some("string") => Some(Given::List(vec!["a".to_owned()])),
                Some("integer" | "number" | "boolean") => Some(Given::Plain("yes".to_owned())),
                Some("array") => Some(Given::Plain("yes".to_owned())),
                Some(_) | None => None,
            })
        },
    },
    Mistake {
        name: "outside its enum",
        code: "not-allowed",
        at: At::Value,
        make: |real, contract, config| {
            first(real, contract, config, |_, definition| {
                definition["enum"].is_array().then(|| Given::Plain("loud".to_owned()))
            })
        },
    },
    Mistake {
        name: "outside its range",
        code: "out-of-range",
        at: At::Value,
        make: |real, contract, config| {
            first(real, contract, config, |_, definition| {
                let least = definition["minimum"].as_f64().or(definition["exclusiveMinimum"].as_f64())?;
                Some(Given::Plain(format!("{:.0}", least - 1.0)))
            })
        },
    },
    Mistake {
        name: "left out",
        code: "missing-key",
        at: At::Config,
        make: |real, contract, config| {
            let schema = real.keys(contract);
            let default = |key: &str| {
                schema.iter().any(|(other, definition)| other == key && definition.get("default").is_some())
            };
            let index = config.iter().position(|(key, _)| real.requires(contract, key) && !default(key))?;
            config.remove(index);
            Some(index)
        },
    },
    Mistake {
        name: "in clear",
        code: "plaintext-secret",
        at: At::Value,
        make: |real, contract, config| {
            first(real, contract, config, |key, _| is_secret(contract, key).then(|| Given::Plain("clear".to_owned())))
        },
    },
];

#[test]
fn each_mistake_is_found_on_its_line_and_nothing_else_is() {
    for real in all() {
        for mistake in MISTAKES {
            let mut expected = BTreeMap::new();
            let mut files = Vec::new();
            for contract in real.managed() {
                let mut config = real.full(contract);
                let made = (mistake.make)(real, contract, &mut config);
                let (text, lines) = document(contract, &config);
                let path = format!("{}.yaml", contract.slug);
                let place = made.map(|index| match mistake.at {
                    At::Key => (mistake.code, lines[index], 5),
                    At::Value => (mistake.code, lines[index], 7 + u32::try_from(config[index].0.len()).unwrap()),
                    At::Config => (mistake.code, FIRST_LINE - 1, 3),
                });
                expected.insert(path.clone(), place);
                files.push(SourceFile { path: path.into(), content: Arc::from(text.as_bytes()) });
            }
            files.sort_by(|a, b| a.path.cmp(&b.path));
            let reading = manifest::read(&Snapshot { revision: Revision::Directory("0".repeat(64)), files });
            assert_eq!(reading.findings, []);
            assert_eq!(reading.manifests.len(), expected.len());
            for manifest in &reading.manifests {
                let contract = real.catalog.contract(&manifest.contract.value).unwrap();
                let findings = check(contract, manifest, real.platform, Registration::Managed).findings;
                let found: Vec<_> =
                    findings.iter().map(|found| (found.code.as_str(), found.place.line, found.place.column)).collect();
                let expected = expected[&*manifest.name.place.file];
                assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{} {}", mistake.name, contract.slug);
            }
        }
    }
}
