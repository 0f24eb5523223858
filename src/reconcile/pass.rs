//! One walk of the loop through the whole pipeline, from fresh state.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use super::{
    Depth, PassError,
    conditions::{note_empty, note_unreadable, note_words},
    memory::{ABSENT_FOR, Look, Loop, RETRY, epoch_seconds},
    reader::News,
    standing,
};
use crate::{
    desired::{DesiredState, Openers, SettingsSecrets},
    engine::{Engine, EngineError},
    model::{InstanceName, Snapshot},
    plan::{Observed, Pruning},
    platform::Connection,
    source::Source,
};

impl<S: Source + 'static, E: Engine> Loop<S, E> {
    /// One pass. What could not be read is left as it was, and the pass says so.
    pub(super) async fn pass(&mut self) -> Result<(), PassError> {
        let outcome = self.try_pass().await;
        self.retry = match (&outcome, self.retry) {
            (Ok(()), _) => None,
            (Err(_), former) => {
                let wait = former.map_or(RETRY.0, |(_, wait)| (wait * 2).min(RETRY.1));
                Some((Instant::now() + wait, wait))
            }
        };
        outcome
    }

    async fn try_pass(&mut self) -> Result<(), PassError> {
        let news = self.reader.newest();
        self.note_platforms();
        self.note_credentials();
        if let Some(snapshot) = &news.snapshot {
            self.assemble(snapshot).await?;
        }
        let Some(desired) = self.desired.clone() else { return Ok(()) };
        let mut observed = match self.observed.take() {
            Some(observed) => observed,
            None => self.pipeline.observe().await?,
        };
        self.past.date(&desired, &mut observed);
        self.died.retain(|id, _| observed.containers.iter().any(|seen| &seen.id == id && seen.runs()));
        let sites = self.platform_work.sites();
        let overlaid = self.pipeline.overlay(desired, &observed, &sites, &self.platform_work.memory);
        self.platform_work.remember(&self.pipeline.managers, overlaid.memory.clone());
        let mut conditions = overlaid.conditions.clone();
        note_unreadable(&mut conditions, &self.pipeline.openers.settings);
        let pruning = self.pruning(&overlaid.desired, &observed, &news);
        let depth = if self.deep { Depth::Fields } else { Depth::Marks };
        let planned = self.pipeline.plan_overlaid(overlaid, observed, &pruning, depth).await?;
        if std::mem::take(&mut self.deep) {
            self.forgive_drift(&planned.plan);
        }
        let revision = Some(planned.desired.revision.clone());
        if self.planned_revision != revision {
            self.planned_revision = revision;
            self.at_once = true;
        }
        if self.at_once {
            self.failures.forget_all();
            self.crashes.forget_all();
            self.drifts.forget_all();
            self.waiting.clear();
            self.platform_work.forget_waits();
        }
        for refusal in &planned.plan.refused {
            tracing::warn!(
                guard = refusal.guard,
                message = refusal.message,
                "a guard forbids what the source asks for"
            );
        }
        let steps = self.choose(&planned.plan, &planned.observed);
        self.at_once = false;
        self.platform_work.begin_steps(&planned.plan, &self.pipeline, &self.tasks);
        let idle = planned.plan.steps.is_empty() && self.busy.is_empty();
        self.begin(steps, &planned.plan.revision);
        self.past.note_held(&planned.plan, epoch_seconds());
        self.look(&planned.desired, &planned.observed).await?;
        self.restore_restarts(&planned.observed).await?;
        if idle && planned.plan.held.is_empty() && planned.plan.refused.is_empty() && news.error.is_none() {
            self.remember(&planned.plan.revision);
        }
        note_empty(&mut conditions, &self.platforms, &planned.desired, &planned.observed);
        note_words(&mut conditions, &self.platforms, &planned.desired);
        self.platform_work.note_refusals(&mut conditions);
        self.tell(&planned.desired, &planned.observed, &planned.plan, &conditions);
        if self.options.observed.receiver_count() > 0 {
            self.options.observed.send_replace(Some(planned.observed.clone()));
        }
        if self.busy.is_empty() {
            self.observed = Some(planned.observed);
        }
        Ok(())
    }

    /// Remembers the versions that the platforms give themselves: contracts are chosen by them. Where one is there that was
    /// not, what was not done there is tried at once.
    fn note_platforms(&mut self) {
        let mut up = BTreeSet::new();
        for link in &self.platforms {
            if let Connection::Up { version, .. } = &*link.reporter.connection().borrow() {
                self.pipeline.catalogs.note_version(&link.name, version);
                up.insert(link.name.clone());
            }
        }
        if !up.is_subset(&self.up) {
            self.platform_work.forget_waits();
        }
        self.up = up;
    }

    /// Uses what connectors get from the settings now, and tries again what may have failed for want of it.
    fn note_credentials(&mut self) {
        if !self.credentials.has_changed().unwrap_or_default() {
            return;
        }
        let settings = SettingsSecrets::clone(&self.credentials.borrow_and_update());
        tracing::info!(unreadable = settings.unreadable.len(), "credentials of the settings have changed");
        self.pipeline.openers = Arc::new(Openers { settings, ..Openers::clone(&self.pipeline.openers) });
        self.failures.forget_all();
        self.scrub();
        self.reader.ask();
    }

    /// Assembles a revision that is not known yet, or one that is known with other catalogs.
    async fn assemble(&mut self, snapshot: &Snapshot) -> Result<(), PassError> {
        // What changes while the catalogs are read is a change that was not seen yet.
        let catalogs = *self.catalogs.borrow_and_update();
        let known = self.desired.as_ref().is_some_and(|desired| desired.revision == snapshot.revision);
        if known && self.catalogs_read == Some(catalogs) {
            return Ok(());
        }
        let desired = self.pipeline.assemble(snapshot).await?;
        self.catalogs_read = Some(catalogs);
        tracing::info!(revision = %desired.revision, wanted = desired.wanted.len(), held = desired.held.len(),
            "read a new revision");
        for finding in &desired.findings {
            tracing::warn!(code = finding.code.as_str(), place = %finding.place, message = finding.message, "finding");
        }
        self.desired = Some(desired);
        Ok(())
    }

    /// An instance that the source lost is removed only where two readings, some time apart, both lack it.
    fn pruning(&mut self, desired: &DesiredState, observed: &Observed, news: &News) -> Pruning {
        let now = Instant::now();
        let absent = Pruning::absent(desired, observed);
        self.absent.retain(|name, _| absent.contains(name));
        for name in absent {
            self.absent.entry(name).or_insert((now, news.attempts));
        }
        let listed_again = self.platform_work.listed_again(&self.absent, observed);
        let confirmed = |(since, attempts): &(Instant, u64)| {
            news.error.is_none() && news.attempts > *attempts && now.duration_since(*since) >= ABSENT_FOR
        };
        let confirmed = self
            .absent
            .iter()
            .filter(|(name, seen)| confirmed(seen) && listed_again.contains(*name))
            .map(|(name, _)| name.clone());
        Pruning { now: epoch_seconds(), absent_before: confirmed.collect(), acknowledged: None, only: None }
    }

    /// Inspects the containers of which something may have changed.
    async fn look(&mut self, desired: &DesiredState, observed: &Observed) -> Result<(), PassError> {
        let known = |container: &crate::plan::ObservedContainer| self.live.contains_key(&container.id);
        let due: Vec<_> = observed
            .containers
            .iter()
            .filter(|container| match &self.must_look {
                Look::All => true,
                Look::Some(names) => names.contains(&container.instance) || !known(container),
            })
            .map(|container| (container.instance.clone(), container.id.clone()))
            .collect();
        let there: BTreeSet<_> = observed.containers.iter().map(|container| &container.id).collect();
        self.live.retain(|id, _| there.contains(id));
        self.secrets.retain(|id, _| there.contains(id));
        self.by_hand.retain(|id| there.contains(id));
        self.must_look = Look::Some(BTreeSet::new());
        if due.is_empty() {
            return Ok(());
        }
        let looked = standing::look(self.pipeline.engine.as_ref(), desired, due).await?;
        self.live.extend(looked.live);
        self.secrets.extend(looked.secrets);
        self.scrub();
        Ok(())
    }

    /// Has every secret that is known taken out of what containers write.
    fn scrub(&mut self) {
        let settings = self.pipeline.openers.settings.all();
        if let Err(error) = self.options.scrubber.set(self.secrets.values().flatten().chain(settings)) {
            // Without the scrubber nothing of a container's output may leave this machine.
            tracing::error!(error = &error as &dyn std::error::Error, "output of containers is not passed on");
            self.logs.mute();
        }
    }

    /// Lets the engine restart those again that kept ending and are forgiven: they ran well for long, or the source changed.
    async fn restore_restarts(&mut self, observed: &Observed) -> Result<(), PassError> {
        for name in self.crashes.forgiven(Instant::now()) {
            self.waiting.remove(&name);
        }
        let is_over = |name: &&InstanceName| self.crashes.tries(name) == 0 && !self.busy.contains_key(*name);
        let over: Vec<_> = self.pipeline.unrestartable.iter().filter(is_over).cloned().collect();
        for name in over {
            for container in observed.of(&name).filter(|container| container.runs()) {
                match self.pipeline.engine.set_restarts(&container.id, true).await {
                    Ok(()) | Err(EngineError::NoSuchContainer(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.pipeline.unrestartable.remove(&name);
        }
        Ok(())
    }
}
