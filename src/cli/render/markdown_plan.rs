//! A plan as a comment on a change, or as the summary of a step.

use super::{
    changes::{Row, SENSITIVE, Value, changes, former, latter, will},
    cost, count,
    difference::Mark,
    fence::{Bounded, fenced, folded},
    markdown::{Marker, RESERVE, block, counted, folded_findings},
    plan::{is_empty, total},
    printable, push,
};
use crate::{
    model::Finding,
    plan::{Action, Plan, Refusal, Rename, Step},
};

/// The most that GitHub takes as a comment, in characters; kept to in bytes, which are never fewer.
pub const COMMENT_LIMIT: usize = 65_536;
/// The most that GitHub takes as the summary of a step, in bytes.
pub const SUMMARY_LIMIT: usize = 1024 * 1024 - 1;
/// With fewer bytes than this, not even the summary of a plan has room.
pub const LEAST_LIMIT: usize = 1_024;

/// A plan as Markdown of at most `limit` bytes (no fewer than [`LEAST_LIMIT`]): the summary first, then a row for each
/// instance, then the details folded. What has no room is left out whole, and counted.
pub fn markdown_plan(plan: &Plan, renames: &[Rename], findings: &[Finding], marker: &Marker, limit: usize) -> String {
    let mut text = Bounded::new(limit.saturating_sub(2 * RESERVE));
    let (head, rest) = total(plan);
    text.must(&format!("{marker}\n### {head} {rest}\n\n"));
    text.must(&format!("Revision `{}`, {}.\n\n", plan.revision.short(), counted(findings)));
    if is_empty(plan) && findings.is_empty() {
        return text.finish(|_| String::new());
    }
    if let Some(total) = cost::total(plan) {
        text.must(&format!("{total}\n\n"));
    }
    let rows = rows(plan, renames);
    let details = details(plan, renames, findings);
    let whole = |pieces: &[String]| pieces.iter().map(String::len).sum::<usize>();
    let tight = whole(&rows) + whole(&details) > text.room();
    let table = if tight { text.len() + text.room() / 2 } else { usize::MAX };
    if !rows.is_empty() {
        text.must("| | instance | action | fields |\n|---|---|---|---|\n");
        let shown = rows.iter().take_while(|row| text.may(row, table)).count();
        if shown < rows.len() {
            text = table_cut(text, rows.len() - shown);
        }
        text.must("\n");
    }
    for piece in &details {
        text.may(piece, usize::MAX);
    }
    text.finish(|left_out| {
        format!("_The details of {left_out} more are left out for their length; `lockstep plan` shows all._")
    })
}

/// The table ends early: the rest is counted below it.
fn table_cut(text: Bounded, left_out: usize) -> Bounded {
    let mut text = text.forget_left_out();
    text.must(&format!("\n_{} more of the table left out for its length._\n", count(left_out, "row")));
    text
}

fn rows(plan: &Plan, renames: &[Rename]) -> Vec<String> {
    let step = |step: &Step| {
        let symbol = match step.action {
            Action::Create | Action::Register => "+",
            Action::Replace => "-/+",
            Action::Update | Action::Start | Action::Stop | Action::Edit | Action::Migrate => "~",
            Action::Destroy | Action::Unregister => "-",
        };
        let renamed = match (former(step, renames), latter(step, renames)) {
            (Some(from), _) => format!(" (renamed from `{from}`)"),
            (None, Some(to)) => format!(" (renamed to `{to}`)"),
            (None, None) => String::new(),
        };
        let fields = changes(plan, step).rows.len();
        format!("| `{symbol}` | `{}` | {}{renamed} | {fields} |\n", step.instance, step.action.as_str())
    };
    let held = plan.held.iter().map(|held| format!("| `!` | `{}` | held | |\n", held.instance));
    plan.steps.iter().map(step).chain(held).collect()
}

/// One folded block for everything that is refused, changes, is held or has findings.
fn details(plan: &Plan, renames: &[Rename], findings: &[Finding]) -> Vec<String> {
    let mut pieces: Vec<_> = plan.refused.iter().map(refused).collect();
    for held in &plan.held {
        let title = format!("<code>{}</code> is held and left as it is", held.instance);
        pieces.push(folded(&title, &block(&held.findings)));
    }
    for step in &plan.steps {
        let renamed = former(step, renames).map(|from| format!(" (renamed from <code>{from}</code>)"));
        let title = format!("<code>{}</code>{} {}", step.instance, renamed.unwrap_or_default(), will(step.action));
        pieces.push(folded(&title, &fenced("diff", &diff(plan, step))));
    }
    let of_held = |finding: &&Finding| !plan.held.iter().any(|held| held.findings.contains(finding));
    pieces.extend(folded_findings(findings.iter().filter(of_held)));
    pieces
}

fn refused(refusal: &Refusal) -> String {
    let names: Vec<_> = refusal.instances.iter().map(ToString::to_string).collect();
    let text = format!(
        "{} ({})\nhelp: {}\ninstances: {}\n",
        printable(&refusal.message),
        refusal.guard,
        printable(&refusal.help),
        names.join(", ")
    );
    folded(&format!("{} refused", count(names.len(), "instance")), &fenced("text", &text))
}

fn diff(plan: &Plan, step: &Step) -> String {
    let changes = changes(plan, step);
    let width = changes.width();
    let mut text = changes.cause.as_ref().map_or_else(String::new, |cause| format!("  {cause}\n"));
    text.extend(changes.rows.iter().map(|row| lines(row, width)));
    for comment in changes.hidden.iter().chain(&changes.costs) {
        push(&mut text, format_args!("  {comment}\n"));
    }
    text
}

fn symbol(mark: Mark) -> char {
    match mark {
        Mark::Add => '+',
        Mark::Remove => '-',
        Mark::Change => '!',
        Mark::Same => ' ',
    }
}

fn lines(row: &Row, width: usize) -> String {
    let note = if row.note.is_empty() { String::new() } else { format!(" {}", row.note) };
    let (mark, head) = (symbol(row.mark), format!("{:width$} =", row.field));
    match &row.value {
        Value::Sensitive => format!("{mark} {head} {SENSITIVE}{note}\n"),
        Value::New(value) => format!("{mark} {head} {value}{note}\n"),
        Value::Changed(before, after) => format!("- {head} {before}\n+ {head} {after}{note}\n"),
        Value::Long(long) => {
            let mut text = format!("{mark} {head} {}{note}\n", long.brackets.0);
            for (mark, line) in &long.lines {
                push(&mut text, format_args!("{}   {line}\n", symbol(*mark)));
            }
            push(&mut text, format_args!("  {}\n", long.brackets.1));
            text
        }
    }
}
