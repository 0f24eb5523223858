//! What can't be reached from the outside.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::*;
use crate::{
    catalog::{schema::Schema, support::Support},
    manifest::{Health, Rollback, WantedState},
    model::{ConnectorKind, ContainerSpec, InstanceName, Placed, Slug},
};

#[test]
fn a_schema_that_does_not_compile_makes_its_contract_undeployable() {
    let place = Place::start_of(Arc::from("m.yaml"));
    let slug = Slug::try_from("broken").unwrap();
    let contract = Contract {
        slug: slug.clone(),
        catalog: None,
        title: String::new(),
        short_description: String::new(),
        kind: Some(ConnectorKind::Stream),
        kind_word: "STREAM".to_owned(),
        image: Some("example/broken".to_owned()),
        version: None,
        manager_supported: true,
        verified: false,
        playbook_supported: false,
        source_code: None,
        class_name: None,
        support: Support::Unsaid,
        schema: Some(Schema::unseen(json!({"properties": {"A": {"$ref": "https://example.org/else"}}}))),
    };
    let manifest = Manifest {
        name: Placed::new(InstanceName::try_from("one").unwrap(), place.clone()),
        labels: BTreeMap::new(),
        platform: None,
        contract: Placed::new(slug, place.clone()),
        id: None,
        image: None,
        state: WantedState::Started,
        token: None,
        service_account: None,
        config: BTreeMap::new(),
        config_keys: BTreeMap::new(),
        config_place: place,
        container: ContainerSpec::default(),
        depends_on: Vec::new(),
        health: Health::default(),
        rollback: Rollback::Auto,
        suspend: false,
        lines: 1..=1,
        fields: BTreeMap::new(),
    };
    let checked = check(&contract, &manifest, PlatformKind::OpenCti, Registration::Itself);
    assert!(checked.values.is_empty());
    let messages: Vec<&str> = checked.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["contract `broken` has a schema that can't be used"]);
    assert_eq!(checked.findings[0].code, Code::NotDeployable);
}
