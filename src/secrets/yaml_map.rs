//! Reads a YAML map of keys to texts.
//!
//! A value keeps its source text, as in manifests: `0123` and `1.10` stay that. The tree is wiped after use; what the
//! YAML parser itself held of it is not.

use std::sync::Arc;

use zeroize::Zeroize;

use crate::{
    model::{Code, Finding},
    yaml::{Kind, Limits, Node, parse},
};

use super::{MAX_FILE, OpenErrorKind};

/// Calls `take` with every key and value, each with its line; an error of `take` ends the reading.
pub(super) fn read(
    text: &str,
    mut take: impl FnMut(u32, &str, &str) -> Result<(), OpenErrorKind>,
) -> Result<(), OpenErrorKind> {
    let limits = Limits { max_bytes: MAX_FILE, max_depth: 8, max_nodes: 20_000, max_documents: 1, references: false };
    let file = Arc::from("");
    let mut parsed = parse(&file, text.as_bytes(), &limits);
    if parsed.findings.is_empty() && parsed.documents.is_empty() {
        return Err(OpenErrorKind::Empty);
    }
    let findings = parsed.documents.iter().flat_map(|document| &document.findings).chain(&parsed.findings);
    let mut outcome = match (findings.min_by_key(|finding| finding.place.line), &parsed.documents[..]) {
        (Some(finding), _) => Err(kind_of(finding)),
        (None, [_, second, ..]) => Err(bad(second.place.line, "begins a second document")),
        (None, _) => Ok(()),
    };
    for root in parsed.documents.iter_mut().filter_map(|document| document.root.as_mut()) {
        outcome = outcome.and_then(|()| entries(root, &mut take));
        wipe(root);
    }
    outcome
}

fn entries(
    root: &Node,
    take: &mut impl FnMut(u32, &str, &str) -> Result<(), OpenErrorKind>,
) -> Result<(), OpenErrorKind> {
    let entries = root.entries().ok_or(bad(root.place.line, "is not a map of keys to texts"))?;
    entries.iter().try_for_each(|(key, value)| {
        let scalar = value.scalar().ok_or(bad(value.place.line, "has a value that is not a text"))?;
        take(key.place.line, &key.text, &scalar.text)
    })
}

/// What a finding about decrypted text may say: its words could quote a secret that was taken for a key.
fn kind_of(finding: &Finding) -> OpenErrorKind {
    let why = if finding.code == Code::DuplicateKey {
        "has a key that was there before"
    } else if finding.code == Code::Alias {
        "has an anchor, an alias or a merge key"
    } else if finding.code == Code::TooLarge {
        "passes the bounds on depth or number of values"
    } else {
        "is not YAML of a kind that is accepted, nor KEY=value"
    };
    bad(finding.place.line, why)
}

fn bad(line: u32, why: &'static str) -> OpenErrorKind {
    OpenErrorKind::BadMap { line, why }
}

fn wipe(node: &mut Node) {
    match &mut node.kind {
        Kind::Null => {}
        Kind::Scalar(scalar) => scalar.text.zeroize(),
        Kind::List(items) => items.iter_mut().for_each(wipe),
        Kind::Map(entries) => {
            for (key, value) in entries {
                key.text.zeroize();
                wipe(value);
            }
        }
    }
}
