//! `lockstep validate`.

use std::{path::PathBuf, time::Instant};

use super::Session;
use crate::{
    cli::{
        CliError, Exit, output,
        render::{self, Run},
        wiring::{StepFiles, offline, offline::Checked},
    },
    model::{Finding, Severity},
    plan::wire::{FindingJson, ValidateJson},
    reconcile::epoch_seconds,
};

/// Check manifests against their contracts: offline, without engine, platform or key.
///
/// Without a path, the source of the settings is checked, where it is a directory or lies beside the settings file.
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// Directories or files to check.
    paths: Vec<PathBuf>,
    /// A catalog file, besides those of the settings.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// How findings are written.
    #[arg(long, value_enum, default_value = "text")]
    format: ValidateFormat,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ValidateFormat {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// Annotations of a GitHub workflow, with a summary of the step and its outputs.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML: a test case for each instance.
    Junit,
}

impl Validate {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let (began, clock) = (epoch_seconds(), Instant::now());
        let checked = offline::check(&session.global, &self.paths, &self.catalog).await?;
        let findings: &[Finding] = &checked.findings;
        match self.format {
            ValidateFormat::Text => text(&checked)?,
            ValidateFormat::Json => {
                let findings = findings.iter().map(FindingJson::from).collect();
                output::json(&ValidateJson { instances: checked.instances.len(), findings })?;
            }
            ValidateFormat::Github => github(&checked)?,
            ValidateFormat::Gitlab => output::json(&render::code_quality(&checked.located))?,
            ValidateFormat::Sarif => output::json(&render::sarif(&checked.located, env!("CARGO_PKG_VERSION")))?,
            ValidateFormat::Junit => {
                let run = Run { began, took: clock.elapsed(), version: env!("CARGO_PKG_VERSION") };
                output::result(&render::junit(&run, &checked.instances, &checked.located))?;
            }
        }
        for note in &checked.notes {
            output::note(&format!("{} {note}\n", render::yellow("note:")))?;
        }
        let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(if broken { Exit::Invalid } else { Exit::Done })
    }
}

fn text(checked: &Checked) -> Result<(), CliError> {
    output::result(&render::findings(&checked.findings))?;
    let instances = render::count(checked.instances.len(), "instance");
    if checked.findings.is_empty() {
        let well = if checked.instances.len() == 1 { "is valid" } else { "are valid" };
        output::result(&format!("{} {instances} {well}.\n", render::green("Success!")))
    } else {
        output::result(&format!("{instances} checked.\n"))
    }
}

fn github(checked: &Checked) -> Result<(), CliError> {
    output::result(&render::annotations(&checked.located))?;
    let files = StepFiles::of_environment();
    files.summarize(|free| render::markdown_findings(checked.instances.len(), &checked.located, free))?;
    let of = |severity| checked.findings.iter().filter(|finding| finding.severity == severity).count();
    files.output(&format!("errors={}\nwarnings={}\n", of(Severity::Error), of(Severity::Warning)))
}
