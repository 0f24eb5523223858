//! `lockstep platform`.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    cli::{CliError, Exit, output, render},
    platform::{KeyError, ManagerKey},
};

/// Prepare what a platform needs to have Lockstep manage its connectors.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Platform {
    Keygen(Keygen),
}

/// Make the RSA key of a connector manager; platforms seal secrets for it.
#[derive(Debug, clap::Args)]
pub(crate) struct Keygen {
    /// The file to write, readable by its owner only; without it, standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Platform {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        match self {
            Self::Keygen(command) => command.run(),
        }
    }
}

impl Keygen {
    fn run(self) -> Result<Exit, CliError> {
        let failed = |error: &KeyError| CliError::new(Exit::Internal, error.to_string()).with_help(error.help());
        if let Some(path) = self.output.as_deref().filter(|path| path.exists()) {
            // Found out before the work, and once more when the file is made.
            return Err(exists(path, "it exists already"));
        }
        let private = ManagerKey::generate().map_err(|error| failed(&error))?;
        let key = ManagerKey::from_pem(&private).map_err(|error| failed(&error))?;
        match &self.output {
            None => output::result(private.expose_secret())?,
            Some(path) => {
                write(path, &private)?;
                output::result(key.public_spki())?;
            }
        }
        let shown = self.output.as_deref().map_or_else(|| "FILE".to_owned(), |path| path.display().to_string());
        output::note(&format!(
            "{} put it into the settings of the platform, the id only once for good: registration: managed, manager: {{id: \
             {}, name: lockstep, key: {}}}\n",
            render::dim("help:"),
            Uuid::new_v4(),
            render::printable(&shown)
        ))?;
        Ok(Exit::Done)
    }
}

fn write(path: &Path, private: &SecretString) -> Result<(), CliError> {
    let failed = |error: std::io::Error| exists(path, &error.to_string());
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(private.expose_secret().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn exists(path: &Path, why: &str) -> CliError {
    CliError::new(Exit::Internal, format!("failed to write the key `{}`: {why}", path.display()))
        .with_help("name a file that does not exist yet")
}
