//! What a start, a stop and a reset in a platform do.

use super::{
    listing::{clear, listed, with},
    told::{actions, wanted, work},
    world::{ID, World},
};
use crate::{
    managed::{Listed, Requested, UiControl},
    manifest::WantedState,
    model::Condition,
    plan::{Cause, PlatformWork},
};

#[test]
fn a_stop_in_the_platform_counts_until_the_manifest_says_something_else() {
    let stopped = Listed { requested: Requested::Stopped, ..listed(ID) };
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then().list(vec![stopped.clone()]).then();
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid).len()), (WantedState::Stopped, 0));
    let world = world.declare("a", "  state: stopped\n", "").then();
    assert_eq!(actions(&world.overlay()).len(), 0);
    let overlaid = world.declare("a", "  state: started\n", "").overlay();
    assert_eq!(actions(&overlaid), ["a edit"]);
    assert_eq!(overlaid.steps[0].reasons[0].cause, Cause::Manifest);
    assert_eq!(wanted(&overlaid, "a").state, WantedState::Started);
    assert!(matches!(
        work(&overlaid.steps[0]),
        PlatformWork::Edit { entry: None, state: Some(WantedState::Started), .. }
    ));
}

#[test]
fn a_stop_in_the_platform_is_put_back_where_the_settings_say_so() {
    let stopped = Listed { requested: Requested::Stopped, ..listed(ID) };
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then().list(vec![stopped]);
    world.site.control = UiControl::Override;
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid)), (WantedState::Started, vec!["a edit".to_owned()]));
    assert_eq!(overlaid.steps[0].reasons[0].cause, Cause::Drift);
}

#[test]
fn what_is_only_made_and_not_yet_started_was_stopped_by_nobody() {
    // The process ended between the two calls: the platform has it, in the state of one that people stopped.
    let stopped = Listed { requested: Requested::Stopped, ..listed(ID) };
    let world = World::new().declare("a", "", "").list(Vec::new()).then();
    assert_eq!(world.memory.begun.len(), 1);
    let world = world.list(vec![stopped.clone()]);
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid)), (WantedState::Started, vec!["a edit".to_owned()]));
    // Its start was asked for; from then on a stop is somebody's.
    let world = world.then().list(vec![listed(ID)]).then();
    assert!(world.memory.begun.is_empty());
    assert_eq!(wanted(&world.list(vec![stopped]).overlay(), "a").state, WantedState::Stopped);
}

#[test]
fn an_unknown_word_changes_nothing() {
    let odd = Listed { requested: Requested::Unknown("odd".to_owned()), ..listed(ID) };
    let world = World::new().declare("a", "", "").list(vec![odd.clone()]);
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid).len()), (WantedState::Stopped, 0));
    let overlaid = world.container("a", ID, "r").overlay();
    assert_eq!(wanted(&overlaid, "a").state, WantedState::Started);
    let odd = Listed { odd_status: Some("rebooting".to_owned()), ..listed(ID) };
    let overlaid = World::new().declare("a", "", "").list(vec![odd]).overlay();
    let said: Vec<_> =
        overlaid.conditions.values().flatten().map(|(condition, text)| (*condition, text.as_str())).collect();
    assert_eq!(said, [(Condition::UnknownWord, "it says `rebooting` of `a`, which is no word we know")]);
}

#[test]
fn a_reset_of_its_state_asks_for_another_container_and_a_change_does_not() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let digest = wanted(&world.overlay(), "a").source_digest.clone();
    let changed = with(Listed { hash: "h2".to_owned(), ..listed(ID) }, "OPENCTI_TOKEN", clear("another"));
    let world = world.list(vec![changed.clone()]).then();
    assert_eq!(wanted(&world.overlay(), "a").source_digest, digest, "what was changed is told by its own");
    let world = world.list(vec![Listed { hash: "h3".to_owned(), ..changed }]).then();
    let reset = wanted(&world.overlay(), "a").clone();
    assert_ne!(reset.source_digest, digest);
    assert_eq!(wanted(&world.then().overlay(), "a").source_digest, reset.source_digest, "once");
}

#[test]
fn what_is_put_back_is_no_reset() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let digest = wanted(&world.overlay(), "a").source_digest.clone();
    let changed = with(Listed { hash: "h2".to_owned(), ..listed(ID) }, "MISP_COUNT", clear("11"));
    let world = world.list(vec![changed]).then().list(vec![listed(ID)]).then();
    assert_eq!(wanted(&world.overlay(), "a").source_digest, digest);
}
