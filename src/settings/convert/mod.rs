//! Turns what the file says into what it means, and finds what no schema can say.

mod catalogs;
mod engine;
mod here;
mod platform;
mod snapshot;
mod source;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    dto::{ApiVersion, BindingDto, IntervalsDto, Kind, PolicyDto, PruneDto, SecretsDto, SettingsDto},
    types::{BindingSetting, Intervals, PruneSettings, SecretsSettings, Settings},
};
use crate::model::{Code, OwnerName, Policy};

pub(super) use here::{Converter, Here};

const STATE: &str = "/var/lib/lockstep";

/// The settings; none where a finding says why.
pub(super) fn settings(converter: &mut Converter, dto: SettingsDto, root: &Here<'_>) -> Option<Settings> {
    // Each part is converted before the first that failed ends it, so that all findings come at once.
    let owner = dto.owner.and_then(|owner| {
        let here = root.field("owner");
        OwnerName::try_from(owner.as_str())
            .map_err(|error| converter.refuse(&here, Code::BadName, error, "choose another name, such as `edge-1`"))
            .ok()
    });
    let source = dto.source.and_then(|source| source::source(converter, source, &root.field("source")));
    let platforms = dto.platforms.and_then(|dto| platform::platforms(converter, dto, &root.field("platforms")));
    let catalogs = catalogs::catalogs(converter, dto.catalogs, &root.field("catalogs"));
    let secrets = secrets(converter, dto.secrets, &root.field("secrets"));
    let policy = policy(converter, dto.policy, &root.field("policy"));
    let engine = engine::docker(converter, dto.engine.docker, &root.field("engine").field("docker"));
    let prune = prune(converter, &dto.prune, &root.field("prune"));
    let intervals = intervals(converter, &dto.intervals, &root.field("intervals"));
    let snapshot = snapshot::snapshot(converter, dto.snapshot, source.as_ref(), &root.field("snapshot"));
    let state = converter.path(dto.state.as_deref().unwrap_or(STATE), &root.field("state"));
    let listen = match &dto.listen {
        Some(text) => listen(converter, text, dto.listen_public.unwrap_or(false), root).map(Some),
        None => Some(None),
    };
    // A later version will have more variants here, and each its own reading.
    let (ApiVersion::V1, Kind::Settings) = (dto.api_version?, dto.kind?);
    let platforms = platforms?;
    let catalogs = catalogs::of_known_platforms(converter, catalogs?, &platforms, &root.field("catalogs"))?;
    Some(Settings {
        owner: owner?,
        source: source?,
        catalogs,
        secrets: secrets?,
        policy: policy?,
        engine: engine?,
        platforms,
        prune: prune?,
        state: state?,
        listen: listen?,
        intervals: intervals?,
        snapshot: snapshot?,
    })
}

fn secrets(converter: &mut Converter, dto: SecretsDto, here: &Here<'_>) -> Option<SecretsSettings> {
    let binding = match dto.binding {
        None | Some(BindingDto::Optional) => BindingSetting::Optional,
        Some(BindingDto::Required) => BindingSetting::Required,
    };
    let list = here.field("identities");
    let paths = dto.identities.iter().enumerate();
    let identities: Vec<Option<PathBuf>> = paths.map(|(index, path)| converter.path(path, &list.item(index))).collect();
    Some(SecretsSettings { identities: identities.into_iter().collect::<Option<_>>()?, binding })
}

fn policy(converter: &mut Converter, dto: PolicyDto, here: &Here<'_>) -> Option<Policy> {
    let before = converter.count();
    for (index, root) in dto.bind_roots.iter().enumerate() {
        let straight = root.starts_with('/') && root.split('/').all(|part| part != "..");
        if !straight {
            let here = here.field("bindRoots").item(index);
            converter.refuse(&here, Code::BadFormat, "must be an absolute path without `..`", "write /srv/data, say");
        }
    }
    for (index, permission) in dto.allow.iter().enumerate() {
        if !is_permission(permission) {
            let help = "allowed are `privileged`, `capAdd:NAME`, `device:/dev/NAME`, `hostNamespace:network`, \
                        `hostNamespace:pid`, `hostNamespace:ipc`";
            converter.refuse(&here.field("allow").item(index), Code::NotAllowed, "is no permission", help);
        }
    }
    let images = dto.images.unwrap_or_else(|| Policy::default().images);
    for (index, pattern) in images.iter().enumerate() {
        if pattern.is_empty() || pattern.chars().any(char::is_whitespace) {
            let here = here.field("images").item(index);
            converter.refuse(&here, Code::BadFormat, "is no pattern of images", "write opencti/*, say");
        }
    }
    (converter.count() == before).then_some(Policy { images, bind_roots: dto.bind_roots, allow: dto.allow })
}

fn is_permission(text: &str) -> bool {
    match text.split_once(':') {
        None => text == "privileged",
        Some(("capAdd", name)) => !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'),
        Some(("device", path)) => path.starts_with('/') && path.split('/').all(|part| part != ".."),
        Some(("hostNamespace", name)) => ["network", "pid", "ipc"].contains(&name),
        Some(_) => false,
    }
}

fn prune(converter: &mut Converter, dto: &PruneDto, here: &Here<'_>) -> Option<PruneSettings> {
    let default = PruneSettings::default();
    Some(PruneSettings {
        enabled: dto.enabled.unwrap_or(default.enabled),
        allow_empty: dto.allow_empty.unwrap_or(default.allow_empty),
        max_percent: dto.max_percent.unwrap_or(default.max_percent),
        retain: converter.duration(dto.retain.as_deref(), default.retain, None, &here.field("retain"))?,
    })
}

fn intervals(converter: &mut Converter, dto: &IntervalsDto, here: &Here<'_>) -> Option<Intervals> {
    let default = Intervals::default();
    let hour = Some((Duration::from_secs(1), Duration::from_hours(1)));
    let minutes = Some((Duration::from_secs(1), Duration::from_mins(4)));
    let pass = converter.duration(dto.pass.as_deref(), default.pass, hour, &here.field("pass"));
    let heartbeat = converter.duration(dto.heartbeat.as_deref(), default.heartbeat, minutes, &here.field("heartbeat"));
    Some(Intervals { pass: pass?, heartbeat: heartbeat? })
}

fn listen(converter: &mut Converter, text: &str, public: bool, root: &Here<'_>) -> Option<SocketAddr> {
    let here = root.field("listen");
    let Ok(address) = text.parse::<SocketAddr>() else {
        converter.refuse(&here, Code::BadFormat, "is not an IP address and port", "write 127.0.0.1:8085, say");
        return None;
    };
    if address.ip().is_loopback() || public {
        return Some(address);
    }
    let help = "listen at 127.0.0.1 behind a proxy that asks who is there, or add `listenPublic: true`";
    converter.refuse(&here, Code::Policy, "is an address that others can reach", help);
    None
}
