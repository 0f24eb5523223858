//! What somebody changed about a container shows field by field, and is put back.

use std::fs;

use serde_json::Value;

use super::{
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::engine::support::{docker, import};

/// Every field that a manifest can give to a container.
const EVERYTHING: &str = "container:
  resources: {cpus: 0.5, memory: 64Mi, pids: 50}
  networks: [NAME, NAME-b]
  volumes: ['NAME-v:/data:ro', '/usr/share:/share:ro']
  tmpfs: [{path: /tmp, size: 1Mi}, /run]
  extraHosts: {db: 10.1.2.3, six: 'fd00::1'}
  dns: [10.0.0.2, 10.0.0.1]
  user: '12:34'
  readOnly: true
  capDrop: [NET_RAW]
  capAdd: [SYS_TIME]
  ulimits: {nofile: {soft: 512, hard: 1024}}
  shmSize: 32Mi
  stopGrace: 2500ms
  healthcheck: {test: [/bin/busybox, 'true'], interval: 1s, timeout: 700ms, startPeriod: 2s, retries: 4}
  logs: {maxSize: 1Mi, maxFile: 2}
  devices: [/dev/null]
  env: {TZ: UTC}
";

const POLICY: &str = "policy: {images: ['lockstep-test/*'], bindRoots: [/usr/share], allow: ['capAdd:SYS_TIME', 'device:/dev/null', \
                      privileged, 'hostNamespace:network', 'hostNamespace:pid', 'hostNamespace:ipc']}\n";

/// Networks and a volume beside those of the environment, removed in the end.
pub(super) struct Beside<'a>(&'a TestEnvironment);

impl<'a> Beside<'a> {
    pub(super) fn new(env: &'a TestEnvironment) -> Self {
        docker(&["network", "create", &format!("{}-b", env.name)]);
        Self(env)
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        let name = &self.0.name;
        let filter = format!("label=dev.lockstep.owner={name}");
        for container in docker(&["ps", "-aq", "--filter", &filter]).lines() {
            docker(&["rm", "-f", container]);
        }
        docker(&["network", "rm", &format!("{name}-b")]);
        crate::engine::support::docker_quietly(&["volume", "rm", &format!("{name}-v")]);
    }
}

/// Replaces the policy of the settings.
fn allow(env: &TestEnvironment) {
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    let kept = settings.lines().filter(|line| !line.starts_with("policy:")).map(|line| format!("{line}\n"));
    env.write("lockstep.yaml", &format!("{}{POLICY}", kept.collect::<String>()));
}

/// A field, what was found, and what is expected.
type Field = (String, Value, Value);

/// The steps of a plan with a look at everything: action, and the fields with what was found and what is expected.
fn drift(env: &TestEnvironment) -> Vec<(String, Vec<Field>)> {
    let plan = env.lockstep(&["plan", "--refresh", "--format", "json"]).with(0).json();
    let fields = |step: &Value| {
        let reasons = step["reasons"].as_array().unwrap().iter();
        let of = reasons.map(|reason| {
            assert_eq!(reason["cause"], "drift", "{plan:#}");
            (reason["field"].as_str().unwrap().to_owned(), reason["before"].clone(), reason["after"].clone())
        });
        of.collect()
    };
    plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["action"].as_str().unwrap().to_owned(), fields(step)))
        .collect()
}

#[test]
fn after_an_apply_a_look_at_every_field_finds_nothing() {
    let env = TestEnvironment::new();
    let _beside = Beside::new(&env);
    allow(&env);
    import(
        &env.image(),
        &[
            "USER 7:8",
            "HEALTHCHECK --interval=3s CMD /bin/busybox true",
            "WORKDIR /etc",
            "ENTRYPOINT [\"/bin/busybox\"]",
            "CMD [\"sleep\", \"1000\"]",
            "VOLUME /brought",
            "EXPOSE 8080",
            "LABEL by=image",
        ],
    );
    env.declare_with("a", &EVERYTHING.replace("NAME", &env.name), &env.sealed("a", "FEED_API_KEY", "s3cret"));
    env.declare_with("b", "container: {hostNamespaces: [network, pid, ipc], healthcheck: {disable: true}}", "");
    env.declare_with("c", "state: stopped\nhealth: {settle: 1s}", "");
    env.declare_with("d", "container: {privileged: true}", "");
    env.declare("e", "");
    let nothing = "No changes. Your connectors match the configuration.";
    let empty = || env.lockstep(&["plan", "--refresh", "--detailed-exitcode"]).with(0).saying(nothing);
    env.lockstep(&["apply"]).with(0);
    empty();
    // Whoever has no key sees no drift in what he can't open.
    fs::rename(env.path("age.key"), env.path("elsewhere.key")).unwrap();
    empty();
    fs::rename(env.path("elsewhere.key"), env.path("age.key")).unwrap();
    // Stopped and started again, replaced, sealed anew.
    env.declare_with("e", "state: stopped", "");
    env.declare_with("c", "state: started", "FEED_COUNT: 11");
    env.declare_with("a", &EVERYTHING.replace("NAME", &env.name), &env.sealed("a", "FEED_API_KEY", "s3cret"));
    env.lockstep(&["apply"]).with(0);
    empty();
    env.declare("e", "");
    env.lockstep(&["apply"]).with(0);
    empty();
    let before = env.running();
    env.lockstep(&["apply", "--refresh"]).with(0).saying(nothing);
    assert_eq!(env.running(), before);
}

#[test]
fn every_change_by_hand_shows_its_field_and_is_put_back_in_place_where_the_engine_can() {
    let env = TestEnvironment::new();
    let _beside = Beside::new(&env);
    let networks = format!("[{0}, {0}-b]", env.name);
    env.declare_with(
        "a",
        &format!("container: {{networks: {networks}, resources: {{cpus: 0.5, memory: 64Mi, pids: 50}}}}"),
        "",
    );
    env.declare("untouched", "");
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    let id = before["a"].clone();
    docker(&["update", "--memory", "96m", "--memory-swap", "96m", "--cpus", "0.25", "--pids-limit", "77", &id]);
    docker(&["update", "--restart", "always", &id]);
    docker(&["network", "disconnect", &format!("{}-b", env.name), &id]);
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    let text = |text: &str| Value::from(text);
    let both = format!("{0},{0}-b", env.name);
    let expected = vec![
        ("container.networks".to_owned(), text(&env.name), text(&both)),
        ("container.resources.cpus".to_owned(), text("0.25"), text("0.5")),
        ("container.resources.memory".to_owned(), text("96Mi"), text("64Mi")),
        ("container.resources.pids".to_owned(), text("77"), text("50")),
        ("container.restart".to_owned(), text("always"), text("on-failure:5")),
    ];
    assert_eq!(drift(&env), [("update".to_owned(), expected)]);
    env.lockstep(&["plan", "--refresh"]).with(0).saying("will be updated in-place").saying("(drift, ");
    env.lockstep(&["apply", "--refresh"]).with(0).saying("1 changed");
    assert_eq!(env.running(), before, "no container was replaced");
    assert_eq!(drift(&env), []);
    let shown =
        docker(&["inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}", &id]);
    assert_eq!(shown, format!("{} 500000000 50", 64 << 20));
    let aliases = format!("{{{{(index .NetworkSettings.Networks \"{}-b\").Aliases}}}}", env.name);
    assert!(docker(&["inspect", "-f", &aliases, &id]).contains(&env.instance("a")));
}

#[test]
fn what_no_engine_takes_back_and_a_replacement_by_hand_get_a_new_container() {
    let env = TestEnvironment::new();
    for short in ["limit", "image", "variable"] {
        env.declare(short, &env.sealed(short, "FEED_API_KEY", "s3cret-of-the-test"));
    }
    env.lockstep(&["apply"]).with(0);
    let before = env.running();
    docker(&["update", "--cpu-shares", "512", &before["limit"]]);
    // As tools do it that put newer images under containers: everything is kept, labels too.
    let other = format!("lockstep-test/{}:other", env.name);
    import(&other, &[]);
    by_hand(&env, &before["image"], &other, &[], |_| {});
    by_hand(&env, &before["variable"], &env.image(), &[], |variables| {
        for variable in &mut *variables {
            if variable.starts_with("FEED_API_KEY=") {
                *variable = "FEED_API_KEY=another-secret".to_owned();
            }
        }
        variables.push("ADDED=by hand".to_owned());
    });
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    let found = drift(&env);
    let fields: Vec<Vec<&str>> =
        found.iter().map(|(_, fields)| fields.iter().map(|(field, ..)| field.as_str()).collect()).collect();
    assert_eq!(fields, [vec!["image"], vec!["container.cpuShares"], vec!["env.ADDED", "env.FEED_API_KEY"]]);
    assert!(found.iter().all(|(action, _)| action == "replace"));
    let shown = env.lockstep(&["plan", "--refresh"]).with(0);
    assert!(
        !format!("{shown:?}").contains("another-secret") && !format!("{shown:?}").contains("s3cret-of"),
        "{shown:?}"
    );
    env.lockstep(&["apply", "--refresh"]).with(0).saying("3 changed");
    assert_eq!(drift(&env), []);
    let after = env.running();
    assert_eq!(after.len(), 3);
    let format = "{{range .Config.Env}}{{println .}}{{end}}";
    assert!(docker(&["inspect", "-f", format, &after["variable"]]).contains("FEED_API_KEY=s3cret-of-the-test"));
    crate::engine::support::docker_quietly(&["rmi", "-f", &other]);
}

/// Makes a container anew by hand with everything it had, from an image and with words and variables that may be others.
pub(super) fn by_hand(
    env: &TestEnvironment,
    id: &str,
    image: &str,
    further: &[&str],
    change: impl Fn(&mut Vec<String>),
) {
    let seen: Value = serde_json::from_str(&docker(&["inspect", id])).unwrap();
    let seen = &seen[0];
    let name = seen["Name"].as_str().unwrap().trim_start_matches('/').to_owned();
    let config = &seen["Config"];
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut variables = list(&config["Env"]);
    change(&mut variables);
    docker(&["rm", "-f", id]);
    let tag = env.image();
    let mut words = vec!["run".to_owned(), "-d".to_owned(), "--name".to_owned(), name.clone()];
    for variable in variables {
        words.extend(["-e".to_owned(), variable]);
    }
    for (key, value) in config["Labels"].as_object().unwrap() {
        words.extend(["--label".to_owned(), format!("{key}={}", value.as_str().unwrap())]);
    }
    let alias = config["Labels"]["dev.lockstep.instance"].as_str().unwrap();
    let fixed = [
        "--init",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--pids-limit",
        "1024",
        "--shm-size",
        "64m",
        "--restart",
        "on-failure:5",
        "--log-driver",
        "json-file",
        "--log-opt",
        "max-size=10485760",
        "--log-opt",
        "max-file=3",
        "--stop-timeout",
        "1",
        "--network",
        &env.name,
        "--network-alias",
        alias,
        "--hostname",
        alias,
    ];
    words.extend(fixed.map(str::to_owned));
    words.extend(further.iter().map(|&word| word.to_owned()));
    // The reference stays the same, as with a tag that was moved for a moment.
    let id = |reference: &str| docker(&["image", "inspect", "-f", "{{.Id}}", reference]);
    let (own, other) = (id(&tag), id(image));
    docker(&["tag", &other, &tag]);
    words.push(tag.clone());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    docker(&words);
    docker(&["tag", &own, &tag]);
}

#[test]
fn run_puts_back_what_is_changed_by_hand_at_the_next_look() {
    let env = TestEnvironment::with("intervals: {pass: 1s}\n");
    env.declare_with("a", "container: {resources: {memory: 64Mi}}", "");
    env.lockstep(&["apply"]).with(0);
    let id = env.running()["a"].clone();
    let running = Running::start(&env, &[]);
    docker(&["update", "--memory", "96m", "--memory-swap", "96m", &id]);
    let memory = || docker(&["inspect", "-f", "{{.HostConfig.Memory}}", &id]);
    until("the memory", 30, || memory() == (64 << 20).to_string());
    until("the words", 30, || running.log().contains("somebody changed a container"));
    assert!(running.log().contains("container.resources.memory"), "{}", running.log());
    running.end();
    assert_eq!(env.running()["a"], id);
    assert_eq!(drift(&env), []);
}
