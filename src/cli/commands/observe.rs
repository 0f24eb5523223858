//! `lockstep observe`.

use std::path::PathBuf;

use super::Session;
use crate::{
    cli::{CliError, Exit, output, wiring},
    engine::Engine,
    plan::wire::ObservedJson,
    reconcile,
};

/// Print the containers of ours as JSON, without any secret, for `lockstep plan --observed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Observe {
    /// Write them to this file, signed with the key of the first identity, and without digests that secrets went into.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the public key that others check our signatures with, for `snapshot.trust`; no engine is asked.
    #[arg(long, conflicts_with = "output")]
    public_key: bool,
}

impl Observe {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        if self.public_key {
            let key = wiring::keyring(&settings)?.signing_key().ok_or_else(|| {
                CliError::new(Exit::Invalid, "there is no identity to derive the key from")
                    .with_help("see `secrets.identities` in the settings")
            })?;
            output::result(&format!("{}\n", key.public()))?;
            return Ok(Exit::Done);
        }
        let engine = wiring::engine(&settings).await?;
        let mut observed = engine.observe(&settings.owner).await?;
        reconcile::see(&engine, &mut observed).await?;
        match &self.output {
            None => output::json(&ObservedJson::from(&observed))?,
            Some(path) => wiring::write_snapshot(path, &observed, &settings)?,
        }
        Ok(Exit::Done)
    }
}
