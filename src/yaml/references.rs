//! Follows anchors, aliases and merge keys, where they are read at all.

use std::collections::BTreeMap;

use super::{Key, Kind, Node};
use crate::model::{Code, Finding, Place};

/// The key of a map whose value is merged into it.
pub(super) const MERGE: &str = "<<";

/// The values that have an anchor, by its number.
#[derive(Debug, Default)]
pub(super) struct References(BTreeMap<usize, Node>);

impl References {
    /// Keeps a value for the aliases that follow; a number of 0 is no anchor.
    pub(super) fn keep(&mut self, anchor: usize, node: &Node) {
        if anchor > 0 {
            self.0.insert(anchor, node.clone());
        }
    }

    /// The value that an alias stands for, as if it were written where the alias is; none while it is not whole.
    pub(super) fn value(&self, anchor: usize, place: &Place) -> Option<Node> {
        let mut node = self.0.get(&anchor)?.clone();
        relocate(&mut node, place);
        Some(node)
    }
}

fn relocate(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::List(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Kind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            key.place = place.clone();
            relocate(value, place);
        }),
    }
}

/// How many maps and lists lie within each other at the deepest place.
pub(super) fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Null | Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(depth).max().unwrap_or(0) + 1,
        Kind::Map(entries) => entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0) + 1,
    }
}

/// Puts what merge keys name in their place: a map's own keys count before those that are merged, and of several maps the
/// first that has a key.
pub(super) fn merge(entries: Vec<(Key, Node)>, findings: &mut Vec<Finding>) -> Vec<(Key, Node)> {
    if !entries.iter().any(|(key, _)| key.text == MERGE) {
        return entries;
    }
    let mut taken: Vec<String> = entries.iter().map(|(key, _)| key.text.clone()).collect();
    let mut merged = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        if key.text != MERGE {
            merged.push((key, node));
            continue;
        }
        let maps = match node.kind {
            Kind::List(items) => items,
            Kind::Null | Kind::Scalar(_) | Kind::Map(_) => vec![node],
        };
        for map in maps {
            let Kind::Map(entries) = map.kind else {
                let finding = Finding::error(Code::WrongType, map.place, "only maps can be merged (`<<`)");
                findings.push(finding.with_help("name a map, or a list of maps"));
                continue;
            };
            for (key, value) in entries {
                if !taken.contains(&key.text) {
                    taken.push(key.text.clone());
                    merged.push((key, value));
                }
            }
        }
    }
    merged
}
