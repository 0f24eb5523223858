//! `lockstep why`.

use super::{Session, plan::instance_name};
use crate::{
    cli::{CliError, Exit, output, output::Format, render, wiring},
    history::{self, HistoryError, wire::WhyJson},
    model::{InstanceName, closest},
    telemetry,
};

/// Tell the last changes of an instance, and what caused each.
#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// The instance.
    #[arg(value_parser = instance_name)]
    name: InstanceName,
    /// How many of the newest changes.
    #[arg(long, short = 'n', default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// How they are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Why {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let folder = wiring::state_folder(&settings);
        let entries = history::read(&folder, &self.name, self.limit).map_err(unreadable)?;
        if entries.is_empty() {
            let message = format!("nothing is on record of an instance `{}`", self.name);
            let known = history::instances(&folder).map_err(unreadable)?;
            let help = match closest(self.name.as_str(), known.iter().map(InstanceName::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "`lockstep status` shows all instances; changes are on record from the first `apply` or `run` on"
                        .to_owned()
                }
            };
            return Err(CliError::new(Exit::Usage, message).with_help(help));
        }
        match self.format {
            Format::Json => output::json(&WhyJson { instance: self.name.to_string(), entries })?,
            Format::Text => output::result(&render::why(&entries))?,
        }
        Ok(Exit::Done)
    }
}

fn unreadable(error: HistoryError) -> CliError {
    let help = match &error {
        HistoryError::Newer { .. } => "use the newer Lockstep that wrote it",
        HistoryError::Io { .. } => "check `state` in the settings, and who may read there",
        HistoryError::Database { .. } | HistoryError::Entry { .. } => {
            "the next change moves a damaged file aside and begins a new one"
        }
    };
    CliError::new(Exit::Internal, telemetry::chain(&error)).with_help(help)
}
