//! Instances that a platform lists in a way that makes no sense.

use std::collections::BTreeSet;

use super::{
    listing::{listed, other},
    told::{actions, wanted},
    world::{ID, OTHER, World, id, name},
};
use crate::{
    managed::{Listing, Overlaid, UiInstances, Unreadable},
    model::Condition,
};

impl World {
    /// What the platform lists in a way that makes no sense.
    fn bent(mut self, identity: &str, text: &str) -> Self {
        let one = Unreadable { id: id(identity), name: text.to_owned(), why: "`hash` is null".to_owned() };
        let listing = self.site.listing.take().unwrap_or_default();
        self.site.listing = Some(Listing { unreadable: vec![one], ..listing });
        self
    }
}

fn assert_held(overlaid: &Overlaid, text: &str) {
    let held = &overlaid.desired.held[&name(text)].findings[0];
    assert!(held.message.ends_with("lists it in a way that makes no sense: `hash` is null"), "{}", held.message);
    let condition = overlaid.conditions.values().next().and_then(|all| all.get(&Condition::BadAnswer));
    assert!(condition.is_some_and(|text| text.contains("`hash` is null")), "{condition:?}");
}

#[test]
fn one_of_the_source_is_held_and_the_others_go_on() {
    for world in [
        // Found by what its container says, by its name, or by what is remembered.
        World::new().container("a", ID, "source").bent(ID, ""),
        World::new().bent(ID, "a"),
        World::new().declare("a", "", "").list(vec![listed(ID)]).then().list(vec![]).bent(ID, ""),
    ] {
        let overlaid = world.declare("a", "", "").declare("c", "", "").list(vec![other()]).overlay();
        assert_held(&overlaid, "a");
        assert_eq!(actions(&overlaid), ["c register"]);
        assert_eq!(wanted(&overlaid, "b").id, id(OTHER));
        assert!(overlaid.gone.is_empty());
    }
}

#[test]
fn one_of_people_is_held_under_its_name_and_no_other_takes_that() {
    let overlaid = World::new().container("b", OTHER, "platform:opencti").bent(OTHER, "").overlay();
    assert_held(&overlaid, "b");
    // A new one has a name as well, so that people see why it does not run.
    let overlaid = World::new().declare("b", "", "").bent(OTHER, "b").overlay();
    assert_held(&overlaid, "b");
    let overlaid = World::new().bent(OTHER, "").overlay();
    assert_held(&overlaid, "connector");
    let mut world = World::new().bent(OTHER, "b");
    world.site.instances = UiInstances::Ignore;
    assert!(world.overlay().desired.held.is_empty(), "what is somebody else's is no concern of ours");
}

#[test]
fn what_makes_no_sense_is_not_missing() {
    // The listing is not empty, and no instance of people is gone from it.
    let world = World::new().container("b", OTHER, "platform:opencti").bent(OTHER, "b");
    let overlaid = world.overlay();
    assert!(overlaid.refused.is_empty() && overlaid.gone.is_empty());
    assert!(!overlaid.conditions.values().any(|all| all.contains_key(&Condition::EmptyListing)));
    let listing = Listing { unreadable: vec![], instances: vec![listed(ID)], ..Listing::default() };
    let bent = World::new().bent(OTHER, "b").site.listing.unwrap();
    assert_eq!(bent.ids(), BTreeSet::from([id(OTHER)]));
    assert!(!listing.says_the_same(&bent) && bent.says_the_same(&Listing { before: Some(bent.ids()), ..bent.clone() }));
}

#[test]
fn one_whose_manifest_is_gone_goes_all_the_same() {
    let overlaid = World::new().container("a", ID, "source").bent(ID, "a").overlay();
    assert_eq!(overlaid.gone.len(), 1);
    assert!(!overlaid.desired.held.contains_key(&name("a")));
}
