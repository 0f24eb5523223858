//! `lockstep status`.

use super::{Session, plan::instance_name};
use crate::{
    cli::{CliError, Exit, output, output::Format, render, wiring},
    model::InstanceName,
    reconcile,
    report::{InstanceStatus, Phase, wire::StatusJson},
};

/// Show where every instance stands.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// Only this instance.
    #[arg(value_parser = instance_name)]
    name: Option<InstanceName>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Status {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let pipeline = wiring::pipeline(&settings, session, wiring::Identities::Optional).await?;
        let platforms = wiring::platforms(&settings)?;
        let mut report = wiring::status_once(&settings, &pipeline, &platforms).await?;
        if let Some(name) = &self.name {
            report.instances.retain(|instance| &instance.name == name);
            if report.instances.is_empty() {
                return Err(CliError::new(Exit::Usage, format!("there is no instance `{name}`"))
                    .with_help("`lockstep status` shows all of them"));
            }
        }
        match self.format {
            Format::Json => output::json(&StatusJson::from(&report))?,
            Format::Text => {
                output::result(&render::status(&report, reconcile::epoch_seconds()))?;
                let stands_out = |instance: &&InstanceStatus| {
                    matches!(instance.phase, Phase::Held | Phase::CrashLoop | Phase::Failed | Phase::Unhealthy)
                };
                if let Some(instance) = report.instances.iter().find(stands_out) {
                    let hint = format!("`lockstep why {}` tells what happened before", instance.name);
                    output::note(&format!("{} {hint}\n", render::dim("note:")))?;
                }
            }
        }
        Ok(Exit::Done)
    }
}
