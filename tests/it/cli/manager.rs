//! The key of a connector manager, and what `doctor` says of platforms that have their connectors managed.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use lockstep::platform::ManagerKey;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::environment::TestEnvironment;
use crate::{
    opencti_server::Options,
    platform::{
        TOKEN,
        stand_in::{StandIn, options},
    },
};

const ALL: [&str; 4] = ["CONNECTORAPI", "SETTINGS_SETACCESSES", "MODULES", "MODULES_MODMANAGE"];

fn environment(platform: &StandIn, registration: &str) -> TestEnvironment {
    let url = platform.url();
    let env = TestEnvironment::with(&format!(
        "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}, {registration}}}}}\n"
    ));
    env.write("t", &format!("{TOKEN}\n"));
    env
}

const MANAGED: &str = "registration: managed, manager: {id: lockstep-1, name: edge, key: manager.pem}";

fn public_of(env: &TestEnvironment) -> ManagerKey {
    let text = fs::read_to_string(env.path("manager.pem")).unwrap();
    ManagerKey::from_pem(&SecretString::from(text)).unwrap()
}

/// What `doctor` finds at the platform: whether it is well, and the words.
fn found(env: &TestEnvironment, code: i32) -> Vec<(bool, String)> {
    let checks = env.lockstep(&["doctor", "--format", "json"]).with(code).json();
    let of_platform = |check: &&Value| check["name"] == "platform opencti";
    let words = |check: &Value| {
        let text = format!("{} {}", check["message"].as_str().unwrap(), check["help"].as_str().unwrap_or_default());
        (check["well"].as_bool().unwrap(), text)
    };
    checks["checks"].as_array().unwrap().iter().filter(of_platform).map(words).collect()
}

#[track_caller]
fn assert_found(found: &[(bool, String)], well: bool, words: &[&str]) {
    let fits = |text: &str| words.iter().all(|words| text.contains(words));
    assert!(found.iter().any(|(is_well, text)| *is_well == well && fits(text)), "{words:?} in {found:#?}");
}

async fn register(platform: &StandIn, id: &str, key: &ManagerKey) {
    let public = json!(key.identity(id, "other").public_pkcs1);
    let input = format!("{{id: \"{id}\", name: \"other\", public_key: {public}}}");
    platform.graphql(&format!("mutation {{ registerConnectorsManager(input: {input}) {{ id }} }}")).await;
}

#[test]
fn a_key_is_made_once_for_its_owner_only() {
    let env = TestEnvironment::new();
    let file = env.path("manager.pem");
    let made = env.lockstep(&["platform", "keygen", "--output", file.to_str().unwrap()]).with(0);
    assert!(made.stdout.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{}", made.stdout);
    assert!(made.stderr.contains("registration: managed, manager: {id: "), "{}", made.stderr);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let content = fs::read(&file).unwrap();
    assert!(content.starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    assert!(!made.stderr.contains("PRIVATE KEY"), "{}", made.stderr);
    let openssl = Command::new("openssl").args(["pkey", "-noout", "-text", "-in"]).arg(&file).output().unwrap();
    assert!(String::from_utf8_lossy(&openssl.stdout).contains("4096 bit"), "{openssl:?}");

    env.lockstep(&["platform", "keygen", "--output", file.to_str().unwrap()]).with(1).saying("it exists already");
    assert_eq!(fs::read(&file).unwrap(), content, "what is there stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_registering_by_themselves_shows_without_a_licence() {
    let platform = StandIn::start_options(Options { licence: false, ..options(false, &["CONNECTORAPI"]) }).await;
    let env = environment(&platform, "registration: self");
    let found = found(&env, 7);
    assert_found(&found, false, &["lacks MODULES", "MODULES to read what the platform has heard"]);
    assert_found(&found, true, &["no enterprise licence, and none is needed", "start and stop are shown there only"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_being_the_manager_lacks() {
    let lacking = ["CONNECTORAPI", "MODULES"];
    let platform = StandIn::start_options(Options { licence: false, ..options(false, &lacking) }).await;
    let env = environment(&platform, MANAGED);
    let unset = found(&env, 7);
    assert_found(&unset, false, &["lacks SETTINGS_SETACCESSES and MODULES_MODMANAGE", "to start, stop"]);
    assert_found(&unset, false, &["no enterprise licence", "`registration: self`"]);
    assert_found(&unset, true, &["no connector manager is registered yet"]);
    assert_found(&unset, false, &["`platforms.opencti.manager.key`"]);

    let key = env.path("manager.pem");
    env.lockstep(&["platform", "keygen", "--output", key.to_str().unwrap()]).with(0);
    register(&platform, "default-manager-id", &public_of(&env)).await;
    let other = found(&env, 7);
    assert_found(&other, false, &["another connector manager", "`other` (id `default-manager-id`", "private key"]);
    assert!(!other.iter().any(|(_, text)| text.contains("manager.key`:")), "{other:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_opens_what_the_platform_sealed() {
    let contract = json!({
        "title": "MISP", "slug": "misp", "container_image": "opencti/connector-misp", "container_version": "1",
        "container_type": "EXTERNAL_IMPORT", "manager_supported": true,
        "config_schema": { "required": [], "properties": { "MISP_KEY": { "type": "string", "format": "password" } } },
    });
    let catalogs = vec![json!({ "id": "c", "name": "c", "contracts": [contract] })];
    let platform = StandIn::start_options(Options { catalogs, ..options(false, &ALL) }).await;
    let env = environment(&platform, MANAGED);
    let key = env.path("manager.pem");
    env.lockstep(&["platform", "keygen", "--output", key.to_str().unwrap()]).with(0);
    register(&platform, "lockstep-1", &public_of(&env)).await;
    let input = "{name: \"MISP\", user_id: \"88ec0c6a-13ce-4e39-b486-354fe4a7084f\", catalog_id: \"c\", \
                 manager_contract_image: \"opencti/connector-misp\", \
                 manager_contract_configuration: [{key: \"MISP_KEY\", value: \"hunter2\"}]}";
    platform.graphql(&format!("mutation {{ managedConnectorAdd(input: {input}) {{ id }} }}")).await;
    let well = found(&env, 0);
    assert_found(&well, true, &["its connector manager is ours: `other` (id `lockstep-1`, heard from"]);
    assert_found(&well, true, &["1 managed connector, every secret opens"]);
    assert_found(&well, true, &["has its enterprise licence"]);

    fs::remove_file(&key).unwrap();
    env.lockstep(&["platform", "keygen", "--output", key.to_str().unwrap()]).with(0);
    let swapped = found(&env, 7);
    assert_found(&swapped, false, &["our connector manager's id with another key", "`manager.formerKey`"]);
    assert_found(&swapped, false, &["the key does not open the secrets of `misp`", "set each of these secrets"]);
    env.write("manager.pem", "nonsense");
    assert_found(&found(&env, 4), false, &["`platforms.opencti.manager.key`", "not a key in PEM", "keygen"]);
}
