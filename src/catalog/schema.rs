//! The schema of one contract's configuration, compiled when it is first needed.

use std::{collections::BTreeSet, fmt, sync::OnceLock};

use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use super::{format, property::Property, quote};

/// Keywords that a definition may have without any risk that a schema which is valid can't be compiled.
const SIMPLE: &[&str] = &[
    "additionalProperties",
    "anyOf",
    "const",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "properties",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];
/// The one draft that catalogs use; others are compiled when they are read.
const USUAL_DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Keywords of a whole schema that look at each key for itself.
const KEY_BY_KEY: &[&str] =
    &["$schema", "$id", "$comment", "$defs", "additionalProperties", "description", "properties", "title", "type"];

/// What is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSchema {
    /// Where in the schema, as a JSON pointer; empty for the schema as a whole.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for BadSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " (at {})", quote::quoted(&self.path)) }
    }
}

impl BadSchema {
    fn new(path: &str, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }

    fn of(error: &ValidationError<'_>) -> Self {
        Self::new(error.instance_path().as_str(), quote::printable(&error.to_string()))
    }
}

/// The schema of one contract's configuration.
#[derive(Debug)]
pub(super) struct Schema {
    /// Without the keys that are required: most are set by Lockstep, or sealed, and so never seen by the validator.
    source: Value,
    required: BTreeSet<String>,
    properties: OnceLock<Vec<Property>>,
    validator: OnceLock<Result<Validator, BadSchema>>,
}

impl Schema {
    /// Takes a schema that follows its meta-schema and points to nothing outside itself.
    pub(super) fn new(mut source: Value) -> Result<Self, BadSchema> {
        let Some(root) = source.as_object() else {
            return Err(BadSchema::new("", "it is no JSON object"));
        };
        jsonschema::meta::validate(&source).map_err(|error| BadSchema::of(&error))?;
        let properties = root.get("properties").and_then(Value::as_object);
        let keys = properties.into_iter().flat_map(Map::keys).map(String::as_str).chain(required(&source));
        if let Some(key) = { keys }.find(|key| !is_variable(key)) {
            let reason = format!("{} can't be the name of an environment variable", quote::quoted(key));
            return Err(BadSchema::new("", reason));
        }
        let required = required(&source).map(str::to_owned).collect();
        if let Some(root) = source.as_object_mut() {
            root.remove("required");
        }
        let surely_compiles = source.as_object().is_some_and(is_simple_root);
        let schema = Self { source, required, properties: OnceLock::new(), validator: OnceLock::new() };
        if !surely_compiles {
            schema.validator().map_err(Clone::clone)?;
        }
        Ok(schema)
    }

    /// A schema that nobody has looked at, as one would be that passes its meta-schema and yet can't be compiled.
    #[cfg(test)]
    pub(super) fn unseen(source: Value) -> Self {
        Self { source, required: BTreeSet::new(), properties: OnceLock::new(), validator: OnceLock::new() }
    }

    /// The compiled schema. Nothing outside the schema is ever fetched.
    pub(super) fn validator(&self) -> Result<&Validator, &BadSchema> {
        let compiled = self.validator.get_or_init(|| {
            let options = jsonschema::options().offline().should_validate_formats(true);
            let options = format::OWN.iter().fold(options, |options, &(name, check)| options.with_format(name, check));
            options.build(&self.source).map_err(|error| BadSchema::of(&error))
        });
        compiled.as_ref()
    }

    /// The keys it describes or requires, sorted.
    pub(super) fn properties(&self) -> &[Property] {
        self.properties.get_or_init(|| {
            let definitions = self.source.get("properties").and_then(Value::as_object);
            let described = definitions.into_iter().flatten().map(|(key, definition)| (key.as_str(), definition));
            let known = |key: &str| definitions.is_some_and(|definitions| definitions.contains_key(key));
            let strangers = self.required.iter().map(String::as_str).filter(|key| !known(key));
            let read = |(key, definition)| Property::read(&self.source, key, definition, self.required.contains(key));
            let mut properties: Vec<Property> =
                described.chain(strangers.map(|key| (key, &Value::Null))).map(read).collect();
            properties.sort_by(|a, b| a.key.cmp(&b.key));
            properties
        })
    }

    /// The whole, without the keys that are required.
    pub(super) fn source(&self) -> &Value {
        &self.source
    }

    /// How it defines a key.
    pub(super) fn definition(&self, key: &str) -> Option<&Value> {
        self.source.get("properties")?.get(key)
    }

    /// What it says about a key.
    pub(super) fn property(&self, key: &str) -> Option<&Property> {
        let properties = self.properties();
        properties.binary_search_by(|property| property.key.as_str().cmp(key)).ok().map(|index| &properties[index])
    }

    /// The defaults as the schema has them, where it has rules across keys; none where each key stands for itself.
    pub(super) fn defaults_for_rules(&self) -> Option<Map<String, Value>> {
        let root = self.source.as_object()?;
        if root.keys().all(|keyword| KEY_BY_KEY.contains(&keyword.as_str())) {
            return None;
        }
        let definitions = root.get("properties").and_then(Value::as_object);
        let defaults = definitions.into_iter().flatten().filter_map(|(key, definition)| {
            let default = definition.get("default").filter(|default| !default.is_null())?;
            Some((key.clone(), default.clone()))
        });
        Some(defaults.collect())
    }
}

/// The keys that a schema requires.
fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a text can be the name of an environment variable.
fn is_variable(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a schema that follows the usual draft's meta-schema is sure to compile.
fn is_simple_root(root: &Map<String, Value>) -> bool {
    root.iter().all(|(keyword, value)| match keyword.as_str() {
        "$schema" => value == USUAL_DRAFT,
        "$id" => value.as_str().is_some_and(is_simple_id),
        "properties" => value.as_object().is_some_and(|properties| properties.values().all(is_simple)),
        other => is_simple_keyword(other, value),
    })
}

fn is_simple(definition: &Value) -> bool {
    definition
        .as_object()
        .is_some_and(|definition| definition.iter().all(|(keyword, value)| is_simple_keyword(keyword, value)))
}

fn is_simple_keyword(keyword: &str, value: &Value) -> bool {
    match keyword {
        "items" => is_simple(value),
        "anyOf" => value.as_array().is_some_and(|branches| branches.iter().all(is_simple)),
        "additionalProperties" => value.is_boolean(),
        "properties" => false,
        other => SIMPLE.contains(&other),
    }
}

/// Whether an identifier is one that any parser of addresses takes.
fn is_simple_id(id: &str) -> bool {
    let rest = id.strip_prefix("https://").or_else(|| id.strip_prefix("http://")).unwrap_or(id);
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_with_a_reference_to_elsewhere_is_refused_when_read() {
        for reference in ["https://example.org/s.json", "file:///etc/passwd", "other.json", "#/$defs/none"] {
            let bad = Schema::new(json!({"type": "object", "properties": {"A": {"$ref": reference}}}));
            assert!(bad.is_err(), "{reference}");
        }
        let good = json!({"$defs": {"a": {"type": "integer"}}, "properties": {"A": {"$ref": "#/$defs/a"}}});
        assert_eq!(Schema::new(good).unwrap().property("A").unwrap().type_words(), "integer");
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_place() {
        let bad = |schema| Schema::new(schema).unwrap_err();
        assert_eq!(bad(json!({"properties": {"A": {"type": "text"}}})).path, "/properties/A/type");
        assert!(bad(json!({"properties": {"A=B": {}}})).reason.starts_with("`A=B`"));
        assert!(bad(json!({"required": [""]})).reason.starts_with("an empty text"));
        assert_eq!(bad(json!(true)).path, "");
        assert!(Schema::new(json!({"$schema": "https://example.org/mine", "type": "object"})).is_err());
        assert!(Schema::new(json!({"properties": {"A": {"pattern": "("}}})).is_err());
        assert!(Schema::new(json!({"$id": "::::", "properties": {}})).is_err());
    }

    #[test]
    fn an_ordinary_schema_is_compiled_when_first_used() {
        let schema = Schema::new(json!({
            "$schema": USUAL_DRAFT, "$id": "config.schema.json", "type": "object", "additionalProperties": true,
            "properties": {"A": {"type": "array", "items": {"type": "string"}, "default": []}}, "required": ["A"],
        }))
        .unwrap();
        assert!(schema.validator.get().is_none());
        assert!(schema.validator().is_ok());
        assert!(schema.validator.get().is_some());
    }

    #[test]
    fn references_that_fan_out_end() {
        let branches: Vec<Value> = vec![json!({"$ref": "#/$defs/a"}); 50];
        let schema = json!({"$defs": {"a": {"anyOf": branches}}, "properties": {"A": {"$ref": "#/$defs/a"}}});
        let properties = Schema::unseen(schema);
        assert_eq!(properties.property("A").unwrap().type_words(), "any value");
    }
}
