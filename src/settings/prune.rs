//! Takes out of a tree what was refused, so that the rest can still be read and checked.

use std::collections::BTreeSet;

use crate::{
    model::{Code, Finding, Place},
    yaml::{Kind, Node},
};

/// Removes every value that a finding stands at.
pub(super) fn prune(node: &mut Node, findings: &[Finding]) {
    // A missing or unknown field says nothing against the values around it.
    let at_value = |finding: &&Finding| !matches!(finding.code, Code::MissingField | Code::UnknownField);
    let refused: BTreeSet<&Place> = findings.iter().filter(at_value).map(|finding| &finding.place).collect();
    remove(node, &refused);
}

fn remove(node: &mut Node, refused: &BTreeSet<&Place>) {
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::List(items) => {
            items.retain(|item| !refused.contains(&item.place));
            items.iter_mut().for_each(|item| remove(item, refused));
        }
        Kind::Map(entries) => {
            entries.retain(|(_, value)| !refused.contains(&value.place));
            entries.iter_mut().for_each(|(_, value)| remove(value, refused));
        }
    }
}
