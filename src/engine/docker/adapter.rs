//! The Docker Engine behind the seam.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use futures_util::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use super::{
    apply::Job,
    body::{restarts_allowed, restarts_forbidden},
    client::Client,
    company::Company,
    config::DockerConfig,
    image_ids::ImageIds,
    inspect::{Images, inspect},
    observe::observe,
    other_manager,
    preflight::preflight,
    pull::{Pulls, is_reference},
    registry::missing_layers,
    streams, touches,
};
use crate::{
    engine::{
        Adopted, Engine, EngineError, EngineEvent, ForeignManaged, Gate, Inspected, LocalImage, LogLine, OpenedEnv,
        Outcome, Problem, Progress, Touch,
    },
    model::{OwnerName, PlatformKind},
    plan::{ContainerId, Layer, Observed, Plan, Step},
};

/// What every call of one engine shares.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) pulls: Pulls,
    pub(super) network: Option<String>,
    /// Who else says whether a new container is healthy.
    pub(super) gate: OnceLock<Arc<dyn Gate>>,
    pub(super) adopted: Vec<Adopted>,
    /// Who else works as the same owner.
    pub(super) company: Company,
    images: Images,
    /// The ids of images by reference, as they were when they were last looked at.
    pub(super) ids: ImageIds,
}

/// How many steps at a time Docker serves best, measured: more than eight at a time are not done sooner.
pub const RECOMMENDED_CONCURRENCY: usize = 8;

/// A Docker Engine; clones are the same connection.
///
/// Every future may be dropped at any point: the engine finishes the call in hand, and the next pass resumes from there.
#[derive(Clone)]
pub struct DockerEngine {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for DockerEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DockerEngine({})", self.shared.client.host)
    }
}

impl DockerEngine {
    /// Reaches an engine and agrees on a version of its API, from that of Engine 20.10 (1.41) on.
    ///
    /// # Errors
    /// Where it can't be reached, does not answer in time, or is too old.
    pub async fn connect(config: DockerConfig) -> Result<Self, EngineError> {
        let client = Client::connect(&config).await?;
        let pulls = Pulls::new(config.registries);
        let shared = Shared {
            client,
            pulls,
            network: config.network,
            adopted: config.adopted,
            company: Company::new(config.maker),
            gate: OnceLock::new(),
            images: Images::default(),
            ids: ImageIds::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The containers that another connector manager, named by the id that it has at its platform, made for a kind of
    /// platform; they are only looked at.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    pub async fn managed_by(&self, manager: &str, kind: PlatformKind) -> Result<Vec<ForeignManaged>, EngineError> {
        other_manager::managed_by(&self.shared.client, manager, kind).await
    }

    /// Has a new container count as healthy only where this gate says so too; the first one that is set counts.
    pub fn set_gate(&self, gate: Arc<dyn Gate>) {
        self.shared.gate.get_or_init(|| gate);
    }
}

impl Engine for DockerEngine {
    async fn observe(&self, owner: &OwnerName) -> Result<Observed, EngineError> {
        let Shared { client, adopted, company, .. } = &*self.shared;
        observe(client, owner, adopted, company).await
    }

    async fn inspect(&self, container: &ContainerId) -> Result<Inspected, EngineError> {
        let Shared { client, images, network, .. } = &*self.shared;
        inspect(client, images, &container.0, network.as_deref()).await
    }

    async fn preflight(&self, owner: &OwnerName, plan: &Plan) -> Result<Vec<Problem>, EngineError> {
        preflight(&self.shared, owner, plan).await
    }

    async fn apply(
        &self,
        step: &Step,
        env: Option<&OpenedEnv>,
        progress: &(dyn Fn(Progress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Outcome, EngineError> {
        Job { shared: &self.shared, progress, cancel }.run(step, env).await
    }

    fn logs(
        &self,
        container: &ContainerId,
        tail: u32,
        follow: bool,
    ) -> BoxStream<'static, Result<LogLine, EngineError>> {
        streams::logs(self.shared.client.clone(), &container.0, tail, follow)
    }

    fn events(&self, owner: &OwnerName) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
        streams::events(&self.shared.client, owner, &self.shared.adopted)
    }

    async fn set_restarts(&self, container: &ContainerId, allowed: bool) -> Result<(), EngineError> {
        let policy = if allowed { restarts_allowed() } else { restarts_forbidden() };
        self.shared.client.restart_policy(&container.0, policy).await
    }

    async fn image(&self, image: &str) -> Result<Option<LocalImage>, EngineError> {
        if is_reference(image) { self.shared.ids.look(&self.shared.client, image).await } else { Ok(None) }
    }

    async fn touches(&self, since: i64) -> Result<Vec<Touch>, EngineError> {
        touches::touches(&self.shared.client, since).await
    }

    async fn missing_layers(&self, images: &[String]) -> BTreeMap<String, Vec<Layer>> {
        missing_layers(&self.shared, images).await
    }

    async fn about(&self) -> Result<(String, Duration), EngineError> {
        let asked = Instant::now();
        let version = self.shared.client.version().await?;
        let took = asked.elapsed();
        let api = self.shared.client.docker.client_version();
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let name = version.platform.map_or_else(|| "Docker Engine".to_owned(), |platform| platform.name);
        let name = if name.is_empty() { "Docker Engine" } else { &name };
        let (number, host) = (known(version.version), &self.shared.client.host);
        let (major, minor) = (api.major_version, api.minor_version);
        Ok((format!("{name} {number} (API {major}.{minor}) at {host}"), took))
    }
}
