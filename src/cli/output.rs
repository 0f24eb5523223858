//! Results go to standard output, everything else to standard error; colour only where a terminal shows it.

use std::io::{ErrorKind, Write};

use super::{CliError, Exit};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

/// Writes a result to standard output; styles are left out where no terminal shows them.
///
/// # Errors
/// Where standard output can't be written, apart from a reader that has gone away.
pub(super) fn result(text: &str) -> Result<(), CliError> {
    written(anstream::stdout().lock().write_all(text.as_bytes()))
}

/// Writes a JSON value to standard output.
///
/// # Errors
/// What [`result`] gives.
pub(super) fn json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let failed = |error: serde_json::Error| CliError::new(Exit::Internal, format!("failed to write JSON: {error}"));
    let mut text = serde_json::to_string_pretty(value).map_err(failed)?;
    text.push('\n');
    result(&text)
}

/// Writes a note to standard error.
///
/// # Errors
/// Where standard error can't be written.
pub(super) fn note(text: &str) -> Result<(), CliError> {
    written(anstream::stderr().lock().write_all(text.as_bytes()))
}

fn written(outcome: std::io::Result<()>) -> Result<(), CliError> {
    match outcome {
        Ok(()) => Ok(()),
        // The reader of a pipe went away, as `head` does; there is nobody left to tell.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::new(Exit::Internal, format!("failed to write the output: {error}"))),
    }
}
