//! One key of a contract's configuration, read out of its schema.

use jsonschema::{JsonType, JsonTypeSet};
use serde_json::{Map, Value};

use super::decimal::Decimal;
use crate::model::{is_owned_env, looks_secret};

/// How deep references and branches are followed to learn what a key takes.
const DEEPEST: usize = 8;
/// How many definitions are looked at for one key; references that fan out end here.
const MOST: usize = 256;

/// One key of a contract's configuration.
#[derive(Debug)]
pub struct Property {
    /// The key: an environment variable's name.
    pub key: String,
    /// Whether the schema requires it, whatever its default.
    pub required: bool,
    /// Its default as the connector's environment holds it; none where there is none, or only a mask.
    pub default: Option<String>,
    /// The values it may have; those of its items for a list.
    pub choices: Vec<String>,
    /// The format of its text, such as `uri`.
    pub format: Option<String>,
    /// Whether its value is a secret: by its schema or by its name.
    pub secret: bool,
    /// Whether the contract calls it deprecated.
    pub deprecated: bool,
    /// What it is for.
    pub description: String,
    /// Whether Lockstep owns an environment variable of this name in every container.
    pub(super) owned: bool,
    /// The types it takes; none means any.
    pub(super) types: JsonTypeSet,
    /// The types its items take; none means any.
    pub(super) items: JsonTypeSet,
}

impl Property {
    /// Reads a key's definition; `root` is the schema that local references point into.
    pub(super) fn read(root: &Value, key: &str, definition: &Value, required: bool) -> Self {
        let mut facts = Facts::default();
        facts.gather(root, definition, 0);
        let secret = facts.secret || (looks_secret(key) && !is_only(facts.types, JsonType::Boolean));
        let default = facts.default.and_then(env_text).filter(|text| !is_mask(text));
        Self {
            key: key.to_owned(),
            required,
            default,
            choices: facts.choices,
            format: facts.format,
            secret,
            deprecated: facts.deprecated,
            description: facts.description,
            owned: is_owned_env(key),
            types: facts.types,
            items: facts.items,
        }
    }

    /// Whether it takes `true` and `false`.
    pub fn takes_booleans(&self) -> bool {
        self.takes(JsonType::Boolean)
    }

    /// Whether it takes numbers.
    pub fn takes_numbers(&self) -> bool {
        self.takes(JsonType::Integer) || self.takes(JsonType::Number)
    }

    /// Whether it takes texts.
    pub fn takes_texts(&self) -> bool {
        self.takes(JsonType::String)
    }

    /// Whether it takes values of a type.
    pub(super) fn takes(&self, kind: JsonType) -> bool {
        self.types.is_empty() || self.types.contains(kind)
    }

    /// Whether it takes lists and nothing written as a single value.
    pub fn is_list(&self) -> bool {
        is_only(self.types, JsonType::Array)
    }

    /// The types it takes, in words: `integer`, `list of strings`, `string or list of strings`.
    pub fn type_words(&self) -> String {
        let word = |kind: JsonType| match kind {
            JsonType::Array if self.items.is_empty() => "list".to_owned(),
            JsonType::Array => format!("list of {}s", words(self.items, |kind| kind.to_string(), "s or ")),
            JsonType::Boolean
            | JsonType::Integer
            | JsonType::Null
            | JsonType::Number
            | JsonType::Object
            | JsonType::String => kind.to_string(),
        };
        if self.types.is_empty() { "any value".to_owned() } else { words(self.types, word, " or ") }
    }
}

/// The types but `null`, joined.
fn words(types: JsonTypeSet, word: impl Fn(JsonType) -> String, joint: &str) -> String {
    let words: Vec<String> = types.into_iter().filter(|&kind| kind != JsonType::Null).map(word).collect();
    words.join(joint)
}

/// Whether a set has one type and no other but `null`.
fn is_only(types: JsonTypeSet, only: JsonType) -> bool {
    types.contains(only) && types.into_iter().all(|kind| kind == only || kind == JsonType::Null)
}

/// The value as a connector's environment holds it; none for null.
pub(super) fn env_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(Decimal::parse(&text).map_or(text, |number| number.plain()))
        }
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(env_text).collect::<Vec<_>>().join(",")),
        Value::Object(_) => Some(value.to_string()),
    }
}

/// Whether a default only hides one; catalogs hold `**********` where a secret's real default was.
fn is_mask(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|byte| byte == b'*')
}

/// What a definition says about a key, over references and branches.
#[derive(Default)]
struct Facts<'a> {
    types: JsonTypeSet,
    items: JsonTypeSet,
    default: Option<&'a Value>,
    choices: Vec<String>,
    format: Option<String>,
    secret: bool,
    deprecated: bool,
    description: String,
    looked_at: usize,
}

impl<'a> Facts<'a> {
    fn gather(&mut self, root: &'a Value, node: &'a Value, depth: usize) {
        let Some(node) = node.as_object().filter(|_| depth < DEEPEST && self.looked_at < MOST) else { return };
        self.looked_at += 1;
        let text = |key: &str| node.get(key).and_then(Value::as_str);
        let flag = |key: &str| node.get(key).and_then(Value::as_bool).unwrap_or(false);
        self.default = self.default.or_else(|| node.get("default"));
        self.secret |= text("format") == Some("password") || flag("writeOnly");
        self.deprecated |= flag("deprecated");
        if self.description.is_empty() {
            self.description = text("description").unwrap_or_default().trim().to_owned();
        }
        if self.format.is_none() {
            self.format = text("format").map(str::to_owned);
        }
        if self.choices.is_empty() {
            self.choices = choices(node);
        }
        let types = own_types(node);
        for kind in types {
            self.types = self.types.insert(kind);
        }
        if let Some(items) = node.get("items") {
            let mut of_items = Facts { looked_at: self.looked_at, ..Facts::default() };
            of_items.gather(root, items, depth + 1);
            self.looked_at = of_items.looked_at;
            self.items = if self.items.is_empty() { of_items.types } else { self.items };
            self.secret |= of_items.secret;
            if self.choices.is_empty() {
                self.choices = of_items.choices;
            }
        }
        let reference = text("$ref").and_then(|reference| reference.strip_prefix('#'));
        if let Some(target) = reference.and_then(|pointer| root.pointer(pointer)) {
            self.gather(root, target, depth + 1);
        }
        for branch in ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| node.get(*keyword)) {
            for branch in branch.as_array().into_iter().flatten() {
                self.gather(root, branch, depth + 1);
            }
        }
    }
}

/// The types that a node itself names, or that its fixed values have.
fn own_types(node: &Map<String, Value>) -> JsonTypeSet {
    let mut types = JsonTypeSet::empty();
    let named = match node.get("type") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    };
    for kind in named.into_iter().filter_map(|word| word.parse::<JsonType>().ok()) {
        types = types.insert(kind);
    }
    if types.is_empty() {
        for value in fixed(node) {
            types = types.insert(match value {
                Value::Null => JsonType::Null,
                Value::Bool(_) => JsonType::Boolean,
                Value::Number(number) if number.is_f64() => JsonType::Number,
                Value::Number(_) => JsonType::Integer,
                Value::String(_) => JsonType::String,
                Value::Array(_) => JsonType::Array,
                Value::Object(_) => JsonType::Object,
            });
        }
    }
    types
}

/// The values that `enum` or `const` allow.
fn fixed(node: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    node.get("enum").and_then(Value::as_array).into_iter().flatten().chain(node.get("const"))
}

fn choices(node: &Map<String, Value>) -> Vec<String> {
    fixed(node).filter_map(env_text).collect()
}
