//! Reads YAML text, within bounds, into trees in which every value and key knows its place.
//!
//! What is accepted is the plain part of YAML 1.2: maps, lists and scalars. Tags and directives are findings, and so are
//! anchors, aliases and merge keys where the reader does not ask for them. Trees are built from the parser's events and not through serde, since only events still
//! show anchors, tags and how a scalar was written.

mod check;
mod events;
mod node;
mod references;
mod refusal;
mod rule;
mod schema;
mod split;
mod text;

#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub use check::{Checker, Path, check, nearest};
pub use events::shown;
pub use node::{Core, Key, Kind, Node, is_old_boolean};
pub use rule::InvalidPattern;
pub use schema::schema_of;

use crate::model::{Code, Finding, Place};

/// Bounds on one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file, in bytes.
    pub max_bytes: usize,
    /// Maps and lists within each other.
    pub max_depth: usize,
    /// Keys, scalars, maps and lists of all documents together.
    pub max_nodes: usize,
    /// Documents.
    pub max_documents: usize,
    /// Whether anchors, aliases and merge keys are followed; otherwise each is a finding.
    pub references: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_depth: 64, max_nodes: 100_000, max_documents: 1_000, references: false }
    }
}

/// One document of a file that is not empty.
#[derive(Debug)]
pub struct Document {
    /// Where it begins.
    pub place: Place,
    /// Its tree; where the text is broken, what could be read before the break.
    pub root: Option<Node>,
    /// Whether the tree is all of the document.
    pub whole: bool,
    /// What was refused in it.
    pub findings: Vec<Finding>,
    /// Which bytes of the file it takes.
    pub bytes: Range<usize>,
}

/// The outcome of parsing one file; parsing never fails, it finds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The documents that are not empty, in order.
    pub documents: Vec<Document>,
    /// What concerns the file as a whole; documents may then be missing.
    pub findings: Vec<Finding>,
}

impl Parsed {
    /// The tree of a file that must hold exactly one sound document.
    ///
    /// # Errors
    /// Everything that was refused; or that there is no document, or more than one.
    pub fn into_single(self, file: &Arc<str>) -> Result<Node, Vec<Finding>> {
        let mut findings = self.findings;
        let mut documents = self.documents;
        findings.extend(documents.iter_mut().flat_map(|document| document.findings.drain(..)));
        if !findings.is_empty() {
            return Err(findings);
        }
        if let Some(second) = documents.get(1) {
            let message = "the file holds more than one document";
            return Err(vec![
                Finding::error(Code::BadYaml, second.place.clone(), message)
                    .with_help("keep one document in this file"),
            ]);
        }
        documents.pop().and_then(|document| document.root).ok_or_else(|| {
            let place = Place::start_of(Arc::clone(file));
            vec![Finding::error(Code::BadYaml, place, "the file is empty").with_help("write one YAML document into it")]
        })
    }
}

/// Parses the text of one file; the findings and places name it by `file`.
pub fn parse(file: &Arc<str>, content: &[u8], limits: &Limits) -> Parsed {
    let mut parsed = Parsed::default();
    let start = Place::start_of(Arc::clone(file));
    if content.len() > limits.max_bytes {
        let message = format!("the file has {} bytes, {} are allowed", content.len(), limits.max_bytes);
        parsed.findings.push(Finding::error(Code::TooLarge, start, message).with_help("split it into several files"));
        return parsed;
    }
    let (mark, text) = split::byte_order_mark(content);
    let segments = split::documents(text, mark);
    if segments.len() > limits.max_documents.saturating_add(1) {
        let message = format!("the file has more than {} documents", limits.max_documents);
        parsed.findings.push(Finding::error(Code::TooLarge, start, message).with_help("split it into several files"));
        return parsed;
    }
    let mut nodes_left = limits.max_nodes;
    for segment in segments {
        let place = Place { file: Arc::clone(file), line: segment.line, column: 1 };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let bytes = &content[segment.bytes.clone()];
            events::read(file, bytes, segment.line, limits.references, limits.max_depth, &mut nodes_left)
        }));
        let outcome = outcome.unwrap_or_else(|_| {
            events::Outcome::broken(
                Finding::error(Code::BadYaml, place.clone(), "the YAML parser gave up on this document")
                    .with_help("simplify the document"),
            )
        });
        let empty = outcome.root.as_ref().is_none_or(|root| matches!(root.kind, Kind::Null));
        if empty && outcome.findings.is_empty() {
            continue;
        }
        let exhausted = outcome.exhausted;
        let place = outcome.root.as_ref().map_or(place, |root| root.place.clone());
        parsed.documents.push(Document {
            place,
            root: outcome.root,
            whole: outcome.whole,
            findings: outcome.findings,
            bytes: segment.bytes,
        });
        if exhausted {
            let message = format!("the file has more than {} values and keys", limits.max_nodes);
            let finding = Finding::error(Code::TooLarge, start.clone(), message);
            parsed.findings.push(finding.with_help("split it into several files"));
            break;
        }
    }
    if mark > 0 {
        let finding = Finding::error(Code::BadYaml, start, "the file begins with a byte order mark")
            .with_help("save it as UTF-8 without a byte order mark");
        parsed.documents.first_mut().map_or(&mut parsed.findings, |first| &mut first.findings).push(finding);
    }
    parsed
}
