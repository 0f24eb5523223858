//! One JSON Schema in which naming a contract completes and checks that contract's configuration, for editors.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{contract::Contract, editor_value, property::Property, reserved};
use crate::{
    manifest,
    model::{OWNED_FAMILIES, PlatformKind, Registration, SECRET_NAMES, owned_env},
};

/// The JSON Schema (draft 2020-12) of manifests that deploy the contracts given; of two with one slug, the first counts.
///
/// It is as strict as `check` about one manifest by itself, but for what a schema can't tell: the very text of a scalar,
/// bounds on numbers that are written as texts, and rules of a contract that span several keys.
pub fn manifest_schema<'a>(contracts: impl IntoIterator<Item = &'a Contract>) -> Value {
    let mut schema = manifest::schema();
    let mut seen = BTreeSet::new();
    let deployable = |contract: &&Contract| contract.deployable(Registration::Itself, true).is_ok();
    let mut contracts: Vec<&Contract> =
        contracts.into_iter().filter(deployable).filter(|contract| seen.insert(contract.slug.clone())).collect();
    contracts.sort_by(|a, b| a.slug.cmp(&b.slug));
    let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) else { return schema };
    for contract in &contracts {
        definitions.insert(definition_name(contract), configuration(contract));
    }
    if let Some(slug) = definitions.get_mut("Contract").and_then(Value::as_object_mut) {
        let about = |contract: &&Contract| format!("{}: {}", contract.title, contract.short_description);
        slug.insert("enum".to_owned(), contracts.iter().map(|contract| contract.slug.as_str()).collect());
        slug.insert("enumDescriptions".to_owned(), contracts.iter().map(about).collect());
        slug.remove("examples");
    }
    for (document, whole) in [("ConnectorInstance", true), ("Defaults", false)] {
        let spec = definitions.get_mut(document).and_then(|document| document.pointer_mut("/properties/spec"));
        if let Some(spec) = spec.and_then(Value::as_object_mut) {
            spec.insert("allOf".to_owned(), contracts.iter().map(|contract| rule(contract, whole)).collect());
        }
    }
    schema
}

fn definition_name(contract: &Contract) -> String {
    format!("config.{}", contract.slug)
}

/// What naming a contract asks of the rest; a document that is not whole need not have everything.
fn rule(contract: &Contract, whole: bool) -> Value {
    let mut config = json!({ "$ref": format!("#/$defs/{}", definition_name(contract)) });
    let mut fields: Vec<&str> = Vec::new();
    let keys: Vec<&str> = settable(contract)
        .filter(|property| property.required && property.default.is_none())
        .map(|property| property.key.as_str())
        .collect();
    if whole && !keys.is_empty() {
        config["required"] = json!(keys);
        fields.push("config");
    }
    if whole && contract.image.is_none() {
        fields.push("image");
    }
    json!({
        "if": { "properties": { "contract": { "const": contract.slug.as_str() } }, "required": ["contract"] },
        "then": { "properties": { "config": config }, "required": fields }
    })
}

/// The keys that a manifest may set.
fn settable(contract: &Contract) -> impl Iterator<Item = &Property> {
    let platform = contract.platform().unwrap_or(PlatformKind::OpenCti);
    let free = move |property: &&Property| reserved::instead_of(&property.key, platform).is_none();
    contract.properties().iter().filter(free)
}

/// The configuration of one contract.
fn configuration(contract: &Contract) -> Value {
    let description = format!("Configuration of {}: {}", contract.title, contract.short_description);
    let Some(schema) = &contract.schema else {
        return unknown_keys(contract, &description);
    };
    let properties: Map<String, Value> = settable(contract)
        .map(|property| {
            let definition = schema.definition(&property.key).unwrap_or(&Value::Null);
            (property.key.clone(), editor_value::key(schema.source(), property, definition))
        })
        .collect();
    json!({ "description": description, "type": "object", "properties": properties, "additionalProperties": false })
}

/// A configuration of which the catalog does not say what it takes.
fn unknown_keys(contract: &Contract, description: &str) -> Value {
    let further = ["OPENCTI_URI", "CONNECTOR_RUN_AND_TERMINATE"];
    let reserved: Vec<&str> =
        owned_env().iter().copied().chain(further).filter(|key| contract.instead_of(key).is_some()).collect();
    json!({
        "description": description,
        "type": "object",
        "propertyNames": {
            "pattern": "^[A-Z][A-Z0-9_]*$",
            "not": { "anyOf": [{ "enum": reserved }, { "pattern": OWNED_FAMILIES }] }
        },
        "patternProperties": { SECRET_NAMES: { "$ref": "#/$defs/Secret" } },
        "additionalProperties": { "anyOf": [editor_value::anything(), { "$ref": "#/$defs/Secret" }] }
    })
}
