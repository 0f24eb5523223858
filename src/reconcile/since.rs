//! Finds out since when containers are otherwise than they were made.

use std::collections::BTreeSet;

use super::{Pipeline, Planned};
use crate::{
    engine::{Engine, Touch, Touched},
    plan::{Cause, ContainerId, ObservedContainer, Reason, Step, Work},
    source::Source,
};

impl<S: Source, E: Engine> Pipeline<S, E> {
    /// Adds to what drifted the time since when it is so, as far as the engine knows.
    pub(super) async fn date_drift(&self, planned: &mut Planned) {
        let Planned { plan, observed, .. } = planned;
        let mut drifted = Vec::new();
        for step in plan.steps.iter_mut().filter(|step| step.reasons.iter().any(is_undated)) {
            let container = drifted_container(step).cloned();
            drifted
                .extend(observed.containers.iter().find(|it| Some(&it.id) == container.as_ref()).map(|it| (step, it)));
        }
        let Some(first) = drifted.iter().map(|(_, container)| container.created).min() else { return };
        let touches = match self.engine.touches(first).await {
            Ok(touches) => touches,
            Err(error) => {
                tracing::debug!(%error, "since when containers are otherwise is not known");
                Vec::new()
            }
        };
        for (step, container) in drifted {
            for reason in step.reasons.iter_mut().filter(|reason| is_undated(reason)) {
                reason.since = since(reason, container, &touches);
            }
        }
    }
}

fn is_undated(reason: &Reason) -> bool {
    let is_whole = matches!(reason.field.as_str(), "instance" | "replacement");
    reason.cause == Cause::Drift && reason.since.is_none() && !is_whole
}

/// The container whose drift a step puts right.
fn drifted_container(step: &Step) -> Option<&ContainerId> {
    match &step.work {
        Work::Update { container, .. } | Work::Start { container, .. } => Some(container),
        Work::Recreate { broken, .. } => Some(broken),
        Work::Replace(replacement) => replacement.old.first(),
        Work::Create(_) | Work::Stop { .. } | Work::Remove { .. } | Work::AtPlatform(_) => None,
    }
}

/// When a field was last touched: what can't be changed about a container is so since it was created.
fn since(reason: &Reason, container: &ObservedContainer, touches: &[Touch]) -> Option<i64> {
    let last = |is_it: &dyn Fn(&Touched) -> bool| {
        let own = touches.iter().filter(|touch| touch.container == container.id && is_it(&touch.what));
        own.map(|touch| touch.time).max()
    };
    match reason.field.as_str() {
        "state" => last(&|what| *what == Touched::Pause),
        "container.name" => last(&|what| *what == Touched::Name),
        "container.networks" => {
            let names = |list: &Option<String>| -> BTreeSet<String> {
                list.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
            };
            let (before, after) = (names(&reason.before), names(&reason.after));
            last(&|what| matches!(what, Touched::Network(name) if before.contains(name) != after.contains(name)))
        }
        "container.networkAliases" => last(&|what| matches!(what, Touched::Network(_))),
        field if is_limit(field) => last(&|what| *what == Touched::Limits),
        _ => Some(container.created),
    }
}

/// Whether engines can change a field of a container that is there, besides its name and networks.
fn is_limit(field: &str) -> bool {
    const UPDATED: [&str; 12] = [
        "restart",
        "resources.cpus",
        "resources.memory",
        "resources.pids",
        "memorySwap",
        "memoryReservation",
        "cpuShares",
        "cpuPeriod",
        "cpuQuota",
        "cpusetCpus",
        "cpusetMems",
        "blkioWeight",
    ];
    field.strip_prefix("container.").is_some_and(|name| UPDATED.contains(&name))
}
