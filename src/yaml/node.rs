//! The tree of one YAML document.

use std::{fmt, ops::RangeInclusive};

use serde_json::{Map, Number, Value};

use crate::model::{Place, Scalar};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins; an absent value and a block scalar stand at their key.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// A key of a map and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it begins.
    pub place: Place,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or a plain `null` or `~`.
    Null,
    /// A scalar with its source text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the source; each key stands once.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The entries, if this is a map.
    pub fn entries(&self) -> Option<&[(Key, Self)]> {
        if let Kind::Map(entries) = &self.kind { Some(entries) } else { None }
    }

    /// The items, if this is a list.
    pub fn items(&self) -> Option<&[Self]> {
        if let Kind::List(items) = &self.kind { Some(items) } else { None }
    }

    /// The scalar, if this is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        if let Kind::Scalar(scalar) = &self.kind { Some(scalar) } else { None }
    }

    /// The value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(candidate, _)| candidate.text == key).map(|(_, value)| value)
    }

    /// The first and the last line on which a key or value of it begins.
    pub fn lines(&self) -> RangeInclusive<u32> {
        let own = self.place.line..=self.place.line;
        let join = |a: RangeInclusive<u32>, b: RangeInclusive<u32>| *a.start().min(b.start())..=*a.end().max(b.end());
        match &self.kind {
            Kind::Null | Kind::Scalar(_) => own,
            Kind::List(items) => items.iter().map(Self::lines).fold(own, join),
            Kind::Map(entries) => entries
                .iter()
                .map(|(_, value)| value.lines())
                .fold(entries.iter().fold(own, |lines, (key, _)| join(lines, key.place.line..=key.place.line)), join),
        }
    }

    /// The number of values and keys, this one included.
    pub fn count(&self) -> usize {
        match &self.kind {
            Kind::Null | Kind::Scalar(_) => 1,
            Kind::List(items) => items.iter().map(Self::count).sum::<usize>() + 1,
            Kind::Map(entries) => entries.iter().map(|(_, value)| value.count() + 1).sum::<usize>() + 1,
        }
    }

    /// The word for what this is, with its article, for messages.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "empty",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Scalar(scalar) => match Core::of(scalar) {
                Core::Text => "a text",
                Core::Boolean(_) => "a boolean",
                Core::Integer(_) | Core::Float(_) => "a number",
            },
        }
    }

    /// The same value as JSON, scalars typed by the core schema of YAML 1.2; a number that JSON can't hold is a text.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(entries) => Value::Object(
                entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect::<Map<_, _>>(),
            ),
            Kind::Scalar(scalar) => match Core::of(scalar) {
                Core::Boolean(value) => Value::Bool(value),
                Core::Integer(value) => u64::try_from(value)
                    .map(Number::from)
                    .or_else(|_| i64::try_from(value).map(Number::from))
                    .map_or_else(|_| Value::String(scalar.text.clone()), Value::Number),
                Core::Float(value) => {
                    Number::from_f64(value).map_or_else(|| Value::String(scalar.text.clone()), Value::Number)
                }
                Core::Text => Value::String(scalar.text.clone()),
            },
        }
    }
}

/// What a scalar is by the core schema (YAML 1.2.2, section 10.3.2).
#[derive(Clone, Copy, PartialEq)]
pub enum Core {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// Everything else, and whatever is quoted.
    Text,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean(_) => "Boolean",
            Self::Integer(_) => "Integer",
            Self::Float(_) => "Float",
            Self::Text => "Text",
        })
    }
}

impl Core {
    /// The type of a scalar that is not null.
    pub fn of(scalar: &Scalar) -> Self {
        if scalar.quoted {
            return Self::Text;
        }
        match scalar.text.as_str() {
            "true" | "True" | "TRUE" => Self::Boolean(true),
            "false" | "False" | "FALSE" => Self::Boolean(false),
            text => integer(text).map(Self::Integer).or_else(|| float(text).map(Self::Float)).unwrap_or(Self::Text),
        }
    }
}

/// Whether a plain scalar is null by the core schema.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether a plain scalar was a boolean in YAML 1.1, so that other tools read it otherwise.
pub fn is_old_boolean(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn integer(text: &str) -> Option<i128> {
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |c| c.is_ascii_hexdigit()).and_then(|digits| i128::from_str_radix(digits, 16).ok());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| c.is_digit(8)).and_then(|digits| i128::from_str_radix(digits, 8).ok());
    }
    all(text.strip_prefix(['-', '+']).unwrap_or(text), |c| c.is_ascii_digit())?;
    text.parse().ok()
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let shape = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    let starts = unsigned.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    (starts && unsigned.chars().all(shape)).then(|| text.parse().ok()).flatten()
}

fn all(digits: &str, allowed: impl Fn(char) -> bool) -> Option<&str> {
    (!digits.is_empty() && digits.chars().all(allowed)).then_some(digits)
}
