//! `lockstep logs`.

use futures_util::StreamExt;

use super::{Session, plan::instance_name};
use crate::{
    cli::{
        CliError, Exit,
        output::{self, Reader},
        wiring,
    },
    engine::Engine,
    model::{InstanceName, looks_secret},
};

/// Show what an instance's container wrote.
#[derive(Debug, clap::Args)]
pub(crate) struct Logs {
    /// The instance.
    #[arg(value_parser = instance_name)]
    name: InstanceName,
    /// Go on with what comes.
    #[arg(long, short)]
    follow: bool,
    /// How many of the newest lines.
    #[arg(long, short = 'n', default_value_t = 100)]
    tail: u32,
}

impl Logs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let engine = wiring::engine(&settings).await?;
        let observed = engine.observe(&settings.owner).await?;
        let container = observed.of(&self.name).max_by_key(|container| (container.runs(), container.created));
        let Some(container) = container else {
            return Err(CliError::new(Exit::Usage, format!("instance `{}` has no container", self.name))
                .with_help("`lockstep status` shows all instances"));
        };
        // What the container holds of secrets is taken out of what it wrote.
        let inspected = engine.inspect(&container.id).await?;
        let secrets = inspected.env.iter().filter(|(key, _)| looks_secret(key)).map(|(_, value)| value);
        let known = session.scrubber.set(secrets);
        known.map_err(|error| CliError::new(Exit::Internal, crate::telemetry::chain(&error)))?;
        let mut lines = engine.logs(&container.id, self.tail, self.follow);
        while let Some(line) = lines.next().await {
            let line = line?;
            // Escape sequences of a container must not reach the terminal.
            let text = format!("{}\n", crate::cli::render::printable(&session.scrubber.scrub(&line.text)));
            let reader = if line.stderr { output::note_read(&text)? } else { output::result_read(&text)? };
            if reader == Reader::Gone {
                break;
            }
        }
        Ok(Exit::Done)
    }
}
