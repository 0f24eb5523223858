//! Catalogs of our own, and manifests built as values.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use lockstep::{
    catalog::{Catalog, Checked, check},
    manifest::{Health, Manifest, Rollback, WantedState},
    model::{
        ConfigValue, ContainerSpec, Finding, InstanceName, Place, Placed, PlatformKind, Registration, Scalar, Sealed,
        SecretValue, Slug,
    },
};

pub(super) const OPENCTI: &[u8] = include_bytes!("../../fixtures/catalog/opencti.json");
pub(super) const OPENAEV: &[u8] = include_bytes!("../../fixtures/catalog/openaev.json");

/// What the first line of `config` stands on.
const FIRST: u32 = 10;

pub(super) fn opencti() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::read("opencti.json", OPENCTI).unwrap());
    &CATALOG
}

pub(super) fn openaev() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::read("openaev.json", OPENAEV).unwrap());
    &CATALOG
}

pub(super) fn slug(text: &str) -> Slug {
    Slug::try_from(text).unwrap()
}

pub(super) fn at(line: u32, column: u32) -> Place {
    Place { file: Arc::from("m.yaml"), line, column }
}

/// A value as a test writes it.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Plain(String),
    Quoted(String),
    List(Vec<String>),
    Sealed,
    FromSecret,
}

pub(super) fn plain(text: &str) -> Given {
    Given::Plain(text.to_owned())
}

pub(super) fn quoted(text: &str) -> Given {
    Given::Quoted(text.to_owned())
}

pub(super) fn items(texts: &[&str]) -> Given {
    Given::List(texts.iter().map(|text| (*text).to_owned()).collect())
}

pub(super) fn sealed_text() -> String {
    format!("{}\nc2VhbGVk\n-----END AGE ENCRYPTED FILE-----\n", Sealed::HEADER)
}

/// The place of the key on the given line of `config`, counted from 0.
pub(super) fn key_place(line: usize) -> Place {
    at(FIRST + u32::try_from(line).unwrap(), 5)
}

/// The place of the value on the given line.
pub(super) fn value_place(line: usize) -> Place {
    at(FIRST + u32::try_from(line).unwrap(), 50)
}

/// The place of an item on the given line.
pub(super) fn item_place(line: usize, item: usize) -> Place {
    at(FIRST + u32::try_from(line).unwrap(), 51 + u32::try_from(item).unwrap())
}

/// The place of `config` itself.
pub(super) fn config_place() -> Place {
    at(FIRST - 1, 3)
}

/// The place of the contract's slug.
pub(super) fn contract_place() -> Place {
    at(7, 13)
}

/// A manifest whose configuration stands on one line for each key.
pub(super) fn manifest(contract: &Slug, config: &[(String, Given)]) -> Manifest {
    let scalar = |text: &String, quoted| Scalar { text: text.clone(), quoted };
    let value = |line: usize, given: &Given| match given {
        Given::Plain(text) => ConfigValue::Scalar(scalar(text, false)),
        Given::Quoted(text) => ConfigValue::Scalar(scalar(text, true)),
        Given::List(texts) => ConfigValue::List(
            texts
                .iter()
                .enumerate()
                .map(|(item, text)| Placed::new(scalar(text, true), item_place(line, item)))
                .collect(),
        ),
        Given::Sealed => ConfigValue::Secret(SecretValue::Sealed(Sealed::recognise(&sealed_text()).unwrap())),
        Given::FromSecret => {
            ConfigValue::Secret(SecretValue::FromSecret { file: "secrets/a.age".to_owned(), key: "k".to_owned() })
        }
    };
    let lines = config.iter().enumerate();
    Manifest {
        name: Placed::new(InstanceName::try_from("one").unwrap(), at(4, 9)),
        labels: BTreeMap::new(),
        platform: None,
        contract: Placed::new(contract.clone(), contract_place()),
        id: None,
        image: None,
        state: WantedState::Started,
        token: None,
        service_account: None,
        config: lines
            .clone()
            .map(|(line, (key, given))| (key.clone(), Placed::new(value(line, given), value_place(line))))
            .collect(),
        config_keys: lines.map(|(line, (key, _))| (key.clone(), key_place(line))).collect(),
        config_place: config_place(),
        container: ContainerSpec::default(),
        depends_on: Vec::new(),
        health: Health::default(),
        rollback: Rollback::Auto,
        suspend: false,
        lines: 1..=u32::MAX,
        fields: BTreeMap::new(),
    }
}

/// Checks a configuration against a contract of one of our own catalogs.
pub(super) fn checked(contract: &str, config: &[(&str, Given)]) -> Checked {
    let contract = slug(contract);
    let config: Vec<_> = config.iter().map(|(key, given)| ((*key).to_owned(), given.clone())).collect();
    let (opencti, openaev) = (opencti(), openaev());
    let found = opencti.contract(&contract).map(|found| (found, PlatformKind::OpenCti));
    let found = found.or_else(|| openaev.contract(&contract).map(|found| (found, PlatformKind::OpenAev)));
    let (found, platform) = found.unwrap();
    check(found, &manifest(&contract, &config), platform, Registration::Itself)
}

/// Code, line and column of each finding.
pub(super) fn marks(findings: &[Finding]) -> Vec<(&'static str, u32, u32)> {
    findings.iter().map(|finding| (finding.code.as_str(), finding.place.line, finding.place.column)).collect()
}

/// The mark of a finding at a place.
pub(super) fn mark(code: &'static str, place: &Place) -> (&'static str, u32, u32) {
    (code, place.line, place.column)
}
