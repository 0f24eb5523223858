//! What each view says of a plan, read out of the view alone.

use std::collections::BTreeSet;

use lockstep::{
    cli::render::{self, Marker},
    model::Finding,
    plan::{Action, Plan, Rename, Step, wire::PlanJson},
};
use serde_json::Value;

pub(super) const ACTIONS: [Action; 10] = [
    Action::Create,
    Action::Replace,
    Action::Update,
    Action::Start,
    Action::Stop,
    Action::Destroy,
    Action::Register,
    Action::Edit,
    Action::Migrate,
    Action::Unregister,
];

pub(super) fn markdown(plan: &Plan, findings: &[Finding], limit: usize) -> String {
    render::markdown_plan(plan, &[], findings, &Marker::try_from("test").unwrap(), limit)
}

/// Says that every block is ended by its own fence and nothing stands open at the end; gives what is outside of fences.
pub(super) fn outside_of_fences(markdown: &str) -> String {
    let (mut outside, mut open, mut depth) = (String::new(), None::<String>, 0);
    for line in markdown.split('\n') {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &open {
            Some(fence) if line.trim_end() == ticks && ticks.len() >= fence.len() => open = None,
            Some(_) => {}
            None if ticks.len() >= 3 => open = Some(ticks),
            None => {
                depth += line.matches("<details>").count();
                depth -= line.matches("</details>").count();
                outside.push_str(line);
                outside.push('\n');
            }
        }
    }
    assert_eq!((open, depth), (None, 0), "{markdown}");
    outside
}

/// What a view says of a plan, read out of the view alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    steps: BTreeSet<(String, String)>,
    renamed: BTreeSet<(String, String)>,
    held: BTreeSet<String>,
    /// How many are added, changed and destroyed.
    counts: Vec<usize>,
    /// The fields that change, of each instance whose step shows them.
    fields: BTreeSet<(String, String)>,
}

pub(super) fn of_plan(plan: &Plan, renames: &[Rename]) -> Told {
    let shows_fields = |step: &&Step| step.action != Action::Create;
    let fields = plan
        .steps
        .iter()
        .filter(shows_fields)
        .flat_map(|step| step.reasons.iter().map(|reason| (step.instance.to_string(), reason.field.clone())));
    let of = |actions: &[Action]| plan.steps.iter().filter(|step| actions.contains(&step.action)).count();
    Told {
        steps: plan.steps.iter().map(|step| (step.instance.to_string(), step.action.as_str().to_owned())).collect(),
        renamed: renames.iter().map(|rename| (rename.from.to_string(), rename.to.to_string())).collect(),
        held: plan.held.iter().map(|held| held.instance.to_string()).collect(),
        counts: vec![
            of(&[Action::Create]),
            // What comes to stand at a platform changes there; containers alone are added.
            of(&[Action::Replace, Action::Update, Action::Start, Action::Stop])
                + of(&[Action::Register, Action::Edit, Action::Migrate]),
            of(&[Action::Destroy, Action::Unregister]),
        ],
        fields: fields.collect(),
    }
}

pub(super) fn of_json(plan: &Plan, renames: &[Rename]) -> Told {
    let json = serde_json::to_value(PlanJson::of(plan, renames)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let mut told = Told::default();
    for step in list(&json["steps"]) {
        told.steps.insert((text(&step["instance"]), text(&step["action"])));
        if step["action"] != "create" {
            told.fields
                .extend(list(&step["reasons"]).iter().map(|reason| (text(&step["instance"]), text(&reason["field"]))));
        }
    }
    told.renamed = list(&json["renamed"]).iter().map(|one| (text(&one["from"]), text(&one["to"]))).collect();
    told.held = list(&json["held"]).iter().map(|held| text(&held["instance"])).collect();
    let number = |key: &str| usize::try_from(json["summary"][key].as_u64().unwrap()).unwrap();
    told.counts = ["add", "change", "destroy"].map(number).to_vec();
    told
}

/// The numbers of `Plan: 1 to add, 2 to change, 3 to destroy.`; all are 0 where there is nothing to do.
pub(super) fn counts(line: &str) -> Vec<usize> {
    if line.contains("No changes.") {
        return vec![0; 3];
    }
    line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}

/// The action that words of a text say of an instance.
pub(super) fn action_of(head: &str) -> Option<(String, String)> {
    let words = [
        (" will be created", "create"),
        (" must be replaced", "replace"),
        (" will be updated in-place", "update"),
        (" will be started", "start"),
        (" will be stopped", "stop"),
        (" will be destroyed", "destroy"),
        (" will be registered at its platform", "register"),
        (" will be edited at its platform", "edit"),
        (" will be migrated to a managed connector of its platform", "migrate"),
        (" will be removed from its platform", "unregister"),
    ];
    words.iter().find_map(|(end, word)| Some((head.strip_suffix(end)?.to_owned(), (*word).to_owned())))
}

pub(super) fn of_text(plan: &Plan, renames: &[Rename]) -> Told {
    let text = anstream::adapter::strip_str(&render::plan(plan, renames)).to_string();
    let mut told = Told { counts: counts(text.lines().last().unwrap()), ..Told::default() };
    let mut instance = None;
    for line in text.lines() {
        if let Some((name, action)) = line.strip_prefix("  # ").and_then(action_of) {
            let (name, former) = name.split_once(" (renamed from ").unwrap_or((&name, ""));
            told.renamed
                .extend((!former.is_empty()).then(|| (former.trim_end_matches(')').to_owned(), name.to_owned())));
            told.steps.insert((name.to_owned(), action.clone()));
            instance = (action != "create").then(|| name.to_owned());
        } else if let Some(name) = line.strip_suffix(" is held and left as it is (1 finding above)") {
            told.held.insert(name.trim_start_matches([' ', '!']).to_owned());
        } else if let Some(row) = ["+", "-", "~"].iter().find_map(|mark| line.strip_prefix(&format!("      {mark} "))) {
            let field = row.split(" = ").next().unwrap().trim().to_owned();
            told.fields.extend(instance.clone().map(|instance| (instance, field)));
        }
    }
    told
}

pub(super) fn of_markdown(plan: &Plan, renames: &[Rename]) -> Told {
    let marker = Marker::try_from("test").unwrap();
    let markdown = render::markdown_plan(plan, renames, &[], &marker, usize::MAX);
    let mut told = Told { counts: counts(markdown.lines().nth(1).unwrap()), ..Told::default() };
    let mut instance = None;
    for line in markdown.lines() {
        if let Some(row) = line.strip_prefix("| `") {
            let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
            let (action, note) = cells[2].split_once(" (").unwrap_or((&cells[2], ""));
            if action == "held" {
                told.held.insert(cells[1].clone());
                continue;
            }
            told.steps.insert((cells[1].clone(), action.to_owned()));
            let former = note.strip_prefix("renamed from ").map(|former| former.trim_end_matches(')').to_owned());
            told.renamed.extend(former.map(|former| (former, cells[1].clone())));
        } else if let Some(title) = line.strip_prefix("<details><summary><code>") {
            let name = title.split("</code>").next().unwrap().to_owned();
            instance = Some(name).filter(|_| !title.contains("will be created") && !title.contains("is held"));
        } else if let Some(row) = ["+ ", "- ", "! "].iter().find_map(|mark| line.strip_prefix(mark)) {
            let field = row.split(" = ").next().unwrap().trim().to_owned();
            // The lines of long values stand further in.
            let is_field = !row.starts_with(' ');
            told.fields.extend(instance.clone().filter(|_| is_field).map(|instance| (instance, field)));
        }
    }
    told
}
