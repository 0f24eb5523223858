//! Writes YAML that every parser reads alike: texts in double quotes, maps in the order given.

use std::fmt::Write as _;

use crate::model::is_hidden;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Yaml {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A truth value.
    Flag(bool),
    /// A list.
    List(Vec<Self>),
    /// A map.
    Map(Vec<(String, Self)>),
}

impl Yaml {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub(super) fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// A map.
    pub(super) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The document.
    pub(super) fn document(&self) -> String {
        let mut text = String::new();
        self.block(0, &mut text);
        text
    }

    fn block(&self, indent: usize, text: &mut String) {
        let space = " ".repeat(indent);
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    write!(text, "{space}{}:", word(key)).expect("a String takes whatever is written to it");
                    value.behind(indent + 2, text);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    let mut inner = String::new();
                    item.block(indent + 2, &mut inner);
                    text.push_str(&space);
                    text.push_str("- ");
                    text.push_str(inner.trim_start());
                }
            }
            Self::Text(_) | Self::Number(_) | Self::Flag(_) | Self::List(_) | Self::Map(_) => {
                text.push_str(&space);
                text.push_str(&self.flow());
                text.push('\n');
            }
        }
    }

    /// What stands behind a key.
    fn behind(&self, indent: usize, text: &mut String) {
        let is_nested = match self {
            Self::Map(entries) => !entries.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Text(_) | Self::Number(_) | Self::Flag(_) => false,
        };
        if is_nested {
            text.push('\n');
            self.block(indent, text);
        } else {
            text.push(' ');
            text.push_str(&self.flow());
            text.push('\n');
        }
    }

    fn flow(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(_) => "[]".to_owned(),
            Self::Map(_) => "{}".to_owned(),
        }
    }
}

/// A key, in quotes where it could be taken for anything but a text.
fn word(key: &str) -> String {
    let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let is_text = !matches!(
        key.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    if is_plain && is_text { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        let written = match c {
            '"' => quoted.write_str("\\\""),
            '\\' => quoted.write_str("\\\\"),
            '\n' => quoted.write_str("\\n"),
            c if is_hidden(c) && u32::from(c) <= 0xffff => write!(quoted, "\\u{:04x}", u32::from(c)),
            c if is_hidden(c) => write!(quoted, "\\U{:08x}", u32::from(c)),
            c => quoted.write_char(c),
        };
        written.expect("a String takes whatever is written to it");
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let odd =
            ["", "no", "1.10", "a: b # c", "tab\tnewline\nend", "\u{1b}[2J \"\\", "ä\u{2028}\u{feff}\u{7f}", "- x"];
        let map = odd.iter().enumerate().map(|(index, text)| (format!("k{index}"), Yaml::text(*text)));
        let value = Yaml::map([
            ("texts", Yaml::Map(map.collect())),
            (
                "list",
                Yaml::List(vec![Yaml::map([("a", Yaml::Number(1)), ("b", Yaml::texts(odd))]), Yaml::texts(["x"])]),
            ),
            ("no", Yaml::Flag(true)),
            ("empty", Yaml::List(Vec::new())),
            ("nothing", Yaml::Map(Vec::new())),
        ]);
        let text = value.document();
        let read: serde_json::Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for (index, odd) in odd.iter().enumerate() {
            assert_eq!(read["texts"][format!("k{index}")], *odd, "{text}");
            assert_eq!(read["list"][0]["b"][index], *odd, "{text}");
        }
        assert_eq!((&read["list"][0]["a"], &read["list"][1][0], &read["no"]), (&1.into(), &"x".into(), &true.into()));
        assert_eq!((read["empty"].clone(), read["nothing"].clone()), (serde_json::json!([]), serde_json::json!({})));
    }
}
