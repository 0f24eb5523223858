//! Gathers what is said about one service.

use super::types::Note;
use crate::model::{Code, Finding, InstanceName, Place};

/// What is said about one service, in no order.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) notes: Vec<Note>,
    pub(super) findings: Vec<Finding>,
    /// The instance that findings are attributed to.
    pub(super) instance: Option<InstanceName>,
}

impl Log {
    pub(super) fn of(instance: &InstanceName) -> Self {
        Self { instance: Some(instance.clone()), ..Self::default() }
    }

    /// Something that was left out and does no harm.
    pub(super) fn note(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Note { place: place.clone(), text: text.into() });
    }

    /// Something that the author must fill in or decide.
    pub(super) fn need(&mut self, code: Code, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.push(Finding::error(code, place.clone(), message).with_help(help));
    }

    /// Something that is not what it was, and works.
    pub(super) fn warn(&mut self, code: Code, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.push(Finding::warning(code, place.clone(), message).with_help(help));
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(match &self.instance {
            Some(instance) => finding.of_instance(instance),
            None => finding,
        });
    }
}
