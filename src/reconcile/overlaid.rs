//! Lays what the platforms keep over what the source wants, and plans for both.

use super::{Depth, PassError, Pipeline, Planned};
use crate::{
    desired::DesiredState,
    engine::Engine,
    managed::{self, Gone, Memory, Overlaid, Site},
    plan::{Observed, Pruning, Refusal, Step},
    source::Source,
};

impl<S: Source, E: Engine> Pipeline<S, E> {
    /// Lays what the platforms keep over what the source wants, after one look at each; `register` makes us known there
    /// as their manager.
    pub async fn overlaid(&self, desired: DesiredState, observed: &Observed, register: bool) -> Overlaid {
        let memory = self.managers.memory();
        let sites = self.managers.look(register, observed, &memory).await;
        self.overlay(desired, observed, &sites, &memory)
    }

    /// The same, after looks that were had before.
    pub fn overlay(&self, desired: DesiredState, observed: &Observed, sites: &[Site], memory: &Memory) -> Overlaid {
        self.managers.overlay(desired, observed, sites, memory, (&self.context, &self.openers))
    }

    /// [`Self::plan_at`] with what has to happen at the platforms.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    pub async fn plan_overlaid(
        &self,
        overlaid: Overlaid,
        observed: Observed,
        pruning: &Pruning,
        depth: Depth,
    ) -> Result<Planned, PassError> {
        let Overlaid { desired, steps, refused, gone, .. } = overlaid;
        let mut planned = self.plan_at(depth, desired, observed, pruning).await?;
        self.date_drift(&mut planned).await;
        self.add_platforms(&mut planned, (steps, refused, gone), pruning);
        Ok(planned)
    }

    /// [`Self::plan_unlooked`] with what has to happen at the platforms.
    pub fn plan_overlaid_unlooked(&self, overlaid: Overlaid, observed: Observed, pruning: &Pruning) -> Planned {
        let Overlaid { desired, steps, refused, gone, .. } = overlaid;
        let mut planned = self.plan_unlooked(desired, observed, pruning);
        self.add_platforms(&mut planned, (steps, refused, gone), pruning);
        planned
    }

    fn add_platforms(
        &self,
        planned: &mut Planned,
        (mut steps, refused, gone): (Vec<Step>, Vec<Refusal>, Vec<Gone>),
        pruning: &Pruning,
    ) {
        if planned.plan.has_company() {
            return;
        }
        let Planned { desired, observed, plan } = &*planned;
        steps.extend(managed::removals(&gone, plan, desired, observed, &self.rules));
        planned.plan.refused.extend(refused);
        planned.add(steps, pruning.only.as_ref());
    }
}
