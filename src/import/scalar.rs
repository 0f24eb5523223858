//! Writes texts as YAML that every reader takes for the same text.

use crate::{
    model::Scalar,
    yaml::{Core, is_old_boolean},
};

/// A text as a YAML string: plain where nobody can take it for something else, in double quotes otherwise.
pub(super) fn string(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// A text that is a number or a boolean for its reader, as it stands where it can.
pub(super) fn bare(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    // Some readers take a number that begins with 0 for an octal one.
    let odd =
        unsigned.starts_with('+') || (unsigned.len() > 1 && unsigned.starts_with('0') && !unsigned.starts_with("0."));
    match Core::of(&Scalar { text: text.to_owned(), quoted: false }) {
        Core::Boolean(_) | Core::Integer(_) | Core::Float(_) if !odd => text.to_owned(),
        Core::Boolean(_) | Core::Integer(_) | Core::Float(_) | Core::Text => string(text),
    }
}

/// Several texts as a list on one line; each is written already.
pub(super) fn flow(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

/// An item for a list on one line.
pub(super) fn flow_item(text: &str) -> String {
    if text.contains([',', '[', ']', '{', '}']) { quoted(text) } else { string(text) }
}

fn is_plain(text: &str) -> bool {
    let inner =
        |c: char| c.is_ascii_alphanumeric() || "_-./:@+%=()~ ,".contains(c) || (!c.is_ascii() && c.is_alphabetic());
    let first = |c: char| c.is_ascii_alphanumeric() || "_/.".contains(c);
    let scalar = Scalar { text: text.to_owned(), quoted: false };
    text.starts_with(first)
        && text.chars().all(inner)
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && Core::of(&scalar) == Core::Text
        && !is_old_boolean(text)
        && !matches!(text, "null" | "Null" | "NULL")
        && !text.chars().all(|c| c.is_ascii_digit() || "_:.-+,".contains(c))
}

fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                written.push_str("\\u");
                written.extend(format!("{:04X}", u32::from(c)).chars());
            }
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};
    use proptest::prelude::*;

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        for text in [
            "",
            "no",
            "On",
            "true",
            "1",
            "1.5",
            "0x1",
            "null",
            "~",
            "a: b",
            "a #b",
            "-a",
            "12:30",
            "2024-01-01",
            "a ",
            "#a",
            "*a",
            "[a",
        ] {
            assert_eq!(string(text), format!("\"{text}\""));
        }
        for text in ["misp", "https://example.org/a?", "A - Completely reliable", "PT1H", "tlp:clear"] {
            assert_eq!(string(text), if text.contains('?') { format!("\"{text}\"") } else { text.to_owned() });
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back_as_it_was(text in "\\PC{0,20}|[-+:.# \\[\\]{}\"'\\\\a-z0-9\n\t]{0,12}") {
            for yaml in [format!("a: {}\n", string(&text)), format!("a: [{}]\n", flow_item(&text))] {
                let root = parse(&"f".into(), yaml.as_bytes(), &Limits::default()).into_single(&"f".into()).unwrap();
                let value = root.get("a").unwrap();
                let scalar = value.items().map_or(value, |items| &items[0]).scalar().unwrap();
                prop_assert_eq!(&scalar.text, &text);
            }
        }
    }
}
