//! What comments and step summaries share: the marker, and findings as Markdown.

use std::{collections::BTreeMap, fmt};

use super::{
    count,
    fence::{Bounded, fenced, folded},
    printable, push,
};
use crate::model::{Finding, OwnerName, Severity};

/// Bytes that are kept free for the line that counts what is left out.
pub(super) const RESERVE: usize = 256;

/// Why a text can't be a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 100 characters of a-z, A-Z, 0-9, `.`, `_`, `/` and `-`, without `--`")]
pub struct BadMarker;

/// What tells the comment of one plan from that of another, so that it can be found again and updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(String);

impl TryFrom<&str> for Marker {
    type Error = BadMarker;

    fn try_from(text: &str) -> Result<Self, BadMarker> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
        // Two hyphens could end the comment that the marker stands in.
        let good = (1..=100).contains(&text.len()) && text.chars().all(allowed) && !text.contains("--");
        if good { Ok(Self(text.to_owned())) } else { Err(BadMarker) }
    }
}

impl From<&OwnerName> for Marker {
    /// The owner's name; two hyphens in a row are allowed there and don't end a comment without a `>`.
    fn from(owner: &OwnerName) -> Self {
        Self(owner.to_string())
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<!-- lockstep:plan:{} -->", self.0)
    }
}

/// Findings as a compiler prints them, without colour, in a block of their own.
pub(super) fn block<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut text = String::new();
    for finding in findings {
        let head = format!("{}[{}]", finding.severity.as_str(), finding.code);
        push(&mut text, format_args!("{head}: {}\n", printable(&finding.message)));
        push(&mut text, format_args!("  --> {}\n", printable(&finding.place.to_string())));
        if let Some(help) = &finding.help {
            push(&mut text, format_args!("   = help: {}\n", printable(help)));
        }
    }
    fenced("text", &text)
}

/// A folded block for each instance, and one for what belongs to none.
pub(super) fn folded_findings<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<String> {
    let mut of: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let file = finding.instance.is_none().then_some(&*finding.place.file);
        of.entry((&finding.instance, file)).or_default().push(finding);
    }
    let one = |((instance, file), findings): ((&Option<_>, Option<&str>), Vec<&Finding>)| {
        let subject = match (instance, file) {
            (Some(name), _) => format!("<code>{name}</code>"),
            (None, Some(file)) if is_plain(file) => format!("<code>{file}</code>"),
            (None, _) => "a file".to_owned(),
        };
        folded(&format!("{subject}: {}", counted(findings.iter().copied())), &block(findings))
    };
    of.into_iter().map(one).collect()
}

/// Whether a file's name, which is foreign text, means nothing in HTML or Markdown.
fn is_plain(file: &str) -> bool {
    file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-'))
}

/// How many errors and warnings there are: `1 error, 2 warnings`.
pub(super) fn counted<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for finding in findings {
        match finding.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
        }
    }
    let parts = [(errors, "error"), (warnings, "warning")].into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> = parts.map(|(number, noun)| count(number, noun)).collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

/// Findings as Markdown of at most `limit` bytes, cut by whole instances.
pub fn markdown_findings(instances: usize, findings: &[Finding], limit: usize) -> String {
    let mut text = Bounded::new(limit.saturating_sub(RESERVE));
    text.must(&format!("### Lockstep: {} in {}\n\n", counted(findings), count(instances, "instance")));
    for piece in folded_findings(findings) {
        text.may(&piece, limit);
    }
    text.finish(|left_out| format!("_{left_out} more are left out for their length; `lockstep validate` shows all._"))
}
