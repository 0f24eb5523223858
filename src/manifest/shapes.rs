//! Parts of a container that can be written in more than one shape: environment, hosts, limits, health checks.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    config::{bad_key, plaintext},
    field::{Read, document},
};
use crate::{
    model::{Code, Finding, HealthcheckTest, Sealed, Ulimit, is_owned_env, looks_secret},
    yaml::{Core, Kind, Node, Path},
};

/// `container.env`.
#[derive(Debug, Clone)]
pub(super) struct Environment(pub(super) BTreeMap<String, String>);

impl JsonSchema for Environment {
    fn schema_name() -> Cow<'static, str> {
        "Environment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Environment variables by name.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": { "type": ["string", "number", "boolean"] }
        })
    }
}

impl Read for Environment {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let mut variables = BTreeMap::new();
        for (key, value) in node.entries()? {
            let name = key.text.as_str();
            let inner = Path::Field(path, name);
            let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !starts || name.len() > 256 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                findings.push(bad_key(key, path, "use letters, digits and `_`, and start with no digit"));
                continue;
            }
            if is_owned_env(name) {
                let message = format!("`{inner}` is set by Lockstep");
                let finding = Finding::error(Code::ReservedKey, key.place.clone(), message);
                findings.push(finding.with_help(owned_help(name)));
                continue;
            }
            let Some(scalar) = value.scalar() else { continue };
            if Sealed::recognise(&scalar.text).is_some() {
                let message = format!("`{inner}` is a sealed value, must be a text in clear");
                let finding = Finding::error(Code::WrongType, value.place.clone(), message);
                findings.push(finding.with_help("give secrets in `spec.config`"));
            } else if looks_secret(name) && !scalar.text.is_empty() && Core::of(scalar) == Core::Text {
                findings.push(plaintext(&value.place, &format!("`{inner}`")));
            } else {
                variables.insert(name.to_owned(), scalar.text.clone());
            }
        }
        Some(Self(variables))
    }
}

/// Which field to use instead of a variable that Lockstep owns.
fn owned_help(name: &str) -> &'static str {
    match name.to_ascii_uppercase().as_str() {
        "CONNECTOR_ID" | "COLLECTOR_ID" | "INJECTOR_ID" | "EXECUTOR_ID" => "use `spec.id`",
        "OPENCTI_TOKEN" | "OPENAEV_TOKEN" => "use `spec.token`, or `connectorToken` of the platform in the settings",
        "OPENCTI_URL" | "OPENAEV_URL" => "use `connectorUrl` of the platform in the settings",
        "CONNECTOR_TYPE" => "remove it: the contract says what kind of connector it is",
        "HTTP_PROXY" | "HTTPS_PROXY" | "NO_PROXY" | "ALL_PROXY" | "FTP_PROXY" => {
            "use `proxy` of the platform in the settings"
        }
        _ => "remove it: only the operator may change how a connector loads code and trusts servers",
    }
}

/// `container.extraHosts`, as a map or a list.
#[derive(Debug, Clone)]
pub(super) struct ExtraHosts(pub(super) Vec<(String, IpAddr)>);

impl JsonSchema for ExtraHosts {
    fn schema_name() -> Cow<'static, str> {
        "ExtraHosts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Names and addresses.",
            "anyOf": [
                { "type": "object", "additionalProperties": { "type": "string", "examples": ["10.0.0.5"] } },
                { "type": "array", "items": { "type": "string", "examples": ["misp.example.org:10.0.0.5"] } }
            ]
        })
    }
}

impl Read for ExtraHosts {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let mut hosts = Vec::new();
        let mut add = |name: &str, address: &str, node: &Node, path: &Path<'_>| {
            let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
            match address.parse() {
                Ok(address) if is_host_name(name) => hosts.push((name.to_owned(), address)),
                Ok(_) | Err(_) => {
                    let message = format!("`{path}` is no name with an IP address");
                    let finding = Finding::error(Code::BadFormat, node.place.clone(), message);
                    findings.push(finding.with_help("write it like `misp.example.org: 10.0.0.5`"));
                }
            }
        };
        match &node.kind {
            Kind::Null | Kind::Scalar(_) => return None,
            Kind::Map(entries) => {
                for (key, value) in entries {
                    let Some(address) = value.scalar() else { continue };
                    add(&key.text, &address.text, value, &Path::Field(path, &key.text));
                }
            }
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let Some(line) = item.scalar() else { continue };
                    let (name, address) = line.text.split_once([':', '=']).unwrap_or((&line.text, ""));
                    add(name, address, item, &Path::Item(path, index));
                }
            }
        }
        Some(Self(hosts))
    }
}

fn is_host_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

document! {
    /// A kernel limit as a map.
    UlimitMap {
        /// What a process starts with; -1 is unlimited.
        #[schemars(range(min = -1))]
        "soft" soft: i64,
        /// How far it may raise it; -1 is unlimited.
        #[schemars(range(min = -1))]
        "hard" hard: i64,
    }
}

/// `container.ulimits`.
#[derive(Debug, Clone)]
pub(super) struct Ulimits(pub(super) BTreeMap<String, Ulimit>);

impl JsonSchema for Ulimits {
    fn schema_name() -> Cow<'static, str> {
        "Ulimits".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<UlimitMap>();
        json_schema!({
            "description": "Kernel limits by name.",
            "type": "object",
            "propertyNames": { "enum": ULIMITS },
            "additionalProperties": { "anyOf": [{ "type": "integer", "minimum": -1 }, map] }
        })
    }
}

/// The limits that engines know (Docker Engine, `opts/ulimit.go`).
const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

impl Read for Ulimits {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        let mut limits = BTreeMap::new();
        for (key, value) in node.entries()? {
            let inner = Path::Field(path, &key.text);
            if !ULIMITS.contains(&key.text.as_str()) {
                findings.push(bad_key(key, path, "use a limit of the kernel such as `nofile`, `nproc` or `memlock`"));
                continue;
            }
            let limit = match &value.kind {
                Kind::Map(_) => {
                    let map = UlimitMap::read(value, &inner, findings)?;
                    map.soft.get().zip(map.hard.get()).map(|(&soft, &hard)| Ulimit { soft, hard })
                }
                Kind::Null | Kind::Scalar(_) | Kind::List(_) => {
                    i64::read(value, &inner, findings).map(|both| Ulimit { soft: both, hard: both })
                }
            };
            let lacks = value.entries().is_some() && (value.get("soft").is_none() || value.get("hard").is_none());
            if lacks {
                let message = format!("`{inner}` must have both `soft` and `hard`");
                let finding = Finding::error(Code::MissingField, value.place.clone(), message);
                findings.push(finding.with_help("write both, or one number for both"));
            }
            let Some(limit) = limit else { continue };
            if limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard) {
                let message = format!("`{inner}` has a soft limit above its hard limit");
                let finding = Finding::error(Code::OutOfRange, value.place.clone(), message);
                findings.push(finding.with_help("raise `hard`, or lower `soft`"));
            }
            limits.insert(key.text.clone(), limit);
        }
        Some(Self(limits))
    }
}

/// `healthcheck.test`: a line for the shell, or a program and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Test(pub(super) HealthcheckTest);

impl JsonSchema for Test {
    fn schema_name() -> Cow<'static, str> {
        "HealthcheckTest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A line for the container's shell, or a program and its arguments.",
            "anyOf": [
                { "type": "string", "minLength": 1, "examples": ["curl -f http://localhost:8080/health"] },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 }
            ]
        })
    }
}

impl Read for Test {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        if let Some(line) = node.scalar() {
            return Some(Self(HealthcheckTest::Shell(line.text.clone())));
        }
        let words = node.items()?.iter().map(|item| item.scalar().map(|word| word.text.clone()));
        let mut words: Vec<String> = words.collect::<Option<_>>()?;
        // Compose files name the form in the first item; the words have one meaning only, so they are understood.
        let first = words.first()?.clone();
        let test = match (first.as_str(), words.len()) {
            ("NONE", 1) => HealthcheckTest::Disabled,
            ("CMD", 2..) => {
                words.remove(0);
                HealthcheckTest::Command(words)
            }
            ("CMD-SHELL", 2) => HealthcheckTest::Shell(words.remove(1)),
            ("NONE" | "CMD" | "CMD-SHELL", _) => {
                let message = format!("`{path}` has the wrong number of items after its first");
                let finding = Finding::error(Code::BadFormat, node.place.clone(), message);
                findings
                    .push(finding.with_help("write a text for the shell, or a list of a program and its arguments"));
                return None;
            }
            _ => HealthcheckTest::Command(words),
        };
        Some(Self(test))
    }
}
