//! Turns the text of a manifest into the typed value that a schema judges, and into what connectors read.

use jsonschema::JsonType;
use serde_json::Value;

use crate::{
    catalog::{decimal::Decimal, property::Property, quote},
    model::{Code, Finding, Place, Placed, Scalar},
};

/// A value as the schema sees it and as the connector reads it.
pub(super) struct Coerced {
    pub(super) json: Value,
    /// None for a null, which leaves the key out of the environment.
    pub(super) text: Option<String>,
    /// What is already wrong with items of a list, so that nothing else is said about them.
    pub(super) bad_items: Vec<(usize, Finding)>,
}

/// Reads a single value as one of the types that a key takes.
pub(super) fn scalar(property: &Property, scalar: &Scalar, place: &Place) -> Result<Coerced, Finding> {
    if is_null(scalar) {
        if property.types.contains(JsonType::Null) {
            return Ok(Coerced { json: Value::Null, text: None, bad_items: Vec::new() });
        }
        return Err(no_value(&property.key, place));
    }
    let wrong = || wrong_type(property, &format!("not {}", quote::quoted(&scalar.text)), place);
    let (json, text) = typed(scalar, |kind| property.takes(kind)).ok_or_else(wrong)?;
    refuse_nul(&property.key, &text, place)?;
    Ok(Coerced { json, text: Some(text), bad_items: Vec::new() })
}

/// Reads a list; its items are joined by commas, so they can't hold one.
pub(super) fn list(property: &Property, items: &[Placed<Scalar>], place: &Place) -> Result<Coerced, Finding> {
    if !property.takes(JsonType::Array) {
        return Err(wrong_type(property, "not a list", place));
    }
    let takes = |kind| property.items.is_empty() || property.items.contains(kind);
    let mut bad_items = Vec::new();
    let mut values = Vec::with_capacity(items.len());
    let mut texts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let label = label(&property.key, Some(index));
        let read = || if is_null(&item.value) { None } else { typed(&item.value, takes) };
        let wrong = || {
            let shown = quote::quoted(&item.value.text);
            let message = format!("{label} can't be {shown}; `{}` takes {}", property.key, property.type_words());
            Finding::error(Code::WrongType, item.place.clone(), message).with_help("change the item or take it out")
        };
        match fits_in_a_list(&label, &item.value.text, &item.place).and_then(|()| read().ok_or_else(wrong)) {
            Ok((json, text)) => {
                values.push(json);
                texts.push(text);
            }
            Err(finding) => {
                values.push(Value::Null);
                bad_items.push((index, finding));
            }
        }
    }
    Ok(Coerced { json: Value::Array(values), text: Some(texts.join(",")), bad_items })
}

/// Reads a single value of a key about which nothing is known.
pub(super) fn text(key: &str, scalar: &Scalar, place: &Place) -> Result<String, Vec<Finding>> {
    if is_null(scalar) {
        return Err(vec![no_value(key, place)]);
    }
    refuse_nul(key, &scalar.text, place).map_err(|finding| vec![finding])?;
    Ok(scalar.text.clone())
}

/// Reads a list of a key about which nothing is known.
pub(super) fn texts(key: &str, items: &[Placed<Scalar>]) -> Result<String, Vec<Finding>> {
    let bad = items.iter().enumerate().filter_map(|(index, item)| {
        let label = label(key, Some(index));
        if is_null(&item.value) {
            return Some(no_value(&label, &item.place));
        }
        fits_in_a_list(&label, &item.value.text, &item.place).err()
    });
    let bad: Vec<Finding> = bad.collect();
    if !bad.is_empty() {
        return Err(bad);
    }
    Ok(items.iter().map(|item| item.value.text.as_str()).collect::<Vec<_>>().join(","))
}

/// What messages call a key, or an item of its list.
pub(super) fn label(key: &str, item: Option<usize>) -> String {
    match item {
        Some(index) => format!("item {} of {}", index + 1, quote::quoted(key)),
        None => quote::quoted(key),
    }
}

/// Whether a scalar is YAML's null: nothing, `~` or `null`, not quoted.
pub(super) fn is_null(scalar: &Scalar) -> bool {
    !scalar.quoted && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
}

/// Reads a text as the first type that fits: what was quoted is a string before anything else.
///
/// Where a string would do as well, the connector reads the text as it was written.
fn typed(scalar: &Scalar, takes: impl Fn(JsonType) -> bool) -> Option<(Value, String)> {
    let text = scalar.text.as_str();
    let string = takes(JsonType::String);
    let as_string = || string.then(|| (Value::from(text), text.to_owned()));
    let as_boolean = || match text {
        "true" | "false" if takes(JsonType::Boolean) => Some((Value::from(text == "true"), text.to_owned())),
        _ => None,
    };
    let as_number = || {
        if !takes(JsonType::Integer) && !takes(JsonType::Number) {
            return None;
        }
        let number = Decimal::parse(text)?;
        let json = number.to_json().filter(|_| takes(JsonType::Number) || number.is_integer())?;
        Some((Value::Number(json), if string { text.to_owned() } else { number.plain() }))
    };
    let as_object = || {
        let object = takes(JsonType::Object).then(|| serde_json::from_str::<Value>(text).ok()).flatten();
        object.filter(Value::is_object).map(|object| (object, text.to_owned()))
    };
    if scalar.quoted && string {
        as_string()
    } else {
        as_boolean().or_else(as_number).or_else(as_string).or_else(as_object)
    }
}

fn fits_in_a_list(label: &str, text: &str, place: &Place) -> Result<(), Finding> {
    if text.contains(',') {
        let message = format!("{label} has a comma in it, and connectors split lists at commas");
        return Err(Finding::error(Code::CommaInItem, place.clone(), message)
            .with_help("write each part as an item of its own"));
    }
    if text.contains('\0') {
        return Err(nul(label, place));
    }
    Ok(())
}

fn refuse_nul(key: &str, text: &str, place: &Place) -> Result<(), Finding> {
    if text.contains('\0') { Err(nul(&quote::quoted(key), place)) } else { Ok(()) }
}

fn nul(label: &str, place: &Place) -> Finding {
    let message = format!("{label} has a NUL character in it, and no environment variable can");
    Finding::error(Code::BadFormat, place.clone(), message).with_help("take the NUL character out")
}

fn no_value(key: &str, place: &Place) -> Finding {
    let key = if key.contains('`') { key.to_owned() } else { quote::quoted(key) };
    Finding::error(Code::WrongType, place.clone(), format!("{key} has no value"))
        .with_help("leave the key out for its default, or write `\"\"` for an empty text")
}

/// The finding for a value of a type that a key does not take.
fn wrong_type(property: &Property, but: &str, place: &Place) -> Finding {
    let words = property.type_words();
    let article = if words.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    let message = format!("{} must be {article} {words}, {but}", quote::quoted(&property.key));
    let help = if property.is_list() {
        "write a list, such as `[one, two]`"
    } else if property.takes(JsonType::Boolean) {
        "write `true` or `false`"
    } else if property.takes(JsonType::Integer) {
        "write a whole number such as `5`"
    } else if property.takes(JsonType::Number) {
        "write a decimal number such as `0.5`"
    } else if property.takes(JsonType::String) {
        "write a single value"
    } else {
        "`lockstep catalog show` tells what each key takes"
    };
    Finding::error(Code::WrongType, place.clone(), message).with_help(help)
}
