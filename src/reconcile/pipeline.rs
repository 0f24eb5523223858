//! One pass up to the plan: read, assemble, observe, open what must be opened, compare.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::stream::{self, StreamExt};
use tokio::task::JoinHandle;

use super::{
    CatalogError, CatalogLoader, Credentials, Managers,
    opening::Opened,
    seen::{note_look, note_seen},
};
use crate::{
    catalog::Catalogs,
    desired::{self, Context, DesiredState, Openers},
    engine::{Engine, EngineError},
    manifest,
    model::{Cited, Commit, InstanceName, OwnerName, Snapshot},
    plan::{self, Digests, Observed, Plan, PruneRules, Pruning, Step},
    source::{Source, SourceError},
};

/// How many containers are looked at closely at once.
pub(super) const LOOKS: usize = 8;

/// Why a pass ended before it had a plan.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The source could not be read.
    #[error("failed to read the source")]
    Source(#[from] SourceError),
    /// A catalog could not be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The engine could not be asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Whether secrets can be opened here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// They are opened where needed; one that can't be holds its instance.
    Opened,
    /// What can't be opened here, for want of an identity or a token, counts as changed where its sealed form did.
    Sealed,
}

/// A plan together with what it was made from.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is wanted; instances whose secrets can't be opened are held in it.
    pub desired: Arc<DesiredState>,
    /// What is observed.
    pub observed: Observed,
    /// What has to happen.
    pub plan: Plan,
}

impl Planned {
    /// Adds what has to happen at the platforms, but for instances that are held or not asked for.
    pub fn add(&mut self, at_platforms: Vec<Step>, only: Option<&BTreeSet<InstanceName>>) {
        let held: BTreeSet<_> = self.plan.held.iter().map(|held| &held.instance).collect();
        let chosen = |name: &InstanceName| !held.contains(name) && only.is_none_or(|only| only.contains(name));
        let steps: Vec<_> = at_platforms.into_iter().filter(|step| chosen(&step.instance)).collect();
        let named: BTreeSet<_> = steps.iter().map(|step| step.instance.clone()).collect();
        self.plan.untouched.retain(|name| !named.contains(name));
        self.plan.steps.extend(steps);
        // A registration stands before the container that needs it.
        self.plan
            .steps
            .sort_by(|a, b| (&a.instance, !a.action.is_at_platform()).cmp(&(&b.instance, !b.action.is_at_platform())));
    }
}

/// Everything a pass needs besides the source and the engine themselves.
pub struct Pipeline<S, E> {
    /// Who we are on the engine.
    pub owner: OwnerName,
    /// Where manifests come from.
    pub source: Arc<S>,
    /// What runs containers.
    pub engine: Arc<E>,
    /// The catalogs.
    pub catalogs: CatalogLoader,
    /// What the settings say about platforms, policy and network.
    pub context: Context,
    /// What secrets are opened with.
    pub openers: Arc<Openers>,
    /// Whether there is anything to open them with.
    pub secrets: Secrets,
    /// The rules for removals.
    pub rules: PruneRules,
    /// The platforms that have us manage their connectors.
    pub managers: Managers,
    /// Where the operator keeps what connectors get.
    pub credentials: Credentials,
    /// The instances that the engine may not restart by itself now, since they kept ending: that is our doing.
    pub unrestartable: BTreeSet<InstanceName>,
}

impl<S: Source, E: Engine> Pipeline<S, E> {
    /// Reads the source and says what it wants.
    ///
    /// # Errors
    /// Where the source or a catalog can't be read; broken manifests are findings, not errors.
    pub async fn desired(&self) -> Result<DesiredState, PassError> {
        let snapshot = self.source.snapshot().await?;
        self.assemble(&snapshot).await
    }

    /// Says what a snapshot wants.
    ///
    /// # Errors
    /// Where a catalog can't be read.
    pub async fn assemble(&self, snapshot: &Snapshot) -> Result<DesiredState, PassError> {
        let (reading, catalogs) = read(snapshot, &self.catalogs).await;
        Ok(desired::assemble(reading, snapshot, &catalogs?, &self.context))
    }

    /// Lists our containers.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    pub async fn observe(&self) -> Result<Observed, PassError> {
        Ok(self.engine.observe(&self.owner).await?)
    }

    /// Begins to list our containers at once, beside whatever is done until the list is waited for.
    pub fn observe_beside(&self) -> impl Future<Output = Result<Observed, PassError>> + use<S, E> {
        let (engine, owner) = (Arc::clone(&self.engine), self.owner.clone());
        let listing = tokio::spawn(async move { engine.observe(&owner).await });
        async move { Ok(outcome(listing).await?) }
    }

    /// Compares what is wanted with what is observed, opening and looking only where something seems to have changed.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    pub async fn plan(
        &self,
        mut desired: DesiredState,
        mut observed: Observed,
        pruning: &Pruning,
    ) -> Result<Planned, PassError> {
        let (digests, opened) = self.open_changed(&mut desired, &observed);
        self.look(&desired, &mut observed, &digests, &opened).await?;
        Ok(self.compare(desired, observed, &digests, pruning))
    }

    /// The same without any look at the engine, for containers that were observed elsewhere.
    pub fn plan_unlooked(&self, mut desired: DesiredState, mut observed: Observed, pruning: &Pruning) -> Planned {
        let (digests, _) = self.open_changed(&mut desired, &observed);
        let changing = plan::needs_digest(&desired, &observed, &digests);
        note_seen(&mut observed, &changing);
        self.compare(desired, observed, &digests, pruning)
    }

    /// Adds to the reasons of a plan which commits wrote the lines they name, as far as the source knows.
    pub async fn cite(&self, planned: &mut Planned) {
        let revision = planned.plan.revision.clone();
        cite(&mut planned.plan, async |lines| self.source.blame(&revision, lines).await).await;
    }

    pub(super) fn compare(
        &self,
        desired: DesiredState,
        observed: Observed,
        digests: &Digests,
        pruning: &Pruning,
    ) -> Planned {
        let mut plan = plan::diff(&self.owner, &desired, &observed, digests, &self.rules, pruning);
        plan.keep_only(pruning);
        Planned { desired: Arc::new(desired), observed, plan }
    }

    pub(super) async fn look(
        &self,
        desired: &DesiredState,
        observed: &mut Observed,
        digests: &Digests,
        opened: &Opened,
    ) -> Result<(), EngineError> {
        let ids: Vec<_> =
            plan::needs_look(desired, observed, digests).into_iter().map(|container| container.id.clone()).collect();
        let looks = stream::iter(ids).map(async |id| (self.engine.inspect(&id).await, id));
        let looks: Vec<_> = looks.buffer_unordered(LOOKS).collect().await;
        for (look, id) in looks {
            let inspected = match look {
                Ok(inspected) => inspected,
                // It went between the list and the look; the next pass will not see it.
                Err(EngineError::NoSuchContainer(_)) => {
                    observed.containers.retain(|container| container.id != id);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(container) = observed.containers.iter_mut().find(|container| container.id == id) {
                let wanted = desired.wanted.get(&container.instance);
                let env = opened.get(&container.instance).and_then(Option::as_ref);
                note_look(container, &inspected, wanted.map(AsRef::as_ref), env);
                container.was_stopped &= !self.unrestartable.contains(&container.instance);
            }
        }
        Ok(())
    }
}

/// Adds to the reasons of a plan which commits wrote the lines they name, as far as `blame` knows.
pub async fn cite(plan: &mut Plan, blame: impl AsyncFnOnce(&[Cited]) -> BTreeMap<Cited, Commit>) {
    let lines = plan::cited(plan.steps.iter().flat_map(|step| &step.reasons));
    if !lines.is_empty() {
        let commits = blame(&lines).await;
        plan::cite(plan.steps.iter_mut().flat_map(|step| &mut step.reasons), &commits);
    }
}

/// Reads the manifests of a snapshot and, beside that, the catalogs: both take long, and neither needs the other.
pub async fn read(
    snapshot: &Snapshot,
    catalogs: &CatalogLoader,
) -> (manifest::Reading, Result<Catalogs, CatalogError>) {
    let (_, reading, catalogs) = parse(snapshot, catalogs).await;
    (reading, catalogs)
}

/// The same, and the manifests as trees, for another snapshot that is much like this one.
pub async fn parse(
    snapshot: &Snapshot,
    catalogs: &CatalogLoader,
) -> (manifest::Parsed, manifest::Reading, Result<Catalogs, CatalogError>) {
    // Clones no content: files are shared.
    let files = snapshot.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let parsed = manifest::Parsed::of(&files);
        let reading = parsed.read();
        (parsed, reading)
    });
    let catalogs = catalogs.load(snapshot).await;
    let (parsed, reading) = outcome(reading).await;
    (parsed, reading, catalogs)
}

/// What a task comes to.
async fn outcome<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending, and so is whoever waits for this.
            Err(_) => std::future::pending().await,
        },
    }
}
