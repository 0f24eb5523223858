//! `lockstep completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, CliError, Exit, output};

/// Print a script that completes commands in a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "lockstep", &mut script);
        output::result(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
