//! Results go to standard output, everything else to standard error; colour only where a terminal shows it.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Write},
    sync::{Mutex, PoisonError},
};

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
    result_read(text).map(drop)
}

/// The same, and whether anybody still reads: what writes without an end ends where nobody does.
///
/// # Errors
/// What [`result`] gives.
pub(super) fn result_read(text: &str) -> Result<Reader, CliError> {
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
    note_read(text).map(drop)
}

/// The same, and whether anybody still reads.
///
/// # Errors
/// What [`note`] gives.
pub(super) fn note_read(text: &str) -> Result<Reader, CliError> {
    written(anstream::stderr().lock().write_all(text.as_bytes()))
}

/// The same, unless it was said already: what several parts of a command read has one warning.
///
/// # Errors
/// Where standard error can't be written.
pub(super) fn note_once(text: String) -> Result<(), CliError> {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let new = SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone());
    if new { note(&text) } else { Ok(()) }
}

/// Whether somebody reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Nothing says otherwise.
    There,
    /// The reader of the pipe went away, as `head` does.
    Gone,
}

/// What the writing of an output came to: a reader that has gone away is no error, as there is nobody left to tell.
///
/// # Errors
/// Where the output can't be written.
pub(super) fn written(outcome: std::io::Result<()>) -> Result<Reader, CliError> {
    match outcome {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(CliError::new(Exit::Internal, format!("failed to write the output: {error}"))),
    }
}
