//! What a container has that Lockstep never gives to one: somebody else changed or made it.

use bollard::models::{ContainerInspectResponse, HostConfig, RestartPolicy, RestartPolicyNameEnum};

use super::{
    body::{WITHOUT_ALIAS, restarts_allowed},
    inspect::ImageFacts,
};
use crate::plan::{LABELS, NO_RESTARTS};

/// One entry for each such thing, by a name as the plan shows it; nothing for a container as it was made.
pub(super) fn fields(seen: &ContainerInspectResponse, image: &ImageFacts) -> Vec<(String, String)> {
    let Some(host) = &seen.host_config else { return Vec::new() };
    let found = limits(host).into_iter().chain(namespaces(host)).chain(process(seen, host, image));
    let found = found.chain([("networkAliases", aliases(seen))]);
    found.filter_map(|(name, value)| Some((format!("container.{name}"), value?))).collect()
}

type Found = Vec<(&'static str, Option<String>)>;

fn number(number: Option<i64>) -> Option<String> {
    number.filter(|&number| number != 0).map(|number| number.to_string())
}

fn text(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn list(list: &Option<Vec<String>>) -> Option<String> {
    list.as_ref().filter(|list| !list.is_empty()).map(|list| list.join(","))
}

fn flag(flag: Option<bool>) -> Option<String> {
    flag.filter(|&flag| flag).map(|_| "true".to_owned())
}

fn limits(host: &HostConfig) -> Found {
    // Where there is no limit on swap, or none can be had, nobody has set one.
    let swap = host.memory_swap.filter(|&swap| swap > 0 && Some(swap) != host.memory);
    vec![
        ("restart", host.restart_policy.as_ref().and_then(restarts)),
        ("memorySwap", number(swap)),
        ("memoryReservation", number(host.memory_reservation)),
        ("cpuShares", number(host.cpu_shares)),
        ("cpuPeriod", number(host.cpu_period)),
        ("cpuQuota", number(host.cpu_quota)),
        ("cpusetCpus", text(&host.cpuset_cpus)),
        ("cpusetMems", text(&host.cpuset_mems)),
        ("blkioWeight", number(host.blkio_weight.map(i64::from))),
        ("oomKillDisable", flag(host.oom_kill_disable)),
        ("oomScoreAdj", number(host.oom_score_adj)),
    ]
}

fn namespaces(host: &HostConfig) -> Found {
    let foreign = |mode: &Option<String>| text(mode).filter(|mode| mode.starts_with("container:"));
    let ports = host.port_bindings.as_ref().filter(|ports| !ports.is_empty());
    let ports = ports.map(|ports| {
        let mut names: Vec<&str> = ports.keys().map(String::as_str).collect();
        names.sort_unstable();
        names.join(",")
    });
    vec![
        ("pidMode", foreign(&host.pid_mode)),
        ("ipcMode", foreign(&host.ipc_mode)),
        ("utsMode", text(&host.uts_mode)),
        ("usernsMode", text(&host.userns_mode)),
        ("cgroupParent", text(&host.cgroup_parent)),
        ("dnsOptions", list(&host.dns_options)),
        ("dnsSearch", list(&host.dns_search)),
        ("links", list(&host.links)),
        ("volumesFrom", list(&host.volumes_from)),
        ("groupAdd", list(&host.group_add)),
        ("deviceCgroupRules", list(&host.device_cgroup_rules)),
        ("ports", ports),
        ("publishAllPorts", flag(host.publish_all_ports)),
        ("autoRemove", flag(host.auto_remove)),
    ]
}

fn process(seen: &ContainerInspectResponse, host: &HostConfig, image: &ImageFacts) -> Found {
    let Some(config) = &seen.config else { return Vec::new() };
    let words = |own: &Option<Vec<String>>, brought: &Vec<String>| {
        let own = own.clone().unwrap_or_default();
        (own != *brought).then(|| serde_json::Value::from(own).to_string())
    };
    let on_host = host.network_mode.as_deref() == Some("host");
    let instance = config.labels.as_ref().and_then(|labels| labels.get(LABELS.instance));
    let hostname = config.hostname.clone().filter(|name| !on_host && Some(name) != instance);
    let driver = host.log_config.as_ref().and_then(|log| log.typ.clone()).filter(|driver| driver != "json-file");
    let options = host.security_opt.clone().unwrap_or_default();
    let loose = options.iter().find(|option| option.ends_with("=unconfined")).cloned();
    let privileges = (!options.iter().any(|option| option.starts_with("no-new-privileges"))).then(|| "new".to_owned());
    let signal = config.stop_signal.clone().filter(|own| image.stop_signal.as_ref() != Some(own));
    let folder = config.working_dir.clone().filter(|folder| *folder != image.folder && !folder.is_empty());
    vec![
        ("command", words(&config.cmd, &image.command)),
        ("entrypoint", words(&config.entrypoint, &image.entrypoint)),
        ("workingDir", folder),
        ("stopSignal", signal),
        ("hostname", hostname),
        ("tty", flag(config.tty)),
        ("init", (host.init != Some(true)).then(|| "false".to_owned())),
        ("logs.driver", driver),
        ("securityOpt", loose),
        ("privileges", privileges),
    ]
}

/// The restart policy, where it is not the one of containers that run.
fn restarts(policy: &RestartPolicy) -> Option<String> {
    match policy.name? {
        RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY => Some(NO_RESTARTS.to_owned()),
        name @ RestartPolicyNameEnum::ON_FAILURE => {
            let count = policy.maximum_retry_count;
            (count != restarts_allowed().maximum_retry_count).then(|| format!("{name}:{}", count.unwrap_or_default()))
        }
        name @ (RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED) => Some(name.to_string()),
    }
}

/// The networks on which the container is not called by its instance's name.
fn aliases(seen: &ContainerInspectResponse) -> Option<String> {
    let instance = seen.config.as_ref()?.labels.as_ref()?.get(LABELS.instance)?;
    let joined = seen.network_settings.as_ref()?.networks.as_ref()?;
    let lost = joined.iter().filter(|(network, endpoint)| {
        let aliases = endpoint.aliases.iter().flatten();
        !WITHOUT_ALIAS.contains(&network.as_str()) && !aliases.into_iter().any(|alias| alias == instance)
    });
    let mut lost: Vec<&str> = lost.map(|(network, _)| network.as_str()).collect();
    lost.sort_unstable();
    (!lost.is_empty()).then(|| format!("none on {}", lost.join(",")))
}
