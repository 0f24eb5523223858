//! Turns a wanted container into the request that creates it, field by field and nothing else.

use std::{collections::HashMap, time::Duration};

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount,
    MountTmpfsOptions, MountType, NetworkingConfig, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use secrecy::ExposeSecret;

use crate::{
    engine::{EngineError, OpenedEnv},
    model::{ContainerSpec, Healthcheck, HealthcheckTest, HostNamespace, MountSource, Volume},
    plan::{DEFAULT_LOG_FILES, DEFAULT_LOG_SIZE, DEFAULT_PIDS, DEFAULT_SHM_SIZE, LABELS, NewContainer, stop_seconds},
};

/// The label with all networks of a container that joins several: a container that was created but not yet connected
/// with each is finished from it.
pub(super) const NETWORKS_LABEL: &str = "dev.lockstep.networks";
/// How often the engine starts a failed container again by itself.
const RESTARTS: i64 = 5;
/// The engine's networks that know no aliases.
pub(super) const WITHOUT_ALIAS: [&str; 4] = ["bridge", "default", "host", "none"];

/// The restart policy of containers that run: the engine starts them again a few times, then it is our turn.
pub(super) fn restarts_allowed() -> RestartPolicy {
    RestartPolicy { name: Some(RestartPolicyNameEnum::ON_FAILURE), maximum_retry_count: Some(RESTARTS) }
}

/// The restart policy of containers that are to stay stopped.
pub(super) fn restarts_forbidden() -> RestartPolicy {
    RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: Some(0) }
}

/// The networks a container joins, the first at its creation; none means the engine's default or the host's.
///
/// # Errors
/// [`EngineError::Forbidden`] for names that are not networks but ways into another namespace.
pub(super) fn networks<'a>(spec: &'a ContainerSpec, fallback: Option<&'a str>) -> Result<Vec<&'a str>, EngineError> {
    if spec.host_namespaces.contains(&HostNamespace::Network) {
        return Ok(Vec::new());
    }
    let mut names: Vec<&str> = Vec::new();
    for name in spec.networks.iter().map(String::as_str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if fallback != Some(name) && (!name.chars().all(plain) || matches!(name, "" | "host")) {
            return Err(EngineError::Forbidden {
                what: format!("join network `{}`", name.escape_default()),
                why: "it is no network of the engine; the host's is `hostNamespaces: [network]`".to_owned(),
            });
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.extend(fallback.filter(|_| spec.networks.is_empty()));
    Ok(names)
}

/// What a container is called on a network: the instance's name.
pub(super) fn endpoint(network: &str, alias: &str) -> EndpointSettings {
    let aliases = (!WITHOUT_ALIAS.contains(&network)).then(|| vec![alias.to_owned()]);
    EndpointSettings { aliases, ..EndpointSettings::default() }
}

/// The request that creates a container. `maker` and `image_id` are noted, so that one that another Lockstep made, or that
/// was made from another image, is told apart.
pub(super) fn create_body(
    new: &NewContainer,
    env: &OpenedEnv,
    fallback_network: Option<&str>,
    (maker, image_id): (&str, Option<String>),
) -> Result<ContainerCreateBody, EngineError> {
    let wanted = &new.wanted;
    let spec = &wanted.container;
    let alias = wanted.name.as_str();
    let networks = networks(spec, fallback_network)?;
    let mut labels: HashMap<String, String> = new.labels.clone().into_iter().collect();
    labels.insert(LABELS.maker.to_owned(), maker.to_owned());
    labels.extend(image_id.map(|id| (LABELS.image.to_owned(), id)));
    if networks.len() > 1 {
        labels.insert(NETWORKS_LABEL.to_owned(), networks.join(","));
    }
    let first = networks.first().copied();
    let endpoints = first.map(|network| HashMap::from([(network.to_owned(), endpoint(network, alias))]));
    Ok(ContainerCreateBody {
        hostname: Some(alias.to_owned()),
        user: spec.user.clone(),
        env: Some(env.iter().map(|(key, value)| format!("{key}={}", value.expose_secret())).collect()),
        healthcheck: spec.healthcheck.as_ref().map(healthcheck),
        image: Some(wanted.image.clone()),
        labels: Some(labels),
        stop_timeout: Some(signed(stop_seconds(spec.stop_grace))),
        host_config: Some(host_config(spec, first)),
        networking_config: Some(NetworkingConfig { endpoints_config: endpoints }),
        ..ContainerCreateBody::default()
    })
}

fn host_config(spec: &ContainerSpec, network: Option<&str>) -> HostConfig {
    let host = |space: HostNamespace| spec.host_namespaces.contains(&space).then(|| "host".to_owned());
    let resources = &spec.resources;
    let memory = resources.memory.map(signed);
    let ulimits = spec.ulimits.iter().map(|(name, limit)| ResourcesUlimits {
        name: Some(name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    let devices = spec.devices.iter().map(|path| DeviceMapping {
        path_on_host: Some(path.clone()),
        path_in_container: Some(path.clone()),
        cgroup_permissions: Some("rwm".to_owned()),
    });
    HostConfig {
        memory,
        memory_swap: memory,
        nano_cpus: resources.milli_cpus.map(|milli| signed(milli.saturating_mul(1_000_000))),
        pids_limit: Some(signed(resources.pids.unwrap_or(DEFAULT_PIDS))),
        init: Some(true),
        ulimits: Some(ulimits.collect()),
        devices: Some(devices.collect()),
        log_config: Some(log_config(spec)),
        network_mode: host(HostNamespace::Network).or_else(|| network.map(ToOwned::to_owned)),
        pid_mode: host(HostNamespace::Pid),
        ipc_mode: host(HostNamespace::Ipc),
        restart_policy: Some(restarts_allowed()),
        mounts: Some(mounts(spec)),
        cap_add: Some(spec.cap_add.clone()),
        cap_drop: Some(spec.cap_drop.clone().unwrap_or_else(|| vec!["ALL".to_owned()])),
        dns: Some(spec.dns.iter().map(ToString::to_string).collect()),
        extra_hosts: Some(spec.extra_hosts.iter().map(|(name, address)| format!("{name}:{address}")).collect()),
        privileged: Some(spec.privileged),
        readonly_rootfs: Some(spec.read_only),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        shm_size: Some(signed(spec.shm_size.unwrap_or(DEFAULT_SHM_SIZE))),
        ..HostConfig::default()
    }
}

/// Mounts in the form in which a missing path of the host is an error and not an empty directory.
fn mounts(spec: &ContainerSpec) -> Vec<Mount> {
    let volume = |volume: &Volume| {
        let (typ, source) = match &volume.source {
            MountSource::Volume(name) => (MountType::VOLUME, name),
            MountSource::Bind(path) => (MountType::BIND, path),
        };
        Mount {
            typ: Some(typ),
            source: Some(source.clone()),
            target: Some(volume.target.clone()),
            read_only: Some(volume.read_only),
            ..Mount::default()
        }
    };
    let tmpfs = spec.tmpfs.iter().map(|tmpfs| Mount {
        typ: Some(MountType::TMPFS),
        target: Some(tmpfs.target.clone()),
        tmpfs_options: Some(MountTmpfsOptions { size_bytes: tmpfs.size.map(signed), ..MountTmpfsOptions::default() }),
        ..Mount::default()
    });
    spec.volumes.iter().map(volume).chain(tmpfs).collect()
}

fn log_config(spec: &ContainerSpec) -> HostConfigLogConfig {
    let size = spec.logs.max_size.unwrap_or(DEFAULT_LOG_SIZE);
    let files = spec.logs.max_file.unwrap_or(DEFAULT_LOG_FILES);
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(HashMap::from([
            ("max-size".to_owned(), size.to_string()),
            ("max-file".to_owned(), files.to_string()),
        ])),
    }
}

fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let nanos = |time: Option<Duration>| time.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
    let test = match &check.test {
        HealthcheckTest::Disabled => vec!["NONE".to_owned()],
        HealthcheckTest::Command(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
        HealthcheckTest::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
    };
    HealthConfig {
        test: Some(test),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        start_period: nanos(check.start_period),
        retries: check.retries.map(i64::from),
        start_interval: None,
    }
}

/// The engine's numbers are signed; what passes them is as good as unlimited.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Takes every value of the environment out of an engine's words, since engines quote what they refuse.
pub(super) fn without_values(message: &str, env: &OpenedEnv) -> String {
    let mut values: Vec<&str> = env.values().map(ExposeSecret::expose_secret).filter(|value| value.len() > 3).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.into_iter().fold(message.to_owned(), |text, value| text.replace(value, "***"))
}

/// The owner, instance and digest labels as a container to be made carries them.
pub(super) fn same_container(labels: &HashMap<String, String>, new: &NewContainer) -> Option<bool> {
    let equal = |name: &str| labels.get(name) == new.labels.get(name) && labels.contains_key(name);
    equal(LABELS.owner).then(|| equal(LABELS.instance) && equal(LABELS.digest))
}
