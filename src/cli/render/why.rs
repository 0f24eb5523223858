//! The last changes of an instance, the newest first.

use super::{bold, changes::because, count, dim, green, printable, push, quoted, red, yellow};
use crate::{history::wire::EntryJson, plan::wire::ReasonJson};

/// Every entry with its causes.
pub fn why(entries: &[EntryJson]) -> String {
    entries.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(entry: &EntryJson) -> String {
    let outcome = match entry.outcome.as_str() {
        "done" if ["held", "crashed"].contains(&entry.action.as_str()) => String::new(),
        "done" => green("done"),
        "waiting" | "unfinished" => yellow(&entry.outcome),
        other => red(&printable(other)),
    };
    let mut text = format!("{} {} {outcome}", entry.at, bold(&printable(&entry.action))).trim_end().to_owned();
    if entry.count > 1 {
        let times = count(usize::try_from(entry.count).unwrap_or(usize::MAX), "time");
        push(&mut text, format_args!(" {}", dim(&format!("({times} since {})", entry.first))));
    }
    if let Some(revision) = &entry.revision {
        let digits = if revision.starts_with("dir:") { 16 } else { 12 };
        let short: String = revision.chars().take(digits).collect();
        push(&mut text, format_args!(" {}", dim(&format!("(revision {})", printable(&short)))));
    }
    text.push('\n');
    if !entry.message.is_empty() {
        push(&mut text, format_args!("    {}\n", printable(&entry.message)));
    }
    let width = entry.reasons.iter().map(|reason| reason.field.chars().count()).max().unwrap_or_default();
    for reason in &entry.reasons {
        let field = printable(&reason.field);
        let note = dim(&format!("# ({})", because(reason)));
        push(&mut text, format_args!("    {field:width$} = {} {note}\n", value(reason)));
    }
    for finding in &entry.findings {
        let place = format!("{}:{}:{}", finding.file, finding.line, finding.column);
        push(
            &mut text,
            format_args!("    {}: {} ({})\n", printable(&place), printable(&finding.message), finding.code),
        );
    }
    text
}

fn value(reason: &ReasonJson) -> String {
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "null".to_owned(), quoted);
    match (&reason.before, &reason.after) {
        _ if reason.sensitive => super::changes::SENSITIVE.to_owned(),
        (None, Some(after)) => quoted(after),
        (before, after) => format!("{} -> {}", shown(before), shown(after)),
    }
}
