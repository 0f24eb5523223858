//! Puts values in the place of `${VAR}`, as compose files mean it (the compose specification, "Interpolation").

use secrecy::ExposeSecret;

use crate::{model::looks_secret, secrets::SecretMap};

/// How deep defaults may hold variables themselves.
const DEEPEST: usize = 8;

/// A text after interpolation.
#[derive(Default)]
pub(super) struct Expanded {
    /// The text; a variable without a value is left out of it.
    pub(super) text: String,
    /// The variables that have no value, in order.
    pub(super) unknown: Vec<String>,
    /// Whether a variable whose name says that it is a secret is part of the text.
    pub(super) secret: bool,
    /// Whether the text follows no rule, so that it could not be read.
    pub(super) broken: bool,
}

/// Replaces `$VAR`, `${VAR}` and the forms with defaults; `$$` is one `$`.
pub(super) fn expand(text: &str, variables: Option<&SecretMap>) -> Expanded {
    let mut expanded = Expanded::default();
    into(text, variables, 0, &mut expanded);
    expanded
}

fn into(text: &str, variables: Option<&SecretMap>, depth: usize, out: &mut Expanded) {
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.text.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            out.text.push('$');
            rest = behind;
        } else if let Some(inside) = rest.strip_prefix('{') {
            let Some(end) = closing(inside) else {
                out.broken = true;
                return;
            };
            braced(&inside[..end], variables, depth, out);
            rest = &inside[end + 1..];
        } else {
            let name = name_of(rest);
            if name.is_empty() {
                out.broken = true;
                return;
            }
            plain(name, variables, out);
            rest = &rest[name.len()..];
        }
    }
    out.text.push_str(rest);
}

/// The offset of the brace that closes the one before the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut before = ' ';
    for (offset, c) in text.char_indices() {
        match c {
            '{' if before == '$' => open += 1,
            '}' if open == 0 => return Some(offset),
            '}' => open -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

fn name_of(text: &str) -> &str {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !text.starts_with(first) {
        return "";
    }
    let end = text.find(|c: char| !first(c) && !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

fn plain(name: &str, variables: Option<&SecretMap>, out: &mut Expanded) {
    match value(name, variables) {
        Some(value) => take(name, value, out),
        None => out.unknown.push(name.to_owned()),
    }
}

fn value<'a>(name: &str, variables: Option<&'a SecretMap>) -> Option<&'a str> {
    variables?.get(name).map(|value| value.expose_secret())
}

fn take(name: &str, value: &str, out: &mut Expanded) {
    out.text.push_str(value);
    out.secret |= looks_secret(name);
}

/// What stands between the braces: a name, an operator and a word.
fn braced(inside: &str, variables: Option<&SecretMap>, depth: usize, out: &mut Expanded) {
    let name = name_of(inside);
    let operator = &inside[name.len()..];
    if name.is_empty() || depth == DEEPEST {
        out.broken = true;
        return;
    }
    let known = value(name, variables);
    let filled = known.filter(|value| !value.is_empty());
    let mut chars = operator.chars();
    let (found, kind, word) = match (chars.next(), chars.next()) {
        (None, _) => return plain(name, variables, out),
        (Some(':'), Some(kind)) => (filled, kind, &operator[1 + kind.len_utf8()..]),
        (Some(kind), _) => (known, kind, &operator[kind.len_utf8()..]),
    };
    match (kind, found) {
        ('-' | '?', Some(value)) => take(name, value, out),
        ('-', None) => into(word, variables, depth + 1, out),
        ('?', None) => out.unknown.push(name.to_owned()),
        ('+', Some(_)) => into(word, variables, depth + 1, out),
        ('+', None) => {}
        _ => out.broken = true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_variables() {
        let variables = SecretMap::of_clear_text("e", "A=1\nEMPTY=\nDB_PASSWORD=hunter2\n").unwrap();
        for (text, want, unknown) in [
            ("x", "x", vec![]),
            ("$A-${A}", "1-1", vec![]),
            ("a$$b", "a$b", vec![]),
            ("${B}", "", vec!["B"]),
            ("$B/c", "/c", vec!["B"]),
            ("${B:-d}", "d", vec![]),
            ("${B-d}", "d", vec![]),
            ("${EMPTY:-d}", "d", vec![]),
            ("${EMPTY-d}", "", vec![]),
            ("${B:-${A}}", "1", vec![]),
            ("${B:-${C:-x}y}z", "xyz", vec![]),
            ("${B:?say}", "", vec!["B"]),
            ("${A:?say}", "1", vec![]),
            ("${A:+s}${B+t}", "s", vec![]),
        ] {
            let got = expand(text, Some(&variables));
            assert_eq!(
                (got.text.as_str(), got.unknown, got.broken),
                (want, unknown.iter().map(|n: &&str| (*n).to_owned()).collect(), false),
                "{text}"
            );
        }
        assert!(expand("${DB_PASSWORD}", Some(&variables)).secret);
        assert!(!expand("${A}", Some(&variables)).secret);
        assert_eq!(expand("${A}", None).unknown, ["A"]);
    }

    #[test]
    fn what_is_no_variable() {
        let deep = format!("{}x{}", "${A:-".repeat(20), "}".repeat(20));
        for text in ["${", "${A", "${}", "$", "^a$", "${A!b}", "${1}", &deep] {
            assert!(expand(text, None).broken, "{text}");
        }
    }
}
