//! Reads the containers of another connector manager, and never changes them.

use std::collections::HashMap;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};

use super::{client::Client, observe};
use crate::{
    engine::{
        EngineError, ForeignManaged,
        adopted::{CONNECTOR, MANAGER, PLATFORM},
    },
    model::{ConnectorId, PlatformKind},
    plan::ContainerId,
};

/// The variable in which the vendor's manager keeps the platform's hash of a configuration.
const HASH: &str = "OPENCTI_CONFIG_HASH";
/// The variables that give OpenAEV's connectors their ids; the label has the platform's own id of the instance.
const IDS: [&str; 3] = ["COLLECTOR_ID", "INJECTOR_ID", "EXECUTOR_ID"];

/// Every container that a manager made for a kind of platform; of their environment only the hash and the id are kept.
pub(super) async fn managed_by(
    client: &Client,
    manager: &str,
    kind: PlatformKind,
) -> Result<Vec<ForeignManaged>, EngineError> {
    let mut all = Vec::new();
    for listed in client.list(Some(format!("{MANAGER}={manager}"))).await? {
        if kind_of(&listed) == kind
            && let Some(foreign) = look(client, listed).await?
        {
            all.push(foreign);
        }
    }
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The id of the connector that a container of some manager is for; none where it is of no manager.
pub(super) async fn connector(client: &Client, listed: &ContainerSummary) -> Result<Option<String>, EngineError> {
    match (kind_of(listed), label(listed, CONNECTOR)) {
        (_, None) => Ok(None),
        (PlatformKind::OpenCti, Some(connector)) => Ok(Some(connector.to_owned())),
        (PlatformKind::OpenAev, Some(_)) => Ok(look(client, listed.clone()).await?.map(|foreign| foreign.id)),
    }
}

/// Whether a listed container does something, or will by itself.
pub(super) fn is_alive(listed: &ContainerSummary) -> bool {
    use ContainerSummaryStateEnum::{PAUSED, RESTARTING, RUNNING};
    matches!(listed.state, Some(RUNNING | PAUSED | RESTARTING))
}

async fn look(client: &Client, listed: ContainerSummary) -> Result<Option<ForeignManaged>, EngineError> {
    let (Some(container), Some(connector)) = (listed.id.clone(), label(&listed, CONNECTOR).map(str::to_owned)) else {
        return Ok(None);
    };
    // It may be gone since it was listed.
    let Some(looked) = client.find(&container).await? else { return Ok(None) };
    let lines = looked.config.and_then(|config| config.env).unwrap_or_default();
    let env: HashMap<&str, &str> = lines.iter().filter_map(|line| line.split_once('=')).collect();
    let id = match kind_of(&listed) {
        PlatformKind::OpenCti => None,
        // One of another form is no id of an instance here; the platform's own stands for it.
        PlatformKind::OpenAev => IDS
            .iter()
            .find_map(|key| env.get(key))
            .filter(|&&id| ConnectorId::try_from(id).is_ok())
            .map(|&id| id.to_owned()),
    };
    Ok(Some(ForeignManaged {
        name: observe::name(listed.names).unwrap_or_else(|| container.clone()),
        id: id.unwrap_or_else(|| connector.clone()),
        connector,
        hash: env.get(HASH).map(|&hash| hash.to_owned()),
        running: looked.state.and_then(|state| state.running).unwrap_or(false),
        container: ContainerId(container),
    }))
}

fn label<'a>(listed: &'a ContainerSummary, label: &str) -> Option<&'a str> {
    listed.labels.as_ref()?.get(label).map(String::as_str)
}

/// The kind of platform that a container of a manager belongs to; the first releases of the manager had one kind only.
fn kind_of(listed: &ContainerSummary) -> PlatformKind {
    match label(listed, PLATFORM) {
        Some(word) if word == PlatformKind::OpenAev.as_str() => PlatformKind::OpenAev,
        Some(_) | None => PlatformKind::OpenCti,
    }
}
