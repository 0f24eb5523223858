//! Workflow commands for GitHub: annotations beside the lines of a change, and the outputs of a step.

use std::collections::BTreeMap;

use super::{changes::former, count, plan::total, push};
use crate::{
    model::{Finding, Severity, is_hidden},
    plan::{Plan, Rename, wire::SummaryJson},
};

/// How many annotations of one kind GitHub shows for a step.
const MOST_OF_A_KIND: usize = 10;
/// How many steps of a plan are named in its notice.
const MOST_STEPS: usize = 50;
/// How many instances are named in one annotation.
const MOST_NAMES: usize = 20;

/// Findings as annotations, errors first; the files of the findings are relative to the root of the repository. What was
/// found at one place for several instances is said once.
pub fn annotations(findings: &[Finding]) -> String {
    bounded(found(findings))
}

/// A plan as annotations: what is refused, what was found, and a notice with the plan itself.
pub fn plan_annotations(plan: &Plan, renames: &[Rename], findings: &[Finding]) -> String {
    let refused = plan.refused.iter().map(|refusal| {
        let message = format!("{}\nhelp: {}", refusal.message, refusal.help);
        (Severity::Error, format!("::error title={}::{}\n", property(refusal.guard), data(&message)))
    });
    let mut text = bounded(refused.chain(found(findings)).collect());
    let (head, rest) = total(plan);
    let mut message = format!("{head} {rest}");
    for step in plan.steps.iter().take(MOST_STEPS) {
        let renamed = former(step, renames).map(|from| format!(" (renamed from {from})")).unwrap_or_default();
        push(&mut message, format_args!("\n{} {}{renamed}", step.action.as_str(), step.instance));
    }
    if plan.steps.len() > MOST_STEPS {
        push(&mut message, format_args!("\nand {} more", plan.steps.len() - MOST_STEPS));
    }
    for held in plan.held.iter().take(MOST_STEPS) {
        push(&mut message, format_args!("\nheld {}", held.instance));
    }
    if plan.held.len() > MOST_STEPS {
        push(&mut message, format_args!("\nand {} more held", plan.held.len() - MOST_STEPS));
    }
    push(&mut text, format_args!("::notice title=Lockstep plan::{}\n", data(&message)));
    text
}

/// What later steps of a workflow can read: `changes`, `add`, `change` and `destroy`, a line each.
pub fn outputs(plan: &Plan) -> String {
    let SummaryJson { add, change, destroy } = SummaryJson::of(plan);
    let changes = !plan.steps.is_empty();
    format!("changes={changes}\nadd={add}\nchange={change}\ndestroy={destroy}\n")
}

fn bounded(mut annotations: Vec<(Severity, String)>) -> String {
    annotations.sort_by_key(|(severity, _)| *severity);
    let mut text = String::new();
    let mut left_out = Vec::new();
    for (severity, noun) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let of: Vec<_> = annotations.iter().filter(|(own, _)| *own == severity).collect();
        text.extend(of.iter().take(MOST_OF_A_KIND).map(|(_, line)| line.as_str()));
        if of.len() > MOST_OF_A_KIND {
            left_out.push(count(of.len() - MOST_OF_A_KIND, noun));
        }
    }
    if !left_out.is_empty() {
        let message = format!("{} more are not annotated; the summary of this step has them", left_out.join(" and "));
        push(&mut text, format_args!("::notice title=Lockstep::{}\n", data(&message)));
    }
    text
}

fn found(findings: &[Finding]) -> Vec<(Severity, String)> {
    let mut same: Vec<(&Finding, Vec<&str>)> = Vec::new();
    let mut places = BTreeMap::new();
    for finding in findings {
        let key = (&finding.place, finding.severity, finding.code, &finding.message);
        let index = *places.entry(key).or_insert(same.len());
        if index == same.len() {
            same.push((finding, Vec::new()));
        }
        if let Some((_, names)) = same.get_mut(index) {
            names.extend(finding.instance.as_ref().map(|name| name.as_str()));
        }
    }
    same.into_iter().map(|(finding, names)| (finding.severity, annotation(finding, &names))).collect()
}

fn annotation(finding: &Finding, instances: &[&str]) -> String {
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        push(&mut message, format_args!("\nhelp: {help}"));
    }
    if instances.len() > 1 {
        let named = instances.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
        let more = instances.len().saturating_sub(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        push(&mut message, format_args!("\ninstances: {named}{more}"));
    }
    let place = &finding.place;
    format!(
        "::{} file={},line={},col={},title={}::{}\n",
        finding.severity.as_str(),
        property(&place.file),
        place.line,
        place.column,
        property(finding.code.as_str()),
        data(&message),
    )
}

/// A text as the data of a command.
fn data(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => escaped += "%25",
            '\r' => escaped += "%0D",
            '\n' => escaped += "%0A",
            c if is_hidden(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text as a property of a command, where colons and commas mean something.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
