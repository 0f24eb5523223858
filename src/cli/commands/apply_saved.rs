//! `lockstep apply PLAN`: exactly the steps of a saved plan, or none.

use std::{collections::BTreeSet, path::Path};

use tokio_util::sync::CancellationToken;

use super::{Session, apply::conclude};
use crate::{
    cli::{CliError, Exit, output, progress::Display, render, wiring},
    model::InstanceName,
    plan::{self, Pruning},
    reconcile::{self, ApplyOptions, Basis, PassError, Planned, PlatformGate, Seen},
    source::Source,
};

/// Carries a saved plan out, where nothing that it is bound to has moved.
///
/// # Errors
/// Guard, naming everything that moved; otherwise what an application gives.
pub(super) async fn apply(path: &Path, concurrency: Option<usize>, session: &Session) -> Result<Exit, CliError> {
    let saved = wiring::read_saved(path)?;
    let wiring::Whole { settings, state, pipeline, platforms, _lock } = wiring::whole(session).await?;
    wiring::check_seal(&saved, path, &pipeline.openers.keyring)?;
    let snapshot = pipeline.source.snapshot().await.map_err(PassError::from)?;
    let mut moved = saved.moved(&wiring::bound(&pipeline, &snapshot, &session.global).await?);
    let observed = pipeline.observe().await?;
    moved.extend(saved.moved_containers(&observed));
    refuse(path, &moved)?;
    let seen = Seen::look(&pipeline, pipeline.assemble(&snapshot).await?, observed).await;
    let overlaid = seen.overlaid(&pipeline);
    let mut absent = Pruning::absent(&overlaid.desired, &seen.observed);
    if !absent.is_empty() {
        // What is to be removed must be absent in two readings.
        let again = seen.overlaid_over(&pipeline, pipeline.desired().await?);
        absent = absent.intersection(&Pruning::absent(&again.desired, &seen.observed)).cloned().collect();
    }
    let names = |names: &BTreeSet<String>| -> BTreeSet<InstanceName> {
        names.iter().filter_map(|name| InstanceName::try_from(name.as_str()).ok()).collect()
    };
    let pruning = Pruning {
        now: saved.made,
        absent_before: absent,
        acknowledged: saved.options.allow_removals,
        only: saved.options.only.as_ref().map(names),
    };
    let (remembered, observed) = (overlaid.memory.clone(), seen.observed.clone());
    let mut planned =
        pipeline.plan_overlaid(overlaid, observed, &pruning, reconcile::Depth::asked(saved.options.refresh)).await?;
    pipeline.cite(&mut planned).await;
    let chosen = saved.instances();
    // What moved elsewhere since then is none of this plan's business.
    planned.plan.steps.retain(|step| chosen.contains(&step.instance));
    refuse(path, &saved.moved_steps(&planned.plan))?;
    reconcile::note_costs(pipeline.engine.as_ref(), &mut planned.plan, &state).await.map_err(PassError::from)?;
    show(&planned)?;
    wiring::register(&platforms, &planned.desired).await;
    let options = ApplyOptions {
        concurrency: concurrency.unwrap_or_else(|| wiring::concurrency(&settings)),
        only: pruning.only.clone(),
        acknowledged: pruning.acknowledged,
        refresh: saved.options.refresh,
        state,
        scrubber: session.scrubber.clone(),
        gate: Some(PlatformGate::new(&platforms)),
    };
    let cancel = CancellationToken::new();
    let signals = wiring::cancel_on_signals(cancel.clone())?;
    let display = Display::new();
    let basis = Basis { seen, pruning, remembered };
    let applied = reconcile::carry_out(&pipeline, planned, basis, &options, &display, &cancel).await;
    display.finish();
    signals.abort();
    conclude(&pipeline, &platforms, &applied?, session).await
}

fn show(planned: &Planned) -> Result<(), CliError> {
    output::note(&render::findings(&planned.desired.findings))?;
    output::result(&render::plan(&planned.plan, &plan::renames(&planned.plan, &planned.observed)))
}

fn refuse(path: &Path, moved: &[String]) -> Result<(), CliError> {
    if moved.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the saved plan `{}` is refused, since this moved since it was made: {}",
        path.display(),
        moved.join("; ")
    );
    Err(CliError::new(Exit::Guard, message).with_help("nothing was changed; look at the new plan with `lockstep plan`"))
}
