//! What holds for every plan in every format.

use std::collections::BTreeSet;

use lockstep::{
    cli::render::{self, Marker},
    model::Finding,
    plan::{Action, Plan, wire::PlanJson},
};
use proptest::prelude::*;

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

fn of_json(plan: &Plan) -> BTreeSet<(String, String)> {
    let json = PlanJson::of(plan, &[]);
    json.steps.into_iter().map(|step| (step.instance, step.action)).collect()
}

fn of_text(plan: &Plan) -> BTreeSet<(String, String)> {
    let text = anstream::adapter::strip_str(&render::plan(plan, &[])).to_string();
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
    let heads = text.lines().filter_map(|line| line.strip_prefix("  # "));
    let of = |line: &str| {
        words.iter().find_map(|(end, word)| Some((line.strip_suffix(end)?.to_owned(), (*word).to_owned())))
    };
    heads.filter_map(of).collect()
}

fn of_markdown(plan: &Plan) -> BTreeSet<(String, String)> {
    let markdown = markdown(plan, &[], usize::MAX);
    let rows = markdown.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        (cells[1].clone(), cells[2].clone())
    })
    .collect()
}

/// A value before and after.
type Sides = (Option<String>, Option<String>);

fn plans() -> impl Strategy<Value = Plan> {
    let value = proptest::option::of("[ -~\n`<>,é\u{1b}]{0,90}");
    let reasons = proptest::collection::vec((value.clone(), value), 1..4);
    let steps = proptest::collection::btree_map("[a-z][a-z0-9]{0,8}", (0..ACTIONS.len(), reasons), 0..12);
    steps.prop_map(|steps| {
        let of = |(instance, (action, reasons)): (String, (usize, Vec<Sides>))| {
            let reasons = reasons.iter().map(|(before, after)| reason("env.X", before.as_deref(), after.as_deref()));
            step(&instance, ACTIONS[action], reasons.collect())
        };
        plan_of(steps.into_iter().map(of).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_json_and_markdown_name_the_same_steps(plan in plans()) {
        let steps: BTreeSet<_> =
            plan.steps.iter().map(|step| (step.instance.to_string(), step.action.as_str().to_owned())).collect();
        prop_assert_eq!(of_json(&plan), steps.clone());
        prop_assert_eq!(of_text(&plan), steps.clone());
        prop_assert_eq!(of_markdown(&plan), steps);
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
