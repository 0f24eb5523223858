//! Which steps of a plan the loop begins now, and which have to wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use super::{batch, memory::Loop, order};
use crate::{
    desired::Wanted,
    engine::Engine,
    model::{InstanceName, Revision},
    plan::{ContainerState, Observed, Plan, Step, Work},
    source::Source,
};

/// What a step makes a container from.
pub(super) fn made(step: &Step) -> Option<&Wanted> {
    step.work.creates().map(|new| &*new.wanted)
}

impl<S: Source + 'static, E: Engine> Loop<S, E> {
    /// The steps to begin now: not those of an instance that is being worked on, or that has to wait.
    pub(super) fn choose(&mut self, plan: &Plan, observed: &Observed) -> Vec<Step> {
        let now = Instant::now();
        let mut chosen = Vec::new();
        self.depending = self.depending(plan, observed);
        for step in &plan.steps {
            let name = &step.instance;
            // What happens at a platform is begun elsewhere; a container that needs what it gives has to wait for it.
            let awaits = step.action.is_at_platform() || made(step).is_some_and(Wanted::awaits_platform);
            if awaits || self.depending.contains_key(name) {
                continue;
            }
            if self.busy.contains_key(name) || self.failures.waits_until(name, now).is_some() {
                continue;
            }
            if !self.may_put_back(step, now) {
                continue;
            }
            let ended_by_itself = match &step.work {
                Work::Start { container, .. } => {
                    !self.by_hand.contains(container)
                        && observed
                            .of(name)
                            .any(|seen| &seen.id == container && matches!(seen.state, ContainerState::Exited(_)))
                }
                Work::Create(_)
                | Work::Replace(_)
                | Work::Recreate { .. }
                | Work::Update { .. }
                | Work::Stop { .. }
                | Work::Remove { .. }
                | Work::AtPlatform(_) => false,
            };
            if ended_by_itself && !self.at_once {
                let waited = self.waiting.contains(name);
                if !self.may_start_again(name, now) {
                    if !waited && let Some(next) = self.crashes.waits_until(name, now) {
                        let ended = observed.of(name).find(|seen| !seen.runs()).map(|seen| seen.state.describe());
                        let wait = next.duration_since(now);
                        self.past.note_crash(name, &ended.unwrap_or_default(), &plan.revision, wait);
                    }
                    continue;
                }
            }
            chosen.push(step.clone());
        }
        chosen
    }

    /// The instances that can't begin before those they depend on are healthy, or before one with their id is stopped, and what
    /// each waits for.
    fn depending(&self, plan: &Plan, observed: &Observed) -> BTreeMap<InstanceName, String> {
        let Some(desired) = &self.desired else { return BTreeMap::new() };
        let changing = self.busy.keys().chain(plan.steps.iter().map(|step| &step.instance)).collect();
        let status = self.status.borrow();
        let waits = |step: &Step| {
            let why = order::waits_for(step, (desired, observed), &status.instances, &changing)?;
            Some((step.instance.clone(), why))
        };
        plan.steps.iter().filter_map(waits).collect()
    }

    /// Whether the wait of an instance that ended by itself is over; the first question begins the wait.
    pub(super) fn may_start_again(&mut self, name: &InstanceName, now: Instant) -> bool {
        if self.waiting.insert(name.clone()) {
            let next = self.crashes.note(name, now);
            tracing::warn!(instance = %name, seconds = next.duration_since(now).as_secs(), "ended by itself; will start it again");
            return false;
        }
        let over = self.crashes.waits_until(name, now).is_none();
        if over {
            self.waiting.remove(name);
        }
        over
    }

    pub(super) fn begin(&mut self, mut steps: Vec<Step>, revision: &Revision) {
        let crashed = |name: &InstanceName| self.crashes.tries(name) > 0;
        let quiet: BTreeSet<_> = steps.iter().map(|s| s.instance.clone()).filter(|name| crashed(name)).collect();
        self.past.note_begun(&steps, revision, &quiet);
        for step in &mut steps {
            self.busy.insert(step.instance.clone(), format!("{} is being carried out", step.action.as_str()));
            self.failed.remove(&step.instance);
            match &mut step.work {
                Work::Start { container, restarts, .. } => {
                    // Whatever was done to it by hand is put right by this; what is done while it starts counts anew.
                    self.by_hand.remove(container);
                    // Every start of ours would have the engine start it again as often as it may. One that keeps ending
                    // is started by us alone, with growing waits.
                    if quiet.contains(&step.instance) {
                        *restarts = false;
                        self.pipeline.unrestartable.insert(step.instance.clone());
                    }
                }
                Work::Create(_)
                | Work::Replace(_)
                | Work::Recreate { .. }
                | Work::Update { .. }
                | Work::Stop { .. }
                | Work::Remove { .. }
                | Work::AtPlatform(_) => {}
            }
        }
        let batches = batch::by_image(steps);
        for steps in batches {
            let job = batch::Job {
                owner: self.pipeline.owner.clone(),
                engine: Arc::clone(&self.pipeline.engine),
                openers: Arc::clone(&self.pipeline.openers),
                watcher: Arc::clone(&self.options.watcher),
                slots: Arc::clone(&self.slots),
                reports: self.reports.0.clone(),
                cancel: self.cancel.clone(),
            };
            self.tasks.spawn(job.carry_out(steps));
        }
    }
}
