//! Finds what must not stand in the settings: secrets in clear, and variables that somebody expects to be replaced.

use crate::{
    model::{Code, Finding, Scalar},
    yaml::{Kind, Node},
};

/// The fields that hold secrets, wherever they are.
const SECRET_FIELDS: [&str; 3] = ["token", "connectorToken", "password"];

/// Every secret in clear and every `${VAR}`, one finding a value.
pub(super) fn find(node: &Node, findings: &mut Vec<Finding>) {
    match &node.kind {
        Kind::Null => {}
        Kind::Scalar(scalar) => findings.extend(variable(node, scalar)),
        Kind::List(items) => items.iter().for_each(|item| find(item, findings)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                match value.scalar() {
                    Some(scalar) if SECRET_FIELDS.contains(&key.text.as_str()) => {
                        findings.push(variable(value, scalar).unwrap_or_else(|| {
                            let message = format!("`{}` is a secret written in clear", key.text);
                            Finding::error(Code::PlaintextSecret, value.place.clone(), message).with_help(
                                "write `{file: PATH}` or `{env: NAME}`, and change the secret if it was shared",
                            )
                        }));
                    }
                    Some(_) | None => find(value, findings),
                }
            }
        }
    }
}

fn variable(node: &Node, scalar: &Scalar) -> Option<Finding> {
    let (_, after) = scalar.text.split_once("${")?;
    let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_variable(name));
    let help = match name {
        Some(name) => format!("a secret is written `{{env: {name}}}` or `{{file: PATH}}`; write anything else out"),
        None => "a secret is written `{env: NAME}` or `{file: PATH}`; write anything else out".to_owned(),
    };
    let message = "variables (`${…}`) are not replaced in the settings";
    Some(Finding::error(Code::BadFormat, node.place.clone(), message).with_help(help))
}

fn is_variable(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
