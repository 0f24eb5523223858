//! Standing in the place of another connector manager.

use serde_json::Value;

use super::environment::TestEnvironment;
use crate::{
    engine::support::{docker, docker_quietly},
    opencti_server::Options,
    platform::{
        TOKEN,
        stand_in::{StandIn, options},
    },
};

const ALL: [&str; 4] = ["CONNECTORAPI", "SETTINGS_SETACCESSES", "MODULES", "MODULES_MODMANAGE"];
const USER: &str = "88ec0c6a-13ce-4e39-b486-354fe4a7084f";

/// A repository whose platform has another manager, in whose place Lockstep stands.
async fn environment() -> (TestEnvironment, StandIn) {
    let env = TestEnvironment::new();
    let catalog = std::fs::read_to_string(env.path("connectors/catalog/test.json")).unwrap();
    let catalogs = vec![serde_json::from_str(&catalog).unwrap()];
    let platform = StandIn::start_options(Options { catalogs, ..options(false, &ALL) }).await;
    let (url, name) = (platform.url(), &env.name);
    env.settings(&format!(
        "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}, registration: managed, manager: {{id: \
         {name}, name: edge, key: manager.pem}}}}}}\n"
    ));
    env.write("t", &format!("{TOKEN}\n"));
    let key = env.path("manager.pem");
    let made = env.lockstep(&["platform", "keygen", "--output", key.to_str().unwrap()]).with(0);
    let public = serde_json::to_string(&made.stdout).unwrap();
    let input = format!("{{id: \"{name}\", name: \"composer\", public_key: {public}}}");
    platform.graphql(&format!("mutation {{ registerConnectorsManager(input: {input}) {{ id }} }}")).await;
    (env, platform)
}

/// A connector that people made in the platform's pages and started, declared here too; gives its id and hash.
async fn managed(env: &TestEnvironment, platform: &StandIn, short: &str) -> (String, String) {
    let (title, image) = (env.instance(short), format!("lockstep-test/{}", env.name));
    let input = format!(
        "{{name: \"{title}\", user_id: \"{USER}\", catalog_id: \"test\", manager_contract_image: \"{image}\", \
         manager_contract_configuration: [{{key: \"FEED_URL\", value: \"https://feeds.example.org/{short}\"}}]}}"
    );
    let made = platform.graphql(&format!("mutation {{ managedConnectorAdd(input: {input}) {{ id }} }}")).await;
    let id = made["managedConnectorAdd"]["id"].as_str().unwrap().to_owned();
    let start =
        format!("mutation {{ updateConnectorRequestedStatus(input: {{id: \"{id}\", status: starting}}) {{ id }} }}");
    platform.graphql(&start).await;
    let listed = platform.graphql("{ connectorsForManagers { id manager_contract_hash } }").await;
    let listed =
        listed["connectorsForManagers"].as_array().unwrap().iter().find(|one| one["id"] == id.as_str()).cloned();
    env.declare_with(short, &format!("id: {id}"), "");
    (id, listed.unwrap()["manager_contract_hash"].as_str().unwrap().to_owned())
}

/// A container that is not ours, removed in the end.
struct Foreign(String);

impl Drop for Foreign {
    fn drop(&mut self) {
        docker_quietly(&["rm", "-f", &self.0]);
    }
}

/// A container as the vendor's manager makes it.
fn foreign(env: &TestEnvironment, short: &str, connector: &str, hash: &str) -> Foreign {
    let name = format!("{}-of-another", env.instance(short));
    let labels = [format!("opencti-manager={}", env.name), format!("opencti-connector-id={connector}")];
    let hash = format!("OPENCTI_CONFIG_HASH={hash}");
    let words = ["run", "-d", "--name", &name, "--label", &labels[0], "--label", &labels[1], "--env", &hash];
    Foreign(docker(&[&words[..], &[&env.image()]].concat()))
}

fn fates(text: &str) -> Vec<(String, String)> {
    let found: Value = serde_json::from_str(text).unwrap();
    let fate = |one: &Value| {
        let word = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        (word("container"), word("fate"))
    };
    found["containers"].as_array().unwrap().iter().map(fate).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_of_the_former_manager_go_on_as_they_run_and_are_given_back() {
    let (env, platform) = environment().await;
    let (same, hash) = managed(&env, &platform, "a").await;
    let (changed, _) = managed(&env, &platform, "b").await;
    let containers = [
        foreign(&env, "a", &same, &hash),
        foreign(&env, "b", &changed, "00000000"),
        foreign(&env, "c", &uuid::Uuid::new_v4().to_string(), "00000000"),
    ];
    let name = |short: &str| format!("{}-of-another", env.instance(short));
    let expected = [(name("a"), "kept"), (name("b"), "replaced"), (name("c"), "left")];
    let expected = expected.map(|(name, fate)| (name, fate.to_owned()));
    let shown = env.lockstep(&["adopt", "--format", "json"]).with(0);
    assert_eq!(fates(&shown.stdout), expected, "{}", shown.stdout);
    env.lockstep(&["adopt"])
        .with(0)
        .saying("Adopt: 1 as they are, 1 to be made anew, 1 left.")
        .saying("Nothing was done");
    assert!(!env.path("state/adopted.json").exists());

    env.lockstep(&["adopt", "--yes"]).with(0).saying("Taken over: 1 as they are");
    let planned = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let refreshed = env.lockstep(&["plan", "--refresh", "--format", "json"]).with(0).json();
    assert_eq!(refreshed["steps"], planned["steps"], "what another manager made has not drifted");
    let steps: Vec<_> = planned["steps"].as_array().unwrap().iter().map(|step| step["instance"].clone()).collect();
    assert_eq!(steps, [env.instance("b")], "what is unchanged has no step: {planned:#}");
    assert_eq!(planned["steps"][0]["action"], "replace");
    assert_eq!(fates(&env.lockstep(&["adopt", "--format", "json"]).with(0).stdout), [expected[2].clone()]);

    env.lockstep(&["adopt", "--release"]).with(0).saying("2 containers given back, untouched");
    let shown = env.lockstep(&["adopt", "--format", "json"]).with(0);
    assert_eq!(fates(&shown.stdout), expected, "{}", shown.stdout);
    for Foreign(container) in &containers {
        assert_eq!(docker(&["inspect", "--format", "{{.State.Running}} {{.RestartCount}}", container]), "true 0");
    }
    env.write("state/adopted.json", "{");
    env.lockstep(&["plan"]).with(9).saying("adopted.json");
}
