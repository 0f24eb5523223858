//! Reads one container closely and turns it back into the spec it was made from.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::models::{
    ContainerInspectResponse, ContainerState as State, HealthConfig, HealthStatusEnum, HostConfig, Mount, MountType,
};
use secrecy::SecretString;

use super::{client::Client, foreign};
use crate::{
    engine::{EngineError, Inspected},
    model::{
        ContainerSpec, Healthcheck, HealthcheckTest, HostNamespace, LogLimits, MountSource, Resources, Tmpfs, Ulimit,
        Volume,
    },
    plan::{LABELS, container_fields},
};

/// What the engine itself sets where an image does not.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How many images are remembered.
const REMEMBERED: usize = 512;

/// What an image brings to every container made from it.
#[derive(Debug, Default)]
pub(super) struct ImageFacts {
    env: BTreeMap<String, String>,
    user: Option<String>,
    healthcheck: Option<HealthConfig>,
    pub(super) command: Vec<String>,
    pub(super) entrypoint: Vec<String>,
    pub(super) folder: String,
    pub(super) stop_signal: Option<String>,
    /// Whether the engine still has the image.
    known: bool,
}

/// What is known of images, by id; an image never changes.
#[derive(Debug, Default)]
pub(super) struct Images(Mutex<HashMap<String, Arc<ImageFacts>>>);

impl Images {
    async fn facts(&self, client: &Client, id: &str) -> Result<Arc<ImageFacts>, EngineError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        // A container may outlive its image; nothing can be told apart then.
        let image = client.image(id).await?;
        let is_known = image.is_some();
        let config = image.and_then(|image| image.config).unwrap_or_default();
        let mut env: BTreeMap<_, _> = config.env.iter().flatten().filter_map(|line| variable(line)).collect();
        env.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
        let facts = Arc::new(ImageFacts {
            env,
            command: config.cmd.unwrap_or_default(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            folder: config.working_dir.unwrap_or_default(),
            stop_signal: config.stop_signal,
            known: is_known,
            user: config.user.filter(|user| !user.is_empty()),
            healthcheck: config.healthcheck,
        });
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(id.to_owned(), Arc::clone(&facts));
        Ok(facts)
    }
}

/// Looks at one container.
pub(super) async fn inspect(
    client: &Client,
    images: &Images,
    container: &str,
    default_network: Option<&str>,
) -> Result<Inspected, EngineError> {
    let seen = client.look(container).await?;
    let facts = images.facts(client, seen.image.as_deref().unwrap_or_default()).await?;
    let answer =
        |why: &str| EngineError::Answer { what: format!("inspect container `{container}`"), why: why.to_owned() };
    let state = seen.state.as_ref().ok_or_else(|| answer("it has no state"))?;
    let config = seen.config.as_ref().ok_or_else(|| answer("it has no configuration"))?;
    let all: BTreeMap<String, String> = config.env.iter().flatten().filter_map(|line| variable(line)).collect();
    let from_image = |key: &String, value: &String| facts.env.get(key) == Some(value);
    let (image_env, env): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(key, value)| from_image(key, value));
    let fields = container_fields(&spec(&seen, default_network).map_err(|why| answer(&why))?);
    let brought = image_fields(&facts);
    let labels = seen.config.as_ref().and_then(|config| config.labels.as_ref());
    let sealed = labels.and_then(|labels| labels.get(LABELS.sealed)).map(String::as_str).unwrap_or_default();
    let sealed = sealed.split(',').filter(|key| !key.is_empty()).map(|entry| match entry.split_once('=') {
        Some((key, digest)) => (key.to_owned(), Some(digest.to_owned())),
        None => (entry.to_owned(), None),
    });
    let sealed = sealed.collect();
    let own = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((format!("labels.{}", key.strip_prefix(LABELS.own_prefix)?), value.clone())));
    let fields = fields.into_iter().chain(own);
    let fields = fields.chain(foreign::fields(&seen, &facts));
    let (image_fields, fields) = fields.partition(|(name, value)| brought.get(name) == Some(value));
    Ok(Inspected {
        restarts: u64::try_from(seen.restart_count.unwrap_or_default()).unwrap_or_default(),
        started: state.started_at.as_deref().and_then(epoch),
        finished: state.finished_at.as_deref().and_then(epoch),
        running: is_running(state),
        restarting: state.restarting.unwrap_or_default(),
        exit_code: state.finished_at.as_deref().and_then(epoch).and(state.exit_code),
        oom_killed: state.oom_killed.unwrap_or_default(),
        health: health(state),
        image: image(&seen, config.image.clone().unwrap_or_default()),
        image_noted: labels.and_then(|labels| labels.get(LABELS.image)).cloned(),
        image_known: facts.known,
        made_here: labels.is_some_and(|labels| labels.contains_key(LABELS.owner)),
        env: env.into_iter().map(|(key, value)| (key, SecretString::from(value))).collect(),
        sealed,
        image_env,
        fields,
        image_fields,
    })
}

/// The image as written; with its id where the container was made from another one than was noted when it was made.
fn image(seen: &ContainerInspectResponse, written: String) -> String {
    let noted = seen.config.as_ref().and_then(|config| config.labels.as_ref()).and_then(|all| all.get(LABELS.image));
    match (noted, &seen.image) {
        (Some(noted), Some(id)) if noted != id => {
            let short = |id: &str| id.chars().take("sha256:".len() + 12).collect::<String>();
            format!("{written} ({}, made as {})", short(id), short(noted))
        }
        (Some(_) | None, _) => written,
    }
}

/// Whether the container's process runs now: not between two runs.
pub(super) fn is_running(state: &State) -> bool {
    state.running.unwrap_or_default() && !state.restarting.unwrap_or_default()
}

/// The word of the container's check; none without a check.
pub(super) fn health(state: &State) -> Option<String> {
    let word = state.health.as_ref()?.status?;
    (!matches!(word, HealthStatusEnum::NONE | HealthStatusEnum::EMPTY)).then(|| word.to_string())
}

/// A moment in seconds since the Unix epoch; none for the engine's zero time, which means never.
pub(super) fn epoch(text: &str) -> Option<i64> {
    let seconds = text.parse::<jiff::Timestamp>().ok()?.as_second();
    (seconds > 0).then_some(seconds)
}

fn variable(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
}

/// The fields that every container has from its image where it says nothing itself.
fn image_fields(facts: &ImageFacts) -> BTreeMap<String, String> {
    let spec = ContainerSpec {
        user: facts.user.clone(),
        healthcheck: facts.healthcheck.as_ref().and_then(healthcheck),
        ..ContainerSpec::default()
    };
    let named = |name: &str| name == "container.user" || name.starts_with("container.healthcheck.");
    container_fields(&spec).into_iter().filter(|(name, _)| named(name)).collect()
}

/// The spec that a container shows.
fn spec(seen: &ContainerInspectResponse, default_network: Option<&str>) -> Result<ContainerSpec, String> {
    let config = seen.config.as_ref().ok_or("it has no configuration")?;
    let host = seen.host_config.as_ref().ok_or("it has no host configuration")?;
    let given = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).filter(|&number| number > 0);
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let option = |name: &str| host.log_config.as_ref()?.config.as_ref()?.get(name).cloned();
    let addresses = |texts: Vec<String>| -> Result<_, String> {
        texts.iter().map(|text| text.parse().map_err(|_| format!("`{text}` is no address"))).collect()
    };
    let (mut volumes, mut tmpfs) = (Vec::new(), Vec::new());
    for mount in host.mounts.iter().flatten() {
        mounted(mount, &mut volumes, &mut tmpfs)?;
    }
    for bind in host.binds.iter().flatten() {
        volumes.push(bound(bind));
    }
    Ok(ContainerSpec {
        resources: Resources {
            milli_cpus: given(host.nano_cpus).map(|nanos| nanos / 1_000_000),
            memory: given(host.memory),
            pids: given(host.pids_limit),
        },
        networks: networks(seen, host, default_network),
        volumes,
        tmpfs,
        extra_hosts: extra_hosts(host)?,
        dns: addresses(list(&host.dns))?,
        user: config.user.clone().filter(|user| !user.is_empty()),
        read_only: host.readonly_rootfs.unwrap_or_default(),
        cap_drop: Some(list(&host.cap_drop)),
        cap_add: list(&host.cap_add),
        ulimits: host
            .ulimits
            .iter()
            .flatten()
            .filter_map(|limit| Some((limit.name.clone()?, Ulimit { soft: limit.soft?, hard: limit.hard? })))
            .collect(),
        shm_size: given(host.shm_size),
        stop_grace: given(config.stop_timeout).map(Duration::from_secs).or(config.stop_timeout.map(|_| Duration::ZERO)),
        healthcheck: config.healthcheck.as_ref().and_then(healthcheck),
        env: BTreeMap::new(),
        logs: LogLimits {
            max_size: option("max-size").and_then(|text| crate::model::units::size(&text)),
            max_file: option("max-file").and_then(|text| text.parse().ok()),
        },
        pull: None,
        privileged: host.privileged.unwrap_or_default(),
        devices: host.devices.iter().flatten().filter_map(|device| device.path_on_host.clone()).collect(),
        host_namespaces: [
            (HostNamespace::Network, &host.network_mode),
            (HostNamespace::Pid, &host.pid_mode),
            (HostNamespace::Ipc, &host.ipc_mode),
        ]
        .into_iter()
        .filter(|(_, mode)| mode.as_deref() == Some("host"))
        .map(|(space, _)| space)
        .collect(),
    })
}

/// The networks joined; the engine's own default is not one that is named.
fn networks(seen: &ContainerInspectResponse, host: &HostConfig, default_network: Option<&str>) -> Vec<String> {
    let joined = seen.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let by_default = matches!(host.network_mode.as_deref(), None | Some("default" | "bridge" | ""));
    let unnamed = |name: &&String| match name.as_str() {
        "host" => default_network != Some("host"),
        "bridge" => by_default && default_network != Some("bridge"),
        _ => false,
    };
    joined.into_iter().flat_map(|joined| joined.keys()).filter(|name| !unnamed(name)).cloned().collect()
}

fn mounted(mount: &Mount, volumes: &mut Vec<Volume>, tmpfs: &mut Vec<Tmpfs>) -> Result<(), String> {
    let target = mount.target.clone().unwrap_or_default();
    let source = mount.source.clone().unwrap_or_default();
    let read_only = mount.read_only.unwrap_or_default();
    match mount.typ {
        Some(MountType::VOLUME) => volumes.push(Volume { source: MountSource::Volume(source), target, read_only }),
        Some(MountType::BIND) => volumes.push(Volume { source: MountSource::Bind(source), target, read_only }),
        Some(MountType::TMPFS) => {
            let size = mount.tmpfs_options.as_ref().and_then(|options| options.size_bytes);
            tmpfs.push(Tmpfs { target, size: size.and_then(|size| u64::try_from(size).ok()).filter(|&size| size > 0) });
        }
        Some(other @ (MountType::IMAGE | MountType::NPIPE | MountType::CLUSTER)) => {
            return Err(format!("mount `{target}` is of type `{other}`"));
        }
        None => return Err(format!("mount `{target}` has no type")),
    }
    Ok(())
}

/// A mount in the short form, `SOURCE:TARGET[:OPTIONS]`, that only others write.
fn bound(text: &str) -> Volume {
    let mut parts = text.split(':');
    let source = parts.next().unwrap_or_default().to_owned();
    let target = parts.next().unwrap_or_default().to_owned();
    let read_only = parts.next().is_some_and(|options| options.split(',').any(|option| option == "ro"));
    let source = if source.starts_with('/') { MountSource::Bind(source) } else { MountSource::Volume(source) };
    Volume { source, target, read_only }
}

fn extra_hosts(host: &HostConfig) -> Result<Vec<(String, std::net::IpAddr)>, String> {
    let parse = |line: &String| {
        let (name, address) = line.split_once(':').ok_or_else(|| format!("`{line}` is no line of a hosts file"))?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        Ok((name.to_owned(), address.parse().map_err(|_| format!("`{line}` has no address"))?))
    };
    host.extra_hosts.iter().flatten().map(parse).collect()
}

/// The check of a container or image; none where there is none.
fn healthcheck(check: &HealthConfig) -> Option<Healthcheck> {
    let words = check.test.as_deref().unwrap_or_default();
    let test = match (words.first().map(String::as_str)?, &words[1..]) {
        ("NONE", _) => HealthcheckTest::Disabled,
        ("CMD-SHELL", rest) => HealthcheckTest::Shell(rest.join(" ")),
        ("CMD", rest) => HealthcheckTest::Command(rest.to_vec()),
        (_, _) => HealthcheckTest::Command(words.to_vec()),
    };
    let time = |nanos: Option<i64>| nanos.and_then(|nanos| u64::try_from(nanos).ok()).map(Duration::from_nanos);
    Some(Healthcheck {
        test,
        interval: time(check.interval),
        timeout: time(check.timeout),
        start_period: time(check.start_period),
        retries: check.retries.and_then(|retries| u32::try_from(retries).ok()),
    })
}
