//! What is too long for its place is cut, and says so.

use lockstep::{cli::render, model::Finding, plan::Action};

use super::{
    sample::{findings, name, place, plan_of, reason, sample, step},
    told::{markdown, outside_of_fences},
};

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
