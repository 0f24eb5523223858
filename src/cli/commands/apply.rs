//! `lockstep apply`.

use std::{
    io::{BufRead, IsTerminal},
    path::PathBuf,
};

use tokio_util::sync::CancellationToken;

use super::{
    Session, apply_saved,
    plan::{instance_name, standing_in_the_way},
};
use crate::{
    cli::{CliError, Exit, error::of_engine, output, progress::Display, render, wiring},
    engine::{Outcome, Problem},
    model::InstanceName,
    plan,
    reconcile::{self, Applied, ApplyOptions, AtPlatformError, Planned, PlatformGate, PlatformLink, StepError},
};

/// Carry the plan out once.
///
/// On a terminal the plan is shown and confirmed first, unless `--yes` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// Carry out exactly the steps of this file, which `lockstep plan --out` wrote, or refuse.
    #[arg(value_name = "PLAN", conflicts_with_all = ["only", "allow_removals", "refresh"])]
    plan: Option<PathBuf>,
    /// Apply to this instance only; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = instance_name)]
    only: Vec<InstanceName>,
    /// Don't ask.
    #[arg(long, short)]
    yes: bool,
    /// Steps at a time; without it, what serves the engine best.
    #[arg(long, value_name = "NUMBER")]
    concurrency: Option<usize>,
    /// Accept exactly this number of removals, beyond `prune.maxPercent`.
    #[arg(long, value_name = "NUMBER")]
    allow_removals: Option<usize>,
    /// Look at every container field by field, and put back what was changed by hand.
    #[arg(long)]
    refresh: bool,
}

impl Apply {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if let Some(plan) = &self.plan {
            return apply_saved::apply(plan, self.concurrency, session).await;
        }
        let wiring::Whole { settings, state, pipeline, platforms, _lock } = wiring::whole(session).await?;
        wiring::fresh_catalogs(&settings).await?;
        if !self.only.is_empty() {
            wiring::known_instances(&self.only, &pipeline.desired().await?)?;
        }
        let options = ApplyOptions {
            concurrency: self.concurrency.unwrap_or_else(|| wiring::concurrency(&settings)),
            only: (!self.only.is_empty()).then(|| self.only.iter().cloned().collect()),
            acknowledged: self.allow_removals,
            refresh: self.refresh,
            state,
            scrubber: session.scrubber.clone(),
            gate: Some(PlatformGate::new(&platforms)),
        };
        let cancel = CancellationToken::new();
        let signals = wiring::cancel_on_signals(cancel.clone())?;
        let display = Display::new();
        let asks = !self.yes && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let mut failed = None;
        let confirm = async |planned: &Planned| match show(planned, asks) {
            Ok(agreed) => {
                if agreed {
                    wiring::register(&platforms, &planned.desired).await;
                }
                agreed
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        };
        let applied =
            reconcile::apply(&pipeline, &options, reconcile::epoch_seconds(), &display, &cancel, confirm).await;
        display.finish();
        signals.abort();
        if let Some(error) = failed {
            return Err(error);
        }
        conclude(&pipeline, &platforms, &applied?, session).await
    }
}

/// Says how an application ended, here and to the platforms.
pub(super) async fn conclude(
    pipeline: &wiring::Parts,
    platforms: &[PlatformLink],
    applied: &Applied,
    session: &Session,
) -> Result<Exit, CliError> {
    for problem in &applied.problems {
        output::note(&render::problem(problem))?;
    }
    if !applied.planned.plan.steps.is_empty() || !applied.problems.is_empty() {
        output::result(&render::summary(applied))?;
    }
    wiring::tell_once(pipeline, platforms, applied, session).await?;
    Ok(exit(applied))
}

/// Shows the plan; false where a person at the terminal does not agree to it.
fn show(planned: &Planned, asks: bool) -> Result<bool, CliError> {
    output::note(&render::findings(&planned.desired.findings))?;
    output::result(&render::plan(&planned.plan, &plan::renames(&planned.plan, &planned.observed)))?;
    if planned.plan.steps.is_empty() || !asks {
        return Ok(true);
    }
    output::result("\nDo you want to perform these actions? Only `yes` is taken for a yes: ")?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| CliError::new(Exit::Internal, format!("failed to read the answer: {error}")))?;
    let agreed = answer.trim() == "yes";
    if !agreed {
        output::result("Nothing was changed.\n")?;
    }
    Ok(agreed)
}

fn exit(applied: &Applied) -> Exit {
    let failures: Vec<Exit> = applied
        .steps
        .iter()
        .filter_map(|step| match &step.result {
            Ok(Outcome::Done) => None,
            Ok(Outcome::Unfinished | Outcome::Unhealthy { .. }) | Err(StepError::Cancelled | StepError::Waits(_)) => {
                Some(Exit::Partial)
            }
            Err(StepError::Secret(_)) => Some(Exit::Secret),
            Err(StepError::Engine(error)) => Some(of_engine(error).0),
            Err(StepError::AtPlatform(AtPlatformError::Secret(_))) => Some(Exit::Secret),
            Err(StepError::AtPlatform(AtPlatformError::Platform(_))) => Some(Exit::Platform),
        })
        .chain(applied.problems.iter().map(|problem| match problem {
            Problem::ForeignContainer { .. } | Problem::AnotherManager { .. } => Exit::Guard,
            Problem::MissingNetwork { .. } | Problem::MissingImage { .. } => Exit::Engine,
        }))
        .collect();
    let worked = applied.steps.iter().any(|step| matches!(step.result, Ok(Outcome::Done)));
    match failures.first() {
        // Where nothing could be done, the reason says more than "in part".
        Some(first) if !worked && failures.iter().all(|exit| exit == first) => *first,
        Some(_) => Exit::Partial,
        None => standing_in_the_way(&applied.planned).unwrap_or(Exit::Done),
    }
}
