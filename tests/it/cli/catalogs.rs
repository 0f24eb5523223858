//! Catalogs that a platform publishes, and what another catalog changes, with the real binary.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    environment::{Ended, TestEnvironment, ended, until},
    running::Running,
};
use crate::{
    engine::support::docker,
    platform::{TOKEN, stand_in::StandIn},
};

const RIGHTS: &[&str] = &["CONNECTORAPI", "MODULES_MODMANAGE", "INGESTION"];

/// A repository whose only catalog is what the platform publishes.
fn environment(platform: &StandIn) -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write("t", &format!("{TOKEN}\n"));
    let url = platform.url();
    let settings = format!("platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}}}}}\n");
    env.settings(&settings);
    let text = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace("[{source: catalog/test.json}]", "[{platform: opencti}]"));
    env
}

/// The catalog of the tests, with another default.
fn catalog(env: &TestEnvironment, count: u32) -> Value {
    let text = fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
    let mut catalog: Value = serde_json::from_str(&text).unwrap();
    catalog["contracts"][0]["config_schema"]["properties"]["FEED_COUNT"]["default"] = json!(count);
    catalog["contracts"][0]["logo"] = json!("data:image/png;base64,AAAA");
    catalog
}

fn default_of_count(env: &TestEnvironment) -> String {
    let shown = env.lockstep(&["catalog", "show", "test", "--format", "json"]).with(0).json();
    let keys = shown["keys"].as_array().unwrap();
    keys.iter().find(|key| key["key"] == "FEED_COUNT").unwrap()["default"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platforms_catalog_is_fetched_kept_and_used_while_the_platform_is_away() {
    let mut platform = StandIn::start_with(false, RIGHTS).await;
    let env = environment(&platform);
    env.declare("a", "");
    let never = env.lockstep(&["validate"]).with(7).saying("was not fetched yet");
    never.saying("`lockstep catalog pull` fetches it");
    env.lockstep(&["plan"]).with(7).saying("it publishes no contract");

    platform.publish(&catalog(&env, 11)).await;
    env.lockstep(&["plan"]).with(0).saying("1 to add");
    assert_eq!(default_of_count(&env), "11");
    env.lockstep(&["validate"]).with(0).saying("Success!");
    let first = fs::read(env.path("state/catalogs/platform-opencti.catalog")).unwrap();
    assert!(!String::from_utf8_lossy(&first).contains("base64"), "logos are left out");
    assert_eq!(fs::read_to_string(env.path("state/catalogs/platform-opencti.version")).unwrap(), "7.260901.0\n");

    // An empty answer is no empty catalog.
    platform.publish(&json!({"contracts": []})).await;
    let kept = env.lockstep(&["plan"]).with(0).saying("warning: platform `opencti` did not give its catalog");
    kept.saying("it publishes no contract; the one of 20").saying("1 to add");
    for fault in ["500", "html", "401", "cut", "hang"] {
        platform.fault(fault).await;
        env.lockstep(&["plan"])
            .with(0)
            .saying("warning: platform `opencti` did not give its catalog")
            .saying("1 to add");
    }
    platform.fault("none").await;
    platform.shut().await;
    env.lockstep(&["plan"]).with(0).saying("did not give its catalog").saying("1 to add");
    env.lockstep(&["validate"]).with(0);
    env.lockstep(&["catalog", "pull"]).with(7);
    assert_eq!(default_of_count(&env), "11");
    platform.open().await;
    platform.publish(&catalog(&env, 12)).await;
    env.lockstep(&["catalog", "pull"]).with(0).saying("kept 1 contract of platform `opencti` 7.260901.0");
    assert_eq!(default_of_count(&env), "12");

    // What was changed by hand is not taken.
    let path = env.path("state/catalogs/platform-opencti.catalog");
    let text = fs::read_to_string(&path).unwrap().replace("FEED_COUNT", "FEED_COUNTS");
    fs::write(&path, text).unwrap();
    env.lockstep(&["validate"]).with(1).saying("is damaged");
    env.lockstep(&["plan"]).with(0);
    env.lockstep(&["validate"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_missing_right_is_named() {
    let platform = StandIn::start_with(false, &["CONNECTORAPI", "MODULES"]).await;
    let env = environment(&platform);
    env.lockstep(&["catalog", "pull", "opencti"]).with(7).saying("the token lacks the capability INGESTION");
    env.lockstep(&["doctor"]).with(7).saying("lacks INGESTION");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_pulled_into_a_file_to_be_committed() {
    for older in [false, true] {
        let platform = StandIn::start_with(older, RIGHTS).await;
        let env = environment(&platform);
        platform.publish(&catalog(&env, 11)).await;
        let pulled = env.lockstep(&["catalog", "pull", "opencti", "-o", "connectors/catalog/pulled.json"]).with(0);
        let sum = Command::new("sha256sum").arg(env.path("connectors/catalog/pulled.json")).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        assert_eq!(pulled.stdout.split_whitespace().next(), sum.split_whitespace().next());
        let listed = env.lockstep(&["catalog", "list", "--catalog", "connectors/catalog/pulled.json"]).with(0);
        listed.saying("test");
        env.lockstep(&["catalog", "pull", "nobody"]).with(64).saying("the settings have no platform `nobody`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn run_carries_out_what_another_catalog_of_the_platform_changes() {
    let platform = StandIn::start_with(false, RIGHTS).await;
    let env = environment(&platform);
    platform.publish(&catalog(&env, 11)).await;
    env.declare("a", "");
    let running = Running::start(&env, &[]);
    until("the instance", 30, || env.running().len() == 1);
    let first = env.running()["a"].clone();
    platform.publish(&catalog(&env, 12)).await;
    env.lockstep(&["catalog", "pull"]).with(0);
    running.signal("HUP");
    until("the replacement", 30, || env.running().get("a").is_some_and(|id| *id != first));
    let variables = docker(&["inspect", "--format", "{{.Config.Env}}", &env.running()["a"]]);
    assert!(variables.contains("FEED_COUNT=12"), "{variables}");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_waits_for_a_catalog_that_it_never_had() {
    let mut platform = StandIn::start_with(false, RIGHTS).await;
    let env = environment(&platform);
    platform.publish(&catalog(&env, 11)).await;
    env.declare("a", "");
    platform.shut().await;
    let running = Running::spawn(&env, &[]);
    until("it says so", 30, || running.log().contains("was not fetched yet"));
    assert_eq!(env.containers(true).len(), 0);
    platform.open().await;
    until("the instance", 30, || env.running().len() == 1);
}

/// A folder with settings, a manifest and two catalogs; no engine is needed.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
    fs::create_dir(folder.path().join("connectors")).unwrap();
    write(
        "lockstep.yaml",
        "apiVersion: lockstep/v1\nkind: Settings\nowner: diff\nsource: {directory: connectors}\n\
         catalogs: [{source: old.json}]\nstate: state\nplatforms: {}\n",
    );
    write(
        "connectors/a.yaml",
        "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {name: a}\nspec:\n  contract: feed\n  config:\n    \
         FEED_URL: https://feeds.example.org/a\n    FEED_OLD: x\n",
    );
    let catalog = |version: &str, properties: Value, required: Value| {
        json!({"contracts": [
            {"slug": "feed", "container_type": "EXTERNAL_IMPORT", "container_image": "opencti/feed",
             "container_version": version, "config_schema": {"type": "object", "properties": properties, "required": required}},
            {"slug": "other", "container_type": "EXTERNAL_IMPORT", "container_image": "opencti/other",
             "container_version": version},
        ]})
        .to_string()
    };
    let old = json!({"FEED_URL": {"type": "string"}, "FEED_OLD": {"type": "string"}});
    let new = json!({"FEED_URL": {"type": "string"}, "FEED_NEW": {"type": "string"}});
    write("connectors/old.json", &catalog("1", old, json!(["FEED_URL"])));
    write("new.json", &catalog("2", new, json!(["FEED_URL", "FEED_NEW"])));
    folder
}

fn lockstep(folder: &Path, words: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    ended(command.args(words).current_dir(folder).env_clear().output().unwrap())
}

#[test]
fn what_an_upgrade_changes_is_told_before_it_is_made() {
    let folder = folder();
    let told = lockstep(folder.path(), &["catalog", "diff", "old.json", "new.json"]).with(0);
    insta::assert_snapshot!(told.stdout, @r"
    a (contract feed) a.yaml:3:18
      ~ version 1 -> 2
      + FEED_NEW: is new and must be set a.yaml:6:3
      - FEED_OLD: is there no more a.yaml:8:5

    error[missing-key]: contract `feed` requires `FEED_NEW`
      --> a.yaml:6:3
       = instance: a
       = help: add it below `spec.config` (string)

    error[unknown-key]: contract `feed` has no key `FEED_OLD`
      --> a.yaml:8:5
       = instance: a
       = help: `lockstep catalog show feed` lists its keys

    2 errors
    1 instance is concerned; 1 manifest needs a change first.
    ");
    lockstep(folder.path(), &["catalog", "diff", "old.json", "new.json", "--detailed-exitcode"]).with(2);
    let same = lockstep(folder.path(), &["catalog", "diff", "old.json", "old.json", "--detailed-exitcode"]).with(0);
    same.saying("Nothing changes for the instances of this source.");
    let json = lockstep(folder.path(), &["catalog", "diff", "old.json", "new.json", "--format", "json"]).with(0).json();
    assert_eq!(json["summary"], json!({"concerned": 1, "broken": 1}));
    assert_eq!(json["contracts"], json!([]));
    let change = &json["instances"][0]["changes"][2];
    assert_eq!(
        (&change["what"], &change["key"], &change["line"]),
        (&json!("key-removed"), &json!("FEED_OLD"), &json!(8))
    );
    assert_eq!(json["instances"][0]["findings"][0]["file"], "a.yaml");
    let all =
        lockstep(folder.path(), &["catalog", "diff", "old.json", "new.json", "--all", "--format", "json"]).with(0);
    let slugs: Vec<_> = all.json()["contracts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["contract"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(slugs, ["feed", "other"]);
    lockstep(folder.path(), &["catalog", "diff", "old.json", "none.json"]).with(3).saying("none.json");
    let elsewhere = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("connectors/old.json"), folder.path().join("new.json"));
    let words = ["catalog", "diff", old.to_str().unwrap(), new.to_str().unwrap()];
    lockstep(elsewhere.path(), &words).with(64).saying("--all");
    lockstep(elsewhere.path(), &[&words[..], &["--all"]].concat()).with(0).saying("contract other");
    let source = folder.path().join("connectors");
    let of_source = [&words[..], &["--source", source.to_str().unwrap()]].concat();
    lockstep(elsewhere.path(), &of_source).with(0).saying("1 instance is concerned");
}
