//! What runs containers.

use std::collections::BTreeSet;

use super::{Converter, Here};
use crate::{
    model::{Code, PullPolicy},
    settings::{
        dto::{DockerDto, PullDto, RegistryDto},
        types::{DockerSettings, RegistrySettings},
        urls,
    },
};

const HOST: &str = "unix:///var/run/docker.sock";

pub(super) fn docker(converter: &mut Converter, dto: DockerDto, here: &Here<'_>) -> Option<DockerSettings> {
    let host = dto.host.unwrap_or_else(|| HOST.to_owned());
    let accepted = converter.accepted(urls::docker(&host), &here.field("host"));
    let pull = match dto.pull {
        None | Some(PullDto::IfNotPresent) => PullPolicy::IfNotPresent,
        Some(PullDto::Always) => PullPolicy::Always,
        Some(PullDto::Never) => PullPolicy::Never,
    };
    let registries = registries(converter, dto.registries, &here.field("registries"));
    accepted?;
    Some(DockerSettings { host, network: dto.network, registries: registries?, pull, concurrency: dto.concurrency })
}

fn registries(converter: &mut Converter, list: Vec<RegistryDto>, here: &Here<'_>) -> Option<Vec<RegistrySettings>> {
    let mut hosts = BTreeSet::new();
    let mut all = Vec::new();
    for (index, dto) in list.into_iter().enumerate() {
        let here = here.item(index);
        let host = dto.host.map(|host| host.to_ascii_lowercase());
        let password = dto.password.and_then(|password| converter.secret(&password, &here.field("password")));
        if let Some(host) = &host
            && !hosts.insert(host.clone())
        {
            let help = "keep one entry for each host";
            converter.refuse(&here.field("host"), Code::DuplicateKey, "names a host that was named before", help);
        }
        let registry = host.zip(dto.username).zip(password);
        all.push(registry.map(|((host, username), password)| RegistrySettings { host, username, password }));
    }
    let unique = hosts.len() == all.len();
    all.into_iter().collect::<Option<Vec<_>>>().filter(|_| unique)
}
