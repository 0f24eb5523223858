//! What an OpenAEV publishes, used as a catalog, with the real binary.

use std::{collections::BTreeSet, fs};

use lockstep::catalog::Catalog;
use serde_json::{Value, json};

use super::{environment::TestEnvironment, openaev};
use crate::{
    engine::support::docker,
    openaev_server::Options,
    platform::{
        TOKEN,
        openaev::stand_in::{StandIn, options},
    },
};

/// A repository whose only catalog is what a platform publishes, which is this one.
async fn publishing(catalog: Value) -> (StandIn, TestEnvironment) {
    let platform = StandIn::start_with(Options { catalog, ..options() }).await;
    let env = TestEnvironment::new();
    env.write("t", &format!("{TOKEN}\n"));
    let url = platform.url();
    env.settings(&format!("platforms: {{aev: {{kind: openaev, url: '{url}', token: {{file: t}}}}}}\n"));
    let text = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace("[{source: catalog/test.json}]", "[{platform: aev}]"));
    (platform, env)
}

#[tokio::test(flavor = "multi_thread")]
async fn its_contracts_are_checked_and_their_images_come_from_manifests() {
    let (mut platform, env) = publishing(serde_json::from_str(openaev::CATALOG).unwrap()).await;
    let image = env.image();
    env.declare_with("c", "contract: a_collector", "FEED_COUNT: many");
    env.lockstep(&["validate"]).with(7).saying("`lockstep catalog pull` fetches it");
    env.lockstep(&["catalog", "pull", "aev"]).with(0).saying("kept 4 contracts of platform `aev`");
    let wrong = env.lockstep(&["validate"]).with(3).saying("contract `a_collector` has no image");
    wrong.saying("name one with `spec.image`").saying("wrong-type");
    env.declare_with("c", &format!("contract: a_collector\nimage: {image}"), "FEED_COUNT: 7");
    env.lockstep(&["apply"]).with(0).saying("1 added");
    let variables = docker(&["inspect", "--format", "{{.Config.Env}}", &env.running()["c"]]);
    assert!(variables.contains("FEED_COUNT=7") && variables.contains("COLLECTOR_ID="), "{variables}");
    platform.shut().await;
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0).saying("did not give its catalog");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_published_and_a_right_that_is_missing_are_named() {
    let (_nothing, env) = publishing(json!({"contracts": []})).await;
    env.lockstep(&["catalog", "pull", "aev"]).with(7).saying("it publishes no contract");
    let catalog: Value = serde_json::from_str(openaev::CATALOG).unwrap();
    let (_platform, env) = publishing(catalog.clone()).await;
    env.write("t", "another\n");
    env.lockstep(&["catalog", "pull", "aev"]).with(7).saying("token");
}

/// Every contract of the platform's own catalog has the same keys, however it was read.
#[tokio::test(flavor = "multi_thread")]
async fn it_says_of_real_contracts_what_their_file_says() {
    let Some(content) = openaev::shared() else { return };
    let (_platform, env) = publishing(serde_json::from_slice(&content).unwrap()).await;
    env.lockstep(&["catalog", "pull", "aev", "-o", "pulled.json"]).with(0);
    let file = Catalog::read("file", &content).unwrap();
    let pulled = Catalog::read("pulled", &fs::read(env.path("pulled.json")).unwrap()).unwrap();
    assert_eq!(file.contracts().len(), pulled.contracts().len());
    let (mut keys, mut with_choices) = (0, 0);
    for expected in file.contracts() {
        let found = pulled.contracts().iter().find(|contract| contract.slug == expected.slug).unwrap();
        assert_eq!((found.kind, found.manager_supported), (expected.kind, expected.manager_supported));
        assert_eq!(found.class_name.is_some(), expected.class_name.is_some(), "{}", expected.slug);
        assert_eq!(found.properties().len(), expected.properties().len(), "{}", expected.slug);
        for (found, expected) in found.properties().iter().zip(expected.properties()) {
            let said = |it: &lockstep::catalog::Property| {
                (it.key.clone(), it.required, it.default.clone(), it.format.clone(), it.secret)
            };
            assert_eq!(said(found), said(expected));
            let sorted = |it: &lockstep::catalog::Property| it.choices.iter().cloned().collect::<BTreeSet<_>>();
            // The platform keeps no choices of the items of a list.
            if !found.choices.is_empty() {
                assert_eq!(sorted(found), sorted(expected), "{}", found.key);
                with_choices += 1;
            }
            keys += 1;
        }
    }
    assert!(keys > 500 && with_choices > 30, "{keys} {with_choices}");
}
