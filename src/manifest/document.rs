//! The two kinds of document that a source holds, as they are written.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    config::{Config, Secret, bad_key},
    container::Container,
    field::{Field, List, Read, document},
    scalars::{Contract, Duration, Id, Image, LabelValue, Line, Name, Platform, RollbackWord, State, Version},
};
use crate::{
    model::{Finding, Placed},
    yaml::{self, Node, Path},
};

/// The `apiVersion` of every document of ours.
pub(super) const API_VERSION: &str = "lockstep/v1";
/// The `kind` of a document that declares an instance.
pub(super) const INSTANCE: &str = "ConnectorInstance";
/// The `kind` of a document that gives values to the instances below its folder.
pub(super) const DEFAULTS: &str = "Defaults";
/// The `kind` of the settings, which may lie beside manifests.
pub(super) const SETTINGS: &str = "Settings";
/// The prefix of our own labels.
const OWN_LABELS: &str = "dev.lockstep";

document! {
    /// One deployment of a connector.
    #[schemars(extend("required" = ["apiVersion", "kind", "metadata", "spec"]))]
    ConnectorInstance {
        /// The version of the format.
        #[schemars(extend("const" = API_VERSION))]
        "apiVersion" api_version: String,
        /// The kind of document.
        #[schemars(extend("const" = INSTANCE))]
        "kind" kind: String,
        /// What it is called.
        #[schemars(extend("required" = ["name"]))]
        "metadata" metadata: Metadata,
        /// What is to run.
        #[schemars(extend("required" = ["contract"]))]
        "spec" spec: Spec,
    }
}

document! {
    /// Values for every instance in this folder and below; the nearest folder wins, maps merge, lists replace.
    #[schemars(extend("required" = ["apiVersion", "kind", "spec"]))]
    Defaults {
        /// The version of the format.
        #[schemars(extend("const" = API_VERSION))]
        "apiVersion" api_version: String,
        /// The kind of document.
        #[schemars(extend("const" = DEFAULTS))]
        "kind" kind: String,
        /// What it is called; only people read it.
        "metadata" metadata: DefaultsMetadata,
        /// The values.
        "spec" spec: Spec,
    }
}

document! {
    /// What an instance is called.
    Metadata {
        /// The name: unique across the source, and the network alias of the container.
        "name" name: Name,
        /// Free labels; they become labels of the container under a prefix of their own.
        "labels" labels: Labels,
    }
}

document! {
    /// What a `Defaults` document is called.
    DefaultsMetadata {
        /// A name for people.
        "name" name: Line,
    }
}

document! {
    /// What is to run, and how.
    Spec {
        /// The platform it serves: a key of `platforms` in the settings; may be left out where there is only one.
        "platform" platform: Platform,
        /// The contract it deploys: a slug of the catalog.
        "contract" contract: Contract,
        /// Its id at the platform; left out: derived from its name, the same on every machine.
        "id" id: Id,
        /// The tag or digest of the contract's image; left out: the contract's own.
        "version" version: Version,
        /// A full image reference instead of the contract's image.
        "image" image: Image,
        /// Whether it runs; `stopped`: the container exists and does not run.
        "state" state: State,
        /// Its own platform token, sealed; left out: the connector token of the platform in the settings.
        "token" token: Secret,
        /// Who the platform runs it as, where the platform manages it.
        "serviceAccount" service_account: ServiceAccount,
        /// Its configuration.
        "config" config: Config,
        /// Everything about its container.
        "container" container: Container,
        /// Instances that must be healthy before this one starts.
        "dependsOn" depends_on: List<Name>,
        /// What counts as healthy after a change.
        "health" health: Health,
        /// What to do where it does not become healthy after a change.
        "rollback" rollback: RollbackWord,
        /// Whether Lockstep leaves it as it is.
        "suspend" suspend: bool,
    }
}

document! {
    /// Who a managed connector runs as at its platform.
    ServiceAccount {
        /// The account's name or id.
        "name" name: Line,
        /// Whether the platform makes it.
        "create" create: bool,
        /// Its maximum confidence.
        #[schemars(range(min = 0, max = 100))]
        "confidence" confidence: u8,
    }
}

document! {
    /// What counts as healthy after a change.
    Health {
        /// Within which time it must become healthy.
        "within" within: Duration,
        /// How long it must run without a restart.
        "settle" settle: Duration,
        /// Whether the platform must have heard from it.
        "requirePlatform" require_platform: bool,
    }
}

/// `metadata.labels`.
#[derive(Debug, Clone)]
pub(super) struct Labels(pub(super) BTreeMap<String, String>);

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<LabelValue>();
        json_schema!({
            "description": "Free labels.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9._/-]{1,63}$" },
            "additionalProperties": value
        })
    }
}

impl Read for Labels {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        for (key, _) in node.entries()? {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
            if !(1..=63).contains(&key.text.len()) || !key.text.chars().all(allowed) {
                findings.push(bad_key(key, path, "use 1 to 63 letters, digits, `.`, `_`, `/` and `-`"));
            } else if key.text.starts_with(OWN_LABELS) {
                findings.push(bad_key(key, path, "choose another prefix: `dev.lockstep` is Lockstep's own"));
            }
        }
        let values = BTreeMap::<String, LabelValue>::read(node, path, findings)?;
        Some(Self(values.into_iter().map(|(key, value)| (key, value.0)).collect()))
    }
}

impl Read for String {
    fn read(node: &Node, _: &Path<'_>, _: &mut Vec<Finding>) -> Option<Self> {
        node.scalar().map(|scalar| scalar.text.clone())
    }
}

impl Spec {
    /// The image asked for, by either field.
    pub(super) fn image_choice(&mut self) -> Option<Placed<super::ImageChoice>> {
        let version = std::mem::take(&mut self.version).map(|version| version.0);
        let image = std::mem::take(&mut self.image).map(|image| image.0);
        image.or(version)
    }
}

impl ServiceAccount {
    /// What it means; none without a name.
    pub(super) fn into_account(self) -> Option<super::ServiceAccount> {
        Some(super::ServiceAccount {
            name: self.name.take()?.0,
            create: self.create.take().unwrap_or_default(),
            confidence: self.confidence.take(),
        })
    }
}

impl Health {
    /// What it means, with what was left out filled in.
    pub(super) fn into_health(self) -> super::Health {
        let usual = super::Health::default();
        super::Health {
            within: self.within.take().map_or(usual.within, |time| time.0),
            settle: self.settle.take().map_or(usual.settle, |time| time.0),
            require_platform: self.require_platform.take().unwrap_or(usual.require_platform),
        }
    }
}

/// Either kind of document, for the published schema.
struct Documents;

impl JsonSchema for Documents {
    fn schema_name() -> Cow<'static, str> {
        "Lockstep manifest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let instance = generator.subschema_for::<ConnectorInstance>();
        let defaults = generator.subschema_for::<Defaults>();
        json_schema!({
            "description": "A document of the watched source.",
            "type": "object",
            "oneOf": [instance, defaults]
        })
    }
}

/// The JSON Schema (draft 2020-12) of the documents of a source, for editors and for reference.
pub fn schema() -> Value {
    yaml::schema_of::<Documents>()
}

/// The schema that documents are checked against, each kind by its definition.
///
/// Configuration, secrets and patterns are left out there: reading reports more exactly what is wrong with those.
pub(super) fn checked_schema() -> Value {
    let mut schema = schema();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.insert("Config".to_owned(), serde_json::json!({ "type": "object" }));
        definitions.insert("Secret".to_owned(), Value::Bool(true));
    }
    without_patterns(&mut schema);
    schema
}

fn without_patterns(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("pattern").is_some_and(Value::is_string) {
                object.remove("pattern");
            }
            object.values_mut().for_each(without_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(without_patterns),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Reads what is readable of a document.
pub(super) fn read_document<T: Read + Default>(node: &Node, findings: &mut Vec<Finding>) -> T {
    T::read(node, &Path::Root, findings).unwrap_or_default()
}

/// A field that may be missing, as an owned value.
pub(super) fn or_default<T: Default>(field: Field<T>) -> T {
    field.take().unwrap_or_default()
}
