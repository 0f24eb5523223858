//! Configuration values and secrets as a manifest writes them.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::field::Read;
use crate::{
    model::{Code, ConfigValue, Finding, Place, Placed, Scalar, Sealed, SecretValue},
    yaml::{Key, Kind, Node, Path, shown},
};

/// The last line of every armored age file.
const FOOTER: &str = "-----END AGE ENCRYPTED FILE-----";

/// `spec.config`: values by key, and where the keys stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Config {
    /// The values.
    pub(super) values: BTreeMap<String, Placed<ConfigValue>>,
    /// The places of the keys.
    pub(super) keys: BTreeMap<String, Place>,
}

impl JsonSchema for Config {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Config".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<Secret>();
        json_schema!({
            "description": "Values by the keys of the contract's schema.",
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    { "type": ["string", "number", "boolean"] },
                    { "type": "array", "items": { "type": ["string", "number", "boolean"] } },
                    secret,
                ]
            }
        })
    }
}

impl Read for Config {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let mut config = Self::default();
        for (key, value) in node.entries()? {
            config.keys.insert(key.text.clone(), key.place.clone());
            let path = Path::Field(path, &key.text);
            if let Some(read) = config_value(value, &path, findings) {
                config.values.insert(key.text.clone(), Placed::new(read, value.place.clone()));
            }
        }
        Some(config)
    }
}

fn config_value(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<ConfigValue> {
    match &node.kind {
        Kind::Null => {
            let message = format!("`{path}` is empty");
            let finding = Finding::error(Code::WrongType, node.place.clone(), message);
            findings.push(finding.with_help("leave the key out to get the contract's default, or give it a value"));
            None
        }
        Kind::Scalar(scalar) => match sealed(scalar, node, path, findings) {
            Armor::None => Some(ConfigValue::Scalar(scalar.clone())),
            Armor::Broken => None,
            Armor::Whole(value) => Some(ConfigValue::Secret(SecretValue::Sealed(value))),
        },
        Kind::List(items) => {
            let mut read = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let help = match &item.kind {
                    Kind::Scalar(scalar) if Sealed::recognise(&scalar.text).is_none() => {
                        read.push(Placed::new(scalar.clone(), item.place.clone()));
                        continue;
                    }
                    Kind::Scalar(_) => "seal the whole list as one text with commas",
                    Kind::Null | Kind::List(_) | Kind::Map(_) => "a list holds texts, numbers and booleans",
                };
                let message = format!("`{}` can't be an item of a list", Path::Item(path, index));
                findings.push(Finding::error(Code::WrongType, item.place.clone(), message).with_help(help));
            }
            (read.len() == items.len()).then_some(ConfigValue::List(read))
        }
        Kind::Map(entries) if entries.iter().any(|(key, _)| key.text == "fromSecret") => {
            from_secret(node, path, findings).map(ConfigValue::Secret)
        }
        Kind::Map(_) => {
            let message = format!("`{path}` is a map, must be a text, a number, a boolean or a list");
            let finding = Finding::error(Code::WrongType, node.place.clone(), message);
            findings.push(finding.with_help("write one value; a secret is `{fromSecret: FILE, key: NAME}`"));
            None
        }
    }
}

/// Whether a scalar is an armored age file.
enum Armor {
    None,
    Whole(Sealed),
    /// It begins as one and can't be opened; a finding says why.
    Broken,
}

fn sealed(scalar: &Scalar, node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Armor {
    let Some(value) = Sealed::recognise(&scalar.text) else { return Armor::None };
    let (message, help) = if !scalar.quoted || !value.armored().contains('\n') {
        ("has lost the line breaks of its armor", "write the sealed value as a block after `|`")
    } else if value.armored().ends_with(FOOTER) {
        return Armor::Whole(value);
    } else {
        ("is cut off: the last line of its armor is missing", "seal the value again with `lockstep secret seal`")
    };
    let message = format!("the sealed value of `{path}` {message}");
    findings.push(Finding::error(Code::BadSecret, node.place.clone(), message).with_help(help));
    Armor::Broken
}

/// Reads `{fromSecret: FILE, key: NAME}`.
fn from_secret(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<SecretValue> {
    let before = findings.len();
    for (key, _) in node.entries()? {
        if !matches!(key.text.as_str(), "fromSecret" | "key") {
            let message = format!("there is no field `{}`", Path::Field(path, &key.text));
            let finding = Finding::error(Code::UnknownField, key.place.clone(), message);
            findings.push(finding.with_help("the fields here are `fromSecret`, `key`"));
        }
    }
    let file = node.get("fromSecret").and_then(|file| text(file, &Path::Field(path, "fromSecret"), findings));
    if let Some((file, place)) = &file
        && !is_relative(file)
    {
        let message = format!("`{path}.fromSecret` is no path below the root of the source");
        let finding = Finding::error(Code::BadFormat, (*place).clone(), message);
        findings.push(finding.with_help("write it like `secrets/misp.age`, without `..` and without a leading `/`"));
    }
    let key = match node.get("key") {
        Some(key) => text(key, &Path::Field(path, "key"), findings),
        None => {
            let message = format!("`{path}` lacks `key`");
            let finding = Finding::error(Code::MissingField, node.place.clone(), message);
            findings.push(finding.with_help("add `key`: the name of the value in the encrypted file"));
            None
        }
    };
    let ((file, _), (key, _)) = (file?, key?);
    (findings.len() == before).then_some(SecretValue::FromSecret { file, key })
}

fn text<'a>(node: &'a Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<(String, &'a Place)> {
    match node.scalar() {
        Some(scalar) if !scalar.text.is_empty() => Some((scalar.text.clone(), &node.place)),
        Some(_) | None => {
            let message = format!("`{path}` must be a text");
            findings.push(Finding::error(Code::WrongType, node.place.clone(), message).with_help("write a text"));
            None
        }
    }
}

fn is_relative(path: &str) -> bool {
    path.len() <= 4096
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// A secret where nothing in clear is allowed.
#[derive(Debug, Clone)]
pub(super) struct Secret(pub(super) SecretValue);

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A secret: a text that is an armored age file, or a key of an encrypted file of the source.",
            "anyOf": [
                { "type": "string", "pattern": "^\\s*-----BEGIN AGE ENCRYPTED FILE-----" },
                {
                    "type": "object",
                    "properties": {
                        "fromSecret": {
                            "description": "The encrypted file, relative to the root of the source.",
                            "type": "string",
                            "examples": ["secrets/misp.age"]
                        },
                        "key": { "description": "The name of the value in it.", "type": "string" }
                    },
                    "required": ["fromSecret", "key"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

impl Read for Secret {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        match config_value(node, path, findings)? {
            ConfigValue::Secret(secret) => Some(Self(secret)),
            ConfigValue::Scalar(_) => {
                findings.push(plaintext(&node.place, &format!("`{path}`")));
                None
            }
            ConfigValue::List(_) => {
                let message = format!("`{path}` is a list, must be a sealed value");
                let finding = Finding::error(Code::WrongType, node.place.clone(), message);
                findings.push(finding.with_help("seal it with `lockstep secret seal`"));
                None
            }
        }
    }
}

/// What is said about a secret in clear.
pub(super) fn plaintext(place: &Place, subject: &str) -> Finding {
    Finding::error(Code::PlaintextSecret, place.clone(), format!("{subject} is a secret written in clear"))
        .with_help("seal it with `lockstep secret seal`, and change it where it was used: it is in the history now")
}

/// What is said about a key that does not follow its rule.
pub(super) fn bad_key(key: &Key, path: &Path<'_>, help: &str) -> Finding {
    let message = format!("`{}` can't be a key of `{path}`", shown(&key.text));
    Finding::error(Code::BadFormat, key.place.clone(), message).with_help(help)
}
