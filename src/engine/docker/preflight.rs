//! Looks for everything that would make a plan fail, before anything is touched.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{adapter::Shared, body::networks, observe, other_manager, pull::is_reference};
use crate::{
    engine::{EngineError, Problem},
    model::{InstanceName, OwnerName, PullPolicy},
    plan::{LABELS, NewContainer, Plan, Work},
};

/// How many images are looked at at a time.
const LOOKS: usize = 8;
/// How many images are pulled at a time.
const PULLS: usize = 3;

/// Every problem of the steps that create or start a container, in the order of the steps.
///
/// Images that are missing and may be pulled only then are pulled here, so that a registry that fails leaves everything as
/// it was.
pub(super) async fn preflight(shared: &Shared, owner: &OwnerName, plan: &Plan) -> Result<Vec<Problem>, EngineError> {
    if !plan.steps.iter().any(|step| step.work.begins_a_run()) {
        return Ok(Vec::new());
    }
    let creations: Vec<_> = plan.steps.iter().filter_map(|step| Some((&step.instance, step.work.creates()?))).collect();
    let (around, present) = tokio::try_join!(Around::look(shared, owner), present_networks(shared))?;
    let missing = missing_images(shared, &creations).await?;
    let mut problems = Vec::new();
    for step in &plan.steps {
        let instance = &step.instance;
        if let Work::Start { container, .. } = &step.work {
            let connector = around.connectors.get(&container.0);
            problems.extend(connector.and_then(|connector| around.another(connector, instance, &[])));
        }
        let Some(new) = step.work.creates() else { continue };
        let names = [new.name.as_str(), instance.as_str()];
        let connector = new.labels.get(LABELS.id);
        match connector.and_then(|connector| around.another(connector, instance, &names)) {
            Some(problem) => problems.push(problem),
            None => problems.extend(names.iter().filter_map(|name| around.foreign(name, instance))),
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

/// Everything on the engine that can stand in the way.
#[derive(Default)]
struct Around {
    /// The shortened ids of containers that are not ours, by name.
    foreign: HashMap<String, String>,
    /// Containers of another manager by the connector they are for: the name, the shortened id, whether it is alive.
    elsewhere: HashMap<String, Vec<(String, String, bool)>>,
    /// The connectors of our own containers, by the container's id.
    connectors: HashMap<String, String>,
}

impl Around {
    async fn look(shared: &Shared, owner: &OwnerName) -> Result<Self, EngineError> {
        let mut around = Self::default();
        for listed in shared.client.list(None).await? {
            let Some(id) = listed.id.clone() else { continue };
            let label = |name: &str| listed.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
            if label(LABELS.owner).as_deref() == Some(owner.as_str()) {
                around.connectors.extend(label(LABELS.id).map(|connector| (id, connector)));
                continue;
            }
            if let Some(taken_over) = shared.adopted.iter().find(|adopted| adopted.container == id) {
                around.connectors.insert(id, taken_over.id.clone());
                continue;
            }
            let Some(name) = observe::name(listed.names.clone()) else { continue };
            let short: String = id.chars().take(12).collect();
            if let Some(connector) = other_manager::connector(&shared.client, &listed).await? {
                let alive = other_manager::is_alive(&listed);
                around.elsewhere.entry(connector).or_default().push((name.clone(), short.clone(), alive));
            }
            around.foreign.insert(name, short);
        }
        Ok(around)
    }

    /// That another manager runs a connector, or that its container for it has one of these names.
    fn another(&self, connector: &str, instance: &InstanceName, names: &[&str]) -> Option<Problem> {
        let others = self.elsewhere.get(connector)?;
        let (name, id, _) = others.iter().find(|(name, _, alive)| *alive || names.contains(&name.as_str()))?;
        Some(Problem::AnotherManager { instance: instance.clone(), container: format!("{name} ({id})") })
    }

    /// That a container which is not ours has a name.
    fn foreign(&self, name: &str, instance: &InstanceName) -> Option<Problem> {
        let id = self.foreign.get(name)?;
        Some(Problem::ForeignContainer { instance: instance.clone(), container: format!("{name} ({id})") })
    }
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
