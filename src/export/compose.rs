//! Instances as the services of a compose file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use super::{
    types::{Blank, Exported, Lost, Secret, lost_everywhere},
    yaml::Yaml,
};
use crate::{
    desired::{EnvValue, Wanted},
    manifest::{Rollback, WantedState},
    model::{
        ContainerSpec, DEFAULT_LOG_FILES, DEFAULT_LOG_SIZE, DEFAULT_PIDS, DEFAULT_SHM_SIZE, Healthcheck,
        HealthcheckTest, HostNamespace, MountSource, PullPolicy, stop_seconds,
    },
};

/// A compose file of the instances; secrets are variables that compose refuses to go on without.
pub fn compose<'a>(instances: impl IntoIterator<Item = &'a Wanted>) -> Exported {
    let (mut services, mut blanks, mut lost) = (Vec::new(), BTreeSet::new(), Vec::new());
    let (mut networks, mut volumes) = (BTreeSet::new(), BTreeSet::new());
    let instances: Vec<&Wanted> = instances.into_iter().collect();
    for wanted in &instances {
        lost_everywhere(wanted, &mut lost);
        lost_in_compose(wanted, &mut lost);
        if wanted.state == WantedState::Stopped {
            let what = "`state: stopped` became the profile `stopped`, which compose starts only when it is asked to";
            lost.push(Lost { instance: wanted.name.clone(), what: what.to_owned() });
        }
        services.push((wanted.name.to_string(), service(wanted, &instances, &mut blanks, &mut lost)));
        networks.extend(wanted.container.networks.iter().cloned());
        volumes.extend(wanted.container.volumes.iter().filter_map(|volume| match &volume.source {
            MountSource::Volume(name) => Some(name.clone()),
            MountSource::Bind(_) => None,
        }));
    }
    let named = |name: String, external: bool| {
        let mut entry = vec![("name".to_owned(), Yaml::text(name.clone()))];
        if external {
            entry.push(("external".to_owned(), Yaml::Flag(true)));
        }
        (name, Yaml::Map(entry))
    };
    let mut file = vec![("services".to_owned(), Yaml::Map(services))];
    if !networks.is_empty() {
        let networks = networks.into_iter().map(|name| named(name, true)).collect();
        file.push(("networks".to_owned(), Yaml::Map(networks)));
    }
    if !volumes.is_empty() {
        let volumes = volumes.into_iter().map(|name| named(name, false)).collect();
        file.push(("volumes".to_owned(), Yaml::Map(volumes)));
    }
    let blanks: Vec<Blank> = blanks.into_iter().collect();
    let mut text = "# Written by `lockstep export compose`.\n".to_owned();
    if !blanks.is_empty() {
        text.push_str(
            "# No secret is in it. Fill these in, in a file `.env` beside it that only its owner can read:\n",
        );
        for Blank { name, what } in &blanks {
            writeln!(text, "#   {name}=    {what}").expect("a String takes whatever is written to it");
        }
    }
    text.push_str(&Yaml::Map(file).document());
    Exported { text, blanks, lost }
}

/// What a service has no word for.
fn lost_in_compose(wanted: &Wanted, lost: &mut Vec<Lost>) {
    let mut lose = |what: String| lost.push(Lost { instance: wanted.name.clone(), what });
    let rollback = match wanted.rollback {
        Rollback::Auto => "auto",
        Rollback::None => "none",
    };
    let (within, settle) = (wanted.health.within.as_secs(), wanted.health.settle.as_secs());
    lose(format!(
        "`rollback: {rollback}` and `health` (within {within} s, settled for {settle} s) are not carried over: compose \
         removes the former container first, and looks at nothing after the start"
    ));
    if wanted.container.host_namespaces.contains(&HostNamespace::Network) && !wanted.container.networks.is_empty() {
        lose("`networks` are not carried over: the network of the host leaves no room for them".to_owned());
    }
}

/// The services that one is started after; those that do not start at all would keep compose from starting it.
fn depends_on(wanted: &Wanted, instances: &[&Wanted], lost: &mut Vec<Lost>) -> Option<Yaml> {
    let mut services = Vec::new();
    for name in &wanted.depends_on {
        let other = instances.iter().find(|other| other.name == *name && other.state == WantedState::Started);
        let Some(other) = other else {
            let what = format!("`dependsOn: {name}` is not carried over: no service of that name is started");
            lost.push(Lost { instance: wanted.name.clone(), what });
            continue;
        };
        let is_checked =
            other.container.healthcheck.as_ref().is_some_and(|check| check.test != HealthcheckTest::Disabled);
        let condition = if is_checked { "service_healthy" } else { "service_started" };
        services.push((name.to_string(), Yaml::map([("condition", Yaml::text(condition))])));
    }
    (!services.is_empty()).then_some(Yaml::Map(services))
}

fn service(wanted: &Wanted, instances: &[&Wanted], blanks: &mut BTreeSet<Blank>, lost: &mut Vec<Lost>) -> Yaml {
    let environment = wanted.env.iter().map(|(key, value)| (key.clone(), variable(wanted, key, value, blanks)));
    let mut fields = vec![
        ("image", Yaml::text(escaped(&wanted.image))),
        ("pull_policy", Yaml::text(pull(wanted.pull))),
        ("environment", Yaml::Map(environment.collect())),
        ("restart", Yaml::text("unless-stopped")),
        ("init", Yaml::Flag(true)),
        ("security_opt", Yaml::texts(["no-new-privileges"])),
    ];
    if wanted.state == WantedState::Stopped {
        fields.push(("profiles", Yaml::texts(["stopped"])));
    }
    if !wanted.labels.is_empty() {
        let labels = wanted.labels.iter().map(|(key, value)| (key.clone(), Yaml::text(escaped(value))));
        fields.push(("labels", Yaml::Map(labels.collect())));
    }
    fields.extend(depends_on(wanted, instances, lost).map(|services| ("depends_on", services)));
    fields.extend(container(&wanted.container));
    Yaml::map(fields)
}

fn variable(wanted: &Wanted, key: &str, value: &EnvValue, blanks: &mut BTreeSet<Blank>) -> Yaml {
    let Some(secret) = Secret::of(value) else {
        return match value {
            EnvValue::Plain(text) => Yaml::text(escaped(text)),
            EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => Yaml::text(""),
        };
    };
    let name = match &secret {
        Secret::Own => variable_name(&format!("{}__{key}", wanted.name)),
        Secret::Shared(platform) => variable_name(&format!("{platform}__connector_token")),
    };
    blanks.insert(Blank { name: name.clone(), what: secret.what(wanted, key) });
    Yaml::text(format!("${{{name}:?fill in}}"))
}

/// A name as shells take it, unlike those of other instances since a `-` alone becomes one `_`.
fn variable_name(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// A text in which compose sees no variable.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

fn pull(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::IfNotPresent => "if_not_present",
        PullPolicy::Always => "always",
        PullPolicy::Never => "never",
    }
}

fn container(spec: &ContainerSpec) -> Vec<(&'static str, Yaml)> {
    let number = |number: u64| Yaml::Number(i64::try_from(number).unwrap_or(i64::MAX));
    let list = |items: &[String]| Yaml::texts(items.iter().map(|item| escaped(item)));
    let mut fields = Vec::new();
    if let Some(milli) = spec.resources.milli_cpus {
        fields.push(("cpus", Yaml::text(format!("{}.{:03}", milli / 1_000, milli % 1_000))));
    }
    fields.extend(spec.resources.memory.map(|bytes| ("mem_limit", number(bytes))));
    fields.push(("pids_limit", number(spec.resources.pids.unwrap_or(DEFAULT_PIDS))));
    if spec.host_namespaces.contains(&HostNamespace::Network) {
        fields.push(("network_mode", Yaml::text("host")));
    } else if !spec.networks.is_empty() {
        fields.push(("networks", list(&spec.networks)));
    }
    let volumes = spec.volumes.iter().map(|volume| {
        let (MountSource::Volume(source) | MountSource::Bind(source)) = &volume.source;
        let access = if volume.read_only { ":ro" } else { "" };
        escaped(&format!("{source}:{}{access}", volume.target))
    });
    let volumes: Vec<String> = volumes.collect();
    let tmpfs = spec.tmpfs.iter().map(|tmpfs| {
        tmpfs.size.map_or_else(|| escaped(&tmpfs.target), |size| format!("{}:size={size}", escaped(&tmpfs.target)))
    });
    let tmpfs: Vec<String> = tmpfs.collect();
    let hosts: Vec<String> = spec.extra_hosts.iter().map(|(name, address)| format!("{name}:{address}")).collect();
    let dns: Vec<String> = spec.dns.iter().map(ToString::to_string).collect();
    let dropped = spec.cap_drop.clone().unwrap_or_else(|| vec!["ALL".to_owned()]);
    for (field, items) in [("volumes", volumes), ("tmpfs", tmpfs), ("extra_hosts", hosts), ("dns", dns)] {
        if !items.is_empty() {
            fields.push((field, Yaml::texts(items)));
        }
    }
    for (field, items) in [("cap_drop", &dropped), ("cap_add", &spec.cap_add), ("devices", &spec.devices)] {
        if !items.is_empty() {
            fields.push((field, list(items)));
        }
    }
    fields.extend(spec.user.as_ref().map(|user| ("user", Yaml::text(escaped(user)))));
    fields.extend(spec.read_only.then_some(("read_only", Yaml::Flag(true))));
    fields.extend(spec.privileged.then_some(("privileged", Yaml::Flag(true))));
    let space = |space| spec.host_namespaces.contains(&space).then(|| Yaml::text("host"));
    fields.extend(space(HostNamespace::Pid).map(|host| ("pid", host)));
    fields.extend(space(HostNamespace::Ipc).map(|host| ("ipc", host)));
    if !spec.ulimits.is_empty() {
        let limits = spec.ulimits.iter().map(|(name, limit)| {
            (name.clone(), Yaml::map([("soft", Yaml::Number(limit.soft)), ("hard", Yaml::Number(limit.hard))]))
        });
        fields.push(("ulimits", Yaml::Map(limits.collect())));
    }
    fields.push(("shm_size", number(spec.shm_size.unwrap_or(DEFAULT_SHM_SIZE))));
    fields.push(("stop_grace_period", Yaml::text(format!("{}s", stop_seconds(spec.stop_grace)))));
    fields.extend(spec.healthcheck.as_ref().map(|check| ("healthcheck", healthcheck(check))));
    let size = spec.logs.max_size.unwrap_or(DEFAULT_LOG_SIZE);
    let files = spec.logs.max_file.unwrap_or(DEFAULT_LOG_FILES);
    let options =
        BTreeMap::from([("max-size", Yaml::text(size.to_string())), ("max-file", Yaml::text(files.to_string()))]);
    fields.push(("logging", Yaml::map([("driver", Yaml::text("json-file")), ("options", Yaml::map(options))])));
    fields
}

fn healthcheck(check: &Healthcheck) -> Yaml {
    let test = match &check.test {
        HealthcheckTest::Disabled => return Yaml::map([("disable", Yaml::Flag(true))]),
        HealthcheckTest::Command(words) => {
            Yaml::texts(std::iter::once("CMD".to_owned()).chain(words.iter().map(|word| escaped(word))))
        }
        HealthcheckTest::Shell(line) => Yaml::text(escaped(line)),
    };
    let mut fields = vec![("test", test)];
    let times = [("interval", check.interval), ("timeout", check.timeout), ("start_period", check.start_period)];
    for (field, time) in times {
        let text = |time: Duration| match time.subsec_nanos() {
            0 => format!("{}s", time.as_secs()),
            _ => format!("{}ms", time.as_millis()),
        };
        fields.extend(time.map(|time| (field, Yaml::text(text(time)))));
    }
    fields.extend(check.retries.map(|count| ("retries", Yaml::Number(i64::from(count)))));
    Yaml::map(fields)
}
