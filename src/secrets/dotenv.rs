//! Reads `KEY=value` lines.
//!
//! | written | value |
//! |---|---|
//! | `KEY=text` | the text without the blanks around it; nothing is expanded |
//! | `KEY='text'` | the text as it stands, over several lines too |
//! | `KEY="text"` | the same with `\n`, `\r`, `\t`, `\"`, `\$` and `\\` replaced |
//!
//! `export` before a key, blank lines and lines that begin with `#` say nothing. What readers of such files understand in
//! different ways is refused: other escapes, and a ` #` in text without quotes unless the reader says that it is a comment.

use zeroize::Zeroizing;

use super::OpenErrorKind;

/// What a ` #` in text without quotes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// Nobody knows: it is refused.
    Refused,
    /// The begin of a comment, as compose has it.
    Comment,
}

const NO_VALUE: &str = "is not of the form KEY=value";

/// Whether the first line that says something is an assignment.
pub(super) fn looks_like(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.and_then(|line| without_export(line).split_once('=')).is_some_and(|(key, _)| is_key(key.trim_end()))
}

/// Calls `take` with every key and value, each with its line; an error of `take` ends the reading.
pub(super) fn read<'a>(
    text: &'a str,
    hash: Hash,
    mut take: impl FnMut(u32, &'a str, &str) -> Result<(), OpenErrorKind>,
) -> Result<(), OpenErrorKind> {
    entries(text, hash, |entry| match entry.value {
        Some(value) => take(entry.line, entry.key, value),
        None => Err(OpenErrorKind::BadMap { line: entry.line, why: NO_VALUE }),
    })
}

/// One line that says something.
pub(super) struct Entry<'a, 'v> {
    pub(super) line: u32,
    pub(super) key: &'a str,
    /// The value; none of a key that stands alone.
    pub(super) value: Option<&'v str>,
    /// Whether it stands in single quotes.
    pub(super) literal: bool,
}

/// Calls `take` with every line that says something, keys that stand alone among them.
pub(super) fn entries<'a>(
    text: &'a str,
    hash: Hash,
    mut take: impl FnMut(Entry<'a, '_>) -> Result<(), OpenErrorKind>,
) -> Result<(), OpenErrorKind> {
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let bad = |why| OpenErrorKind::BadMap { line, why };
        let (this, _) = split_line(rest);
        let start = this.trim_start();
        if start.is_empty() || start.starts_with('#') {
            rest = split_line(rest).1;
            line += 1;
            continue;
        }
        let assignment = without_export(start);
        let Some((key, _)) = assignment.split_once('=') else {
            let key = assignment.trim_end();
            if !is_key(key) {
                return Err(bad(NO_VALUE));
            }
            take(Entry { line, key, value: None, literal: false })?;
            rest = split_line(rest).1;
            line += 1;
            continue;
        };
        let key = key.trim_end();
        if !is_key(key) {
            return Err(bad("does not begin with a key of letters, digits and `_`"));
        }
        let equals = rest.find('=').ok_or(bad(NO_VALUE))?;
        let after = rest[equals + 1..].trim_start_matches([' ', '\t']);
        let (value, behind) = match after.chars().next() {
            Some('\'') => single(&after[1..]).map_err(bad)?,
            Some('"') => double(&after[1..]).map_err(bad)?,
            Some(_) | None => bare(after, hash).map_err(bad)?,
        };
        take(Entry { line, key, value: Some(&value), literal: after.starts_with('\'') })?;
        line += breaks(&rest[..rest.len() - behind.len()]);
        rest = behind;
    }
    Ok(())
}

fn without_export(line: &str) -> &str {
    match line.strip_prefix("export") {
        Some(after) if after.starts_with([' ', '\t']) => after.trim_start(),
        Some(_) | None => line,
    }
}

fn is_key(key: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    key.starts_with(first) && key.chars().all(|c| first(c) || c.is_ascii_digit() || c == '.' || c == '-')
}

/// Splits after the first line break, which neither part has.
fn split_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), rest)
}

fn breaks(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|&b| b == b'\n').count()).unwrap_or(u32::MAX)
}

type Value<'a> = (Zeroizing<String>, &'a str);

fn bare(after: &str, hash: Hash) -> Result<Value<'_>, &'static str> {
    let (line, rest) = split_line(after);
    let value = match hash {
        Hash::Refused => line.trim(),
        Hash::Comment => line.split(" #").next().unwrap_or_default().trim(),
    };
    let doubtful = value.starts_with('#') || value.contains(" #") || value.contains("\t#");
    if hash == Hash::Refused && doubtful {
        return Err("has ` #` in a value without quotes, which may be a comment: write quotes around the value");
    }
    Ok((Zeroizing::new(value.to_owned()), rest))
}

fn single(after: &str) -> Result<Value<'_>, &'static str> {
    let (value, rest) = after.split_once('\'').ok_or("opens a quote that is never closed")?;
    Ok((Zeroizing::new(value.to_owned()), only_comment(rest)?))
}

fn double(after: &str) -> Result<Value<'_>, &'static str> {
    // What is read is never shorter than what it stands for.
    let mut value = Zeroizing::new(String::with_capacity(after.len()));
    let mut chars = after.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((value, only_comment(&after[index + 1..])?)),
            '\\' => value.push(match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(same @ ('"' | '\\' | '$')) => same,
                Some(_) | None => return Err("has an escape in double quotes that is not known"),
            }),
            other => value.push(other),
        }
    }
    Err("opens a quote that is never closed")
}

/// What comes after the line, if nothing but a comment is left on it.
fn only_comment(rest: &str) -> Result<&str, &'static str> {
    let (line, rest) = split_line(rest);
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') { Ok(rest) } else { Err("has something behind the closing quote") }
}
