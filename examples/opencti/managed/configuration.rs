//! Turns what is asked for into the configuration that is kept.

use async_graphql::{Error, Result};
use serde_json::Value;

use super::{super::schema::failure, connector::Entry, types::ContractConfigInput};

/// Begins a value that is a list of texts in JSON, as older releases take all of them.
pub(in super::super) const LIST: char = '\u{1f}';
/// Variables that the platform sets itself.
const EXCLUDED: [&str; 4] = ["OPENCTI_TOKEN", "OPENCTI_URL", "CONNECTOR_TYPE", "CONNECTOR_RUN_AND_TERMINATE"];

/// The configuration of a contract: what is given, what was kept, and every default. Unknown keys are dropped.
/// Of several texts for one value, some releases keep the first alone (`first_texts`).
pub(super) fn computed(
    given: &[ContractConfigInput],
    contract: &Value,
    (kept, first_texts): (&[Entry], bool),
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
        let given = given.iter().find(|one| one.key == *key);
        let mut texts = given.map(|one| texts_of(&one.value)).unwrap_or_default();
        if first_texts && given.is_some_and(|one| one.value.starts_with(LIST)) {
            texts = texts.first().map(|first| texts_of(first)).unwrap_or_default();
        }
        let value = given.map(|one| if one.value.starts_with(LIST) { texts.join(",") } else { one.value.clone() });
        let entry = match value.as_deref().filter(|value| !value.trim().is_empty()) {
            Some(value) if is_password => {
                let value = seal(value).ok_or_else(|| unusable("the manager's public key"))?;
                Some(Entry { key: key.clone(), value, encrypted: true })
            }
            Some(value) => {
                check(key, property, value, &texts)?;
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

/// The texts of a value, which newer releases join by commas.
fn texts_of(value: &str) -> Vec<String> {
    match value.strip_prefix(LIST) {
        Some(list) => serde_json::from_str(list).unwrap_or_default(),
        None => value.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(),
    }
}

fn check(key: &str, property: &Value, value: &str, texts: &[String]) -> Result<()> {
    let fits = match property["type"].as_str() {
        Some("boolean") => matches!(value, "true" | "false"),
        Some("integer") => value.parse::<i64>().is_ok(),
        Some("number") => value.parse::<f64>().is_ok(),
        Some(_) | None => true,
    };
    let words = property["enum"].as_array().filter(|_| property["type"] == "string");
    let items = property["items"]["enum"].as_array();
    let is_item = |text: &String| items.is_none_or(|items| items.iter().any(|item| item == text));
    let fits = fits && texts.iter().all(is_item);
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
