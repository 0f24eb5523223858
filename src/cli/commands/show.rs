//! `lockstep show`.

use std::path::PathBuf;

use super::{Session, plan::PlanFormat};
use crate::{
    cli::{CliError, Exit, output, render, wiring},
    plan::{saved::SavedJson, wire::SummaryJson},
    settings::Settings,
};

/// Print a saved plan as it was shown when it was made; nothing is asked and nothing changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The file that `lockstep plan --out` wrote.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: PlanFormat,
}

impl Show {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let saved = wiring::read_saved(&self.plan)?;
        self.check(&saved, session)?;
        match self.format {
            PlanFormat::Text => output::result(&saved.shown.text)?,
            PlanFormat::Json => output::json(&saved.plan)?,
            PlanFormat::Markdown => output::result(&saved.shown.markdown)?,
            PlanFormat::Github => output::result(&saved.shown.github)?,
            PlanFormat::Gitlab => {
                let SummaryJson { add, change, destroy } = saved.plan.summary;
                output::json(&serde_json::json!({ "create": add, "update": change, "delete": destroy }))?;
            }
        }
        Ok(Exit::Done)
    }

    /// Refuses a file that is not what was sealed, where the identity is here to tell.
    fn check(&self, saved: &SavedJson, session: &Session) -> Result<(), CliError> {
        let settings = wiring::settings(&session.global).ok();
        let keyring = settings.as_ref().and_then(|settings: &Settings| wiring::keyring(settings).ok());
        match keyring {
            Some(keyring) => wiring::check_seal(saved, &self.plan, &keyring),
            None => output::note(&format!(
                "{} without its settings and identity nobody can tell whether this file was changed\n",
                render::yellow("warning:")
            )),
        }
    }
}
