//! Finds out what a plan will cost, before people are asked whether they want it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    engine::{Engine, EngineError},
    history,
    model::{InstanceName, PullPolicy},
    plan::{Known, Plan, Pulled, Step, Timings},
};

/// Adds to a plan what is known of its costs: which images are pulled and how large they are, and how long stops and starts
/// of the past took. Registries get a second or two; what they don't say then is not known.
///
/// # Errors
/// Where the engine can't be asked which images it has.
pub async fn note_costs<E: Engine>(engine: &E, plan: &mut Plan, state: &Path) -> Result<(), EngineError> {
    if plan.steps.is_empty() {
        plan.known.pulls = Some(BTreeMap::new());
        return Ok(());
    }
    let (mut images, mut present) = (BTreeMap::new(), BTreeSet::new());
    for new in plan.steps.iter().filter_map(Step::creates) {
        let image = &new.wanted.image;
        if new.wanted.pull == PullPolicy::Never
            || images.contains_key(image)
            || present.contains(image) && new.wanted.pull != PullPolicy::Always
        {
            continue;
        }
        let is_missing = engine.image(image).await?.is_none();
        if is_missing || new.wanted.pull == PullPolicy::Always {
            images.insert(image.clone(), is_missing);
        } else {
            present.insert(image.clone());
        }
    }
    let names: Vec<_> = images.keys().cloned().collect();
    let mut sizes = if names.is_empty() { BTreeMap::new() } else { engine.missing_layers(&names).await };
    let pulls = images.into_iter().map(|(image, is_missing)| {
        let layers = sizes.remove(&image);
        (image, Pulled { is_missing, layers })
    });
    plan.known = Known { timings: timings(plan, state).await, pulls: Some(pulls.collect()) };
    Ok(())
}

async fn timings(plan: &Plan, state: &Path) -> BTreeMap<InstanceName, Timings> {
    let instances: BTreeSet<_> = plan.steps.iter().map(|step| step.instance.clone()).collect();
    let state = state.to_owned();
    let read = tokio::task::spawn_blocking(move || history::medians(&state, &instances));
    match read.await {
        Ok(Ok(medians)) => medians,
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "what former steps took is not known");
            BTreeMap::new()
        }
        Err(error) => {
            tracing::debug!(%error, "what former steps took is not known");
            BTreeMap::new()
        }
    }
}
