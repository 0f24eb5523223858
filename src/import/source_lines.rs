//! Reads the comments of a service, which its YAML tree does not hold.

use std::ops::Range;

use super::{
    compose::{Compose, Service, extent, indent_of},
    environment::Commented,
};
use crate::model::Place;

/// A comment on a line of its own.
pub(super) enum Comment {
    /// A variable that is commented out.
    Variable(Commented),
    /// Anything else.
    Remark {
        /// What it says, without `#`.
        text: String,
        /// Where it stands.
        line: u32,
    },
}

/// The comments of a service: variables that are commented out anywhere in it, and whatever else is said between those
/// of its environment; `environment` is the line of that key.
pub(super) fn comments(compose: &Compose<'_>, service: &Service, environment: Option<u32>) -> Vec<Comment> {
    let block = environment.map_or(0..0, |first| environment_lines(&compose.lines, first));
    let mut comments = Vec::new();
    let mut text_until: Option<usize> = None;
    for number in service.lines.clone().skip(1) {
        let Some(line) = compose.lines.get(number as usize - 1) else { break };
        let indent = indent_of(line);
        if let Some(outer) = text_until {
            if line.trim().is_empty() || indent > outer {
                continue;
            }
            text_until = None;
        }
        let Some(text) = line.trim_start().strip_prefix('#') else {
            if opens_a_block(line) {
                text_until = Some(indent);
            }
            continue;
        };
        let column = u32::try_from(indent + 1).unwrap_or(u32::MAX);
        let place = Place { file: compose.name.clone(), line: number, column };
        if let Some(variable) = variable(text, place) {
            comments.push(Comment::Variable(variable));
        } else if block.contains(&number) {
            comments.push(Comment::Remark { text: text.trim().to_owned(), line: number });
        }
    }
    comments
}

/// The lines of the environment: a list may stand as far in as its key.
fn environment_lines(lines: &[String], first: u32) -> Range<u32> {
    let deeper = extent(lines, first);
    let indent = lines.get(first as usize - 1).map_or(0, |line| indent_of(line));
    let mut end = deeper.end;
    while let Some(line) = lines.get(end as usize - 1) {
        let text = line.trim_start();
        let same = indent_of(line) == indent && (text.starts_with("- ") || text.starts_with('#'));
        if !same && !text.is_empty() && indent_of(line) <= indent {
            break;
        }
        end += 1;
    }
    first + 1..end
}

fn opens_a_block(line: &str) -> bool {
    let before_comment = line.split(" #").next().unwrap_or(line).trim_end();
    [": |", ": >", "- |", "- >"].iter().any(|opening| {
        before_comment.rfind(opening).is_some_and(|at| {
            before_comment[at + opening.len()..].chars().all(|c| matches!(c, '+' | '-') || c.is_ascii_digit())
        })
    })
}

/// Reads what stands behind `#` as a variable: `- KEY=value`, `KEY=value` or `KEY: value`.
fn variable(text: &str, place: Place) -> Option<Commented> {
    let text = text.trim_start_matches('#').trim();
    let text = text.strip_prefix('-').map_or(text, str::trim_start);
    let open = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (text, behind) = match open {
        Some(quote) => {
            let inside = &text[1..];
            let end = inside.rfind(quote)?;
            (&inside[..end], inside[end + 1..].trim())
        }
        None => (text, ""),
    };
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let upper = key.starts_with(|c: char| c.is_ascii_uppercase()) && !key.chars().any(|c| c.is_ascii_lowercase());
    if key.is_empty() || !upper {
        return None;
    }
    let value = match rest.strip_prefix('=') {
        Some(value) => value,
        // Words such as `NOTE:` begin sentences.
        None if key.contains('_') => {
            rest.strip_prefix(':').filter(|value| value.is_empty() || value.starts_with(' '))?
        }
        None => return None,
    };
    let (value, comment) = if open.is_some() {
        (value.trim(), behind.strip_prefix('#').map(str::trim))
    } else {
        split_comment(value.trim())
    };
    let comment = comment.filter(|comment| !comment.is_empty()).map(str::to_owned);
    Some(Commented { key: key.to_owned(), text: value.to_owned(), comment, place })
}

/// Splits a value from the comment behind it.
fn split_comment(value: &str) -> (&str, Option<&str>) {
    match value.find(" #") {
        Some(at) => (value[..at].trim_end(), Some(value[at + 2..].trim())),
        None if value.starts_with('#') && value[1..].starts_with(' ') => ("", Some(value[1..].trim())),
        None => (value, None),
    }
}

/// The comment behind what begins at a place.
pub(super) fn trailing(lines: &[String], place: &Place) -> Option<String> {
    let line = lines.get(place.line as usize - 1)?;
    if opens_a_block(line) {
        return None;
    }
    let mut open: Option<char> = None;
    let mut before = ' ';
    // The last character that is no blank: a quote opens a text only at the begin of a value.
    let mut last = '-';
    for (offset, c) in line.char_indices().skip(place.column as usize - 1) {
        match open {
            Some(quote) if c == quote => open = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'')
                && (matches!(last, '-' | '[' | '{' | ',') || (last == ':' && before == ' ')) =>
            {
                open = Some(c);
            }
            None if c == '#' && before == ' ' => {
                return Some(line[offset + 1..].trim().to_owned()).filter(|comment| !comment.is_empty());
            }
            None => {}
        }
        before = c;
        if c != ' ' {
            last = c;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<(String, String, Option<String>)> {
        variable(text, Place::start_of("f")).map(|found| (found.key, found.text, found.comment))
    }

    #[test]
    fn variables_that_are_commented_out() {
        let found = |key: &str, value: &str, comment: Option<&str>| {
            Some((key.to_owned(), value.to_owned(), comment.map(str::to_owned)))
        };
        for (text, want) in [
            (" - A_KEY=value", found("A_KEY", "value", None)),
            ("- A_KEY=value # why", found("A_KEY", "value", Some("why"))),
            (" A_KEY: value", found("A_KEY", "value", None)),
            ("A_KEY:", found("A_KEY", "", None)),
            (" - \"A_NAME=x y\" # z", found("A_NAME", "x y", Some("z"))),
            (" - COLOR=#2E2A14 # Color", found("COLOR", "#2E2A14", Some("Color"))),
            ("# - A=1", found("A", "1", None)),
            (" TLP:CLEAR (default)", None),
            (" NOTE: this", None),
            (" Generic parameters", None),
            (" a=b", None),
            ("", None),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn comments_behind_values() {
        for (line, column, want) in [
            ("  - A=1 # why", 5, Some("why")),
            ("  - \"A=1 # no\" # yes", 5, Some("yes")),
            ("  A: \"x # y\"", 3, None),
            ("  A: it's # b", 3, Some("b")),
            ("  - A=#x", 5, None),
            ("  A: |  # text", 3, None),
            ("  - A=1 #", 5, None),
        ] {
            let place = Place { file: "f".into(), line: 1, column };
            assert_eq!(trailing(&[line.to_owned()], &place).as_deref(), want, "{line}");
        }
    }
}
