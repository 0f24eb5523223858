//! Reads the engine's list of containers.

use std::collections::HashMap;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};

use super::{client::Client, company::Company};
use crate::{
    engine::{
        Adopted, EngineError,
        adopted::{CONNECTOR, MANAGER},
    },
    model::{InstanceName, OwnerName},
    plan::{ContainerId, ContainerState, LABELS, Observed, ObservedContainer, SpecDigest},
};

/// Every container of an owner, and those of another manager that were taken over.
pub(super) async fn observe(
    client: &Client,
    owner: &OwnerName,
    adopted: &[Adopted],
    company: &Company,
) -> Result<Observed, EngineError> {
    let listed = client.list(Some(format!("{}={owner}", LABELS.owner))).await?;
    let company = company.noticed(&listed);
    let mut containers = listed.into_iter().map(observed).collect::<Result<Vec<_>, _>>()?;
    if !adopted.is_empty() {
        let others = client.list(Some(MANAGER.to_owned())).await?;
        let taken = others.into_iter().filter_map(|listed| Some((self::adopted(&listed, adopted)?.clone(), listed)));
        for (adopted, mut listed) in taken {
            let ours = [
                (LABELS.instance, Some(adopted.instance)),
                (LABELS.platform, adopted.platform),
                (LABELS.id, Some(adopted.id)),
                (LABELS.digest, Some(adopted.digest)),
                (LABELS.source, adopted.source),
                (LABELS.revision, adopted.revision),
            ];
            let labels = ours.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?)));
            listed.labels = Some(labels.collect());
            containers.push(observed(listed)?);
        }
    }
    // The loop keeps them until something happens, and what was listed is twice as large as what is kept of it.
    containers.shrink_to_fit();
    containers.sort_unstable_by(|a, b| (&a.instance, a.created, &a.id).cmp(&(&b.instance, b.created, &b.id)));
    Ok(Observed { containers, company, ..Observed::default() })
}

/// What was taken over as this container; a container with its id that runs another connector is another one.
fn adopted<'a>(listed: &ContainerSummary, adopted: &'a [Adopted]) -> Option<&'a Adopted> {
    let (id, connector) = (listed.id.as_deref()?, listed.labels.as_ref()?.get(CONNECTOR)?);
    adopted.iter().find(|adopted| adopted.container == id && adopted.connector == *connector)
}

fn observed(listed: ContainerSummary) -> Result<ObservedContainer, EngineError> {
    let answer = |why: String| EngineError::Answer { what: "list containers".to_owned(), why };
    let id = listed.id.ok_or_else(|| answer("a container without an id".to_owned()))?;
    let name = name(listed.names).unwrap_or_else(|| id.clone());
    let mut labels: HashMap<String, String> = listed.labels.unwrap_or_default();
    let instance = labels.get(LABELS.instance).map_or("", String::as_str);
    let instance = InstanceName::try_from(instance).map_err(|why| {
        let label = LABELS.instance;
        answer(format!("container `{name}` (id {id}) has our owner label, and its label `{label}` {why}"))
    })?;
    let state = match listed.state {
        Some(ContainerSummaryStateEnum::CREATED) => ContainerState::Created,
        Some(ContainerSummaryStateEnum::RUNNING) => ContainerState::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => ContainerState::Paused,
        Some(ContainerSummaryStateEnum::RESTARTING) => ContainerState::Restarting,
        Some(ContainerSummaryStateEnum::EXITED) => exited(listed.status.as_deref().unwrap_or_default()),
        Some(ContainerSummaryStateEnum::DEAD) => ContainerState::Dead,
        Some(ContainerSummaryStateEnum::REMOVING) => ContainerState::Removing,
        Some(state @ (ContainerSummaryStateEnum::STOPPING | ContainerSummaryStateEnum::EMPTY)) => {
            ContainerState::Unknown(state.to_string())
        }
        None => ContainerState::Unknown(String::new()),
    };
    Ok(ObservedContainer {
        id: ContainerId(id),
        name,
        instance,
        platform: labels.remove(LABELS.platform),
        connector_id: labels.remove(LABELS.id),
        digest: labels.remove(LABELS.digest).map(SpecDigest),
        source: labels.remove(LABELS.source),
        revision: labels.remove(LABELS.revision),
        state,
        created: listed.created.ok_or_else(|| answer("a container without a time of creation".to_owned()))?,
        finished: None,
        was_stopped: false,
        image: listed.image.unwrap_or_default(),
        fields: None,
        sensitive_equal: std::collections::BTreeMap::new(),
        moved_image: None,
        refreshed: false,
    })
}

/// A container's own name; the others are those it has from links.
pub(super) fn name(names: Option<Vec<String>>) -> Option<String> {
    let own = |name: String| name.strip_prefix('/').filter(|name| !name.contains('/')).map(ToOwned::to_owned);
    names.into_iter().flatten().find_map(own)
}

/// The exit code in the engine's words about a container that ended: `Exited (137) 2 hours ago`.
fn exited(status: &str) -> ContainerState {
    let code =
        status.strip_prefix("Exited (").and_then(|rest| rest.split(')').next()).and_then(|code| code.parse().ok());
    code.map_or_else(|| ContainerState::Unknown(format!("exited: {status}")), ContainerState::Exited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read_from_the_status() {
        assert_eq!(exited("Exited (137) 2 hours ago"), ContainerState::Exited(137));
        assert_eq!(exited("Exited (0) Less than a second ago"), ContainerState::Exited(0));
        for odd in ["", "Exited", "Exited (x) now", "Up 2 hours"] {
            assert_eq!(exited(odd), ContainerState::Unknown(format!("exited: {odd}")));
        }
    }

    #[test]
    fn names_of_links_are_no_names() {
        let names = |names: &[&str]| name(Some(names.iter().map(|&name| name.to_owned()).collect()));
        assert_eq!(names(&["/other/alias", "/own"]).as_deref(), Some("own"));
        assert_eq!(names(&[]), None);
    }
}
