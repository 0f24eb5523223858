//! Every format of one plan and of its findings, as it is printed.

use std::{collections::BTreeSet, time::Duration};

use lockstep::{
    cli::render::{self, Case, Marker, Run},
    model::{Code, OwnerName},
    plan::{Action, Cause, wire::PlanJson},
};
use serde_json::json;

use super::sample::{self, SECRET, name};

fn marker() -> Marker {
    Marker::from(&OwnerName::try_from("edge-1").unwrap())
}

fn cases() -> Vec<Case> {
    let case = |(file, instance): (&str, &str)| Case { file: file.to_owned(), instance: name(instance) };
    [("misp.yaml", "create"), ("misp.yaml", "replace"), ("broken.yaml", "broken")].map(case).to_vec()
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn a_plan_in_every_format() {
    let (plan, renames) = sample::sample();
    let findings = sample::findings();
    let colour = render::plan(&plan, &renames);
    let text = anstream::adapter::strip_str(&colour).to_string();
    let json = pretty(&PlanJson::of(&plan, &renames));
    let markdown = render::markdown_plan(&plan, &renames, &findings, &marker(), render::COMMENT_LIMIT);
    let github = render::plan_annotations(&plan, &renames, &findings) + "--\n" + &render::outputs(&plan);
    let gitlab = pretty(&render::plan_counts(&plan));
    for format in [&text, &colour, &json, &markdown, &github, &gitlab] {
        assert!(!format.contains(SECRET), "{format}");
    }
    insta::assert_snapshot!("plan_text", text);
    // The escape character as something that can be seen.
    insta::assert_snapshot!("plan_colour", colour.replace('\u{1b}', "␛"));
    insta::assert_snapshot!("plan_json", json);
    insta::assert_snapshot!("plan_markdown", markdown);
    insta::assert_snapshot!("plan_github", github);
    insta::assert_snapshot!("plan_gitlab", gitlab);
}

#[test]
fn that_plan_has_everything_that_a_plan_can_have() {
    let (plan, renames) = sample::sample();
    for action in [Action::Create, Action::Replace, Action::Update, Action::Start, Action::Stop, Action::Destroy] {
        assert!(plan.steps.iter().any(|step| step.action == action), "{action:?}");
    }
    let reasons = plan.steps.iter().flat_map(|step| &step.reasons);
    let drifted = reasons.filter(|reason| reason.cause == Cause::Drift).count();
    assert!(drifted > 2 && !renames.is_empty() && !plan.held.is_empty() && !plan.refused.is_empty());
}

#[test]
fn findings_in_every_format() {
    let findings = sample::findings();
    let run = Run { began: 1_700_000_000, took: Duration::from_millis(42), version: "0.0.0" };
    insta::assert_snapshot!("findings_github", render::annotations(&findings));
    insta::assert_snapshot!("findings_gitlab", pretty(&render::code_quality(&findings)));
    insta::assert_snapshot!("findings_junit", render::junit(&run, &cases(), &findings));
    insta::assert_snapshot!("findings_markdown", render::markdown_findings(3, &findings, render::SUMMARY_LIMIT));
    let mut sarif = render::sarif(&findings, "0.0.0");
    let rules = sarif.pointer_mut("/runs/0/tool/driver/rules").unwrap().as_array_mut().unwrap();
    rules.truncate(2);
    insta::assert_snapshot!("findings_sarif", pretty(&sarif));
}

#[test]
fn an_empty_plan_has_the_fixed_line_everywhere() {
    let plan = sample::plan_of(Vec::new());
    let line = "No changes. Your connectors match the configuration.";
    assert!(anstream::adapter::strip_str(&render::plan(&plan, &[])).to_string().contains(line));
    assert!(render::markdown_plan(&plan, &[], &[], &marker(), render::COMMENT_LIMIT).contains(line));
    assert!(render::plan_annotations(&plan, &[], &[]).contains(line));
    assert_eq!(render::outputs(&plan), "changes=false\nadd=0\nchange=0\ndestroy=0\n");
    assert_eq!(render::plan_counts(&plan), json!({ "create": 0, "update": 0, "delete": 0 }));
}

#[test]
fn results_of_sarif_name_their_rules() {
    let sarif = render::sarif(&sample::findings(), "1.2.3");
    let rules = sarif.pointer("/runs/0/tool/driver/rules").unwrap().as_array().unwrap();
    assert_eq!(rules.len(), Code::ALL.len());
    for result in sarif.pointer("/runs/0/results").unwrap().as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn fingerprints_outlast_the_line_and_tell_twins_apart() {
    let prints = |findings: &[_]| {
        let report = render::code_quality(findings);
        report.as_array().unwrap().iter().map(|one| one["fingerprint"].to_string()).collect::<Vec<_>>()
    };
    let before = sample::findings();
    let mut after = before.clone();
    after.iter_mut().for_each(|finding| finding.place.line += 7);
    assert_eq!(prints(&before), prints(&after));
    let twins = [before.clone(), after.clone()].concat();
    assert_eq!(prints(&twins).into_iter().collect::<BTreeSet<_>>().len(), twins.len());
    after[0].message.push('!');
    assert_ne!(prints(&before)[0], prints(&after)[0]);
}

#[test]
fn more_results_than_code_scanning_shows_are_left_out_and_counted() {
    let finding = &sample::findings()[0];
    let warning = &sample::findings()[2];
    let many: Vec<_> = std::iter::once(warning.clone()).chain(vec![finding.clone(); 5_002]).collect();
    let sarif = render::sarif(&many, "1.2.3");
    let results = sarif.pointer("/runs/0/results").unwrap().as_array().unwrap();
    assert_eq!(results.len(), 5_000);
    assert!(results.iter().all(|result| result["level"] == "error"), "errors come first");
    let note = sarif.pointer("/runs/0/invocations/0/toolExecutionNotifications/0/message/text").unwrap();
    assert_eq!(note, "3 more results left out");
}
