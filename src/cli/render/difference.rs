//! What differs between two long values, line by line or item by item.

use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

use super::{count, printable, quoted};

/// A comma list longer than this, in characters, is compared item by item.
const LONG_LIST: usize = 60;
/// Values of more parts than this are shown whole, since comparing them takes too long.
const MOST_PARTS: usize = 10_000;
/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 2;

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It comes.
    Add,
    /// It goes.
    Remove,
    /// It becomes another.
    Change,
    /// It stays, or is no part of the value at all.
    Same,
}

/// The lines or items that change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// What stands around the lines.
    pub brackets: (&'static str, &'static str),
    /// The lines, safe to print.
    pub lines: Vec<(Mark, String)>,
}

/// The difference of two values, where at least one has several lines or both are long lists.
pub(super) fn difference(before: Option<&str>, after: Option<&str>) -> Option<Difference> {
    let (old, new) = (before.unwrap_or_default(), after.unwrap_or_default());
    if old.contains('\n') || new.contains('\n') {
        let lines = |text: Option<&str>| text.map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>());
        let lines =
            compare(&lines(before).unwrap_or_default(), &lines(after).unwrap_or_default(), CONTEXT, "line", printable)?;
        return Some(Difference { brackets: ("<<-EOT", "EOT"), lines });
    }
    let is_list = |text: &str| text.contains(',') && text.chars().count() > LONG_LIST;
    if before.is_none() || after.is_none() || !(is_list(old) || is_list(new)) {
        return None;
    }
    let items = |text: &str| {
        if text.is_empty() {
            Vec::new()
        } else {
            text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>()
        }
    };
    let lines = compare(&items(old), &items(new), 0, "item", quoted)?;
    // Items that differ by the space around them alone would look alike.
    let tells = lines.iter().any(|(mark, _)| *mark != Mark::Same);
    tells.then_some(Difference { brackets: ("[", "]"), lines })
}

fn compare(
    old: &[String],
    new: &[String],
    context: usize,
    noun: &str,
    show: impl Fn(&str) -> String,
) -> Option<Vec<(Mark, String)>> {
    if old.len().max(new.len()) > MOST_PARTS {
        return None;
    }
    let mut lines = Vec::new();
    let mut shown = 0;
    let hidden = |lines: &mut Vec<_>, number: usize| {
        if number > 0 {
            lines.push((Mark::Same, format!("# ({} hidden)", count(number, &format!("unchanged {noun}")))));
        }
    };
    for group in group_diff_ops(capture_diff_slices(Algorithm::Myers, old, new), context) {
        for op in group {
            hidden(&mut lines, op.old_range().start.saturating_sub(shown));
            for part in &old[op.old_range()] {
                let mark = if op.tag() == DiffTag::Equal { Mark::Same } else { Mark::Remove };
                lines.push((mark, show(part)));
            }
            if op.tag() != DiffTag::Equal {
                lines.extend(new[op.new_range()].iter().map(|part| (Mark::Add, show(part))));
            }
            shown = op.old_range().end;
        }
    }
    hidden(&mut lines, old.len().saturating_sub(shown));
    Some(lines)
}
