//! Instances of a listing that make no sense.

use lockstep::platform::ManagedPlatform as _;
use serde_json::{Value, json};

use super::support::manager;
use crate::platform::{
    client, id,
    scripted::{Scripted, json as answer},
};

#[tokio::test]
async fn an_instance_that_makes_no_sense_is_there_and_the_others_are_read() {
    let whole = |number| {
        json!({
            "id": id(number).to_string(), "name": format!("n{number}"),
            "manager_contract_image": "example/one:1", "manager_contract_hash": "h", "manager_current_status": null,
            "manager_requested_status": "starting",
            "manager_contract_configuration": [{ "key": "EXAMPLE_KEY", "value": "s3cret", "encrypted": false }],
        })
    };
    let read = async |bent: &Value| {
        let listing = json!({ "data": { "connectorsForManagers": [bent, whole(2)], "connectors": [] } });
        let newer = answer(r#"{"data":{"__typename":"Mutation"}}"#);
        let server = Scripted::start(vec![newer, answer(&listing.to_string())]).await;
        client(&server.url()).managed(&manager("lockstep-1")).await
    };
    for (field, value, why) in [
        ("name", json!(null), "`name` is null"),
        ("manager_contract_image", json!(null), "`manager_contract_image` is null"),
        ("manager_contract_hash", json!(7), "`manager_contract_hash` is not a text"),
        ("manager_requested_status", json!(null), "`manager_requested_status` is null"),
        ("manager_contract_configuration", json!(null), "`manager_contract_configuration` is null"),
        ("manager_contract_configuration", json!([null]), "an item of `manager_contract_configuration` is no object"),
        ("manager_contract_configuration", json!([{ "key": null, "value": "s3cret" }]), "`key` is null"),
        ("manager_contract_configuration", json!([{ "key": "K", "value": ["s3cret"] }]), "`value` is not a text"),
    ] {
        let mut bent = whole(1);
        bent[field] = value;
        let listing = read(&bent).await.unwrap();
        let [one] = &listing.unreadable[..] else { panic!("{field}: {listing:?}") };
        assert_eq!((one.id.to_string().as_str(), one.why.as_str()), (bent["id"].as_str().unwrap(), why));
        assert_eq!(one.name, if field == "name" { "" } else { "n1" });
        let [other] = &listing.instances[..] else { panic!("{field}: {listing:?}") };
        assert_eq!(other.name, "n2");
    }
    let mut nameless = whole(1);
    nameless["id"] = json!(null);
    let error = read(&nameless).await.unwrap_err();
    assert!(error.line().contains("of one of its managed connectors, `id` is null"), "{}", error.line());
}
