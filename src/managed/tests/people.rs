//! Instances that people made in a platform.

use super::{
    listing::{clear, listed, other, with},
    told::{actions, wanted},
    world::{ID, OTHER, World, id, name},
};
use crate::{
    desired::{EnvValue, Keeper},
    managed::{Listed, UiInstances},
    manifest::WantedState,
    model::Code,
};

#[test]
fn instances_of_people_are_run_as_they_are() {
    let overlaid = World::new().declare("a", "", "").list(vec![listed(ID), other()]).overlay();
    let b = wanted(&overlaid, "b");
    assert_eq!((b.keeper(), b.id, b.state), (Some(Keeper::Platform), id(OTHER), WantedState::Started));
    assert_eq!(b.env["OPENCTI_URL"], EnvValue::Plain("http://opencti".to_owned()));
    assert_eq!(b.env["MISP_COUNT"], EnvValue::Plain("10".to_owned()));
    assert_eq!(b.container.networks, ["net"]);
    assert_eq!(actions(&overlaid).len(), 0);
    let mut world = World::new().list(vec![other()]);
    world.site.instances = UiInstances::Ignore;
    assert!(world.overlay().desired.wanted.is_empty());
}

#[test]
fn an_instance_of_people_keeps_its_name_when_it_is_renamed_there() {
    let renamed = Listed { name: "c".to_owned(), title: "C".to_owned(), ..other() };
    let overlaid = World::new().container("b", OTHER, "platform:opencti").list(vec![renamed]).overlay();
    assert_eq!(overlaid.desired.wanted.keys().collect::<Vec<_>>(), [&name("b")]);
}

#[test]
fn an_instance_of_people_never_has_the_name_of_a_manifest() {
    let same = Listed { name: "b".to_owned(), ..other() };
    let mine = Listed { name: "mine".to_owned(), title: "mine".to_owned(), ..listed(ID) };
    let world = World::new().declare("b", "", "    CONNECTOR_NAME: mine\n").list(vec![mine, same]);
    let overlaid = world.overlay();
    assert_eq!(wanted(&overlaid, "b").id, id(ID));
    assert_eq!(wanted(&overlaid, "b-5c1e0b0e").id, id(OTHER));
}

#[test]
fn an_instance_of_people_can_not_ask_for_everything() {
    let check = |listed: Listed, code: Code| {
        let overlaid = World::new().list(vec![listed]).overlay();
        assert_eq!(overlaid.desired.held[&name("b")].findings[0].code, code);
    };
    check(Listed { image: "evil/miner:1".to_owned(), ..other() }, Code::Policy);
    check(Listed { image: String::new(), ..other() }, Code::Platform);
    check(with(other(), "LD_PRELOAD", clear("/x")), Code::Policy);
    check(with(other(), "CONNECTOR_TYPE", clear("SOMETHING")), Code::Platform);
}

#[test]
fn a_failed_or_empty_listing_leaves_the_instances_of_people_as_they_are() {
    let world = || World::new().container("b", OTHER, "platform:opencti");
    let empty = world().overlay();
    assert_eq!(empty.desired.held.keys().collect::<Vec<_>>(), [&name("b")]);
    assert_eq!(empty.refused[0].guard, "empty listing");
    let mut failed = world();
    failed.site.listing = None;
    assert_eq!(failed.overlay().desired.held.len(), 1);
    let mut meant = world();
    meant.allow_empty = true;
    assert_eq!(meant.overlay().desired.held.len(), 0, "it is gone, and goes through the gate of all removals");
    let one_left = world().list(vec![listed(ID)]).overlay();
    assert!(!one_left.desired.held.contains_key(&name("b")) && !one_left.desired.wanted.contains_key(&name("b")));
}
