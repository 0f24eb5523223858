//! Turns what is asked for into the configuration that is kept.

use async_graphql::{Error, Result};
use serde_json::Value;

use super::{super::schema::failure, connector::Entry, types::ContractConfigInput};

/// Variables that the platform sets itself.
const EXCLUDED: [&str; 4] = ["OPENCTI_TOKEN", "OPENCTI_URL", "CONNECTOR_TYPE", "CONNECTOR_RUN_AND_TERMINATE"];

/// The configuration of a contract: what is given, what was kept, and every default. Unknown keys are dropped.
pub(super) fn computed(
    given: &[ContractConfigInput],
    contract: &Value,
    kept: &[Entry],
    seal: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Entry>> {
    let schema = &contract["config_schema"];
    let none = serde_json::Map::new();
    let required = |key: &str| schema["required"].as_array().is_some_and(|keys| keys.iter().any(|one| one == key));
    let mut entries = Vec::new();
    for (key, property) in schema["properties"].as_object().unwrap_or(&none) {
        if EXCLUDED.contains(&key.as_str()) {
            continue;
        }
        let is_password = property["format"] == "password";
        let value = given.iter().find(|one| one.key == *key).map(|one| one.value.as_str());
        let entry = match value.filter(|value| !value.trim().is_empty()) {
            Some(value) if is_password => {
                let value = seal(value).ok_or_else(|| unusable("the manager's public key"))?;
                Some(Entry { key: key.clone(), value, encrypted: true })
            }
            Some(value) => {
                check(key, property, value)?;
                Some(Entry { key: key.clone(), value: value.to_owned(), encrypted: false })
            }
            None => {
                let kept = kept.iter().find(|entry| entry.key == *key).filter(|_| is_password).cloned();
                kept.or_else(|| {
                    let value = text(&property["default"])?;
                    Some(Entry { key: key.clone(), value, encrypted: false })
                })
            }
        };
        match entry {
            Some(entry) => entries.push(entry),
            None if required(key) => return Err(unusable(&format!("{key} is required, and"))),
            None => {}
        }
    }
    Ok(entries)
}

fn check(key: &str, property: &Value, value: &str) -> Result<()> {
    let fits = match property["type"].as_str() {
        Some("boolean") => matches!(value, "true" | "false"),
        Some("integer") => value.parse::<i64>().is_ok(),
        Some("number") => value.parse::<f64>().is_ok(),
        Some(_) | None => true,
    };
    let words = property["enum"].as_array().filter(|_| property["type"] == "string");
    let fits = fits && words.is_none_or(|words| words.iter().any(|word| word == value));
    if fits { Ok(()) } else { Err(unusable(key)) }
}

fn unusable(what: &str) -> Error {
    failure(&format!("Invalid contract configuration: {what} can't be used"), "UNSUPPORTED_ERROR", 500)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join(",")),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Some(value.to_string()),
    }
}
