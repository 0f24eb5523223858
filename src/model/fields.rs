//! Names every field of a container as the plan shows it, with its value as text.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use crate::model::{ContainerSpec, Healthcheck, HealthcheckTest, HostNamespace, MountSource};

/// Processes and threads a container may have where its manifest says nothing.
pub const DEFAULT_PIDS: u64 = 1_024;
/// Size of `/dev/shm` in bytes where a manifest says nothing.
pub const DEFAULT_SHM_SIZE: u64 = 64 << 20;
/// Time between the request to stop and the kill where a manifest says nothing.
pub const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(10);
/// Size in bytes of one file of kept output where a manifest says nothing.
pub const DEFAULT_LOG_SIZE: u64 = 10 << 20;
/// Number of files of kept output where a manifest says nothing.
pub const DEFAULT_LOG_FILES: u32 = 3;

/// Every field of a container by the name that the plan shows, such as `container.resources.memory`, as text.
///
/// What a manifest leaves out and Lockstep sets by itself is there with the value that is set, so that a spec and what an
/// engine shows of the container made from it give equal maps. Environment, image and pull policy are not among them.
pub fn container_fields(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let mut fields = Fields(BTreeMap::new());
    let resources = &spec.resources;
    fields.some("resources.cpus", resources.milli_cpus.map(cpus_text));
    fields.some("resources.memory", resources.memory.map(size_text));
    fields.set("resources.pids", resources.pids.unwrap_or(DEFAULT_PIDS).to_string());
    // On the host's network there are no others.
    if !spec.host_namespaces.contains(&HostNamespace::Network) {
        fields.list("networks", sorted(spec.networks.iter().cloned()));
    }
    for volume in &spec.volumes {
        let (MountSource::Volume(source) | MountSource::Bind(source)) = &volume.source;
        let access = if volume.read_only { ":ro" } else { "" };
        fields.set(&format!("volumes.{}", volume.target), format!("{source}{access}"));
    }
    for tmpfs in &spec.tmpfs {
        fields.set(&format!("tmpfs.{}", tmpfs.target), tmpfs.size.map_or_else(|| "unbounded".to_owned(), size_text));
    }
    fields.list("extraHosts", sorted(spec.extra_hosts.iter().map(|(name, address)| format!("{name}={address}"))));
    fields.list("dns", spec.dns.iter().map(ToString::to_string).collect());
    fields.some("user", spec.user.clone());
    fields.flag("readOnly", spec.read_only);
    let dropped = spec.cap_drop.as_ref().map_or_else(|| vec!["ALL".to_owned()], |names| capabilities(names));
    fields.list("capDrop", dropped);
    fields.list("capAdd", capabilities(&spec.cap_add));
    for (name, limit) in &spec.ulimits {
        fields.set(&format!("ulimits.{name}"), format!("{}:{}", limit.soft, limit.hard));
    }
    fields.set("shmSize", size_text(spec.shm_size.unwrap_or(DEFAULT_SHM_SIZE)));
    fields.set("stopGrace", duration_text(Duration::from_secs(stop_seconds(spec.stop_grace))));
    if let Some(check) = &spec.healthcheck {
        fields.healthcheck(check);
    }
    fields.set("logs.maxSize", size_text(spec.logs.max_size.unwrap_or(DEFAULT_LOG_SIZE)));
    fields.set("logs.maxFile", spec.logs.max_file.unwrap_or(DEFAULT_LOG_FILES).to_string());
    fields.flag("privileged", spec.privileged);
    fields.list("devices", sorted(spec.devices.iter().cloned()));
    fields.list("hostNamespaces", sorted(spec.host_namespaces.iter().map(|space| space.as_str().to_owned())));
    fields.0
}

/// The whole seconds of a stop grace, rounded up, since engines know no smaller unit.
pub fn stop_seconds(grace: Option<Duration>) -> u64 {
    let grace = grace.unwrap_or(DEFAULT_STOP_GRACE);
    grace.as_secs().saturating_add(u64::from(grace.subsec_nanos() > 0))
}

/// Names of capabilities in the one form that all engines show: upper case without `CAP_`, sorted, each once.
fn capabilities(names: &[String]) -> Vec<String> {
    let mut names = sorted(names.iter().map(|name| {
        let upper = name.to_ascii_uppercase();
        upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
    }));
    names.dedup();
    names
}

/// The fields gathered so far.
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn set(&mut self, name: &str, value: String) {
        self.0.insert(format!("container.{name}"), value);
    }

    fn some(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.some(name, value.then(|| "true".to_owned()));
    }

    fn list(&mut self, name: &str, values: Vec<String>) {
        self.some(name, (!values.is_empty()).then(|| values.join(",")));
    }

    fn healthcheck(&mut self, check: &Healthcheck) {
        self.set(
            "healthcheck.test",
            match &check.test {
                HealthcheckTest::Disabled => "disabled".to_owned(),
                HealthcheckTest::Command(words) => serde_json::Value::from(words.clone()).to_string(),
                HealthcheckTest::Shell(line) => line.clone(),
            },
        );
        let positive = |time: Option<Duration>| time.filter(|time| !time.is_zero()).map(duration_text);
        self.some("healthcheck.interval", positive(check.interval));
        self.some("healthcheck.timeout", positive(check.timeout));
        self.some("healthcheck.startPeriod", positive(check.start_period));
        self.some("healthcheck.retries", check.retries.filter(|&count| count > 0).map(|count| count.to_string()));
    }
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.collect();
    values.sort();
    values
}

/// A share of processors as manifests write it.
fn cpus_text(milli: u64) -> String {
    let text = format!("{}.{:03}", milli / 1_000, milli % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A size as manifests write it, in the largest unit that is exact.
fn size_text(bytes: u64) -> String {
    let units = [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];
    let exact = |&(shift, _): &(u32, &str)| bytes > 0 && bytes.is_multiple_of(1_u64 << shift);
    units.into_iter().find(exact).map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift))
}

/// A duration as manifests write it, to the millisecond; what is finer is shown in nanoseconds.
fn duration_text(time: Duration) -> String {
    if !time.subsec_nanos().is_multiple_of(1_000_000) {
        return format!("{}ns", time.as_nanos());
    }
    let seconds = time.as_secs();
    let parts = [
        (seconds / 3_600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(time.subsec_millis()), "ms"),
    ];
    let mut text = String::new();
    for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
        write!(text, "{count}{unit}").expect("writing to a string never fails");
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Resources, Tmpfs, Ulimit, Volume, units};

    #[test]
    fn an_empty_spec_shows_what_is_set_by_default() {
        let fields = container_fields(&ContainerSpec::default());
        let shown: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "container.capDrop=ALL",
                "container.logs.maxFile=3",
                "container.logs.maxSize=10Mi",
                "container.resources.pids=1024",
                "container.shmSize=64Mi",
                "container.stopGrace=10s",
            ]
        );
    }

    #[test]
    fn every_field_is_named_as_in_the_manifest() {
        let spec = ContainerSpec {
            resources: Resources { milli_cpus: Some(1_500), memory: Some(512 << 20), pids: Some(7) },
            networks: vec!["b".to_owned(), "a".to_owned()],
            volumes: vec![
                Volume { source: MountSource::Volume("data".to_owned()), target: "/data".to_owned(), read_only: true },
                Volume { source: MountSource::Bind("/srv".to_owned()), target: "/srv".to_owned(), read_only: false },
            ],
            tmpfs: vec![Tmpfs { target: "/tmp".to_owned(), size: Some(1 << 20) }],
            extra_hosts: vec![("db".to_owned(), "10.0.0.1".parse().unwrap())],
            dns: vec!["10.0.0.3".parse().unwrap(), "10.0.0.2".parse().unwrap()],
            user: Some("1:2".to_owned()),
            read_only: true,
            cap_drop: Some(vec!["cap_net_raw".to_owned(), "CHOWN".to_owned()]),
            cap_add: vec!["CAP_CHOWN".to_owned()],
            ulimits: BTreeMap::from([("nofile".to_owned(), Ulimit { soft: 1, hard: -1 })]),
            shm_size: Some(1 << 30),
            stop_grace: Some(Duration::from_millis(89_500)),
            healthcheck: Some(Healthcheck {
                test: HealthcheckTest::Command(vec!["a".to_owned(), "b c".to_owned()]),
                interval: Some(Duration::from_millis(1_500)),
                timeout: None,
                start_period: Some(Duration::ZERO),
                retries: Some(3),
            }),
            privileged: true,
            devices: vec!["/dev/fuse".to_owned()],
            host_namespaces: vec![HostNamespace::Pid, HostNamespace::Ipc],
            ..ContainerSpec::default()
        };
        let fields = container_fields(&spec);
        for (name, value) in [
            ("resources.cpus", "1.5"),
            ("resources.memory", "512Mi"),
            ("resources.pids", "7"),
            ("networks", "a,b"),
            ("volumes./data", "data:ro"),
            ("volumes./srv", "/srv"),
            ("tmpfs./tmp", "1Mi"),
            ("extraHosts", "db=10.0.0.1"),
            ("dns", "10.0.0.3,10.0.0.2"),
            ("user", "1:2"),
            ("readOnly", "true"),
            ("capDrop", "CHOWN,NET_RAW"),
            ("capAdd", "CHOWN"),
            ("ulimits.nofile", "1:-1"),
            ("shmSize", "1Gi"),
            ("stopGrace", "1m30s"),
            ("healthcheck.test", r#"["a","b c"]"#),
            ("healthcheck.interval", "1s500ms"),
            ("healthcheck.retries", "3"),
            ("privileged", "true"),
            ("devices", "/dev/fuse"),
            ("hostNamespaces", "ipc,pid"),
        ] {
            assert_eq!(fields.get(&format!("container.{name}")).map(String::as_str), Some(value), "{name}");
        }
        assert!(!fields.contains_key("container.healthcheck.startPeriod"));
    }

    #[test]
    fn texts_read_back_as_what_they_show() {
        for bytes in [1, 1_000, 1 << 10, 3 << 20, (1 << 20) + 1, 5 << 40] {
            assert_eq!(units::size(&size_text(bytes)), Some(bytes));
        }
        for milli in [1, 500, 1_000, 1_250, 12_000] {
            assert_eq!(units::milli_cpus(&cpus_text(milli)), Some(milli));
        }
        for millis in [0, 1, 999, 1_000, 61_001, 3_600_000, 90_061_000] {
            let time = Duration::from_millis(millis);
            assert_eq!(units::duration(&duration_text(time)), Some(time));
        }
        assert_eq!(duration_text(Duration::from_nanos(1)), "1ns");
    }
}
