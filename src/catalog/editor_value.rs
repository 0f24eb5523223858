//! What one key of a contract takes, as YAML in a manifest: a number may be quoted, a text may look like a number, a list
//! item has no comma, a secret is sealed.

use serde_json::{Map, Value, json};

use super::{
    decimal::Decimal,
    editor_range, format,
    property::{Property, env_text},
};

/// How deep references and branches are followed.
const DEEPEST: usize = 8;
/// A number as text.
const NUMBER: &str = "^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$";
/// An ISO 8601 duration of whole numbers.
const DURATION: &str = "^P(?!$)([0-9]+W|([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)$";
/// Formats that neither a number nor a boolean follows.
const UNLIKE_NUMBERS: &[&str] = &["date", "date-time", "duration", "email", "ipv4", "ipv6", "time", "uri", "uuid"];
/// Bounds that speak about numbers, texts and lists.
const OF_NUMBERS: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const OF_TEXTS: &[&str] = &["minLength", "maxLength", "pattern", "format"];
const OF_LISTS: &[&str] = &["minItems", "maxItems", "uniqueItems"];

/// The schema of one key.
pub(super) fn key(root: &Value, property: &Property, definition: &Value) -> Value {
    let secret = json!({ "$ref": "#/$defs/Secret" });
    let mut branches = Vec::new();
    if property.secret {
        if property.default.as_deref() == Some("") {
            branches.push(json!({ "const": "" }));
        }
    } else {
        let takes_durations = property.default.as_deref().is_some_and(format::is_duration);
        branches.push(value(root, definition, takes_durations, 0));
    }
    branches.push(secret);
    let mut schema = Map::new();
    if !property.description.is_empty() {
        schema.insert("description".to_owned(), json!(property.description));
    }
    let default = definition.get("default").filter(|default| !default.is_null());
    if let Some(default) = default.filter(|_| property.default.is_some()) {
        schema.insert("default".to_owned(), default.clone());
    }
    if property.deprecated {
        schema.insert("deprecated".to_owned(), Value::Bool(true));
        schema.insert("deprecationMessage".to_owned(), json!(property.description));
    }
    schema.insert("anyOf".to_owned(), Value::Array(branches));
    Value::Object(schema)
}

/// Any single value, or a list of them.
pub(super) fn anything() -> Value {
    json!({ "anyOf": [
        { "type": ["string", "number", "boolean"] },
        { "type": "array", "items": item(json!({ "type": ["string", "number", "boolean"] })) }
    ] })
}

/// What a definition takes; `durations` is whether a moment may be given as a duration.
fn value(root: &Value, definition: &Value, durations: bool, depth: usize) -> Value {
    let Some(node) = definition.as_object().filter(|_| depth < DEEPEST) else { return anything() };
    let mut all: Vec<Value> = Vec::new();
    let reference = node.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    if let Some(target) = reference.and_then(|pointer| root.pointer(pointer)) {
        all.push(value(root, target, durations, depth + 1));
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let Some(branches) = node.get(keyword).and_then(Value::as_array) else { continue };
        let not_null = branches.iter().filter(|branch| branch.get("type").and_then(Value::as_str) != Some("null"));
        let branches: Vec<Value> = not_null.map(|branch| value(root, branch, durations, depth + 1)).collect();
        // A value that fits several branches once it is widened is no mistake.
        let keyword = if keyword == "allOf" { "allOf" } else { "anyOf" };
        if !branches.is_empty() {
            all.push(json!({ keyword: branches }));
        }
    }
    let fixed: Vec<&Value> =
        node.get("enum").and_then(Value::as_array).into_iter().flatten().chain(node.get("const")).collect();
    if !fixed.is_empty() {
        all.push(json!({ "enum": forms(fixed) }));
    }
    let types: Vec<&str> = match node.get("type") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    let branches: Vec<Value> = types
        .iter()
        .filter(|name| **name != "null")
        .flat_map(|name| of_type(root, node, name, durations, depth))
        .collect();
    match branches.len() {
        0 => {}
        1 => all.extend(branches),
        _ => all.push(json!({ "anyOf": branches })),
    }
    match all.len() {
        0 => anything(),
        1 => all.remove(0),
        _ => json!({ "allOf": all }),
    }
}

fn of_type(root: &Value, node: &Map<String, Value>, name: &str, durations: bool, depth: usize) -> Vec<Value> {
    match name {
        "boolean" => vec![json!({ "enum": [true, false, "true", "false"] })],
        "integer" | "number" => {
            let mut text = json!({ "type": "string", "pattern": NUMBER });
            let bounds = editor_range::patterns(node);
            if !bounds.is_empty() {
                text["allOf"] = Value::Array(bounds);
            }
            vec![bounded(node, json!({ "type": name }), OF_NUMBERS), text]
        }
        "array" => {
            let items = node.get("items").map_or_else(
                || json!({ "type": ["string", "number", "boolean"] }),
                |items| value(root, items, durations, depth + 1),
            );
            vec![bounded(node, json!({ "type": "array", "items": item(items) }), OF_LISTS)]
        }
        "object" => vec![json!({ "type": "string", "pattern": "^\\s*\\{" })],
        // What was not quoted and looks like a number keeps its text.
        "string" => {
            let format = node.get("format").and_then(Value::as_str);
            let unlike = format.is_some_and(|format| UNLIKE_NUMBERS.contains(&format));
            let types = if unlike { json!("string") } else { json!(["string", "number", "boolean"]) };
            let text = bounded(node, json!({ "type": types }), OF_TEXTS);
            let moment = format == Some("date-time");
            if moment && durations { vec![text, json!({ "type": "string", "pattern": DURATION })] } else { vec![text] }
        }
        _ => Vec::new(),
    }
}

/// An item of a list: connectors split lists at commas.
fn item(items: Value) -> Value {
    json!({ "allOf": [items, { "type": ["string", "number", "boolean"], "pattern": "^[^,]*$" }] })
}

fn bounded(node: &Map<String, Value>, mut schema: Value, keywords: &[&str]) -> Value {
    for keyword in keywords {
        if let Some(bound) = node.get(*keyword) {
            schema[*keyword] = bound.clone();
        }
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && format == "duration"
    {
        // Validators differ in what they take for one.
        schema["pattern"] = json!(DURATION);
    }
    schema
}

/// Fixed values, each as it may be written: a text that looks like a number or a boolean may be one, and the other way.
fn forms(fixed: Vec<&Value>) -> Vec<Value> {
    let mut forms: Vec<Value> = Vec::new();
    for value in fixed.into_iter().filter(|value| !value.is_null()) {
        let text = env_text(value).unwrap_or_default();
        let number = Decimal::parse(&text).and_then(|number| number.to_json()).map(Value::Number);
        let truth = text.parse::<bool>().ok().map(Value::Bool);
        for form in [Some(value.clone()), Some(Value::String(text)), number, truth].into_iter().flatten() {
            if !forms.contains(&form) && !form.is_object() && !form.is_array() {
                forms.push(form);
            }
        }
    }
    forms
}
