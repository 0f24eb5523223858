//! Reads the fields of a foreign JSON object; what is wrong names the field, and shows no value that may be a secret.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::words;

/// A JSON object as a platform sent it.
pub(super) type Fields = Map<String, Value>;

/// A text; none where it is null or left out.
///
/// # Errors
/// Where it is something else.
pub(super) fn text<'a>(fields: &'a Fields, field: &str) -> Result<Option<&'a str>, String> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{field}` is not a text")),
    }
}

/// A text that is promised.
///
/// # Errors
/// Where it is null, left out or something else.
pub(super) fn promised<'a>(fields: &'a Fields, field: &str) -> Result<&'a str, String> {
    text(fields, field)?.ok_or_else(|| format!("`{field}` is null"))
}

/// Whether something is so; not, where it is null or left out.
///
/// # Errors
/// Where it is something else.
pub(super) fn flag(fields: &Fields, field: &str) -> Result<bool, String> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("`{field}` is neither true nor false")),
    }
}

/// The objects of a list that is promised.
///
/// # Errors
/// Where it is null, left out or something else, or one of its items is no object.
pub(super) fn objects<'a>(fields: &'a Fields, field: &str) -> Result<Vec<&'a Fields>, String> {
    let items = match fields.get(field) {
        None | Some(Value::Null) => return Err(format!("`{field}` is null")),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(format!("`{field}` is not a list")),
    };
    items.iter().map(|item| item.as_object().ok_or_else(|| format!("an item of `{field}` is no object"))).collect()
}

/// A number that is promised.
///
/// # Errors
/// Where it is null, left out or something else.
pub(super) fn number(fields: &Fields, field: &str) -> Result<f64, String> {
    match fields.get(field) {
        None | Some(Value::Null) => Err(format!("`{field}` is null")),
        Some(value) => value.as_f64().ok_or_else(|| format!("`{field}` is not a number")),
    }
}

/// An object; none where it is null or left out.
///
/// # Errors
/// Where it is something else.
pub(super) fn object<'a>(fields: &'a Fields, field: &str) -> Result<Option<&'a Fields>, String> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("`{field}` is not an object")),
    }
}

/// Reads as much as makes sense, and keeps the first thing that does not.
#[derive(Default)]
pub(super) struct Reader {
    /// What makes no sense.
    pub(super) wrong: Option<String>,
}

impl Reader {
    /// What was read, where it could be.
    pub(super) fn note<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|why| self.wrong.get_or_insert(why)).ok()
    }

    /// A time in milliseconds since the Unix epoch, where there is one that makes sense.
    pub(super) fn time(&mut self, fields: &Fields, field: &str) -> Option<i64> {
        let text = self.note(text(fields, field)).flatten()?;
        let time = text.parse::<Timestamp>().map_err(|_| format!("`{field}` is no time: `{}`", words(text, 40)));
        self.note(time).map(Timestamp::as_millisecond)
    }
}
