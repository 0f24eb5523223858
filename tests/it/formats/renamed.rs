//! Instances that got another name.

use std::{collections::BTreeMap, sync::Arc};

use lockstep::{
    catalog::{Catalog, Catalogs},
    cli::render,
    desired::{Context, DesiredState, EnvValue, Wanted, assemble},
    manifest,
    model::{ConnectorId, OwnerName, Policy, PullPolicy, Revision, Snapshot, SourceFile},
    plan::{Action, Digests, Observed, Plan, PruneRules, Pruning, Rename, SpecDigest, Work, diff, renames},
};

use super::sample::{name, new, observed, plan_of, reason, step, wanted};

fn creation(of: Wanted) -> lockstep::plan::Step {
    let mut step = step(of.name.as_str(), Action::Create, vec![reason("instance", None, None)]);
    step.work = Work::Create(new(of));
    step
}

fn removal(of: &str) -> lockstep::plan::Step {
    step(of, Action::Destroy, vec![reason("instance", Some("running"), None)])
}

fn pairs(plan: &Plan, observed: &Observed) -> Vec<(String, String)> {
    renames(plan, observed).into_iter().map(|Rename { from, to }| (from.to_string(), to.to_string())).collect()
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn the_same_spec_under_another_name_is_renamed() {
    let plan = plan_of(vec![creation(wanted("new")), removal("old")]);
    assert_eq!(pairs(&plan, &observed(&[&wanted("old")])), [pair("old", "new")]);
}

#[test]
fn another_spec_is_another_instance() {
    let mut other = wanted("new");
    other.env.insert("MISP_URL".to_owned(), EnvValue::Plain("https://other.example".to_owned()));
    let plan = plan_of(vec![creation(other), removal("old")]);
    assert_eq!(pairs(&plan, &observed(&[&wanted("old")])), []);
}

#[test]
fn the_same_id_is_the_same_instance_whatever_else_changes() {
    let id = ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").unwrap();
    let mut new = Wanted { id, ..wanted("new") };
    new.image = "other:1".to_owned();
    let old = Wanted { id, ..wanted("old") };
    let plan = plan_of(vec![creation(new), removal("old")]);
    assert_eq!(pairs(&plan, &observed(&[&old])), [pair("old", "new")]);
}

#[test]
fn each_instance_is_renamed_at_most_once_and_an_id_counts_first() {
    let id = ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").unwrap();
    let (a, b) = (wanted("a"), Wanted { id, ..wanted("b") });
    let plan = plan_of(vec![
        removal("a"),
        removal("b"),
        creation(wanted("x")),
        creation(wanted("y")),
        creation(Wanted { id, ..wanted("z") }),
    ]);
    assert_eq!(pairs(&plan, &observed(&[&a, &b])), [pair("a", "x"), pair("b", "z")]);
}

#[test]
fn what_is_only_removed_or_only_created_is_not_renamed() {
    let old = wanted("old");
    assert_eq!(pairs(&plan_of(vec![removal("old")]), &observed(&[&old])), []);
    assert_eq!(pairs(&plan_of(vec![creation(wanted("new"))]), &observed(&[&old])), []);
    let stays = plan_of(vec![creation(wanted("new")), step("old", Action::Stop, vec![reason("state", None, None)])]);
    assert_eq!(pairs(&stays, &observed(&[&old])), []);
    assert!(renames(&plan_of(vec![removal("old")]), &Observed::default()).iter().all(|one| one.from == name("old")));
}

/// What a source with one manifest of the quickstart wants.
fn desired(instance: &str) -> DesiredState {
    let catalog = include_bytes!("../../../examples/quickstart/source/catalog/quickstart.json");
    let manifest = format!(
        "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {instance}}}\n\
         spec:\n  contract: feed\n  image: opencti/feed:1\n  config: {{FEED_URL: 'https://feeds.example/a'}}\n"
    );
    let file = SourceFile { path: "a.yaml".into(), content: manifest.as_bytes().into() };
    let snapshot = Snapshot { revision: Revision::Directory("0".repeat(64)), files: vec![file] };
    let context = Context {
        platforms: BTreeMap::new(),
        any_platform: true,
        policy: Policy::default(),
        network: None,
        pull: PullPolicy::IfNotPresent,
    };
    let catalogs = Catalogs::new(vec![Arc::new(Catalog::read("quickstart.json", catalog).unwrap())]);
    assemble(manifest::read(&snapshot), &snapshot, &catalogs, &context)
}

#[test]
fn a_manifest_whose_name_changes_is_shown_as_renamed_and_planned_as_before() {
    let (before, after) = (desired("tor"), desired("tor-exits"));
    assert_eq!(before.findings, []);
    let observed = observed(&[&before.wanted[&name("tor")]]);
    let digest = SpecDigest("key:0123456789".to_owned());
    let digests = Digests { specs: BTreeMap::from([(name("tor-exits"), digest)]), tokens: BTreeMap::new() };
    let pruning = Pruning { absent_before: Pruning::absent(&after, &observed), ..Pruning::default() };
    let owner = OwnerName::try_from("edge-1").unwrap();
    let plan = diff(&owner, &after, &observed, &digests, &PruneRules::default(), &pruning);
    let actions: Vec<_> = plan.steps.iter().map(|step| (step.instance.as_str(), step.action)).collect();
    assert_eq!(actions, [("tor", Action::Destroy), ("tor-exits", Action::Create)]);
    let renames = renames(&plan, &observed);
    let text = anstream::adapter::strip_str(&render::plan(&plan, &renames)).to_string();
    assert!(text.contains("  # tor-exits (renamed from tor) will be created\n"), "{text}");
    assert!(text.contains("  # (because tor is renamed to tor-exits)\n"), "{text}");
    assert!(text.ends_with("Plan: 1 to add, 0 to change, 1 to destroy.\n"), "{text}");
}
