//! What is changed at a platform, and why.

use std::collections::BTreeSet;

use super::{
    listing::{clear, listed, with},
    told::{actions, fields, wanted, work},
    world::{ID, World},
};
use crate::{
    desired::{EnvValue, Openers},
    managed::ListedValue,
    model::{Code, Severity},
    plan::{Action, Cause, PlatformWork},
};

#[test]
fn what_was_changed_in_the_platform_is_put_back_and_said_to_be_drift() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let changed = with(with(listed(ID), "MISP_COUNT", clear("11")), "MISP_NOTE", clear("by hand"));
    let overlaid = world.list(vec![changed]).overlay();
    let step = &overlaid.steps[0];
    assert_eq!((step.action, fields(step)), (Action::Edit, vec!["env.MISP_COUNT", "env.MISP_NOTE"]));
    assert_eq!(step.reasons[0].cause, Cause::Drift);
    assert_eq!((step.reasons[0].before.as_deref(), step.reasons[0].after.as_deref()), (Some("11"), Some("10")));
    assert_eq!((step.reasons[1].before.as_deref(), step.reasons[1].after.as_deref()), (Some("by hand"), None));
    assert_eq!(wanted(&overlaid, "a").env["MISP_COUNT"], EnvValue::Plain("10".to_owned()), "the source wins");
}

#[test]
fn what_was_changed_in_the_source_is_said_to_be_of_the_manifest() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let overlaid = world.declare("a", "", "    MISP_COUNT: 12\n").overlay();
    let reason = &overlaid.steps[0].reasons[0];
    assert_eq!((reason.cause, reason.after.as_deref()), (Cause::Manifest, Some("12")));
    assert_eq!(reason.place.as_ref().map(|place| place.line), Some(8));
}

#[test]
fn a_secret_that_is_there_is_not_sent_again() {
    let world = World::new();
    let sealed = world.sealed("k3y-of-misp");
    let same = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp".into()));
    let world = world.declare("a", "", &sealed).list(vec![with(same.clone(), "MISP_COUNT", clear("3"))]);
    let overlaid = world.overlay();
    let PlatformWork::Edit { entry: Some(entry), .. } = work(&overlaid.steps[0]) else { panic!() };
    assert_eq!(fields(&overlaid.steps[0]), ["env.MISP_COUNT"]);
    assert_eq!(entry.kept, BTreeSet::from(["MISP_KEY".to_owned()]));

    let world = world.list(vec![same]).then();
    assert_eq!(actions(&world.overlay()), Vec::<String>::new());
    let other = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:by-hand".into()));
    let world = world.list(vec![other]);
    let overlaid = world.overlay();
    let PlatformWork::Edit { entry: Some(entry), .. } = work(&overlaid.steps[0]) else { panic!() };
    assert_eq!((fields(&overlaid.steps[0]), entry.kept.len()), (vec!["env.MISP_KEY"], 0));
    assert!(!format!("{:?}", overlaid.steps).contains("by-hand"));
    let shut = with(listed(ID), "MISP_KEY", ListedValue::Envelope("for another key".into()));
    assert_eq!(actions(&world.list(vec![shut]).overlay()), ["a edit"], "ours is put in its place");
}

#[test]
fn without_a_key_secrets_count_as_unchanged() {
    let world = World::new();
    let sealed = world.sealed("k3y-of-misp");
    let other = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:by-hand".into()));
    let mut world = world.declare("a", "", &sealed).list(vec![other]);
    world.openers = Openers::default();
    assert_eq!(actions(&world.overlay()), Vec::<String>::new());
}

#[test]
fn a_secret_sealed_anew_on_both_sides_is_the_same() {
    let world = World::new();
    let (one, two) = (world.sealed("k3y-of-misp"), world.sealed("k3y-of-misp"));
    let first = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp".into()));
    let world = world.declare("a", "", &one).list(vec![first]).then();
    let again = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp#2".into()));
    assert_eq!(actions(&world.declare("a", "", &two).list(vec![again]).overlay()), Vec::<String>::new());
}

#[test]
fn a_secret_that_only_the_former_key_opens_is_sent_again() {
    let world = World::new();
    let own = world.sealed("k3y-of-misp");
    let former = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp#former".into()));
    let overlaid = world.declare("a", "", &own).list(vec![former]).overlay();
    assert_eq!(actions(&overlaid), ["a edit"]);
    assert!(overlaid.steps[0].reasons[0].sensitive);
    let PlatformWork::Edit { entry: Some(entry), .. } = work(&overlaid.steps[0]) else { panic!("no edit") };
    assert!(entry.kept.is_empty());
}

#[test]
fn an_empty_value_is_the_contracts_default_at_the_platform() {
    let world = || World::new().declare("a", "", "    MISP_KINDS: []\n");
    let overlaid = world().list(vec![listed(ID)]).overlay();
    assert_eq!(actions(&overlaid), Vec::<String>::new(), "it can't be told there");
    assert_eq!(wanted(&overlaid, "a").env["MISP_KINDS"], EnvValue::Plain(String::new()));
    let overlaid = world().list(vec![with(listed(ID), "MISP_KINDS", clear("c"))]).overlay();
    assert_eq!(fields(&overlaid.steps[0]), ["env.MISP_KINDS"]);
}

#[test]
fn a_secret_that_no_manifest_has_any_more_stays_at_the_platform_and_is_told() {
    let there = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:old".into()));
    let overlaid = World::new().declare("a", "", "").list(vec![there]).overlay();
    assert_eq!(actions(&overlaid), Vec::<String>::new(), "there is no way to have it forgotten");
    assert!(!wanted(&overlaid, "a").env.contains_key("MISP_KEY"));
    let [finding] = &overlaid.desired.findings[..] else { panic!("{:?}", overlaid.desired.findings) };
    assert_eq!((finding.code, finding.severity), (Code::Platform, Severity::Warning));
    assert!(finding.message.contains("keeps a value of the secret `MISP_KEY`"), "{}", finding.message);
}

#[test]
fn a_plain_value_that_the_platform_has_sealed_is_the_same() {
    for (envelope, changes) in [("sealed:n", 0), ("sealed:m", 1), ("shut", 1)] {
        let there = with(listed(ID), "MISP_NOTE", ListedValue::Envelope(envelope.into()));
        let overlaid = World::new().declare("a", "", "    MISP_NOTE: n\n").list(vec![there]).overlay();
        assert_eq!(overlaid.steps.len(), changes, "{envelope}");
    }
}
