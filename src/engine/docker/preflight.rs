//! Looks for everything that would make a plan fail, before anything is touched.

use std::collections::{BTreeMap, HashMap, HashSet};

use bollard::models::ContainerSummaryStateEnum;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{adapter::Shared, body::networks, observe, pull::is_reference};
use crate::{
    engine::{EngineError, Problem, adopted::CONNECTOR},
    model::{InstanceName, OwnerName, PullPolicy},
    plan::{LABELS, NewContainer, Plan, Work},
};

/// How many images are looked at at a time.
const LOOKS: usize = 8;
/// How many images are pulled at a time.
const PULLS: usize = 3;

/// Every problem of the steps that create a container, in the order of the steps.
///
/// Images that are missing and may be pulled only then are pulled here, so that a registry that fails leaves everything as
/// it was.
pub(super) async fn preflight(shared: &Shared, owner: &OwnerName, plan: &Plan) -> Result<Vec<Problem>, EngineError> {
    let creations: Vec<(&InstanceName, &NewContainer)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.work {
            Work::Create(new) | Work::Recreate { new, .. } => Some((&step.instance, &**new)),
            Work::Replace(replacement) => Some((&step.instance, &replacement.new)),
            Work::Update { .. }
            | Work::Start { .. }
            | Work::Stop { .. }
            | Work::Remove { .. }
            | Work::AtPlatform(_) => None,
        })
        .collect();
    if creations.is_empty() {
        return Ok(Vec::new());
    }
    let ((foreign, elsewhere), present) = tokio::try_join!(foreign(shared, owner), present_networks(shared))?;
    let missing = missing_images(shared, &creations).await?;
    let mut problems = Vec::new();
    for (instance, new) in creations {
        for name in [new.name.as_str(), instance.as_str()] {
            if let Some(id) = foreign.get(name) {
                let container = format!("{name} ({id})");
                problems.push(Problem::ForeignContainer { instance: instance.clone(), container });
            }
        }
        if let Some(container) = new.labels.get(LABELS.id).and_then(|connector| elsewhere.get(connector)) {
            problems.push(Problem::AnotherManager { instance: instance.clone(), container: container.clone() });
        }
        for network in networks(&new.wanted.container, shared.network.as_deref())? {
            if !present.contains(network) {
                problems.push(Problem::MissingNetwork { instance: instance.clone(), network: network.to_owned() });
            }
        }
        if let Some(why) = missing.get(new.wanted.image.as_str()).and_then(|by| by.get(new.wanted.pull.as_str())) {
            let image = new.wanted.image.clone();
            problems.push(Problem::MissingImage { instance: instance.clone(), image, why: why.clone() });
        }
    }
    Ok(problems)
}

/// What stands in the way, by what it takes: ids of containers that are not ours by their name, and those of another
/// manager that run by the connector they run.
type InTheWay = (HashMap<String, String>, HashMap<String, String>);

async fn foreign(shared: &Shared, owner: &OwnerName) -> Result<InTheWay, EngineError> {
    let listed = shared.client.list(None).await?;
    let ours = |labels: &Option<HashMap<String, String>>| {
        labels.as_ref().and_then(|labels| labels.get(LABELS.owner)).map(String::as_str) == Some(owner.as_str())
    };
    let taken_over = |id: &Option<String>| shared.adopted.iter().any(|adopted| Some(&adopted.container) == id.as_ref());
    let mut elsewhere = HashMap::new();
    let mut named = HashMap::new();
    for listed in listed.into_iter().filter(|listed| !ours(&listed.labels)) {
        let runs = listed.state == Some(ContainerSummaryStateEnum::RUNNING) && !taken_over(&listed.id);
        let (Some(name), Some(id)) = (observe::name(listed.names), listed.id) else { continue };
        let id: String = id.chars().take(12).collect();
        if let Some(connector) = listed.labels.as_ref().and_then(|labels| labels.get(CONNECTOR)).filter(|_| runs) {
            elsewhere.insert(connector.clone(), format!("{name} ({id})"));
        }
        named.insert(name, id);
    }
    Ok((named, elsewhere))
}

/// What networks may be called by: names and ids.
async fn present_networks(shared: &Shared) -> Result<HashSet<String>, EngineError> {
    let listed = shared.client.networks().await?;
    Ok(listed.into_iter().flat_map(|network| [network.name, network.id]).flatten().collect())
}

/// Why images can't be had, by image and by pull policy.
async fn missing_images(
    shared: &Shared,
    creations: &[(&InstanceName, &NewContainer)],
) -> Result<BTreeMap<String, BTreeMap<&'static str, String>>, EngineError> {
    let mut asked: BTreeMap<String, Vec<PullPolicy>> = BTreeMap::new();
    for (_, new) in creations {
        let policies = asked.entry(new.wanted.image.clone()).or_default();
        if !policies.contains(&new.wanted.pull) {
            policies.push(new.wanted.pull);
        }
    }
    let absent: Vec<(String, Vec<PullPolicy>)> = stream::iter(asked)
        .map(|(image, policies)| async move {
            let there = is_reference(&image) && shared.ids.look(&shared.client, &image).await?.is_some();
            Ok::<_, EngineError>((!there).then_some((image, policies)))
        })
        .buffer_unordered(LOOKS)
        .try_filter_map(|absent| async move { Ok(absent) })
        .try_collect()
        .await?;
    stream::iter(absent)
        .map(|(image, policies)| async move {
            let mut problems = BTreeMap::new();
            for policy in policies {
                let problem = match policy {
                    PullPolicy::Never => Some("it is not on the engine, and its pull policy is `Never`".to_owned()),
                    PullPolicy::IfNotPresent => get(shared, &image).await?,
                    // The step pulls it before it touches anything.
                    PullPolicy::Always => None,
                };
                problems.extend(problem.map(|why| (policy.as_str(), why)));
            }
            Ok::<_, EngineError>((image, problems))
        })
        .buffer_unordered(PULLS)
        .try_collect()
        .await
}

/// Pulls an image that is missing, and says why it can't be had.
async fn get(shared: &Shared, image: &str) -> Result<Option<String>, EngineError> {
    let never = CancellationToken::new();
    match shared.pulls.pull(&shared.client, image, &|_| {}, &never).await {
        Ok(_) => {
            shared.ids.look(&shared.client, image).await?;
            Ok(None)
        }
        Err(EngineError::Image { why, .. }) => Ok(Some(why)),
        Err(error @ EngineError::Deadline { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
