//! What a manifest writes about its container, and what that means.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    field::{Field, List, document},
    mounts::{Tmpfs, Volume},
    scalars::{AbsolutePath, Address, Capability, Cpus, Duration, EngineName, Namespace, Pull, Size, User},
    shapes::{Environment, ExtraHosts, Test, Ulimits},
};
use crate::model::{self, ContainerSpec, LogLimits};

document! {
    /// Everything about the container, apart from its configuration.
    Container {
        /// Upper bounds on what it may use.
        "resources" resources: Resources,
        /// Networks to join; left out: the network of the settings.
        "networks" networks: List<EngineName>,
        /// What is mounted: `NAME:/path[:ro]`, `/host/path:/path[:ro]` (needs the operator's policy), or a map.
        "volumes" volumes: List<Volume>,
        /// File systems in memory: `/path`, or a map.
        "tmpfs" tmpfs: List<Tmpfs>,
        /// Lines of the hosts file: a map from name to address, or a list of `NAME:ADDRESS`.
        "extraHosts" extra_hosts: ExtraHosts,
        /// Name servers.
        "dns" dns: List<Address>,
        /// The user the process runs as.
        "user" user: User,
        /// Whether the root file system can't be written.
        "readOnly" read_only: bool,
        /// Capabilities taken away; left out: all of them.
        "capDrop" cap_drop: List<Capability>,
        /// Capabilities given; each needs the operator's policy.
        "capAdd" cap_add: List<Capability>,
        /// Kernel limits by name: a number, or a map of `soft` and `hard`; -1 is unlimited.
        "ulimits" ulimits: Ulimits,
        /// Size of `/dev/shm`.
        "shmSize" shm_size: Size,
        /// Time between the request to stop and the kill.
        "stopGrace" stop_grace: Duration,
        /// A check that the engine runs inside the container.
        "healthcheck" healthcheck: Healthcheck,
        /// Further environment, outside the contract's configuration; no secrets.
        "env" env: Environment,
        /// How much output the engine keeps.
        "logs" logs: Logs,
        /// When the image is pulled; left out: the policy of the settings.
        "pull" pull: Pull,
        /// Whether the container is privileged; needs the operator's policy.
        "privileged" privileged: bool,
        /// Devices of the host; each needs the operator's policy.
        "devices" devices: List<AbsolutePath>,
        /// Namespaces of the host; each needs the operator's policy.
        "hostNamespaces" host_namespaces: List<Namespace>,
    }
}

document! {
    /// Upper bounds on what a container may use.
    Resources {
        /// Processors.
        "cpus" cpus: Cpus,
        /// Memory.
        "memory" memory: Size,
        /// Processes and threads.
        #[schemars(range(min = 1))]
        "pids" pids: u64,
    }
}

document! {
    /// A check that the engine runs inside the container.
    Healthcheck {
        /// A line for the container's shell, or a list: a program and its arguments.
        "test" test: Test,
        /// Switches the image's own check off.
        "disable" disable: bool,
        /// Time between two checks.
        "interval" interval: Duration,
        /// Time after which a check counts as failed.
        "timeout" timeout: Duration,
        /// Time in which failures do not count.
        "startPeriod" start_period: Duration,
        /// Failures in a row that make a container unhealthy.
        #[schemars(range(min = 1))]
        "retries" retries: u32,
    }
}

document! {
    /// How much of a container's output the engine keeps.
    Logs {
        /// Size of one file.
        "maxSize" max_size: Size,
        /// Number of files.
        #[schemars(range(min = 1))]
        "maxFile" max_file: u32,
    }
}

fn values<T>(field: Field<List<T>>) -> Vec<T> {
    field.take().map(|list| list.values().collect()).unwrap_or_default()
}

impl Container {
    /// What it means; whatever could not be read is left out, since the instance is then held.
    pub(super) fn into_spec(self) -> ContainerSpec {
        let resources = self.resources.take().unwrap_or_default();
        let logs = self.logs.take().unwrap_or_default();
        ContainerSpec {
            resources: model::Resources {
                milli_cpus: resources.cpus.take().map(|share| share.0),
                memory: resources.memory.take().map(|size| size.0),
                pids: resources.pids.take(),
            },
            networks: values(self.networks).into_iter().map(|name| name.0).collect(),
            volumes: values(self.volumes).into_iter().map(|volume| volume.0).collect(),
            tmpfs: values(self.tmpfs).into_iter().map(|tmpfs| tmpfs.0).collect(),
            extra_hosts: self.extra_hosts.take().map(|hosts| hosts.0).unwrap_or_default(),
            dns: values(self.dns).into_iter().map(|address| address.0).collect::<Vec<IpAddr>>(),
            user: self.user.take().map(|user| user.0),
            read_only: self.read_only.take().unwrap_or_default(),
            cap_drop: self.cap_drop.take().map(|list| list.values().map(|name| name.0).collect()),
            cap_add: values(self.cap_add).into_iter().map(|name| name.0).collect(),
            ulimits: self.ulimits.take().map(|limits| limits.0).unwrap_or_default(),
            shm_size: self.shm_size.take().map(|size| size.0),
            stop_grace: self.stop_grace.take().map(|time| time.0),
            healthcheck: self.healthcheck.take().and_then(Healthcheck::into_check),
            env: self.env.take().map_or_else(BTreeMap::new, |env| env.0),
            logs: LogLimits { max_size: logs.max_size.take().map(|size| size.0), max_file: logs.max_file.take() },
            pull: self.pull.take().map(|word| word.0),
            privileged: self.privileged.take().unwrap_or_default(),
            devices: values(self.devices).into_iter().map(|path| path.0).collect(),
            host_namespaces: values(self.host_namespaces).into_iter().map(|word| word.0).collect(),
        }
    }
}

impl Healthcheck {
    /// Whether it says what is to be run, or that nothing is, and not both.
    pub(super) fn is_clear(&self) -> bool {
        (self.disable.get() == Some(&true)) != self.test.0.is_some()
    }

    fn into_check(self) -> Option<model::Healthcheck> {
        let test = match self.disable.take() {
            Some(true) => model::HealthcheckTest::Disabled,
            Some(false) | None => self.test.take()?.0,
        };
        Some(model::Healthcheck {
            test,
            interval: self.interval.take().map(|time| time.0),
            timeout: self.timeout.take().map(|time| time.0),
            start_period: self.start_period.take().map(|time| time.0),
            retries: self.retries.take(),
        })
    }
}
