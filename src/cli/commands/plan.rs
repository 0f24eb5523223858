//! `lockstep plan`.

use std::path::PathBuf;

use super::Session;
use crate::{
    cli::{CliError, Exit, output, render, render::Marker, wiring},
    desired::DesiredState,
    engine::NoEngine,
    model::{Code, Finding, InstanceName, Severity},
    plan::{self, Observed, Pruning, wire::PlanJson},
    reconcile::{self, Planned},
    settings::Settings,
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
    /// Accept exactly this number of removals, beyond `prune.maxPercent`.
    #[arg(long, value_name = "NUMBER")]
    allow_removals: Option<usize>,
    /// How the plan is written.
    #[arg(long, value_enum, default_value = "text")]
    format: PlanFormat,
    /// What the hidden marker of the Markdown names instead of the settings' `owner`, to keep comments apart.
    #[arg(long, value_name = "NAME", value_parser = marker)]
    marker: Option<Marker>,
}

/// How the plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PlanFormat {
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
        let planned = match &self.observed {
            Some(path) => {
                let pipeline = wiring::pipeline_with(&settings, session, wiring::Identities::Optional, NoEngine)?;
                let desired = pipeline.desired().await?;
                let observed = wiring::observed_file(path)?;
                let overlaid = pipeline.overlaid(desired, &observed, false).await;
                let pruning = self.pruning(&overlaid.desired, &observed)?;
                pipeline.plan_overlaid_unlooked(overlaid, observed, &pruning)
            }
            None => {
                let pipeline = wiring::pipeline(&settings, session, wiring::Identities::Optional).await?;
                let desired = pipeline.desired().await?;
                let observed = pipeline.observe().await?;
                let overlaid = pipeline.overlaid(desired, &observed, false).await;
                let pruning = self.pruning(&overlaid.desired, &observed)?;
                pipeline.plan_overlaid(overlaid, observed, &pruning).await?
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
        Ok(Pruning {
            now: reconcile::epoch_seconds(),
            absent_before: Pruning::absent(desired, observed),
            acknowledged: self.allow_removals,
            only: (!self.only.is_empty()).then(|| self.only.iter().cloned().collect()),
        })
    }

    fn show(&self, settings: &Settings, planned: &Planned) -> Result<(), CliError> {
        let (plan, findings) = (&planned.plan, &planned.desired.findings);
        let renames = plan::renames(plan, &planned.observed);
        let marker = self.marker.clone().unwrap_or_else(|| Marker::from(&settings.owner));
        let comment = |limit| render::markdown_plan(plan, &renames, findings, &marker, limit);
        match self.format {
            PlanFormat::Text => {
                output::note(&render::findings(findings))?;
                output::result(&render::plan(plan, &renames))
            }
            PlanFormat::Json => output::json(&PlanJson::of(plan, &renames)),
            PlanFormat::Markdown => output::result(&comment(render::COMMENT_LIMIT)),
            PlanFormat::Github => {
                let located = wiring::repository::below(&wiring::repository::source_prefix(settings)?, findings);
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
