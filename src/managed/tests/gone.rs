//! What is away, not listed or gone, and what is not done because of it.

use super::{
    listing::{clear, listed, other, with},
    told::{actions, token, wanted},
    world::{ID, OTHER, World, id, name},
};
use crate::{
    desired::{EnvValue, PlatformContent},
    managed::{Away, Overlaid, removals},
    model::{Condition, Revision, Severity},
    plan::{Action, Observed, Plan, PruneRules, Step, Work},
};

#[test]
fn a_platform_that_is_away_holds_new_instances_and_no_others() {
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then().declare("b", "", "");
    world.site.listing = None;
    world.site.away = Some(Away { condition: Condition::Unreachable, why: "cut off".to_owned() });
    let overlaid = world.overlay();
    assert_eq!(overlaid.desired.held.keys().collect::<Vec<_>>(), [&name("b")]);
    assert!(overlaid.desired.findings[0].message.contains("cut off"));
    assert_eq!(overlaid.desired.findings.len(), 1, "said once");
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
    assert_eq!(*token(wanted(&overlaid, "a")), PlatformContent::Envelope("sealed:token".into()));
    assert_eq!(overlaid.memory, world.memory);
}

#[test]
fn a_platform_that_is_away_is_said_to_be_where_it_holds_nothing() {
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    world.site.listing = None;
    world.site.away = Some(Away { condition: Condition::OtherKey, why: "another key".to_owned() });
    let overlaid = world.overlay();
    assert!(overlaid.desired.held.is_empty());
    let [finding] = &overlaid.desired.findings[..] else { panic!("{:?}", overlaid.desired.findings) };
    assert!(finding.message.ends_with("can't be asked: another key"), "{}", finding.message);
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn what_a_platform_gave_a_container_stays_in_it_while_the_platform_is_away() {
    let given = with(with(listed(ID), "NO_PROXY", clear("a.example")), "HTTP_PROXY", clear("http://u:p@proxy:3128"));
    let mut world = World::new().declare("a", "", "").list(vec![given]);
    let there = world.overlay();
    world = world.then();
    world.site.listing = None;
    world.site.away = Some(Away { condition: Condition::Unreachable, why: "cut off".to_owned() });
    let away = world.overlay();
    let of = |overlaid: &Overlaid, key: &str| wanted(overlaid, "a").env[key].clone();
    assert_eq!(of(&away, "NO_PROXY"), of(&there, "NO_PROXY"));
    let EnvValue::FromPlatform(proxy) = of(&away, "HTTP_PROXY") else { panic!("a secret") };
    assert_eq!(proxy.content, PlatformContent::Unknown, "what may hold a password is not written down");
    assert!(!format!("{:?}", away.memory).contains("proxy:3128"));
}

#[test]
fn one_lost_line_of_a_listing_registers_nothing() {
    let mut world = World::new()
        .declare("a", "", "")
        .declare("b", "", "")
        .list(vec![listed(ID), other()])
        .then()
        .list(vec![other()]);
    let before = |world: &mut World, ids: &[&str]| {
        world.site.listing.as_mut().unwrap().before = Some(ids.iter().map(|text| id(text)).collect());
    };
    before(&mut world, &[ID, OTHER]);
    let overlaid = world.overlay();
    assert_eq!((actions(&overlaid).len(), wanted(&overlaid, "a").id), (0, id(ID)));
    before(&mut world, &[OTHER]);
    assert_eq!(actions(&world.overlay()), ["a register"], "gone from two listings");
    let mut world = world.list(vec![]);
    before(&mut world, &[]);
    assert_eq!(actions(&world.overlay()).len(), 0, "a platform that lists nothing at all is not believed");
    world.allow_empty = true;
    assert_eq!(actions(&world.overlay()), ["a register", "b register"]);
}

#[test]
fn an_instance_whose_manifest_is_gone_is_nobodys_and_goes_with_its_container() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let mut world = world.container("a", ID, "r");
    world.files.clear();
    let overlaid = world.overlay();
    assert!(overlaid.desired.wanted.is_empty(), "it is not run as one of people's");
    assert_eq!(overlaid.gone.len(), 1);
    let mut plan = Plan::empty(Revision::Directory(String::new()));
    let rules = PruneRules { allow_empty: true, ..PruneRules::default() };
    let removals = |plan: &Plan, observed: &Observed, rules: &PruneRules| {
        removals(&overlaid.gone, plan, &overlaid.desired, observed, rules).len()
    };
    assert_eq!(removals(&plan, &world.observed, &rules), 0, "its container is only stopped");
    plan.steps.push(Step {
        instance: name("a"),
        action: Action::Destroy,
        reasons: Vec::new(),
        work: Work::Remove { containers: Vec::new() },
    });
    assert_eq!(removals(&plan, &world.observed, &rules), 1);
    plan.steps.clear();
    let nothing = Observed::default();
    assert_eq!(removals(&plan, &nothing, &rules), 1, "its container is gone already");
    assert_eq!(removals(&plan, &nothing, &PruneRules::default()), 0, "an empty source removes nothing");
    assert_eq!(removals(&plan, &nothing, &PruneRules { enabled: false, ..rules }), 0);
}
