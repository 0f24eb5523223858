//! The way back: compose files that come back the same, and Deployments that say what a manifest says.

mod public;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use lockstep::cli::Cli;
use serde_json::{Value, json};
use tempfile::TempDir;

const CATALOG: &str = include_str!("../cli/catalog.json");
const SETTINGS: &str = "apiVersion: lockstep/v1\nkind: Settings\nowner: test\nsource: {directory: connectors}\ncatalogs: \
                        [{file: catalog.json}]\nsecrets: {identities: [age.key]}\npolicy: {images: [example/*], \
                        bindRoots: [/srv], allow: ['capAdd:NET_ADMIN', privileged, \
                        'device:/dev/fuse', 'hostNamespace:network', 'hostNamespace:pid', 'hostNamespace:ipc']}\nengine: {docker: {network: \
                        platform}}\nplatforms: {opencti: {kind: opencti, url: 'http://opencti:8080/', token: {file: \
                        token}}}\nstate: state\n";
const PLAIN: &str = "cost $5 ${HOME} #1 \"x\" ä";

fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(words).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").output().unwrap()
}

#[track_caller]
fn lockstep(folder: &Path, words: &[&str], code: i32) -> (String, String) {
    let output = run(folder, words);
    let (said, noted) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{said}\n{noted}");
    (said, noted)
}

/// A repository with settings, a catalog and a key; the recipient of that key.
fn repository() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("connectors")).unwrap();
    fs::write(path.join("lockstep.yaml"), SETTINGS).unwrap();
    fs::write(path.join("catalog.json"), CATALOG.replace("IMAGE", "example/test")).unwrap();
    fs::write(path.join("token"), "t0ken-of-the-platform\n").unwrap();
    let recipient = lockstep(path, &["secret", "keygen", "-o", "age.key"], 0).0.trim().to_owned();
    (folder, recipient)
}

fn seal(folder: &Path, recipient: &str, value: &str) -> String {
    fs::write(folder.join("value"), value).unwrap();
    let line = format!("'{}' secret seal -r {recipient} < value", env!("CARGO_BIN_EXE_lockstep"));
    let output = Command::new("bash").args(["-c", &line]).current_dir(folder).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    format!("|\n{}", text.lines().map(|line| format!("      {line}\n")).collect::<String>())
}

/// Declares an instance with everything that a compose file has a word for.
fn declare(folder: &Path, recipient: &str) {
    let sealed = seal(folder, recipient, "s3cret-value");
    let text = format!(
        "apiVersion: lockstep/v1
kind: ConnectorInstance
metadata: {{name: feed-1, labels: {{team: cti}}}}
spec:
  contract: test
  version: '1'
  token: {sealed}
  config:
    FEED_URL: https://feeds.example.org/x
    FEED_API_KEY: {sealed}
    FEED_TAGS: [a, b]
    FEED_COUNT: 12
    RUN: '{PLAIN}'
  container:
    resources: {{cpus: 0.5, memory: 512Mi, pids: 200}}
    networks: [one, two]
    volumes: ['feed-data:/data', 'feed-data-2:/more:ro']
    tmpfs: [/tmp, {{path: /run/x, size: 64Mi}}]
    extraHosts: {{feeds.internal: 10.0.0.5}}
    dns: [9.9.9.9]
    user: '1000:1000'
    readOnly: true
    ulimits: {{nofile: {{soft: 1024, hard: 2048}}}}
    shmSize: 128Mi
    stopGrace: 30s
    healthcheck: {{test: [CMD, /bin/check, --fast], interval: 30s, timeout: 5s, retries: 3, startPeriod: 1m}}
    logs: {{maxSize: 5Mi, maxFile: 2}}
    pull: Always
  dependsOn: [feed-2]
"
    );
    fs::write(folder.join("connectors/feed-1.yaml"), text).unwrap();
    let second = format!(
        "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: feed-2}}\nspec:\n  contract: test\n  token: \
         {sealed}\n  config: {{FEED_URL: 'https://feeds.example.org/y'}}\n"
    );
    fs::write(folder.join("connectors/feed-2.yaml"), second).unwrap();
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_compose_file_comes_back_as_the_same_instances() {
    let (folder, recipient) = repository();
    declare(folder.path(), &recipient);
    let (_, noted) = lockstep(folder.path(), &["export", "compose", "--output", "compose.yml"], 0);
    let text = fs::read_to_string(folder.path().join("compose.yml")).unwrap();
    assert!(noted.contains("fill in:") && noted.contains("FEED_1__FEED_API_KEY"), "{noted}");
    let lost: Vec<_> = noted.lines().filter(|line| line.starts_with("lost:")).collect();
    assert_eq!(lost.len(), 2, "{noted}");
    assert!(lost.iter().all(|line| line.contains("`rollback: auto` and `health`")), "{noted}");
    assert!(!text.contains("s3cret-value") && !text.contains("AGE ENCRYPTED"), "{text}");
    lockstep(folder.path(), &["export", "compose", "--output", "compose.yml"], 64);
    let names = ["FEED_1__FEED_API_KEY", "FEED_1__OPENCTI_TOKEN", "FEED_2__OPENCTI_TOKEN"];
    let values: String = names.iter().map(|name| format!("{name}=s3cret-value\n")).collect();
    fs::write(folder.path().join("values"), values).unwrap();
    fs::rename(folder.path().join("connectors"), folder.path().join("before")).unwrap();
    fs::create_dir(folder.path().join("connectors")).unwrap();
    let words = ["import", "compose", "compose.yml", "--output", "connectors", "--env-file", "values"];
    lockstep(folder.path(), &[&words[..], &["-r", &recipient]].concat(), 0);
    let again = lockstep(folder.path(), &["export", "compose"], 0).0;
    assert_eq!(again, text, "nothing is lost on the way there and back");
    // The very files differ, since defaults are written out.
    assert!(fs::read_to_string(folder.path().join("connectors/feed-1.yaml")).unwrap().contains("AGE ENCRYPTED"));
}

#[test]
fn compose_itself_takes_the_file() {
    let (folder, recipient) = repository();
    declare(folder.path(), &recipient);
    lockstep(folder.path(), &["export", "compose", "-o", "compose.yml"], 0);
    let config = |variables: &[(&str, &str)]| {
        let mut command = Command::new("docker-compose");
        command.args(["-f", "compose.yml", "config"]).current_dir(folder.path()).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", folder.path()).envs(variables.iter().copied()).output()
    };
    let Ok(blank) = config(&[]) else {
        println!("skipped: no docker-compose");
        return;
    };
    assert!(!blank.status.success(), "a secret that is not filled in is no empty one");
    let said = String::from_utf8_lossy(&blank.stderr).into_owned();
    assert!(said.contains("fill in"), "{said}");
    let names = ["FEED_1__FEED_API_KEY", "FEED_1__OPENCTI_TOKEN", "FEED_2__OPENCTI_TOKEN"];
    let filled = config(&names.map(|name| (name, "filled-in"))).unwrap();
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
    let read = yaml(&String::from_utf8(filled.stdout).unwrap());
    let service = &read["services"]["feed-1"];
    assert_eq!(service["environment"]["FEED_API_KEY"], "filled-in");
    assert_eq!(service["environment"]["RUN"].as_str().unwrap().replace("$$", "$"), PLAIN);
    assert_eq!((&service["user"], &service["read_only"]), (&json!("1000:1000"), &json!(true)));
    assert_eq!(read["networks"]["one"]["external"], true);
}

#[test]
fn deployments_say_what_a_pod_has_words_for_and_the_rest_is_told() {
    let (folder, recipient) = repository();
    declare(folder.path(), &recipient);
    let stopped = "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {name: idle}\nspec:\n  contract: test\n  state: \
                   stopped\n  health: {requirePlatform: true}\n  config: {FEED_URL: 'https://feeds.example.org/z'}\n";
    fs::write(folder.path().join("connectors/idle.yaml"), stopped).unwrap();
    let (text, noted) = lockstep(folder.path(), &["export", "kubernetes"], 0);
    assert!(!text.contains("s3cret") && !text.contains("t0ken") && !text.contains("AGE ENCRYPTED"), "{text}");
    let documents: Vec<Value> = text.split("---\n").map(yaml).collect();
    let kinds: Vec<_> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["PersistentVolumeClaim", "PersistentVolumeClaim", "Deployment", "Deployment", "Deployment"]);
    let spec = &documents[2]["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&json!(1), &json!("Recreate")));
    assert_eq!(spec["selector"]["matchLabels"]["app.kubernetes.io/name"], "feed-1");
    assert_eq!(spec["template"]["metadata"]["labels"]["app.kubernetes.io/name"], "feed-1");
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({"cpu": "500m", "memory": "536870912"}));
    let variable = |container: &Value, key: &str| {
        let env = container["env"].as_array().unwrap();
        env.iter().find(|variable| variable["name"] == key).unwrap_or_else(|| panic!("{key}")).clone()
    };
    let reference = &variable(container, "FEED_API_KEY")["valueFrom"]["secretKeyRef"];
    assert_eq!(*reference, json!({"name": "feed-1-secrets", "key": "FEED_API_KEY"}));
    assert_eq!(variable(container, "RUN")["value"], PLAIN);
    assert_eq!(variable(container, "FEED_COUNT")["value"], "12");
    let security = &container["securityContext"];
    assert_eq!((&security["runAsUser"], &security["capabilities"]["drop"]), (&json!(1000), &json!(["ALL"])));
    assert_eq!(
        (&security["allowPrivilegeEscalation"], &security["readOnlyRootFilesystem"]),
        (&json!(false), &json!(true))
    );
    let command = json!(["/bin/check", "--fast"]);
    let probe = |failures: u32| json!({"exec": {"command": command}, "periodSeconds": 30, "timeoutSeconds": 5, "failureThreshold": failures});
    // A minute to start in is two checks more.
    assert_eq!((&container["livenessProbe"], &container["startupProbe"]), (&probe(3), &probe(5)));
    assert_eq!((&spec["minReadySeconds"], &spec["progressDeadlineSeconds"]), (&json!(10), &json!(610)));
    assert_eq!(pod["terminationGracePeriodSeconds"], 30);
    let mounts = container["volumeMounts"].as_array().unwrap();
    let volumes = pod["volumes"].as_array().unwrap();
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    assert_eq!(mounts.iter().map(name).collect::<Vec<_>>(), volumes.iter().map(name).collect::<Vec<_>>());
    assert_eq!(volumes[0]["persistentVolumeClaim"]["claimName"], documents[0]["metadata"]["name"]);
    let off = &documents[4]["spec"];
    assert_eq!(off["replicas"], 0);
    let token = variable(&off["template"]["spec"]["containers"][0], "OPENCTI_TOKEN");
    assert_eq!(token["valueFrom"]["secretKeyRef"], json!({"name": "opencti-connector-token", "key": "token"}));
    for told in ["feed-1: `networks`", "feed-1: `dependsOn`", "feed-1: `ulimits`", "idle: `health.requirePlatform`"] {
        assert!(noted.contains(told), "{told}\n{noted}");
    }
    assert!(noted.contains("fill in: key FEED_API_KEY of Secret feed-1-secrets"), "{noted}");
    assert!(pod["imagePullSecrets"].is_null());
    assert_eq!(documents[0]["spec"]["resources"]["requests"]["storage"], "1Gi");
}

#[test]
fn sizes_and_names_that_kubernetes_does_not_take_are_refused() {
    let (folder, _) = repository();
    for size in ["10g", "0", "10GB", "1K", "-1", "1.5Gi", "Gi", ""] {
        lockstep(folder.path(), &["export", "kubernetes", &format!("--storage={size}")], 64);
    }
    for name in ["Registry", "a_b", "-a", "a.", "", &"a".repeat(254)] {
        lockstep(folder.path(), &["export", "kubernetes", &format!("--image-pull-secret={name}")], 64);
    }
}

#[test]
fn what_is_stopped_or_held_is_told() {
    let (folder, _) = repository();
    let manifest = |name: &str, spec: &str| {
        let text = format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {name}}}\nspec:\n  contract: test\n{spec}  \
             config: {{FEED_URL: 'https://feeds.example.org/z'}}\n"
        );
        fs::write(folder.path().join(format!("connectors/{name}.yaml")), text).unwrap();
    };
    manifest("idle", "  state: stopped\n");
    manifest("broken", "  version: 1\n  image: example/test\n");
    fs::remove_file(folder.path().join("age.key")).unwrap();
    fs::remove_file(folder.path().join("token")).unwrap();
    let (text, noted) = lockstep(folder.path(), &["export", "compose"], 3);
    let read = yaml(&text);
    assert_eq!(read["services"]["idle"]["profiles"], json!(["stopped"]));
    assert_eq!(read["services"]["idle"]["environment"]["OPENCTI_TOKEN"], "${OPENCTI__CONNECTOR_TOKEN:?fill in}");
    assert!(read["services"]["broken"].is_null());
    assert!(
        noted.contains("broken is held and was not exported") && noted.contains("idle: `state: stopped`"),
        "{noted}"
    );
    let (text, _) = lockstep(folder.path(), &["export", "compose", "idle"], 0);
    assert_eq!(yaml(&text)["services"].as_object().unwrap().len(), 1);
    lockstep(folder.path(), &["export", "compose", "nobody"], 64);
}

#[test]
fn the_help_names_both_ways() {
    let clap = <Cli as clap::CommandFactory>::command();
    let export = clap.find_subcommand("export").unwrap();
    let names: Vec<_> = export.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(names, ["compose", "kubernetes"]);
}
