//! Writes the text of an environment variable as the typed value that a contract takes.

use serde_json::Value;

use super::scalar;
use crate::catalog::Property;

/// The longest list on one line, in characters.
const LONGEST_LINE: usize = 80;

/// The lines of `KEY: VALUE`, with a comment behind the first.
pub(super) fn lines(key: &str, property: Option<&Property>, text: &str, comment: Option<&str>) -> Vec<String> {
    let behind = comment.map(|comment| format!("  # {comment}")).unwrap_or_default();
    if property.is_some_and(Property::is_list) {
        let items = items(text);
        let written: Vec<String> = items.iter().map(|item| scalar::flow_item(item)).collect();
        let flow = scalar::flow(&written);
        if flow.chars().count() <= LONGEST_LINE {
            return vec![format!("{key}: {flow}{behind}")];
        }
        let block = items.iter().map(|item| format!("  - {}", scalar::string(item)));
        return std::iter::once(format!("{key}:{behind}")).chain(block).collect();
    }
    vec![format!("{key}: {}{behind}", single(property, text))]
}

/// The items of a list: those of a JSON list, or what stands between commas.
fn items(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.starts_with('[')
        && let Ok(Value::Array(items)) = serde_json::from_str::<Value>(text)
        && items.iter().all(|item| !item.is_array() && !item.is_object() && !item.is_null())
    {
        return items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
    }
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn single(property: Option<&Property>, text: &str) -> String {
    let Some(property) = property else { return scalar::bare(text) };
    let trimmed = text.trim();
    let texts = property.takes_texts();
    if property.takes_booleans()
        && let Some(word) = boolean(trimmed, texts)
    {
        return word.to_owned();
    }
    if property.takes_numbers() && !trimmed.is_empty() && (!texts || trimmed.parse::<f64>().is_ok()) {
        return scalar::bare(trimmed);
    }
    scalar::string(text)
}

/// What connectors take for a boolean; where a text would do as well, only what can't be meant as one.
fn boolean(text: &str, texts: bool) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "true" => Some("true"),
        "false" => Some("false"),
        "yes" | "on" | "1" | "y" | "t" if !texts => Some("true"),
        "no" | "off" | "0" | "n" | "f" if !texts => Some("false"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_lists() {
        for (text, want) in [
            ("a, b,,c", vec!["a", "b", "c"]),
            (r#"["a b", "c", 5]"#, vec!["a b", "c", "5"]),
            ("", vec![]),
            ("[a]", vec!["[a]"]),
        ] {
            assert_eq!(items(text), want, "{text}");
        }
    }

    #[test]
    fn words_for_booleans() {
        assert_eq!(boolean("True", true), Some("true"));
        assert_eq!(boolean("yes", false), Some("true"));
        assert_eq!(boolean("0", false), Some("false"));
        assert_eq!(boolean("yes", true), None);
        assert_eq!(boolean("2", false), None);
    }
}
