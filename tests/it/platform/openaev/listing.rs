//! What an OpenAEV lists for its connector manager, as the real client reads it.

use std::collections::BTreeMap;

use lockstep::{
    model::ConnectorKind,
    platform::{CurrentStatus, Failure, ManagedListing, ManagedPlatform as _, ManagedValue, RequestedWord, StatusWord},
};
use serde_json::{Value, json as value};

use super::{
    assert_discreet, id,
    managed::identity,
    manager,
    scripted::{Scripted, json},
};
use crate::platform::form_of_an_envelope;

const OWN: &str = "8a4b7a55-79c0-4c2f-8f07-3d2f2b8f3a10";

async fn managed(body: &str) -> Result<Vec<lockstep::platform::ManagedInstance>, Failure> {
    let listing = listing(body).await?;
    assert!(listing.unreadable.is_empty(), "{:?}", listing.unreadable);
    Ok(listing.instances)
}

async fn listing(body: &str) -> Result<ManagedListing, Failure> {
    let server = Scripted::start(vec![json(body)]).await;
    let listed = manager(&server.url()).managed(&identity()).await;
    listed.map_err(|error| {
        assert_discreet(&error);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        error.failure
    })
}

pub(super) fn wire(change: impl FnOnce(&mut Value)) -> String {
    let pair = |key: &str, text: Value, sealed: Value| value!({ "configuration_key": key, "configuration_value": text, "configuration_is_encrypted": sealed });
    let mut instance = value!({
        "connector_instance_id": OWN,
        "connector_instance_name": format!("A Title!-{}", id(1)),
        "connector_instance_hash": "abc",
        "connector_image": "example/collector:1",
        "connector_instance_current_status": "started",
        "connector_instance_requested_status": "stopping",
        "connector_instance_configurations": [
            pair("COLLECTOR_ID", value!(id(1).to_string()), value!(false)),
            pair("EXAMPLE_KEY", value!("c2VhbGVk"), value!(true)),
            pair("EXAMPLE_NOTHING", value!(null), value!(false)),
            pair("EXAMPLE_LOST", value!(null), value!(true)),
            pair("EXAMPLE_BARE", value!("x"), value!(null)),
            pair("EXAMPLE_UNSAID", value!(form_of_an_envelope()), value!(null)),
        ],
        "something_new": 1,
    });
    change(&mut instance);
    instance.to_string()
}

#[tokio::test]
async fn an_instance_is_read_whole() {
    let listed = managed(&format!("[{}]", wire(|_| {}))).await.unwrap();
    let instance = &listed[0];
    assert_eq!((instance.id, instance.kind), (id(1), Some(ConnectorKind::Collector)));
    assert_eq!(instance.name, format!("a-title-{}", id(1)));
    assert_eq!((instance.title.as_str(), instance.image.as_str()), ("A Title!", "example/collector:1"));
    assert_eq!((instance.hash.as_str(), &instance.requested), ("abc", &RequestedWord::Stopping));
    assert_eq!(instance.current, Some(StatusWord::Known(CurrentStatus::Started)));
    let keys: BTreeMap<_, _> = instance.configuration.iter().map(|(key, value)| (key.as_str(), value)).collect();
    assert!(matches!(keys["EXAMPLE_KEY"], ManagedValue::Sealed(text) if text == "c2VhbGVk"));
    assert!(matches!(keys["EXAMPLE_LOST"], ManagedValue::Sealed(text) if text.is_empty()), "kept, and can't be opened");
    assert!(matches!(keys["EXAMPLE_BARE"], ManagedValue::Clear(text) if text == "x"));
    assert!(matches!(keys["EXAMPLE_UNSAID"], ManagedValue::Sealed(_)), "no connector could do anything with it");
    assert!(!keys.contains_key("EXAMPLE_NOTHING"));
    assert!(managed("[]").await.unwrap().is_empty());
    let named = wire(|instance| {
        let name = value!({ "configuration_key": "COLLECTOR_NAME", "configuration_value": "Mine" });
        instance["connector_instance_configurations"].as_array_mut().unwrap().push(name);
    });
    assert_eq!(managed(&format!("[{named}]")).await.unwrap()[0].title, "Mine", "the name that people gave it");
}

#[tokio::test]
async fn an_instance_has_the_text_of_each_value_and_the_id_that_its_connector_has() {
    for (value, text) in [
        (value!(5), "5"),
        (value!(0.5), "0.5"),
        (value!(true), "true"),
        (value!(["a", "b"]), "a,b"),
        (value!([]), ""),
        (value!(""), ""),
    ] {
        let body = wire(|it| it["connector_instance_configurations"][4]["configuration_value"] = value.clone());
        let listed = managed(&format!("[{body}]")).await.unwrap();
        let read = &listed[0].configuration["EXAMPLE_BARE"];
        assert!(matches!(read, ManagedValue::Clear(read) if read == text), "{value}");
    }
    // Connectors that come by themselves may have ids of any form, and are taken in under those.
    for own in ["openaev_mitre_attack", "elastic--0b13e3f7-5c9e-46f5-acc4-33032e9b4921", ""] {
        let body = wire(|it| it["connector_instance_configurations"][0]["configuration_value"] = value!(own));
        let listed = managed(&format!("[{body}]")).await.unwrap();
        assert_eq!(listed[0].id.to_string(), OWN, "the platform's own id");
        assert!(matches!(&listed[0].configuration["COLLECTOR_ID"], ManagedValue::Clear(text) if text == own));
    }
    let one = wire(|_| {});
    assert_eq!(managed(&format!("[{one},{one}]")).await.unwrap().len(), 1, "listed twice, and one all the same");
}

#[tokio::test]
async fn nulls_and_unknown_words_are_no_defaults() {
    let word = |text: Value| {
        wire(|instance| {
            instance["connector_instance_requested_status"] = text.clone();
            instance["connector_instance_current_status"] = text;
        })
    };
    let listed = managed(&format!("[{}]", word(value!(null)))).await.unwrap();
    assert_eq!((&listed[0].requested, &listed[0].current), (&RequestedWord::Initial, &None));
    let listed = managed(&format!("[{}]", word(value!("deleting\u{1b}")))).await.unwrap();
    let unknown = "deleting\\u{1b}".to_owned();
    assert_eq!(listed[0].requested, RequestedWord::Unknown(unknown.clone()));
    assert_eq!(listed[0].current, Some(StatusWord::Unknown(unknown)));

    let id_only = wire(|instance| instance["connector_instance_configurations"] = value!([]));
    let listed = managed(&format!("[{id_only}]")).await.unwrap();
    assert_eq!((listed[0].id.to_string().as_str(), listed[0].kind), (OWN, None));
}

#[tokio::test]
async fn a_listing_that_does_not_say_what_is_there_is_an_error_and_no_listing() {
    for body in [
        "null".to_owned(),
        "{}".to_owned(),
        "[null]".to_owned(),
        format!("[{}]", wire(|instance| instance["connector_instance_configurations"] = value!(null))),
        format!("[{}]", wire(|instance| instance["connector_instance_id"] = value!(null))),
        format!("[{}]", wire(|it| it["connector_instance_configurations"][0]["configuration_value"] = value!(null))),
        format!("[{}]", wire(|it| it["connector_instance_configurations"][0]["configuration_key"] = value!(null))),
    ] {
        let failure = listing(&body).await.unwrap_err();
        assert!(matches!(failure, Failure::Answer(_)), "{body}: {failure:?}");
    }
}

#[tokio::test]
async fn an_instance_that_makes_no_sense_is_there_and_the_others_are_read() {
    let other = wire(|instance| {
        instance["connector_instance_id"] = value!("other");
        instance["connector_instance_configurations"][0]["configuration_value"] = value!(id(2).to_string());
    });
    let both = async |change: &dyn Fn(&mut Value)| {
        let listed = listing(&format!("[{},{other}]", wire(change))).await.unwrap();
        let [instance] = &listed.instances[..] else { panic!("{listed:?}") };
        assert_eq!(instance.id, id(2));
        let [one] = &listed.unreadable[..] else { panic!("{listed:?}") };
        assert_eq!((one.id, one.name.as_str()), (id(1), format!("a-title-{}", id(1)).as_str()));
        assert!(!one.why.contains("s3cret"), "{}", one.why);
        one.why.clone()
    };
    assert_eq!(both(&|it| it["connector_image"] = value!(null)).await, "`connector_image` is null");
    assert_eq!(both(&|it| it["connector_image"] = value!("")).await, "`connector_image` is empty");
    assert_eq!(both(&|it| it["connector_instance_hash"] = value!(null)).await, "`connector_instance_hash` is null");
    let why = both(&|it| it["connector_instance_hash"] = value!(["s3cret"])).await;
    assert_eq!(why, "`connector_instance_hash` is not a text");
    let pair = |field: &'static str, to: Value| {
        move |it: &mut Value| it["connector_instance_configurations"][1][field] = to.clone()
    };
    assert_eq!(
        both(&pair("configuration_is_encrypted", value!("s3cret"))).await,
        "`configuration_is_encrypted` is neither true nor false"
    );
    let why = both(&pair("configuration_value", value!({ "s3cret": 1 }))).await;
    assert_eq!(why, "of `EXAMPLE_KEY`, `configuration_value` is not a text");
    assert_eq!(both(&pair("configuration_key", value!(null))).await, "`configuration_key` is null");

    // Nobody can say which of the two a container is of.
    let twin = wire(|instance| instance["connector_instance_id"] = value!("twin"));
    let listed = listing(&format!("[{},{twin},{other}]", wire(|_| {}))).await.unwrap();
    let [one] = &listed.unreadable[..] else { panic!("{listed:?}") };
    assert_eq!((one.id, listed.instances.len()), (id(1), 1));
    assert!(one.why.contains(OWN) && one.why.contains("twin"), "{}", one.why);

    // What has no id that one of ours can have, of neither kind, is nobody's of ours.
    let foreign = |value: Value| wire(|it| it["connector_instance_configurations"][0]["configuration_value"] = value);
    let nobody = wire(|it| {
        it["connector_instance_id"] = value!("by-hand");
        it["connector_instance_configurations"][0]["configuration_value"] = value!("by-hand");
    });
    let listed = listing(&format!("[{nobody},{other}]")).await.unwrap();
    assert_eq!((listed.instances.len(), listed.unreadable.len()), (1, 0));
    // One that had such an id before is held.
    let whole = format!("[{},{other}]", wire(|_| {}));
    let bent = [value!("by-hand"), value!(null)].map(|value| format!("[{},{other}]", foreign(value)));
    let server = Scripted::start([&whole, &bent[0], &bent[1]].into_iter().map(|body| json(body)).collect()).await;
    let client = manager(&server.url());
    assert_eq!(client.managed(&identity()).await.unwrap().instances.len(), 2);
    for why in ["its connector id is no UUID of version 4 any more", "of `COLLECTOR_ID`, `configuration_value` is null"]
    {
        let listed = client.managed(&identity()).await.unwrap();
        let [one] = &listed.unreadable[..] else { panic!("{listed:?}") };
        assert_eq!((one.id, one.why.as_str(), listed.instances.len()), (id(1), why, 1));
    }
}
