//! Which steps of a plan the loop begins now, and which have to wait.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use super::{batch, memory::Loop};
use crate::{
    desired::Wanted,
    engine::Engine,
    model::InstanceName,
    plan::{ContainerState, Observed, Plan, Step, Work},
    source::Source,
};

/// What a step makes a container from.
pub(super) fn made(step: &Step) -> Option<&Wanted> {
    match &step.work {
        Work::Create(new) | Work::Recreate { new, .. } => Some(&new.wanted),
        Work::Replace(replacement) => Some(&replacement.new.wanted),
        Work::Start { .. } | Work::Stop { .. } | Work::Remove { .. } | Work::AtPlatform(_) => None,
    }
}

impl<S: Source + 'static, E: Engine> Loop<S, E> {
    /// The steps to begin now: not those of an instance that is being worked on, or that has to wait.
    pub(super) fn choose(&mut self, plan: &Plan, observed: &Observed) -> Vec<Step> {
        let now = Instant::now();
        let mut chosen = Vec::new();
        for step in &plan.steps {
            let name = &step.instance;
            // What happens at a platform is begun elsewhere; a container that needs what it gives has to wait for it.
            if step.action.is_at_platform() || made(step).is_some_and(Wanted::awaits_platform) {
                continue;
            }
            if self.busy.contains_key(name) || self.failures.waits_until(name, now).is_some() {
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
                | Work::Stop { .. }
                | Work::Remove { .. }
                | Work::AtPlatform(_) => false,
            };
            if ended_by_itself && !self.at_once && !self.may_start_again(name, now) {
                continue;
            }
            chosen.push(step.clone());
        }
        chosen
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

    pub(super) fn begin(&mut self, steps: Vec<Step>) {
        for step in &steps {
            self.busy.insert(step.instance.clone(), format!("{} is being carried out", step.action.as_str()));
            self.failed.remove(&step.instance);
            match &step.work {
                // Whatever was done to it by hand is put right by this; what is done while it starts counts anew.
                Work::Start { container, .. } => {
                    self.by_hand.remove(container);
                }
                Work::Create(_)
                | Work::Replace(_)
                | Work::Recreate { .. }
                | Work::Stop { .. }
                | Work::Remove { .. }
                | Work::AtPlatform(_) => {}
            }
        }
        let crashed = |name: &InstanceName| self.crashes.tries(name) > 0;
        let quiet: BTreeSet<_> = steps.iter().map(|s| s.instance.clone()).filter(|name| crashed(name)).collect();
        self.unrestartable.extend(quiet.iter().cloned());
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
                quiet: quiet.clone(),
            };
            self.tasks.spawn(job.carry_out(steps));
        }
    }
}
