//! What the loop says of a pass: to the state folder, the status and the platforms.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use super::{
    State,
    conditions::platforms,
    memory::{Loop, epoch_seconds},
    standing,
};
use crate::{
    desired::DesiredState,
    engine::Engine,
    managed::Conditions,
    model::{InstanceName, Revision},
    plan::{Observed, Plan},
    report::{self, Facts, Note, Phase},
    source::Source,
};

impl<S: Source + 'static, E: Engine> Loop<S, E> {
    pub(super) fn remember(&mut self, revision: &Revision) {
        let full = revision.full();
        if self.applied.as_ref() == Some(&full) {
            return;
        }
        self.applied = Some(full);
        tracing::info!(revision = %revision, "everything is as the source wants it");
        if let Err(error) = (State { applied: self.applied.clone() }).write(&self.options.state) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the applied revision is not remembered");
        }
    }

    pub(super) fn tell(&mut self, desired: &DesiredState, observed: &Observed, plan: &Plan, conditions: &Conditions) {
        let mut notes: BTreeMap<InstanceName, Note> = BTreeMap::new();
        let now = Instant::now();
        for name in desired.wanted.keys() {
            let starts = self.crashes.tries(name);
            if starts > 0 {
                let message = match self.crashes.waits_until(name, now) {
                    Some(next) => {
                        let seconds = next.duration_since(now).as_secs() + 1;
                        format!("keeps ending by itself; the next start is in {seconds} s")
                    }
                    None => "kept ending by itself; it was started again".to_owned(),
                };
                notes.insert(name.clone(), Note::CrashLoop { starts, message });
            }
        }
        notes.extend(self.platform_work.failures());
        notes.extend(self.failed.iter().map(|(name, why)| (name.clone(), Note::Failed(why.clone()))));
        notes.extend(self.busy.iter().map(|(name, what)| (name.clone(), Note::Changing(what.clone()))));
        let waiting = self.depending.iter().filter(|(name, _)| !notes.contains_key(*name));
        let waiting: Vec<_> = waiting.map(|(name, why)| (name.clone(), Note::Changing(why.clone()))).collect();
        notes.extend(waiting);
        let facts = Facts {
            now: epoch_seconds(),
            applied: self.applied.clone(),
            live: self.live.clone(),
            notes,
            heard: standing::heard(&self.platforms, desired, observed, &self.live),
            at_platform: standing::work_at_platforms(&self.platforms, desired),
            platforms: platforms(&self.platforms, conditions),
        };
        let report = report::of(desired, observed, Some(plan), &facts);
        self.settles = standing::next_settling(desired, &report, facts.now);
        self.logs.watch(&self.pipeline.engine, &report, !self.platforms.is_empty(), &self.tasks);
        self.known.extend(desired.wanted.iter().map(|(name, wanted)| (name.clone(), Arc::clone(wanted))));
        let there: BTreeSet<_> = report.instances.iter().map(|status| &status.name).collect();
        self.known.retain(|name, _| there.contains(name));
        for link in &self.platforms {
            link.tell(&self.known, &report, &self.logs);
        }
        for instance in report.instances.iter().filter(|instance| instance.phase == Phase::Failed) {
            tracing::debug!(instance = %instance.name, message = instance.message, "stands");
        }
        self.status.send_replace(report);
    }
}
