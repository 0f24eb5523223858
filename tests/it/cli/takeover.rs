//! Taking a platform over from the vendor's manager: its containers go on as they run, in a whole life of `run`.

use serde_json::{Value, json};

use super::{
    environment::{TestEnvironment, until},
    managed::support::Managed,
    openaev_managed::Managed as AevManaged,
    running::Running,
};
use crate::{
    engine::support::{docker, docker_quietly},
    platform::TOKEN,
};

/// A container as the vendor's manager makes it, removed in the end.
struct Composed(String);

impl Drop for Composed {
    fn drop(&mut self) {
        docker_quietly(&["rm", "-f", &self.0]);
    }
}

impl Composed {
    /// Makes and starts one; `label` is what the manager labels it with, `kind` its platform.
    fn start(env: &TestEnvironment, kind: &str, name: &str, label: &str, hash: &str, further: &[&str]) -> Self {
        let labels = [
            format!("opencti-manager={}", env.name),
            format!("opencti-connector-id={label}"),
            format!("opencti-platform={kind}"),
        ];
        let hash = format!("OPENCTI_CONFIG_HASH={hash}");
        let mut words = vec!["run", "-d", "--name", name, "--env", &hash];
        labels.iter().for_each(|label| words.extend(["--label", label]));
        further.iter().for_each(|pair| words.extend(["--env", pair]));
        let image = env.image();
        words.push(&image);
        Self(docker(&words))
    }

    /// Its id, whether it runs and since when; empty where it is gone.
    fn life(&self) -> String {
        let format = "{{.Id}} {{.State.Running}} {{.State.StartedAt}}";
        docker_quietly(&["inspect", "--format", format, &self.0]).trim().to_owned()
    }

    fn runs(&self) -> bool {
        self.life().contains(" true ")
    }
}

/// Three passes that look at everything, and then some.
fn three_passes(running: &Running<'_>) {
    for count in 1..=3 {
        running.signal("HUP");
        until("a pass", 20, || running.log().matches("a pass was asked for").count() >= count);
    }
    until("another look at the platform", 30, || running.log().contains("registered as the platform's manager"));
}

/// The names of our own containers.
fn own(env: &TestEnvironment) -> Vec<String> {
    let filter = format!("label=dev.lockstep.owner={}", env.name);
    let listed = docker(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]);
    listed.lines().map(str::to_owned).collect()
}

fn variable(env: &TestEnvironment, variable: &str) -> Vec<String> {
    let prefix = format!("{variable}=");
    let values =
        own(env).into_iter().map(|name| docker_quietly(&["inspect", "--format", "{{json .Config.Env}}", &name]));
    let lines = values.flat_map(|text| serde_json::from_str::<Vec<String>>(text.trim()).unwrap_or_default());
    lines.filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned)).collect()
}

async fn hash(managed: &Managed, name: &str) -> String {
    managed.at_platform(name).await["managed"]["hash"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_composer_ran_at_an_opencti_goes_on_and_is_managed_from_then_on() {
    let managed = Managed::start("", "prune: {retain: 0s}\n").await;
    let env = &managed.env;
    // Composer has registered with the key that Lockstep is given, and people made two connectors and a third.
    managed.register();
    let (git, ui, changed) = (env.instance("git"), env.instance("ui"), env.instance("changed"));
    let mut made = Vec::new();
    for (name, short) in [(&git, "git"), (&ui, "ui"), (&changed, "changed")] {
        let url = format!("https://feeds.example.org/{short}");
        let id = managed.make(name, &[("FEED_URL", &url), ("FEED_API_KEY", "k3y-by-hand")]).await;
        let hash = if short == "changed" { "00000000".to_owned() } else { hash(&managed, name).await };
        made.push((id.clone(), Composed::start(env, "opencti", name, &id, &hash, &[])));
    }
    let sealed = env.sealed("git", "FEED_API_KEY", "k3y-by-hand");
    env.declare("git", &sealed);
    let lives: Vec<_> = made.iter().map(|(_, composed)| composed.life()).collect();
    let life = |at: usize| made[at].1.life();

    // Nothing is made a second time, and everything is shown before it is done.
    env.lockstep(&["plan"]).with(9).saying("of another manager").saying("`lockstep adopt`");
    env.lockstep(&["apply"]).with(9).saying("which must not run twice");
    assert_eq!(own(env), Vec::<String>::new());
    let shown = env.lockstep(&["adopt"]).with(0).saying("Adopt: 2 as they are, 1 to be made anew, 0 left.");
    assert!(shown.stdout.contains("its configuration is not the one that the platform has now"), "{}", shown.stdout);
    // One that the platform says nonsense of is not known well enough to be made anew, and is nobody's to remove.
    managed.platform.fault("first-null").await;
    let shown = env.lockstep(&["adopt"]).with(0).saying("Adopt: 2 as they are, 0 to be made anew, 1 left.");
    assert!(shown.stdout.contains("what the platform says of its connector makes no sense"), "{}", shown.stdout);
    managed.platform.fault("none").await;
    env.lockstep(&["adopt", "--yes"]).with(0).saying("Taken over: 2 as they are, 1 to be made anew");
    let planned = env.lockstep(&["plan", "--format", "json"]).with(0).json();
    let steps: Vec<_> =
        planned["steps"].as_array().unwrap().iter().map(|step| (&step["instance"], &step["action"])).collect();
    assert_eq!(steps, [(&json!(changed), &json!("replace"))], "{planned:#}");
    env.lockstep(&["apply"]).with(0).saying("0 added, 1 changed, 0 destroyed");
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    assert_eq!((life(0), life(1), life(2)), (lives[0].clone(), lives[1].clone(), String::new()));

    for _ in 0..2 {
        let running = Running::start(env, &[]);
        three_passes(&running);
        running.end();
    }
    assert_eq!((life(0), life(1)), (lives[0].clone(), lives[1].clone()), "nothing was restarted");

    docker(&["exec", &made[1].1.0, "busybox", "sh", "-c", "echo told-by-composed > /proc/1/fd/1"]);
    let running = Running::start(env, &[]);
    let told = |known: &[Value]| known.iter().find(|one| one["name"] == ui.as_str()).cloned().unwrap_or_default();
    managed
        .platform
        .until("status and health", |known| told(known)["status"] == "started" && !told(known)["health"].is_null())
        .await;
    managed.platform.until("its lines", |known| told(known)["logs"].to_string().contains("told-by-composed")).await;

    managed.request(&made[1].0, "stopping").await;
    until("its stop", 40, || !made[1].1.runs());
    managed.request(&made[1].0, "starting").await;
    until("its start", 40, || made[1].1.runs());
    assert_eq!(own(env).len(), 1, "it is the same container: {:?}", own(env));

    // A change made there and one made in the source each put one container in the place of one.
    managed.edit(&ui, &[("FEED_URL", "https://feeds.example.org/ui"), ("FEED_COUNT", "33")]).await;
    until("the change", 60, || variable(env, "FEED_COUNT").contains(&"33".to_owned()) && life(1).is_empty());
    env.declare("git", &format!("{sealed}FEED_COUNT: 44"));
    until("the other change", 60, || variable(env, "FEED_COUNT").contains(&"44".to_owned()) && life(0).is_empty());
    assert_eq!(variable(env, "FEED_API_KEY"), ["k3y-by-hand"; 3]);
    managed.delete(&made[1].0).await;
    until("its removal", 60, || own(env).len() == 2);
    running.end();
    env.lockstep(&["adopt", "--release"]).with(0).saying("0 containers given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_over_is_removed_with_its_connector_or_given_back() {
    let managed = Managed::start("", "prune: {retain: 0s}\n").await;
    let env = &managed.env;
    managed.register();
    let mut made = Vec::new();
    for short in ["a", "b"] {
        let name = env.instance(short);
        let id = managed.make(&name, &[("FEED_URL", "https://feeds.example.org")]).await;
        let hash = hash(&managed, &name).await;
        made.push((id.clone(), Composed::start(env, "opencti", &name, &id, &hash, &[])));
    }
    env.lockstep(&["adopt", "--yes"]).with(0).saying("Taken over: 2 as they are");
    let life = made[1].1.life();
    managed.delete(&made[0].0).await;
    env.lockstep(&["apply"]).with(0).saying("1 destroyed");
    assert_eq!((made[0].1.life(), made[1].1.life()), (String::new(), life.clone()));
    env.lockstep(&["adopt", "--release"]).with(0).saying("1 container given back, untouched");
    assert_eq!(made[1].1.life(), life);
    env.lockstep(&["plan"]).with(9).saying("of another manager");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_composer_ran_at_an_openaev_goes_on_and_is_managed_from_then_on() {
    let managed = AevManaged::start("").await;
    let env = &managed.env;
    env.lockstep(&["apply"]).with(0);
    let pairs = json!([
        { "configuration_key": "COLLECTOR_NAME", "configuration_value": env.instance("c") },
        { "configuration_key": "FEED_URL", "configuration_value": "https://feeds.example.org/c" },
    ]);
    let body = json!({ "catalog_connector_id": "catalog-a_collector", "connector_instance_configurations": pairs });
    let made = managed.platform.ask("POST", "/api/connector-instances", &body).await;
    let own_id = made["connector_instance_id"].as_str().unwrap().to_owned();
    let path = format!("/api/connector-instances/{own_id}");
    let ask = async |word: &str| {
        let body = json!({ "connector_instance_requested_status": word });
        managed.platform.ask("PUT", &format!("{path}/requested-status"), &body).await;
    };
    ask("starting").await;
    let listed = managed.instances().await.remove(0);
    let (connector, hash) =
        (listed["connector"].as_str().unwrap(), listed["connector_instance_hash"].as_str().unwrap());
    let name = format!("a-collector-{connector}");
    let id = format!("COLLECTOR_ID={connector}");
    let composed = Composed::start(env, "openaev", &name, &own_id, hash, &[&id]);
    let life = composed.life();
    env.lockstep(&["plan"]).with(9).saying("of another manager");
    env.lockstep(&["apply"]).with(9).saying("which must not run twice");
    env.lockstep(&["adopt"]).with(0).saying("Adopt: 1 as they are, 0 to be made anew, 0 left.");
    env.lockstep(&["adopt", "--yes"]).with(0);
    env.lockstep(&["plan"]).with(0).saying("No changes.");
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    for _ in 0..2 {
        let running = Running::start(env, &[]);
        three_passes(&running);
        running.end();
    }
    assert_eq!(composed.life(), life, "nothing was restarted");

    let running = Running::start(env, &[]);
    let told = async |field: &str| managed.instances().await[0][field].clone();
    super::managed::support::until("its status", async || told("connector_instance_current_status").await == "started")
        .await;
    super::managed::support::until("its health", async || !told("health").await.is_null()).await;
    ask("stopping").await;
    until("its stop", 40, || !composed.runs());
    ask("starting").await;
    until("its start", 40, || composed.runs());
    let mut changed = body.clone();
    changed["connector_instance_configurations"][1]["configuration_value"] = json!("https://feeds.example.org/other");
    managed.platform.ask("PUT", &format!("{path}/configurations"), &changed).await;
    let changed = || variable(env, "FEED_URL") == ["https://feeds.example.org/other"] && composed.life().is_empty();
    until("the change", 60, changed);
    assert_eq!(variable(env, "OPENAEV_TOKEN"), [TOKEN]);
    assert_eq!(variable(env, "COLLECTOR_ID"), [connector]);
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_composer_ran_at_an_openaev_under_an_id_of_any_form_goes_on() {
    let managed = AevManaged::start("").await;
    let env = &managed.env;
    env.lockstep(&["apply"]).with(0);
    managed.platform.come("collector", "openaev_example").await;
    let pairs = json!([{ "configuration_key": "COLLECTOR_ID", "configuration_value": "openaev_example" }]);
    let body = json!({ "catalog_connector_id": "catalog-a_collector", "connector_instance_configurations": pairs });
    let made = managed.platform.ask("POST", "/api/connector-instances", &body).await;
    let own_id = made["connector_instance_id"].as_str().unwrap();
    let starting = json!({ "connector_instance_requested_status": "starting" });
    managed.platform.ask("PUT", &format!("/api/connector-instances/{own_id}/requested-status"), &starting).await;
    let listed = managed.instances().await.remove(0);
    let hash = listed["connector_instance_hash"].as_str().unwrap();
    let name = format!("a-collector-openaev-example-{}", env.name);
    let composed = Composed::start(env, "openaev", &name, own_id, hash, &["COLLECTOR_ID=openaev_example"]);
    let life = composed.life();
    env.lockstep(&["plan"]).with(9).saying("of another manager");
    env.lockstep(&["apply"]).with(9).saying("which must not run twice");
    env.lockstep(&["adopt", "--yes"]).with(0).saying("1 as they are, 0 to be made anew, 0 left");
    env.lockstep(&["apply"]).with(0).saying("No changes.");
    assert_eq!(composed.life(), life, "nothing was restarted");
}
