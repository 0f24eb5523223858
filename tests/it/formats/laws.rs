//! What holds for every plan in every format.

use std::collections::BTreeSet;

use lockstep::{
    cli::render::{self, Marker},
    desired::Held,
    model::Finding,
    plan::{
        Action, Observed, Plan, Rename, Step,
        saved::{Bound, OptionsJson, SavedJson, ShownJson},
        wire::PlanJson,
    },
};
use proptest::prelude::*;
use serde_json::Value;

use super::sample::{findings, name, place, plan_of, reason, sample, step};

const ACTIONS: [Action; 10] = [
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
struct Told {
    steps: BTreeSet<(String, String)>,
    renamed: BTreeSet<(String, String)>,
    held: BTreeSet<String>,
    /// How many are added, changed and destroyed.
    counts: Vec<usize>,
    /// The fields that change, of each instance whose step shows them.
    fields: BTreeSet<(String, String)>,
}

fn of_plan(plan: &Plan, renames: &[Rename]) -> Told {
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

fn of_json(plan: &Plan, renames: &[Rename]) -> Told {
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
fn counts(line: &str) -> Vec<usize> {
    if line.contains("No changes.") {
        return vec![0; 3];
    }
    line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}

/// The action that words of a text say of an instance.
fn action_of(head: &str) -> Option<(String, String)> {
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

fn of_text(plan: &Plan, renames: &[Rename]) -> Told {
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

fn of_markdown(plan: &Plan, renames: &[Rename]) -> Told {
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

/// A digest with a key of the id `key`.
fn digest(text: &[u8]) -> String {
    use sha2::Digest as _;
    format!("key:{}", hex::encode(sha2::Sha256::digest(text)))
}

fn saved(plan: &Plan) -> SavedJson {
    let bound = Bound {
        version: "1".to_owned(),
        owner: "edge-1".to_owned(),
        revision: plan.revision.full(),
        settings: "2".to_owned(),
        catalogs: Vec::new(),
    };
    let shown =
        ShownJson { text: render::plan(plan, &[]), markdown: markdown(plan, &[], usize::MAX), github: String::new() };
    let json = PlanJson::of(plan, &[]);
    SavedJson::new(bound, 0, OptionsJson::default(), (plan, &Observed::default()), (json, shown), &digest)
}

/// A value before and after.
type Sides = (Option<String>, Option<String>);

fn plans() -> impl Strategy<Value = Plan> {
    let value = proptest::option::of("[ -~\n`<>,é\u{1b}]{0,90}");
    let reasons = proptest::collection::vec((value.clone(), value), 1..4);
    let steps = proptest::collection::btree_map("[a-z][a-z0-9]{0,8}", (0..ACTIONS.len(), reasons), 0..12);
    let held = proptest::collection::btree_set("held-[a-z0-9]{1,6}", 0..3);
    (steps, held).prop_map(|(steps, held)| {
        let of = |(instance, (action, reasons)): (String, (usize, Vec<Sides>))| {
            let reasons = reasons.iter().enumerate().map(|(number, (before, after))| {
                reason(&format!("env.X{number}"), before.as_deref(), after.as_deref())
            });
            step(&instance, ACTIONS[action], reasons.collect())
        };
        let mut plan = plan_of(steps.into_iter().map(of).collect());
        let of_held = |text: &String| Held { instance: name(text), findings: findings().drain(..1).collect() };
        plan.held = held.iter().map(of_held).collect();
        plan
    })
}

/// Each removal of a plan with one creation, as long as there are both.
fn renamed(plan: &Plan) -> Vec<Rename> {
    let of = |action| plan.steps.iter().filter(move |step| step.action == action).map(|step| step.instance.clone());
    of(Action::Destroy).zip(of(Action::Create)).map(|(from, to)| Rename { from, to }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_json_and_markdown_say_the_same(plan in plans()) {
        let renames = renamed(&plan);
        let expected = of_plan(&plan, &renames);
        prop_assert_eq!(&of_json(&plan, &renames), &expected);
        prop_assert_eq!(&of_text(&plan, &renames), &expected);
        prop_assert_eq!(&of_markdown(&plan, &renames), &expected);
    }

    #[test]
    fn a_saved_plan_names_the_same_steps_and_is_that_plan_or_none(plan in plans(), at in any::<prop::sample::Index>()) {
        let steps: BTreeSet<_> =
            plan.steps.iter().map(|step| (step.instance.to_string(), step.action.as_str().to_owned())).collect();
        let saved = saved(&plan);
        let text = serde_json::to_string(&saved).unwrap();
        let read: SavedJson = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.check_seal("key", &digest), Ok(()));
        let done = read.work.iter().map(|work| (work.instance.clone(), work.action.clone()));
        prop_assert_eq!(done.collect::<BTreeSet<_>>(), steps.clone());
        let said = read.plan.steps.iter().map(|step| (step.instance.clone(), step.action.clone()));
        prop_assert_eq!(said.collect::<BTreeSet<_>>(), steps);
        prop_assert_eq!(read.moved_steps(&plan), Vec::<String>::new());
        // One step more, less or other than was saved is named.
        if let Some(step) = plan.steps.get(at.index(plan.steps.len().max(1))) {
            let mut less = plan.clone();
            less.steps.retain(|other| other.instance != step.instance);
            prop_assert_eq!(read.moved_steps(&less), [format!("what has to be done for `{}`", step.instance)]);
        }
        // Whatever character is changed, it is no saved plan any more or says the same.
        let at = at.index(text.len());
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let other = String::from_utf8(bytes).ok().and_then(|text| serde_json::from_str::<SavedJson>(&text).ok());
        if let Some(other) = other {
            let same = serde_json::to_string(&other).unwrap() == text;
            prop_assert!(same || other.check_seal("key", &digest).is_err(), "{}", &text[at.saturating_sub(20)..]);
        }
    }

    #[test]
    fn markdown_fits_and_ends_every_fence(plan in plans(), limit in render::LEAST_LIMIT..20_000_usize) {
        let text = markdown(&plan, &findings(), limit);
        prop_assert!(text.len() <= limit, "{} > {limit}", text.len());
        outside_of_fences(&text);
    }
}

#[test]
fn a_plan_too_large_for_a_comment_is_cut_by_whole_instances_and_counted() {
    let long = "x".repeat(300);
    let steps = (0..2_000).map(|number| {
        step(&format!("instance-{number:04}"), Action::Replace, vec![reason("env.X", Some("before"), Some(&long))])
    });
    let plan = plan_of(steps.collect());
    let text = markdown(&plan, &[], render::COMMENT_LIMIT);
    assert!(text.len() <= 65_536 && text.len() > 60_000, "{}", text.len());
    assert!(text.contains("### Plan: 0 to add, 2000 to change, 0 to destroy."), "{}", &text[..400]);
    outside_of_fences(&text);
    let rows = text.lines().filter(|line| line.starts_with("| `")).count();
    let details = text.matches("<details>").count();
    assert!(text.contains(&format!("_{} rows more of the table left out", 2_000 - rows)), "{rows} rows");
    assert!(text.contains(&format!("_The details of {} more are left out", 2_000 - details)), "{details} details");
    assert_eq!(text.matches(&long).count(), details, "every value is whole");
}

#[test]
fn the_summary_of_five_thousand_instances_has_room_and_stays_whole() {
    let hostile = "`````| <script> é @team --> %0A\n".repeat(12);
    let steps = (0..5_000).map(|number| {
        step(&format!("instance-{number:04}"), Action::Replace, vec![reason("env.X", Some("before"), Some(&hostile))])
    });
    let text = markdown(&plan_of(steps.collect()), &findings(), render::SUMMARY_LIMIT);
    assert!(text.len() < 1024 * 1024 && text.len() > 1_000_000, "{}", text.len());
    let outside = outside_of_fences(&text);
    let rows: Vec<_> = outside.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), 5_000);
    assert!(rows.iter().all(|row| row.matches('|').count() == 5 && row.ends_with(" |")), "a row is whole or not there");
    assert!(!outside.contains("script") && !outside.contains("@team"));
    let details = outside.matches("<details>").count();
    // Three blocks are those of the findings.
    assert!(outside.contains(&format!("_The details of {} more are left out", 5_003 - details)), "{details}");
}

#[test]
fn one_huge_instance_does_not_push_out_the_others() {
    let huge = "y".repeat(80_000);
    let steps = vec![
        step("huge", Action::Replace, vec![reason("env.X", None, Some(&huge))]),
        step("small", Action::Replace, vec![reason("env.X", None, Some("z"))]),
    ];
    let text = markdown(&plan_of(steps), &[], render::COMMENT_LIMIT);
    assert!(text.contains("| `huge` | replace") && text.contains("<code>small</code> must be replaced"), "{text}");
    assert!(text.contains("_The details of 1 more are left out"), "{text}");
}

#[test]
fn annotations_stay_within_the_limits_and_say_what_they_leave_out() {
    let error = &findings()[0];
    let warning = &findings()[2];
    let at = |finding: &Finding, line| Finding { place: place("a.yaml", line), ..finding.clone() };
    let all: Vec<_> = (1..26).flat_map(|line| [at(warning, line), at(error, line)]).collect();
    let text = render::annotations(&all);
    let of = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count();
    assert_eq!((of("::error "), of("::warning "), of("::notice "), text.lines().count()), (10, 10, 1, 21));
    assert!(text.lines().position(|line| line.starts_with("::warning")) == Some(10), "errors come first: {text}");
    assert!(text.contains("15 errors and 15 warnings more are not annotated"), "{text}");
    assert!(!render::annotations(&all[..20]).contains("::notice"));
}

#[test]
fn what_was_found_once_for_several_instances_is_annotated_once() {
    let of = |number: usize| findings()[0].clone().of_instance(&name(&format!("i{number}")));
    let text = render::annotations(&(0..23).map(of).collect::<Vec<_>>());
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("%0Ainstances: i0, i1, ") && text.ends_with("i19 and 3 more\n"), "{text}");
}

#[test]
fn the_notice_of_a_large_plan_is_bounded() {
    let steps = (0..70).map(|number| step(&format!("i{number}"), Action::Create, vec![reason("instance", None, None)]));
    let text = render::plan_annotations(&plan_of(steps.collect()), &[], &[]);
    assert_eq!(text.matches("%0Acreate i").count(), 50);
    assert!(text.trim_end().ends_with("%0Aand 20 more"), "{text}");
    let (plan, renames) = sample();
    assert!(render::plan_annotations(&plan, &renames, &[]).contains(&format!("%0Aheld {}", name("broken"))));
}

#[test]
fn a_value_of_very_many_lines_is_shown_whole_and_not_compared() {
    let lines = |last: &str| "line\n".repeat(10_001) + last;
    let change = |before: &str, after: &str| {
        let plan = plan_of(vec![step("a", Action::Replace, vec![reason("env.X", Some(before), Some(after))])]);
        anstream::adapter::strip_str(&render::plan(&plan, &[])).to_string()
    };
    let text = change(&lines("old"), &lines("new"));
    assert!(text.contains("line\\nold\" -> \"line\\n"), "{}", text.len());
    assert!(change("line\nold", "line\nnew").contains("          - old\n          + new\n"));
}
