//! `lockstep observe`.

use super::Session;
use crate::{
    cli::{CliError, Exit, output, wiring},
    engine::Engine,
    plan::wire::ObservedJson,
};

/// Print the containers of ours as JSON, without any secret, for `lockstep plan --observed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Observe {}

impl Observe {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let engine = wiring::engine(&settings).await?;
        let observed = engine.observe(&settings.owner).await?;
        output::json(&ObservedJson::from(&observed))?;
        Ok(Exit::Done)
    }
}
