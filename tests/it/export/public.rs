//! What is exported is what the other tools take: by their public schemas, by a cluster's rules, and for real.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{declare, lockstep, repository, yaml};
use crate::{
    engine::support::{docker, docker_quietly, unique},
    python,
};

/// Says for each document of a file what the schema of its kind has against it; unknown fields count.
const VALIDATE: &str = "
import json, sys, yaml, kubernetes_validate
told = []
for document in yaml.safe_load_all(open(sys.argv[1])):
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        told.append('%s: %s' % (list(error.path), error.message))
print(json.dumps(told))
";

/// Instances with every field that a container has, between them.
fn declare_everything(folder: &Path, recipient: &str) {
    declare(folder, recipient);
    let more = [
        (
            "everything",
            "metadata: {name: everything, labels: {team: cti, example.org/cost-centre: '4711', note: 'a b: c', \
             'x//y': z, app.kubernetes.io/name: other}}",
            "  health: {within: 20m, settle: 30s, requirePlatform: true}
  rollback: none
  suspend: true
  dependsOn: [feed-1, idle]
  container:
    resources: {cpus: 2, memory: 1Gi, pids: 99}
    volumes: [Data_1:/a, data-1:/b, data.1:/c, {bind: /srv/x, path: /d, readOnly: true}]
    tmpfs: [/dev/shm, {path: /e, size: 1Mi}]
    extraHosts: {v6.internal: '2001:db8::1'}
    dns: [9.9.9.9, '2001:db8::53']
    user: daemon:daemon
    capDrop: []
    capAdd: [CAP_NET_ADMIN]
    ulimits: {nofile: 1024, core: {soft: 0, hard: -1}}
    shmSize: 1Mi
    healthcheck: {test: 'test -e /x', startPeriod: 90s}
    env: {TZ: UTC, PRICE: 'a $$ $(HOME) $5'}
    logs: {maxSize: 1Mi, maxFile: 3}
    pull: Never
    privileged: true
    devices: [/dev/fuse]
    hostNamespaces: [network, ipc]
",
        ),
        ("idle", "metadata: {name: idle}", "  state: stopped\n  container: {user: 0, healthcheck: {disable: true}}\n"),
        ("long", &format!("metadata: {{name: {}}}", "a".repeat(63)), "  container: {hostNamespaces: [pid]}\n"),
    ];
    for (file, metadata, spec) in more {
        let text = format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\n{metadata}\nspec:\n  contract: test\n  config: {{FEED_URL: \
             'https://feeds.example.org/z'}}\n{spec}"
        );
        fs::write(folder.join(format!("connectors/{file}.yaml")), text).unwrap();
    }
}

/// Everything, exported; the folder, and what was said.
fn exported(tool: &str) -> (TempDir, String) {
    exported_with(&[tool])
}

fn exported_with(words: &[&str]) -> (TempDir, String) {
    let (folder, recipient) = repository();
    declare_everything(folder.path(), &recipient);
    let (_, noted) = lockstep(folder.path(), &[&["export"], words, &["--output", "out.yml"]].concat(), 0);
    (folder, noted)
}

fn objects(folder: &Path) -> Vec<Value> {
    fs::read_to_string(folder.join("out.yml")).unwrap().split("---\n").map(yaml).collect()
}

#[test]
fn every_object_is_what_its_public_schema_says() {
    let Some(python) = python::with("kubernetes-validate", "kubernetes_validate") else { return };
    let cluster = ["--storage", "20Gi", "--image-pull-secret", "registry.one", "--image-pull-secret", "two"];
    let (folder, noted) = exported_with(&[&["kubernetes"][..], &cluster].concat());
    assert!(noted.contains("became a claim of 20Gi") && !noted.contains("1Gi"), "{noted}");
    for object in objects(folder.path()) {
        let spec = &object["spec"];
        if object["kind"] == "Deployment" {
            let secrets = &spec["template"]["spec"]["imagePullSecrets"];
            assert_eq!(*secrets, json!([{"name": "registry.one"}, {"name": "two"}]));
        } else {
            assert_eq!(spec["resources"]["requests"]["storage"], "20Gi", "{object}");
        }
    }
    let file = folder.path().join("out.yml");
    let told = || {
        let output = python::run(&python, &["-c", VALIDATE, file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(told(), json!([]));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("failureThreshold", "failureTreshold", 1)).unwrap();
    assert_ne!(told(), json!([]), "the schema refuses what it should");
}

/// Names as an API server wants them, which schemas do not say.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |part: &str| part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || c == '-');
    text.len() <= 253 && text.split('.').all(label)
}

#[test]
fn names_labels_and_mounts_are_what_an_api_server_takes() {
    let (folder, noted) = exported("kubernetes");
    let objects = objects(folder.path());
    let mut names = BTreeSet::new();
    for object in &objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(is_name(name), "{name}");
        assert!(names.insert((object["kind"].to_string(), name.to_owned())), "{name} stands twice");
        for labels in [&object["metadata"]["labels"], &object["spec"]["template"]["metadata"]["labels"]] {
            for (key, value) in labels.as_object().into_iter().flatten() {
                let (prefix, key) = key.split_once('/').unwrap_or(("none", key));
                let part = |text: &str| text.len() <= 63 && is_name(&text.to_ascii_lowercase().replace('_', "-"));
                assert!(is_name(prefix) && part(key) && part(value.as_str().unwrap()), "{prefix} {key} {value}");
            }
        }
    }
    let claims = objects.iter().filter(|object| object["kind"] == "PersistentVolumeClaim").count();
    assert_eq!(claims, 5, "three volumes whose names differ in one character are three");
    for object in objects.iter().filter(|object| object["kind"] == "Deployment") {
        let pod = &object["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let unique = |list: &Value, field: &str| {
            let all: Vec<_> = list.as_array().into_iter().flatten().map(|entry| entry[field].to_string()).collect();
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{field}: {all:?}");
            all
        };
        unique(&container["volumeMounts"], "mountPath");
        assert_eq!(unique(&container["volumeMounts"], "name"), unique(&pod["volumes"], "name"));
        unique(&container["env"], "name");
        assert_eq!(object["spec"]["strategy"], json!({"type": "Recreate"}), "two of one id never run at once");
        let replicas = object["spec"]["replicas"].as_u64().unwrap();
        assert_eq!(replicas, u64::from(object["metadata"]["name"] != "idle"));
        let shares = pod["shareProcessNamespace"].as_bool().unwrap();
        assert!(!(shares && pod["hostPID"] == true), "a cluster refuses both at once");
        let security = &container["securityContext"];
        assert!(!(security["privileged"] == true && security["allowPrivilegeEscalation"] == false));
        for variable in container["env"].as_array().unwrap() {
            if let Some(reference) = variable["valueFrom"]["secretKeyRef"].as_object() {
                let (name, key) = (reference["name"].as_str().unwrap(), reference["key"].as_str().unwrap());
                assert!(is_name(name) && noted.contains(&format!("fill in: key {key} of Secret {name}")), "{noted}");
            }
        }
    }
    let everything = objects.iter().find(|object| object["metadata"]["name"] == "everything").unwrap();
    let labels = &everything["metadata"]["labels"];
    assert_eq!((&labels["team"], &labels["example.org/cost-centre"]), (&json!("cti"), &json!("4711")));
    assert_eq!(labels["app.kubernetes.io/name"], "everything");
    assert_eq!(everything["metadata"]["annotations"], json!({"note": "a b: c"}));
    let env = everything["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    let price = env.iter().find(|variable| variable["name"] == "PRICE").unwrap();
    assert_eq!(price["value"], "a $$$$ $$(HOME) $$5", "an API server halves each pair");
    for told in [
        "everything: label `x//y`",
        "everything: label `app.kubernetes.io/name`",
        "everything: label `note` became",
        "everything: `devices`",
        "everything: `logs`",
        "everything: `user`",
        "everything: `pull: Never`",
        "everything: `suspend`",
        "everything: `dependsOn`",
        "everything: `ulimits`",
        "everything: `resources.pids`",
        "everything: volume `Data_1`",
        "feed-1: `rollback: auto`",
        "idle: `healthcheck.disable`",
    ] {
        assert!(noted.contains(&format!("lost: {told}")), "{told}\n{noted}");
    }
    assert!(!noted.contains("lost: everything: `rollback"), "a Deployment does not roll back either");
}

#[test]
fn a_compose_file_is_what_the_public_schema_says_and_what_is_not_in_it_is_told() {
    let (folder, noted) = exported("compose");
    for told in [
        "everything: `rollback: none` and `health` (within 1200 s, settled for 30 s)",
        "everything: `health.requirePlatform`",
        "everything: `suspend`",
        "everything: `dependsOn: idle`",
        "idle: `state: stopped`",
        "idle: `rollback: auto` and `health` (within 120 s, settled for 10 s)",
    ] {
        assert!(noted.contains(&format!("lost: {told}")), "{told}\n{noted}");
    }
    let Some(python) = python::with("check-jsonschema", "check_jsonschema") else { return };
    let path = folder.path().join("out.yml");
    let check = || {
        let words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path.to_str().unwrap()];
        python::run(&python, &words)
    };
    let sound = check();
    assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stdout));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("pids_limit", "pid_limit", 1)).unwrap();
    assert!(!check().status.success(), "the schema refuses what it should");
}

/// What a test has made on the engine, removed in the end.
struct Cleared(TempDir, String);

impl Cleared {
    fn compose(&self, words: &[&str]) -> Option<Output> {
        let mut command = Command::new("docker-compose");
        command.args(["-p", &self.1, "-f", "out.yml"]).args(words).current_dir(self.0.path());
        command.env("FEED_1__FEED_API_KEY", "s3cret $x").env("FEED_1__OPENCTI_TOKEN", "t").output().ok()
    }
}

impl Drop for Cleared {
    fn drop(&mut self) {
        let filter = format!("label=com.docker.compose.project={}", self.1);
        for id in docker_quietly(&["ps", "--all", "--quiet", "--filter", &filter]).split_whitespace() {
            docker_quietly(&["rm", "--force", "--volumes", id]);
        }
        docker_quietly(&["volume", "rm", &self.1]);
        docker_quietly(&["network", "rm", &self.1]);
        docker_quietly(&["rmi", &format!("{}:1", self.1)]);
    }
}

#[test]
fn compose_runs_what_was_exported() {
    let (folder, recipient) = repository();
    let test = Cleared(folder, unique());
    let Some(_) = test.compose(&["version"]) else {
        println!("skipped: no docker-compose");
        return;
    };
    let (folder, name) = (test.0.path(), &test.1);
    crate::engine::support::import(&format!("{name}:1"), &[]);
    docker(&["network", "create", name]);
    declare(folder, &recipient);
    fs::remove_file(folder.join("connectors/feed-2.yaml")).unwrap();
    let path = folder.join("connectors/feed-1.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("version: '1'", &format!("image: {name}:1")).replace("dependsOn: [feed-2]", "");
    let text = text.replace("[one, two]", &format!("[{name}]")).replace("feed-data-2:/more:ro", "/srv:/more:ro");
    let text = text.replace("feed-data:/", &format!("{name}:/")).replace("pull: Always", "pull: IfNotPresent");
    let text = text.replace("[CMD, /bin/check, --fast]", "[CMD, /busybox, 'true']");
    fs::write(&path, text).unwrap();
    let settings = fs::read_to_string(folder.join("lockstep.yaml")).unwrap();
    fs::write(folder.join("lockstep.yaml"), settings.replace("[example/*]", "['*']")).unwrap();
    lockstep(folder, &["export", "compose", "--output", "out.yml"], 0);
    let up = test.compose(&["up", "--detach"]).unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let filter = format!("label=com.docker.compose.project={name}");
    let id = docker(&["ps", "--all", "--quiet", "--filter", &filter]);
    let seen: Value = serde_json::from_str(&docker(&["inspect", &id])).unwrap();
    let (config, host) = (&seen[0]["Config"], &seen[0]["HostConfig"]);
    let env: Vec<_> = config["Env"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    for line in ["FEED_API_KEY=s3cret $x", "OPENCTI_TOKEN=t", "FEED_TAGS=a,b", "FEED_COUNT=12"] {
        assert!(env.contains(&line), "{line}\n{env:?}");
    }
    assert!(env.contains(&format!("RUN={}", super::PLAIN).as_str()), "{env:?}");
    assert_eq!((&config["User"], &host["ReadonlyRootfs"]), (&json!("1000:1000"), &json!(true)));
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&json!(536_870_912), &json!(500_000_000)));
    assert_eq!((&host["PidsLimit"], &host["CapDrop"]), (&json!(200), &json!(["ALL"])));
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "/busybox", "true"]));
    assert!(seen[0]["NetworkSettings"]["Networks"][name.as_str()].is_object());
    assert_eq!(seen[0]["Mounts"].as_array().unwrap().len(), 2, "{}", seen[0]["Mounts"]);
}
