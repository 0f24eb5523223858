//! `lockstep plan`.

use std::{collections::BTreeSet, path::PathBuf};

use super::Session;
use crate::{
    cli::{CliError, Exit, output, render, render::Marker, wiring},
    desired::DesiredState,
    engine::NoEngine,
    model::{Code, Finding, InstanceName, Severity},
    plan::{
        self, Observed, Pruning,
        saved::{Bound, OptionsJson, SavedJson, ShownJson},
        wire::PlanJson,
    },
    reconcile::{self, Planned},
    secrets::Keyring,
    settings::Settings,
    source::Source,
};

/// Show what would change, and why; nothing is changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Exit with 2 where there are changes, with 0 only where there are none.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Plan for this instance only; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = instance_name)]
    only: Vec<InstanceName>,
    /// Plan against the containers written in this file, as `lockstep observe` writes it; no engine is asked.
    #[arg(long, value_name = "FILE")]
    observed: Option<PathBuf>,
    /// Compare with this revision of the checkout as if it were running: no engine, platform or key is asked. `REV...` is
    /// the newest common ancestor with it.
    #[arg(long, value_name = "REV", conflicts_with = "observed")]
    against: Option<String>,
    /// Plan for this revision of the checkout that the settings lie in.
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// Plan for the files of the checkout that the settings lie in, whatever `source` names.
    #[arg(long, conflicts_with = "revision")]
    checkout: bool,
    /// Accept exactly this number of removals, beyond `prune.maxPercent`.
    #[arg(long, value_name = "NUMBER")]
    allow_removals: Option<usize>,
    /// Also save the plan to this file, for `lockstep apply FILE`; needs the identities that applying needs.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["observed", "against"])]
    out: Option<PathBuf>,
    /// Look at every container field by field, so that what was changed by hand shows as drift.
    #[arg(long, conflicts_with_all = ["observed", "against"])]
    refresh: bool,
    /// How the plan is written.
    #[arg(long, value_enum, default_value = "text")]
    format: PlanFormat,
    /// What the hidden marker of the Markdown names instead of the settings' `owner`, to keep comments apart.
    #[arg(long, value_name = "NAME", value_parser = marker)]
    marker: Option<Marker>,
}

/// How the plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PlanFormat {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// A comment on a change: within 65,536 characters, with a hidden marker to update it in place.
    Markdown,
    /// Annotations of a GitHub workflow, with a summary of the step and its outputs.
    Github,
    /// The counts that GitLab shows beside a merge request.
    Gitlab,
}

fn marker(text: &str) -> Result<Marker, String> {
    Marker::try_from(text).map_err(|error| error.to_string())
}

/// Reads an instance name from the command line.
pub(super) fn instance_name(text: &str) -> Result<InstanceName, String> {
    InstanceName::try_from(text).map_err(|error| error.to_string())
}

impl Plan {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let which = match &self.revision {
            Some(revision) => Some(wiring::Which::Revision(revision)),
            None => self.checkout.then_some(wiring::Which::WorkingTree),
        };
        let planned = match (&self.against, &self.observed, which) {
            (Some(base), _, which) => {
                let checkout = wiring::LocalCheckout::of(&settings, session)?;
                let which = which.unwrap_or(wiring::Which::WorkingTree);
                checkout.compare(base, which, &settings, session, self.removals()).await?
            }
            (None, Some(path), Some(which)) => {
                let checkout = wiring::LocalCheckout::of(&settings, session)?;
                let pipeline = checkout.pipeline(&settings, session)?;
                let desired = pipeline.assemble(&checkout.read(which).await?).await?;
                let observed = wiring::observed_file(path, &settings)?;
                let pruning = self.pruning(&desired, &observed)?;
                let mut planned = pipeline.plan_unlooked(desired, observed, &pruning);
                pipeline.cite(&mut planned).await;
                planned
            }
            (None, Some(path), None) => {
                wiring::fresh_catalogs(&settings).await?;
                let pipeline = wiring::pipeline_with(&settings, session, wiring::Identities::Optional, NoEngine)?;
                let desired = pipeline.desired().await?;
                let observed = wiring::observed_file(path, &settings)?;
                let overlaid = pipeline.overlaid(desired, &observed, false).await;
                let pruning = self.pruning(&overlaid.desired, &observed)?;
                let mut planned = pipeline.plan_overlaid_unlooked(overlaid, observed, &pruning);
                pipeline.cite(&mut planned).await;
                planned
            }
            (None, None, Some(_)) => {
                let message = "`--revision` and `--checkout` plan without an engine";
                return Err(CliError::new(Exit::Usage, message)
                    .with_help("say what it is compared with: `--against REV` or `--observed FILE`"));
            }
            (None, None, None) => {
                wiring::fresh_catalogs(&settings).await?;
                let needed =
                    if self.out.is_some() { wiring::Identities::Required } else { wiring::Identities::Optional };
                let pipeline = wiring::pipeline(&settings, session, needed).await?;
                let observed = pipeline.observe_beside();
                let snapshot = pipeline.source.snapshot().await?;
                let desired = pipeline.assemble(&snapshot).await?;
                let observed = observed.await?;
                let overlaid = pipeline.overlaid(desired, &observed, false).await;
                let pruning = self.pruning(&overlaid.desired, &observed)?;
                let mut planned =
                    pipeline.plan_overlaid(overlaid, observed, &pruning, reconcile::Depth::asked(self.refresh)).await?;
                wiring::refuse_what_others_run(&settings, &pipeline.engine, &mut planned.plan).await?;
                pipeline.cite(&mut planned).await;
                let state = wiring::state_folder(&settings);
                reconcile::note_costs(pipeline.engine.as_ref(), &mut planned.plan, &state).await?;
                if let Some(out) = &self.out {
                    let bound = wiring::bound(&pipeline, &snapshot, &session.global).await?;
                    let saved = self.saved(bound, &settings, &planned, &pruning, &pipeline.openers.keyring)?;
                    wiring::write_saved(out, &saved, &pipeline.openers.keyring)?;
                }
                planned
            }
        };
        self.show(&settings, &planned)?;
        let changes = !planned.plan.steps.is_empty();
        Ok(match standing_in_the_way(&planned) {
            Some(exit) => exit,
            None if self.detailed_exitcode && changes => Exit::Changes,
            None => Exit::Done,
        })
    }

    fn pruning(&self, desired: &DesiredState, observed: &Observed) -> Result<Pruning, CliError> {
        wiring::known_instances(&self.only, desired)?;
        Ok(Pruning { absent_before: Pruning::absent(desired, observed), ..self.removals() })
    }

    /// What the command line says about removals.
    fn removals(&self) -> Pruning {
        Pruning {
            now: reconcile::epoch_seconds(),
            absent_before: BTreeSet::new(),
            acknowledged: self.allow_removals,
            only: (!self.only.is_empty()).then(|| self.only.iter().cloned().collect()),
        }
    }

    /// The plan as a file holds it.
    fn saved(
        &self,
        bound: Bound,
        settings: &Settings,
        planned: &Planned,
        pruning: &Pruning,
        keyring: &Keyring,
    ) -> Result<SavedJson, CliError> {
        let (plan, findings) = (&planned.plan, &planned.desired.findings);
        let renames = plan::renames(plan, &planned.observed);
        let marker = self.marker.clone().unwrap_or_else(|| Marker::from(&settings.owner));
        let prefix = wiring::repository::source_prefix(settings)?;
        let located = wiring::repository::below(&prefix, findings);
        let there = wiring::repository::plan_below(&prefix, plan);
        let shown = ShownJson {
            text: render::plan(plan, &renames),
            markdown: render::markdown_plan(&there, &renames, &located, &marker, render::COMMENT_LIMIT),
            github: render::plan_annotations(plan, &renames, &located),
        };
        let options = OptionsJson {
            only: pruning.only.as_ref().map(|only| only.iter().map(ToString::to_string).collect()),
            allow_removals: pruning.acknowledged,
            refresh: self.refresh,
        };
        let key = wiring::seal_key(keyring);
        let seen = (plan, &planned.observed);
        let digest = |text: &[u8]| key.digest(text);
        Ok(SavedJson::new(bound, pruning.now, options, seen, (PlanJson::of(plan, &renames), shown), &digest))
    }

    fn show(&self, settings: &Settings, planned: &Planned) -> Result<(), CliError> {
        let (plan, findings) = (&planned.plan, &planned.desired.findings);
        let renames = plan::renames(plan, &planned.observed);
        let marker = self.marker.clone().unwrap_or_else(|| Marker::from(&settings.owner));
        let prefix = wiring::repository::source_prefix(settings)?;
        let located = wiring::repository::below(&prefix, findings);
        let comment = |limit| {
            let there = wiring::repository::plan_below(&prefix, plan);
            render::markdown_plan(&there, &renames, &located, &marker, limit)
        };
        match self.format {
            PlanFormat::Text => {
                output::note(&render::findings(findings))?;
                output::note(&render::suspended(&planned.desired))?;
                output::result(&render::plan(plan, &renames))
            }
            PlanFormat::Json => output::json(&PlanJson::of(plan, &renames)),
            PlanFormat::Markdown => output::result(&comment(render::COMMENT_LIMIT)),
            PlanFormat::Github => {
                output::result(&render::plan_annotations(plan, &renames, &located))?;
                let files = wiring::StepFiles::of_environment();
                files.summarize(comment)?;
                files.output(&render::outputs(plan))
            }
            PlanFormat::Gitlab => {
                output::note(&render::findings(findings))?;
                output::json(&render::plan_counts(plan))
            }
        }
    }
}

/// The exit code of what keeps a plan from being everything that the source asks for.
pub(super) fn standing_in_the_way(planned: &Planned) -> Option<Exit> {
    let errors = || planned.desired.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let of_a_secret = |finding: &Finding| finding.code == Code::BadSecret;
    let of_a_platform = |finding: &Finding| finding.code == Code::Platform;
    if errors().any(|finding| !of_a_secret(finding) && !of_a_platform(finding)) {
        Some(Exit::Invalid)
    } else if errors().any(of_a_secret) {
        Some(Exit::Secret)
    } else if errors().any(of_a_platform) {
        Some(Exit::Platform)
    } else if !planned.plan.refused.is_empty() {
        Some(Exit::Guard)
    } else {
        None
    }
}
