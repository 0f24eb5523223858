//! The loop's side of its managed platforms: what they say, and what is under way there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use futures_util::future::select_all;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{AtPlatformError, Managers, at_platform, keeper::Keeper};
use crate::{
    engine::Engine,
    managed::{Conditions, Memory, Site},
    model::{Condition, ConnectorId, InstanceName, PlatformName},
    plan::{Observed, Plan, PlatformWork, Step, Work},
    platform::ChangeMarks,
    reconcile::{Pipeline, PlatformLink, backoff::Backoff},
    report::Note,
    source::Source,
};

/// How many things are done at platforms at a time.
const AT_ONCE: usize = 4;

/// How something at a platform ended.
#[derive(Debug)]
pub(in crate::reconcile) struct AtPlatformReport {
    instance: InstanceName,
    platform: PlatformName,
    result: Result<(), AtPlatformError>,
}

/// Something that was not done at a platform.
struct Failed {
    platform: PlatformName,
    why: String,
    /// What that is called, where the platform is why.
    condition: Option<Condition>,
}

/// Everything that the loop knows of its managed platforms.
pub(in crate::reconcile) struct PlatformWorks {
    /// What is remembered of their instances.
    pub(in crate::reconcile) memory: Memory,
    keepers: Vec<Keeper>,
    /// How many listings of each platform were read.
    listings: BTreeMap<PlatformName, u64>,
    /// When the newest listing of each platform was asked for.
    asked: BTreeMap<PlatformName, Instant>,
    /// When something last ended for an instance, well or not: only a listing asked for after that shows what came of it.
    ended: BTreeMap<InstanceName, Instant>,
    /// For instances that a platform lists no more: how many listings had been read when that was first seen.
    missing: BTreeMap<InstanceName, (PlatformName, u64)>,
    busy: BTreeSet<InstanceName>,
    failed: BTreeMap<InstanceName, Failed>,
    tries: Backoff,
    marks: BTreeMap<PlatformName, ChangeMarks>,
    slots: Arc<Semaphore>,
    reports: (mpsc::UnboundedSender<AtPlatformReport>, mpsc::UnboundedReceiver<AtPlatformReport>),
}

impl PlatformWorks {
    /// Begins to keep every platform.
    pub(in crate::reconcile) fn begin(
        managers: &Managers,
        platforms: &[PlatformLink],
        tasks: &TaskTracker,
        cancel: &CancellationToken,
    ) -> Self {
        let links = managers.links.iter().cloned().map(|link| {
            let connection = platforms.iter().find(|platform| platform.name == link.name);
            (link, connection.map(|platform| platform.reporter.connection()))
        });
        Self {
            memory: managers.memory(),
            keepers: links.map(|(link, connection)| Keeper::begin(link, connection, tasks, cancel.clone())).collect(),
            listings: BTreeMap::new(),
            asked: BTreeMap::new(),
            ended: BTreeMap::new(),
            missing: BTreeMap::new(),
            busy: BTreeSet::new(),
            failed: BTreeMap::new(),
            tries: Backoff::default(),
            marks: platforms.iter().map(|platform| (platform.name.clone(), platform.reporter.marks())).collect(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            reports: mpsc::unbounded_channel(),
        }
    }

    /// The platforms as they were last seen.
    pub(in crate::reconcile) fn sites(&mut self) -> Vec<Site> {
        let news: Vec<_> = self.keepers.iter_mut().map(Keeper::newest).collect();
        self.listings = news.iter().map(|news| (news.site.name.clone(), news.listings)).collect();
        self.asked = news.iter().filter_map(|news| Some((news.site.name.clone(), news.asked?))).collect();
        news.into_iter().map(|news| news.site).collect()
    }

    /// Remembers what a pass has found.
    pub(in crate::reconcile) fn remember(&mut self, managers: &Managers, memory: Memory) {
        managers.remember(&self.memory, &memory);
        self.memory = memory;
    }

    /// Those of the absent instances that no platform need list again before they are removed.
    pub(in crate::reconcile) fn listed_again<T>(
        &mut self,
        absent: &BTreeMap<InstanceName, T>,
        observed: &Observed,
    ) -> BTreeSet<InstanceName> {
        self.missing.retain(|name, _| absent.contains_key(name));
        for name in absent.keys() {
            let platform = observed.of(name).filter(|container| container.is_of_platform());
            let platform = platform.filter_map(|container| PlatformName::try_from(container.platform.as_deref()?).ok());
            if let Some((platform, count)) =
                platform.filter_map(|platform| Some((platform.clone(), *self.listings.get(&platform)?))).next()
            {
                self.missing.entry(name.clone()).or_insert((platform, count));
            }
        }
        let again = |name: &&InstanceName| {
            self.missing.get(*name).is_none_or(|(platform, count)| self.listings.get(platform) > Some(count))
        };
        absent.keys().filter(again).cloned().collect()
    }

    /// Resolves when a platform has news, or when something there has ended. Cancel-safe: both are kept.
    pub(in crate::reconcile) async fn woken(&mut self) -> Option<AtPlatformReport> {
        let changes: Vec<_> = self.keepers.iter_mut().map(|keeper| Box::pin(keeper.changed())).collect();
        if changes.is_empty() {
            return std::future::pending().await;
        }
        tokio::select! {
            report = self.reports.1.recv() => report,
            _ = select_all(changes) => None,
        }
    }

    /// Asks every platform for another listing now.
    pub(in crate::reconcile) fn ask(&self) {
        self.keepers.iter().for_each(Keeper::ask);
    }

    /// Notes how something at a platform ended, and asks for what it made of it.
    pub(in crate::reconcile) fn note(&mut self, report: AtPlatformReport) {
        let AtPlatformReport { instance, platform, result } = report;
        self.busy.remove(&instance);
        // One that seemed to succeed and is found to have changed nothing is not tried again at once either.
        self.tries.note(&instance, Instant::now());
        self.ended.insert(instance.clone(), Instant::now());
        match result {
            Ok(()) => {
                self.failed.remove(&instance);
            }
            Err(error) => {
                let why = error.to_string();
                tracing::warn!(instance = %instance, error = why, "not done at the platform; it is tried again");
                let condition = match &error {
                    AtPlatformError::Platform(error) => Some(error.failure.condition()),
                    AtPlatformError::Secret(_) => None,
                };
                self.failed.insert(instance, Failed { platform: platform.clone(), why, condition });
            }
        }
        let keeper = self.keepers.iter().find(|keeper| keeper.link.name == platform);
        keeper.into_iter().for_each(Keeper::ask);
    }

    /// What the reports say of instances that something was not done for.
    pub(in crate::reconcile) fn failures(&self) -> impl Iterator<Item = (InstanceName, Note)> {
        let note = |failed: &Failed| Note::Failed(format!("at its platform: {}", failed.why));
        self.failed.iter().map(move |(name, failed)| (name.clone(), note(failed)))
    }

    /// Adds what platforms refuse to do for instances.
    pub(in crate::reconcile) fn note_refusals(&self, conditions: &mut Conditions) {
        for (name, failed) in &self.failed {
            let Some(condition) = failed.condition else { continue };
            let of_platform = conditions.entry(failed.platform.clone()).or_default();
            of_platform.entry(condition).or_insert_with(|| format!("{name}: {}", failed.why));
        }
    }

    /// When something is tried again.
    pub(in crate::reconcile) fn next(&self, now: Instant) -> Option<Instant> {
        self.tries.next(now)
    }

    /// Tries everything at once that has to wait.
    pub(in crate::reconcile) fn forget_waits(&mut self) {
        self.tries.forget_all();
    }

    /// Begins what a plan wants done at platforms, but for what is under way or has to wait.
    pub(in crate::reconcile) fn begin_steps<S: Source + 'static, E: Engine>(
        &mut self,
        plan: &Plan,
        pipeline: &Pipeline<S, E>,
        tasks: &TaskTracker,
    ) {
        let now = Instant::now();
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.action.is_at_platform()).collect();
        let named: BTreeSet<_> = steps.iter().map(|step| &step.instance).collect();
        self.failed.retain(|name, _| named.contains(name));
        let settled: Vec<_> =
            self.memory.instances.keys().map(|(_, name)| name).filter(|name| !named.contains(name)).collect();
        for name in settled {
            self.tries.forget(name);
        }
        for step in steps {
            let name = &step.instance;
            let Work::AtPlatform(work) = &step.work else { continue };
            let ended = self.ended.get(name);
            let unseen = ended.is_some_and(|ended| self.asked.get(&work.platform).is_none_or(|asked| asked < ended));
            let waits = unseen || self.busy.contains(name) || self.tries.waits_until(name, now).is_some();
            let link = pipeline.managers.links.iter().find(|link| link.name == work.platform);
            // Its container goes first: what it still does belongs to the state that goes with it.
            let too_early = matches!(work.work, PlatformWork::Delete { .. })
                && plan.steps.iter().any(|other| other.instance == *name && !other.action.is_at_platform());
            let (Some(link), false) = (link, waits || too_early) else { continue };
            self.busy.insert(name.clone());
            let (link, work, name) = (link.clone(), work.clone(), name.clone());
            let (openers, reports, slots) =
                (Arc::clone(&pipeline.openers), self.reports.0.clone(), Arc::clone(&self.slots));
            let action = step.action.as_str();
            let mark = self.marks.get(&work.platform).zip(changed(&work.work)).map(|(marks, id)| marks.change(id));
            tasks.spawn(async move {
                let _mark = mark;
                let Ok(_slot) = slots.acquire().await else { return };
                let result = at_platform(&link, &openers, &work).await;
                if result.is_ok() {
                    tracing::info!(instance = %name, platform = %work.platform, action, "carried out a step at the platform");
                }
                let report = AtPlatformReport { instance: name, platform: work.platform.clone(), result };
                if reports.send(report).is_err() {
                    tracing::debug!("the loop has ended before a step at a platform did");
                }
            });
        }
    }
}

/// The connector that something at a platform changes, where it is there already.
fn changed(work: &PlatformWork) -> Option<ConnectorId> {
    match work {
        PlatformWork::Edit { id, .. } | PlatformWork::Migrate { id, .. } => Some(*id),
        PlatformWork::Add(_) | PlatformWork::Delete { .. } => None,
    }
}
