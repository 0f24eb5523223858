//! Which instance of a platform a manifest means.

use std::collections::BTreeSet;

use super::{
    listing::{listed, other},
    told::{actions, token, wanted, work},
    world::{ID, OTHER, World, at, id, name},
};
use crate::{
    desired::{EnvValue, Openers, PlatformContent},
    managed::{Given, Listed, overlay},
    model::{Code, Registration},
    plan::{ContainerState, PlatformWork},
};

#[test]
fn a_new_instance_is_registered_first_and_awaits_its_token() {
    let overlaid = World::new().declare("a", "", "").overlay();
    assert_eq!(actions(&overlaid), ["a register"]);
    assert!(wanted(&overlaid, "a").awaits_platform());
    assert!(wanted(&overlaid, "a").open(&Openers::default()).is_err(), "no container can be made of it");
}

#[test]
fn an_instance_that_is_there_has_its_id_and_token() {
    let overlaid = World::new().declare("a", "", "").list(vec![listed(ID)]).overlay();
    let a = wanted(&overlaid, "a");
    assert_eq!(actions(&overlaid), Vec::<String>::new());
    assert_eq!(a.id, id(ID));
    assert_eq!(a.env["CONNECTOR_ID"], EnvValue::Plain(ID.to_owned()));
    assert_eq!(*token(a), PlatformContent::Envelope("sealed:token".into()));
    assert_eq!(overlaid.memory.instances[&(at(), name("a"))].id, id(ID));
    let again = World::new().declare("a", "", "").list(vec![listed(ID)]).overlay();
    assert_eq!(wanted(&again, "a").source_digest, a.source_digest);
}

#[test]
fn an_instance_is_found_by_its_label_before_its_name() {
    let moved = Listed { name: "other".to_owned(), title: "Other".to_owned(), ..listed(ID) };
    let world = World::new().declare("a", "", "").container("a", ID, "r").list(vec![moved, listed(OTHER)]);
    let overlaid = world.overlay();
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
    assert_eq!(actions(&overlaid), ["a edit"], "its title is put back");
    assert_eq!(overlaid.desired.wanted.len(), 2, "the other one is somebody's");
}

#[test]
fn a_name_that_has_another_contract_is_not_taken_over() {
    let other = Listed { image: "opencti/connector-mispx:1".to_owned(), ..listed(ID) };
    let overlaid = World::new().declare("a", "", "").list(vec![other]).overlay();
    assert_eq!(overlaid.desired.held[&name("a")].findings[0].code, Code::Platform);
    assert_eq!(actions(&overlaid), Vec::<String>::new());
    assert!(overlaid.desired.wanted.is_empty(), "it is not run as somebody else's either");
}

#[test]
fn where_the_release_can_not_migrate_the_standalone_connector_is_held() {
    let mut world = World::new().declare("a", &format!("  id: {ID}\n"), "").list(Vec::new());
    let listing = world.site.listing.as_mut().unwrap();
    listing.standalone.insert(id(ID));
    assert_eq!(actions(&world.overlay()), ["a migrate"]);
    world.site.listing.as_mut().unwrap().standalone_stay = true;
    let overlaid = world.overlay();
    assert_eq!(actions(&overlaid), Vec::<String>::new());
    assert!(
        overlaid.desired.held.values().next().unwrap().findings[0].message.contains("can't make that a managed one")
    );
}

#[test]
fn a_connector_that_registered_itself_is_migrated_under_its_id() {
    let mut world = World::new().declare("a", "", "").list(vec![other()]).container("a", ID, "r");
    world.site.listing.as_mut().unwrap().standalone = BTreeSet::from([id(ID)]);
    let overlaid = world.overlay();
    assert_eq!(actions(&overlaid), ["a migrate"]);
    assert!(matches!(work(&overlaid.steps[0]), PlatformWork::Migrate { id: at, .. } if *at == id(ID)));
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
}

#[test]
fn an_instance_that_was_managed_keeps_its_id_when_it_registers_itself() {
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    world.registration = Registration::Itself;
    let given = Given {
        observed: &world.observed,
        memory: &world.memory,
        context: &world.context(),
        openers: &world.openers,
        allow_empty: false,
    };
    let overlaid = overlay(world.desired(), &[], &given);
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
    assert_eq!(wanted(&overlaid, "a").env["CONNECTOR_ID"], EnvValue::Plain(ID.to_owned()));
    assert_eq!(overlaid.memory, world.memory);
}

#[test]
fn an_instance_under_another_name_waits_until_the_former_one_is_stopped() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]);
    let running = world.container("b", ID, "platform:opencti");
    assert_eq!(running.overlay().desired.held[&name("a")].findings[0].code, Code::Platform);
    let mut stopped = running;
    stopped.observed.containers[0].state = ContainerState::Exited(0);
    assert_eq!(wanted(&stopped.overlay(), "a").id, id(ID));
}
