//! Says which lines of the source a plan stands on, and writes down which commits wrote them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Given, Reason};
use crate::model::{Cited, Commit};

/// The lines that reasons name, each once; a default of a catalog names its file.
pub fn cited<'a>(reasons: impl IntoIterator<Item = &'a Reason>) -> Vec<Cited> {
    reasons.into_iter().filter_map(line_of).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Writes down the commits that are known of those lines.
pub fn cite<'a>(reasons: impl IntoIterator<Item = &'a mut Reason>, commits: &BTreeMap<Cited, Commit>) {
    for reason in reasons {
        if let Some(commit) = line_of(reason).and_then(|line| commits.get(&line)) {
            reason.commit = Some(commit.clone());
        }
    }
}

fn line_of(reason: &Reason) -> Option<Cited> {
    if let Some(place) = &reason.place {
        // What is gone, or given by no line, was changed by a change of the file.
        let given = reason.given == Some(Given::Lockstep);
        let written = reason.sensitive || (reason.after.is_some() && reason.field != "spec" && !given);
        return Some(Cited { file: place.file.clone(), line: written.then_some(place.line) });
    }
    match &reason.given {
        Some(Given::Catalog(name)) => Some(Cited { file: name.clone(), line: None }),
        Some(Given::Defaults | Given::Lockstep) | None => None,
    }
}
