//! The command line: what people type, what they are shown, and the exit code.

mod commands;
mod error;
mod exit;
mod one_heap;
mod output;
mod progress;
pub mod render;
mod wiring;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, error::ErrorKind};
use commands::Command;
pub use error::CliError;
pub use exit::Exit;

/// Keeps the connectors of OpenCTI and OpenAEV in lockstep with Git.
#[derive(Debug, Parser)]
#[command(name = "lockstep", version, max_term_width = 100, after_help = exit_codes())]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The settings file; without it, `lockstep.yaml` in the working directory.
    #[arg(long, short, global = true, env = "LOCKSTEP_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
    /// What is logged to standard error: error, warn, info, debug, trace, or a filter such as `lockstep=debug`.
    #[arg(long, global = true, env = "LOCKSTEP_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How it is logged.
    #[arg(long, global = true, env = "LOCKSTEP_LOG_FORMAT", value_enum, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    /// Never use colour (also with `NO_COLOR` set, or without a terminal).
    #[arg(long, global = true)]
    no_color: bool,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

fn exit_codes() -> String {
    let lines = Exit::ALL.iter().map(|exit| format!("  {:>2}  {}", exit.code(), exit.meaning()));
    std::iter::once("Exit codes:".to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

/// Runs the command that the arguments name and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return match (asked, output::written(error.print())) {
                (true, Ok(_)) => Exit::Done.into(),
                (true, Err(error)) => failed(&error),
                (false, Ok(_) | Err(_)) => Exit::Usage.into(),
            };
        }
    };
    if cli.global.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => failed(&error),
    }
}

/// Says what went wrong; where even standard error can't be written, the exit code is all that is left.
fn failed(error: &CliError) -> ExitCode {
    match explain(error) {
        Ok(()) | Err(_) => error.exit.into(),
    }
}

fn explain(error: &CliError) -> Result<(), CliError> {
    output::note(&render::findings(&error.findings))?;
    output::note(&format!("{} {}\n", render::red("error:"), render::printable(&error.message)))?;
    match &error.help {
        Some(help) => output::note(&format!("{} {}\n", render::dim("help:"), render::printable(help))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes: Vec<_> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64]);
    }
}
