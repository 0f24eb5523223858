//! Lists whose contract names the items that are allowed, as older and newer releases take them.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::support::{Managed, opened};

/// The properties of the real contracts that are lists of named items, by contract.
fn real() -> Vec<(String, Vec<(String, Value)>)> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let shared = crate::platform::folder("LOCKSTEP_SHARED").unwrap_or_else(beside);
    let Ok(text) = fs::read_to_string(shared.join("catalogs/opencti-manifest.json")) else {
        println!("skipped: no shared data");
        return Vec::new();
    };
    let catalog: Value = serde_json::from_str(&text).unwrap();
    let lists = |contract: &Value| {
        let properties = contract["config_schema"]["properties"].as_object().into_iter().flatten();
        let lists = properties.filter(|(_, property)| property["items"]["enum"].is_array());
        lists.map(|(key, property)| (key.clone(), property.clone())).collect::<Vec<_>>()
    };
    let all = catalog["contracts"].as_array().unwrap().iter();
    let named = all.map(|contract| (contract["slug"].as_str().unwrap().to_owned(), lists(contract)));
    named.filter(|(_, lists)| !lists.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_items_of_real_contracts_are_taken_by_every_release() {
    for (slug, lists) in real() {
        for older in [false, true] {
            let extended = lists.clone();
            let managed = Managed::start_with_properties(older, extended).await;
            let env = &managed.env;
            let two = |property: &Value| {
                let items = property["items"]["enum"].as_array().unwrap();
                items.iter().take(2).map(|item| item.as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            let config: String =
                lists.iter().map(|(key, property)| format!("{key}: [{}]\n", two(property).join(", "))).collect();
            env.declare_with("a", "serviceAccount: {name: lockstep}", &config);
            env.declare_with("b", "serviceAccount: {name: lockstep}", "");
            managed.apply().with(0).saying("2 added");
            let kept = managed.at_platform(&env.instance("a")).await["managed"]["configuration"].clone();
            for (key, property) in &lists {
                let joined = two(property).join(",");
                assert_eq!(kept[key]["value"], joined.as_str(), "{slug}, older: {older}");
                assert_eq!(managed.variable("a", key), Some(joined), "{slug}, older: {older}");
            }
            managed.apply().with(0).saying("No changes.");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_items_reach_a_release_that_keeps_the_first_text_alone() {
    let managed = Managed::start_with_first_texts().await;
    let env = &managed.env;
    let sealed = env.sealed("a", "FEED_API_KEY", "c0nnectors-key");
    let kept = async |key: &str| managed.at_platform(&env.instance("a")).await["managed"]["configuration"][key].clone();
    for tags in ["x, y, z", "x, y"] {
        env.declare_with("a", "serviceAccount: {name: lockstep}", &format!("{sealed}FEED_TAGS: [{tags}]"));
        managed.apply().with(0);
        assert_eq!(kept("FEED_TAGS").await["value"], tags.replace(' ', ""));
        managed.apply().with(0).saying("No changes.");
    }
    assert_eq!(opened(kept("FEED_API_KEY").await["value"].as_str().unwrap()), "c0nnectors-key");
}
