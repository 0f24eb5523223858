//! The pod of one instance.

use std::time::Duration;

use super::{
    kubernetes::{Collected, claim_name},
    types::{Blank, Cluster, Secret},
    yaml::Yaml,
};
use crate::{
    desired::{EnvValue, Wanted},
    model::{ContainerSpec, Healthcheck, HealthcheckTest, HostNamespace, MountSource, PullPolicy, stop_seconds},
};

type Fields = Vec<(&'static str, Yaml)>;

/// Where shared memory is mounted.
const SHM: &str = "/dev/shm";
/// The engine's time between two checks, and its time for one, where a manifest says nothing.
const CHECK_TIME: Duration = Duration::from_secs(30);
/// The engine's number of failures in a row, where a manifest says nothing.
const CHECK_RETRIES: u32 = 3;

/// The pod of an instance, with what it can't say.
pub(super) fn pod(wanted: &Wanted, cluster: &Cluster, collected: &mut Collected) -> Yaml {
    let spec = &wanted.container;
    lost(wanted, collected);
    let (mounts, volumes) = mounts(spec);
    let mut container: Fields = vec![
        ("name", Yaml::text("connector")),
        ("image", Yaml::text(wanted.image.clone())),
        ("imagePullPolicy", Yaml::text(wanted.pull.as_str())),
        ("env", Yaml::List(wanted.env.iter().map(|(key, value)| variable(wanted, key, value, collected)).collect())),
        ("securityContext", security(spec)),
    ];
    if let Some(limits) = limits(spec) {
        container.push(("resources", Yaml::map([("limits", limits)])));
    }
    if !mounts.is_empty() {
        container.push(("volumeMounts", Yaml::List(mounts)));
    }
    if let Some(check) = &spec.healthcheck {
        container.extend(probes(check));
    }
    let mut pod: Fields = vec![
        ("automountServiceAccountToken", Yaml::Flag(false)),
        ("enableServiceLinks", Yaml::Flag(false)),
        // As the engine's init does: the connector is not process 1, which would not end when it is asked to.
        ("shareProcessNamespace", Yaml::Flag(!spec.host_namespaces.contains(&HostNamespace::Pid))),
        (
            "terminationGracePeriodSeconds",
            Yaml::Number(i64::try_from(stop_seconds(spec.stop_grace)).unwrap_or(i64::MAX)),
        ),
    ];
    for (space, field) in
        [(HostNamespace::Network, "hostNetwork"), (HostNamespace::Pid, "hostPID"), (HostNamespace::Ipc, "hostIPC")]
    {
        pod.extend(spec.host_namespaces.contains(&space).then_some((field, Yaml::Flag(true))));
    }
    if !spec.extra_hosts.is_empty() {
        let alias = spec.extra_hosts.iter().map(|(name, address)| {
            Yaml::map([("ip", Yaml::text(address.to_string())), ("hostnames", Yaml::texts([name.clone()]))])
        });
        pod.push(("hostAliases", Yaml::List(alias.collect())));
    }
    if !spec.dns.is_empty() {
        let servers = Yaml::texts(spec.dns.iter().map(ToString::to_string));
        pod.push(("dnsPolicy", Yaml::text("None")));
        pod.push(("dnsConfig", Yaml::map([("nameservers", servers)])));
    }
    if !cluster.image_pull_secrets.is_empty() {
        let names = cluster.image_pull_secrets.iter().map(|name| Yaml::map([("name", Yaml::text(name.clone()))]));
        pod.push(("imagePullSecrets", Yaml::List(names.collect())));
    }
    pod.push(("containers", Yaml::List(vec![Yaml::map(container)])));
    if !volumes.is_empty() {
        pod.push(("volumes", Yaml::List(volumes)));
    }
    Yaml::map(pod)
}

fn variable(wanted: &Wanted, key: &str, value: &EnvValue, collected: &mut Collected) -> Yaml {
    let name = ("name", Yaml::text(key));
    let secret = Secret::of(value);
    let (object, entry) = match (value, &secret) {
        (EnvValue::Plain(text), _) => return Yaml::map([name, ("value", Yaml::text(unexpanded(text)))]),
        (_, Some(Secret::Shared(platform))) => (format!("{platform}-connector-token"), "token".to_owned()),
        (_, Some(Secret::Own) | None) => (format!("{}-secrets", wanted.name), key.to_owned()),
    };
    if let Some(secret) = secret {
        let blank = Blank { name: format!("key {entry} of Secret {object}"), what: secret.what(wanted, key) };
        collected.blanks.insert(blank);
    }
    let reference = Yaml::map([("name", Yaml::text(object)), ("key", Yaml::text(entry))]);
    Yaml::map([name, ("valueFrom", Yaml::map([("secretKeyRef", reference)]))])
}

/// A text in which Kubernetes sees no variable: it takes `$(NAME)` for one, and `$$` for a `$`.
fn unexpanded(text: &str) -> String {
    if text.contains("$(") || text.contains("$$") { text.replace('$', "$$") } else { text.to_owned() }
}

fn security(spec: &ContainerSpec) -> Yaml {
    let bare = |name: &String| {
        let upper = name.to_ascii_uppercase();
        upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
    };
    let dropped = spec.cap_drop.clone().unwrap_or_else(|| vec!["ALL".to_owned()]);
    let mut capabilities: Fields = vec![("drop", Yaml::texts(dropped.iter().map(bare)))];
    if !spec.cap_add.is_empty() {
        capabilities.push(("add", Yaml::texts(spec.cap_add.iter().map(bare))));
    }
    let mut fields: Fields = vec![
        ("allowPrivilegeEscalation", Yaml::Flag(spec.privileged)),
        ("readOnlyRootFilesystem", Yaml::Flag(spec.read_only)),
        ("capabilities", Yaml::map(capabilities)),
    ];
    if spec.privileged {
        fields.push(("privileged", Yaml::Flag(true)));
    } else {
        // The engine's own default, which a cluster leaves out.
        fields.push(("seccompProfile", Yaml::map([("type", Yaml::text("RuntimeDefault"))])));
    }
    if let Some((user, group)) = spec.user.as_deref().and_then(numbers) {
        fields.push(("runAsUser", Yaml::Number(user)));
        fields.extend((user > 0).then_some(("runAsNonRoot", Yaml::Flag(true))));
        fields.extend(group.map(|group| ("runAsGroup", Yaml::Number(group))));
    }
    Yaml::map(fields)
}

/// A user, and a group where one is given, by number; none where either has a name.
fn numbers(user: &str) -> Option<(i64, Option<i64>)> {
    let number = |text: &str| text.parse().ok().filter(|id| (0..=i64::from(i32::MAX)).contains(id));
    match user.split_once(':') {
        Some((user, group)) => Some((number(user)?, Some(number(group)?))),
        None => Some((number(user)?, None)),
    }
}

fn limits(spec: &ContainerSpec) -> Option<Yaml> {
    let cpu = spec.resources.milli_cpus.map(|milli| ("cpu", Yaml::text(format!("{milli}m"))));
    let memory = spec.resources.memory.map(|bytes| ("memory", Yaml::text(bytes.to_string())));
    let limits: Fields = cpu.into_iter().chain(memory).collect();
    (!limits.is_empty()).then(|| Yaml::map(limits))
}

/// What is mounted, and what it is.
fn mounts(spec: &ContainerSpec) -> (Vec<Yaml>, Vec<Yaml>) {
    let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
    let mut add = |name: String, target: &str, read_only: bool, kind: &'static str, what: Yaml| {
        let mut mount: Fields = vec![("name", Yaml::text(name.clone())), ("mountPath", Yaml::text(target))];
        mount.extend(read_only.then_some(("readOnly", Yaml::Flag(true))));
        mounts.push(Yaml::map(mount));
        volumes.push(Yaml::map([("name", Yaml::text(name)), (kind, what)]));
    };
    for (index, volume) in spec.volumes.iter().enumerate() {
        let (kind, what) = match &volume.source {
            MountSource::Volume(name) => {
                ("persistentVolumeClaim", Yaml::map([("claimName", Yaml::text(claim_name(name)))]))
            }
            MountSource::Bind(path) => ("hostPath", Yaml::map([("path", Yaml::text(path.clone()))])),
        };
        add(format!("volume-{index}"), &volume.target, volume.read_only, kind, what);
    }
    let memory = |size: Option<u64>| {
        let limit = size.map(|bytes| ("sizeLimit", Yaml::text(bytes.to_string())));
        Yaml::map([("medium", Yaml::text("Memory"))].into_iter().chain(limit))
    };
    for (index, tmpfs) in spec.tmpfs.iter().enumerate() {
        add(format!("tmpfs-{index}"), &tmpfs.target, false, "emptyDir", memory(tmpfs.size));
    }
    let is_there = spec.tmpfs.iter().any(|tmpfs| tmpfs.target == SHM);
    if let Some(size) = spec.shm_size.filter(|_| !is_there) {
        add("shm".to_owned(), SHM, false, "emptyDir", memory(Some(size)));
    }
    (mounts, volumes)
}

/// The check: a pod is ready once it has succeeded, and failing for good restarts the container; none where it is switched
/// off.
fn probes(check: &Healthcheck) -> Fields {
    let command = match &check.test {
        HealthcheckTest::Disabled => return Vec::new(),
        HealthcheckTest::Command(words) => words.clone(),
        HealthcheckTest::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
    };
    let seconds = |time: Option<Duration>| {
        let time = time.filter(|time| !time.is_zero()).unwrap_or(CHECK_TIME);
        i64::try_from(time.as_secs() + u64::from(time.subsec_nanos() > 0)).unwrap_or(i64::MAX)
    };
    let period = seconds(check.interval);
    let retries = i64::from(check.retries.filter(|count| *count > 0).unwrap_or(CHECK_RETRIES));
    let start = check.start_period.filter(|time| !time.is_zero()).map_or(0, |time| seconds(Some(time)));
    let probe = |failures: i64| {
        Yaml::map([
            ("exec", Yaml::map([("command", Yaml::texts(command.clone()))])),
            ("periodSeconds", Yaml::Number(period)),
            ("timeoutSeconds", Yaml::Number(seconds(check.timeout))),
            ("failureThreshold", Yaml::Number(failures)),
        ])
    };
    // Failures in the time to start come on top of those that count.
    let starting = retries.saturating_add(start.saturating_add(period - 1) / period);
    vec![("startupProbe", probe(starting)), ("livenessProbe", probe(retries))]
}

/// What a pod has no word for.
fn lost(wanted: &Wanted, collected: &mut Collected) {
    let spec = &wanted.container;
    let mut lose = |is_there: bool, what: &str| {
        if is_there {
            collected.lose(&wanted.name, what);
        }
    };
    lose(!spec.networks.is_empty(), "`networks` are not carried over: a pod has the network of its cluster");
    lose(spec.resources.pids.is_some(), "`resources.pids` is not carried over: the node's kubelet bounds processes");
    lose(!spec.ulimits.is_empty(), "`ulimits` are not carried over: Kubernetes has none");
    lose(!spec.devices.is_empty(), "`devices` are not carried over: they need a device plugin");
    let logs = spec.logs.max_size.is_some() || spec.logs.max_file.is_some();
    lose(logs, "`logs` is not carried over: the node's kubelet bounds them");
    lose(!wanted.depends_on.is_empty(), "`dependsOn` is not carried over: pods start in any order");
    let named = spec.user.as_deref().is_some_and(|user| numbers(user).is_none());
    lose(named, "`user` is not carried over: a pod takes numbers only");
    let unbound = wanted.pull == PullPolicy::Never;
    lose(unbound, "`pull: Never` asks for an image that is on every node already");
    let check = spec.healthcheck.as_ref();
    let disabled = check.is_some_and(|check| check.test == HealthcheckTest::Disabled);
    lose(check.is_some() && !disabled, "`healthcheck` became probes: its failing restarts the container");
    lose(disabled, "`healthcheck.disable` is not carried over: Kubernetes never runs the image's own check");
}
