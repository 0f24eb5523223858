//! Keeps the loop from putting back for ever what never stays as it is put.

use std::{collections::BTreeSet, time::Instant};

use super::memory::Loop;
use crate::{
    engine::Engine,
    plan::{self, Plan, Step},
    source::Source,
};

/// How often in a row the same instance is put back before it is left to a person.
const TRIES: u32 = 3;

impl<S: Source + 'static, E: Engine> Loop<S, E> {
    /// Whether a step may be begun as far as drift is concerned: at once at first, then with growing waits, then not.
    pub(super) fn may_put_back(&mut self, step: &Step, now: Instant) -> bool {
        let name = &step.instance;
        if !plan::is_drift(step) {
            return true;
        }
        let fields = || step.reasons.iter().map(|reason| reason.field.as_str()).collect::<Vec<_>>().join(", ");
        if self.drifts.tries(name) >= TRIES {
            tracing::error!(
                instance = %name, fields = fields(),
                "what was changed by hand does not stay put back; it is left as it is until its manifest changes"
            );
            return false;
        }
        if self.drifts.waits_until(name, now).is_some() {
            return false;
        }
        self.drifts.note(name, now);
        tracing::warn!(instance = %name, fields = fields(), "somebody changed a container; it is put back");
        true
    }

    /// Forgets the instances in which a look at everything has found nothing to put back.
    pub(super) fn forgive_drift(&mut self, plan: &Plan) {
        let drifted: BTreeSet<_> =
            plan.steps.iter().filter(|step| plan::is_drift(step)).map(|step| &step.instance).collect();
        for name in plan.untouched.iter().filter(|name| !drifted.contains(name)) {
            self.drifts.forget(name);
        }
    }
}
