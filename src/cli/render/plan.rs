//! A plan with Terraform's look, since people and scripts read that.

use super::{
    bold,
    changes::{Row, SENSITIVE, Value, changes, former, latter, will},
    cost, count,
    difference::Mark,
    dim, green, printable, push, red, yellow,
};
use crate::{
    desired::DesiredState,
    plan::{Action, Plan, Rename, Step, is_drift, wire::SummaryJson},
};

/// How many instances are named where one guard refuses many.
const MOST_NAMES: usize = 20;

/// The whole plan; `renames` says which of its steps are one instance under two names.
pub fn plan(plan: &Plan, renames: &[Rename]) -> String {
    let mut text = String::new();
    let drifted = plan.steps.iter().filter(|step| is_drift(step)).count();
    if drifted > 0 {
        let who = if drifted == 1 { "1 instance has" } else { &format!("{drifted} instances have") };
        push(&mut text, format_args!("Note: {who} changed outside of Lockstep.\n\n"));
    }
    if !plan.steps.is_empty() {
        text += "Lockstep will perform the following actions:\n\n";
        for step in &plan.steps {
            text += &one(plan, step, renames);
        }
    }
    for held in &plan.held {
        let findings = count(held.findings.len(), "finding");
        push(
            &mut text,
            format_args!(
                "  {} {} is held and left as it is ({findings} above)\n",
                yellow("!"),
                bold(held.instance.as_str())
            ),
        );
    }
    for refusal in &plan.refused {
        push(&mut text, format_args!("  {} {} ({})\n", red("x"), printable(&refusal.message), refusal.guard));
        let names: Vec<_> = refusal.instances.iter().take(MOST_NAMES).map(|name| name.as_str()).collect();
        let more = refusal.instances.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        push(&mut text, format_args!("    {} {}{more}\n", dim("instances:"), names.join(", ")));
        push(&mut text, format_args!("    {} {}\n", dim("help:"), printable(&refusal.help)));
    }
    if !plan.held.is_empty() || !plan.refused.is_empty() {
        text.push('\n');
    }
    let costs = cost::lines(plan);
    text.extend(costs.iter().map(|line| format!("  {line}\n")));
    if !costs.is_empty() {
        text.push('\n');
    }
    let (head, rest) = total(plan);
    let head = if is_empty(plan) { bold(&green(head)) } else { bold(head) };
    push(&mut text, format_args!("{head} {rest}\n"));
    text
}

/// A note on the instances that are left as they are since their manifests ask for it; empty where there are none.
pub fn suspended(desired: &DesiredState) -> String {
    let names: Vec<_> = desired.wanted.values().filter(|wanted| wanted.suspend).map(|w| w.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("{} suspended, so nothing is done about {}\n", yellow("note:"), names.join(", "))
}

/// Whether there is nothing to say about a plan.
pub(super) fn is_empty(plan: &Plan) -> bool {
    plan.steps.is_empty() && plan.held.is_empty() && plan.refused.is_empty()
}

/// The line that sums a plan up: what stands out in it, and the rest.
pub(super) fn total(plan: &Plan) -> (&'static str, String) {
    if is_empty(plan) {
        return ("No changes.", "Your connectors match the configuration.".to_owned());
    }
    let SummaryJson { add, change, destroy } = SummaryJson::of(plan);
    ("Plan:", format!("{add} to add, {change} to change, {destroy} to destroy."))
}

fn one(plan: &Plan, step: &Step, renames: &[Rename]) -> String {
    let name = step.instance.as_str();
    let symbol = match step.action {
        Action::Create | Action::Register => green("  +"),
        Action::Replace => format!("{}/{}", red("-"), green("+")),
        Action::Update | Action::Start | Action::Stop | Action::Edit | Action::Migrate => yellow("  ~"),
        Action::Destroy | Action::Unregister => red("  -"),
    };
    let renamed = former(step, renames).map(|from| format!(" (renamed from {from})")).unwrap_or_default();
    let mut text = format!("  # {}{renamed} {}\n", bold(name), will(step.action));
    if let Some(to) = latter(step, renames) {
        push(&mut text, format_args!("  # (because {name} is renamed to {to})\n"));
    } else if step.action == Action::Destroy {
        push(&mut text, format_args!("  # (because {name} is not in the source)\n"));
    }
    let changes = changes(plan, step);
    if let Some(cause) = &changes.cause {
        push(&mut text, format_args!("  {}\n", dim(cause)));
    }
    push(&mut text, format_args!("{symbol} instance \"{name}\" {{\n"));
    let width = changes.width();
    for row in &changes.rows {
        text += &shown(row, width);
    }
    for comment in changes.hidden.iter().chain(&changes.costs) {
        push(&mut text, format_args!("        {}\n", dim(comment)));
    }
    text += "    }\n\n";
    text
}

fn symbol(mark: Mark) -> String {
    match mark {
        Mark::Add => green("+"),
        Mark::Remove => red("-"),
        Mark::Change => yellow("~"),
        Mark::Same => " ".to_owned(),
    }
}

fn shown(row: &Row, width: usize) -> String {
    let note = if row.note.is_empty() { String::new() } else { format!(" {}", dim(&row.note)) };
    let head = format!("      {} {:width$} =", symbol(row.mark), row.field);
    match &row.value {
        Value::Sensitive => format!("{head} {SENSITIVE}{note}\n"),
        Value::New(value) => format!("{head} {value}{note}\n"),
        Value::Changed(before, after) => format!("{head} {before} -> {after}{note}\n"),
        Value::Long(long) => {
            let mut text = format!("{head} {}{note}\n", long.brackets.0);
            for (mark, line) in &long.lines {
                push(&mut text, format_args!("          {} {line}\n", symbol(*mark)));
            }
            push(&mut text, format_args!("        {}\n", long.brackets.1));
            text
        }
    }
}
