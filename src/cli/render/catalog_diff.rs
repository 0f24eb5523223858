//! What another catalog changes, for people and for scripts.

use schemars::JsonSchema;
use serde::Serialize;

use super::{bold, count, dim, findings, green, printable, push, quoted, red, yellow};
use crate::{
    catalog::{Change, Concern, What},
    model::{InstanceName, Place, Placed, Severity, Slug},
    plan::wire::FindingJson,
};

/// What another catalog changes.
#[derive(Debug, Clone)]
pub struct CatalogDiff {
    /// The catalog in force, as the command line names it.
    pub old: String,
    /// The other one.
    pub new: String,
    /// The instances that are concerned, by name.
    pub instances: Vec<InstanceDiff>,
    /// The contracts that differ, by slug; empty where only instances were asked for.
    pub contracts: Vec<ContractDiff>,
}

/// What changes for one instance.
#[derive(Debug, Clone)]
pub struct InstanceDiff {
    /// Its name, and where its manifest stands.
    pub name: Placed<InstanceName>,
    /// The contract it deploys.
    pub contract: Slug,
    /// What changes.
    pub concern: Concern,
}

/// What changes about one contract.
#[derive(Debug, Clone)]
pub struct ContractDiff {
    /// Which one.
    pub slug: Slug,
    /// What changes.
    pub changes: Vec<Change>,
}

impl InstanceDiff {
    /// Whether its manifest has to change.
    fn breaks(&self) -> bool {
        self.concern.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Everything, with what has to be done about it.
pub fn catalog_diff(diff: &CatalogDiff) -> String {
    let mut text = String::new();
    for contract in &diff.contracts {
        push(&mut text, format_args!("{} {}\n", dim("contract"), bold(contract.slug.as_str())));
        contract.changes.iter().for_each(|change| line(&mut text, change, None));
        text.push('\n');
    }
    for instance in &diff.instances {
        let head = format!("{} (contract {})", bold(instance.name.value.as_str()), instance.contract);
        push(&mut text, format_args!("{head} {}\n", dim(&printable(&instance.name.place.to_string()))));
        instance.concern.changes.iter().for_each(|(change, place)| line(&mut text, change, Some(place)));
        text.push('\n');
    }
    let all: Vec<_> = diff.instances.iter().flat_map(|instance| instance.concern.findings.clone()).collect();
    text += &findings(&all);
    if diff.instances.is_empty() {
        return text + &format!("{} Nothing changes for the instances of this source.\n", bold(&green("No changes.")));
    }
    let broken = diff.instances.iter().filter(|instance| instance.breaks()).count();
    let concerned = count(diff.instances.len(), "instance");
    let (are, need) =
        (if diff.instances.len() == 1 { "is" } else { "are" }, if broken == 1 { "needs" } else { "need" });
    let text = text + &format!("{concerned} {are} concerned; ");
    match broken {
        0 => text + "no manifest needs a change.\n",
        _ => text + &format!("{} {need} a change first.\n", count(broken, "manifest")),
    }
}

fn line(text: &mut String, change: &Change, place: Option<&Place>) {
    let mark = match change.what {
        What::ContractRemoved | What::KeyRemoved => red("-"),
        What::ContractAdded | What::KeyAdded | What::RequiredKeyAdded => green("+"),
        What::Image
        | What::Version
        | What::Kind
        | What::Managed
        | What::Support
        | What::Required
        | What::Optional
        | What::Type
        | What::Default
        | What::Choices
        | What::Format
        | What::Bounds
        | What::Secret
        | What::Deprecated => yellow("~"),
    };
    let subject = change.key.as_deref().map_or_else(String::new, |key| format!("{}: ", bold(&printable(key))));
    push(text, format_args!("  {mark} {subject}{}", words(change)));
    if let Some(place) = place.filter(|_| change.key.is_some()) {
        push(text, format_args!(" {}", dim(&printable(&place.to_string()))));
    }
    text.push('\n');
}

/// A change in words.
fn words(change: &Change) -> String {
    let value = |value: &Option<String>| value.as_ref().map_or_else(|| "none".to_owned(), |text| quoted(text));
    let (before, after) = (value(&change.before), value(&change.after));
    let plain = |value: &Option<String>| printable(value.as_deref().unwrap_or("none"));
    let (plain_before, plain_after) = (plain(&change.before), plain(&change.after));
    match change.what {
        What::ContractRemoved => "the contract is there no more".to_owned(),
        What::ContractAdded => "the contract is new".to_owned(),
        What::Image => format!("image {plain_before} -> {plain_after}"),
        What::Version => format!("version {plain_before} -> {plain_after}"),
        What::Kind => format!("kind {plain_before} -> {plain_after}"),
        What::Managed => format!("can be managed by the platform: {plain_before} -> {plain_after}"),
        What::Support => format!("for platform versions {plain_before} -> {plain_after}"),
        What::RequiredKeyAdded => "is new and must be set".to_owned(),
        What::KeyAdded => match &change.after {
            Some(_) => format!("is new, default {after}"),
            None => "is new".to_owned(),
        },
        What::KeyRemoved => match &change.before {
            Some(_) => format!("is there no more, default was {before}"),
            None => "is there no more".to_owned(),
        },
        What::Required => "must be set now".to_owned(),
        What::Optional => "need not be set any more".to_owned(),
        What::Type => format!("type {plain_before} -> {plain_after}"),
        What::Default => format!("default {before} -> {after}"),
        What::Choices => format!("choices {plain_before} -> {plain_after}"),
        What::Format => format!("format {plain_before} -> {plain_after}"),
        What::Bounds => format!("bounds {plain_before} -> {plain_after}"),
        What::Secret => format!("is to be written {plain_after}, before {plain_before}"),
        What::Deprecated => "is deprecated now".to_owned(),
    }
}

/// What another catalog changes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CatalogDiffJson {
    /// The catalog in force, as the command line names it.
    pub old: String,
    /// The other one.
    pub new: String,
    /// How many instances are concerned, and how many of them need another manifest.
    pub summary: CatalogDiffSummaryJson,
    /// The instances that are concerned, sorted by name.
    pub instances: Vec<InstanceDiffJson>,
    /// The contracts that differ, sorted by slug; empty without `--all`.
    pub contracts: Vec<ContractDiffJson>,
}

/// How many instances are concerned.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CatalogDiffSummaryJson {
    /// Instances that would notice.
    pub concerned: usize,
    /// Those among them whose manifest has to change first.
    pub broken: usize,
}

/// What changes for one instance.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InstanceDiffJson {
    /// The instance.
    pub instance: String,
    /// The contract it deploys.
    pub contract: String,
    /// What it would notice.
    pub changes: Vec<ChangeJson>,
    /// What would be wrong or doubtful about its manifest that is not so now.
    pub findings: Vec<FindingJson>,
}

/// What changes about one contract.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ContractDiffJson {
    /// The contract.
    pub contract: String,
    /// What changes.
    pub changes: Vec<ChangeJson>,
}

/// One thing that changes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChangeJson {
    /// `contract-removed`, `contract-added`, `image`, `version`, `kind`, `managed`, `support`, `required-key-added`,
    /// `key-added`, `key-removed`, `required`, `optional`, `type`, `default`, `choices`, `format`, `bounds`, `secret` or
    /// `deprecated`.
    pub what: String,
    /// The key of the configuration it is about; null where it is about the contract.
    pub key: Option<String>,
    /// What it was.
    pub before: Option<String>,
    /// What it is now.
    pub after: Option<String>,
    /// The file of the manifest where it shows; null for a contract by itself.
    pub file: Option<String>,
    /// The line in it, counted from 1.
    pub line: Option<u32>,
    /// The column in it, counted from 1.
    pub column: Option<u32>,
}

impl ChangeJson {
    fn of(change: &Change, place: Option<&Place>) -> Self {
        Self {
            what: change.what.as_str().to_owned(),
            key: change.key.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            file: place.map(|place| place.file.to_string()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
        }
    }
}

impl From<&CatalogDiff> for CatalogDiffJson {
    fn from(diff: &CatalogDiff) -> Self {
        let instance = |instance: &InstanceDiff| InstanceDiffJson {
            instance: instance.name.value.to_string(),
            contract: instance.contract.to_string(),
            changes: instance.concern.changes.iter().map(|(change, at)| ChangeJson::of(change, Some(at))).collect(),
            findings: instance.concern.findings.iter().map(FindingJson::from).collect(),
        };
        let contract = |contract: &ContractDiff| ContractDiffJson {
            contract: contract.slug.to_string(),
            changes: contract.changes.iter().map(|change| ChangeJson::of(change, None)).collect(),
        };
        Self {
            old: diff.old.clone(),
            new: diff.new.clone(),
            summary: CatalogDiffSummaryJson {
                concerned: diff.instances.len(),
                broken: diff.instances.iter().filter(|instance| instance.breaks()).count(),
            },
            instances: diff.instances.iter().map(instance).collect(),
            contracts: diff.contracts.iter().map(contract).collect(),
        }
    }
}

/// The JSON Schema of [`CatalogDiffJson`].
pub fn catalog_diff_schema() -> serde_json::Value {
    schemars::schema_for!(CatalogDiffJson).into()
}
