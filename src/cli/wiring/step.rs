//! The files that a GitHub workflow gives to each of its steps.

use std::{fs::OpenOptions, io::Write, path::Path, path::PathBuf};

use crate::cli::{
    CliError, Exit,
    render::{LEAST_LIMIT, SUMMARY_LIMIT},
};

/// Where a step leaves its summary and its outputs; none where this is no such step.
#[derive(Debug)]
pub(crate) struct StepFiles {
    summary: Option<PathBuf>,
    output: Option<PathBuf>,
}

impl StepFiles {
    /// The files that the environment names.
    #[expect(clippy::disallowed_methods, reason = "the workflow says in its environment alone where its files are")]
    pub(crate) fn of_environment() -> Self {
        let named = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { summary: named("GITHUB_STEP_SUMMARY"), output: named("GITHUB_OUTPUT") }
    }

    /// Adds a summary, made for the bytes that are free; nothing where that is too little for one.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn summarize(&self, summary: impl FnOnce(usize) -> String) -> Result<(), CliError> {
        let Some(path) = &self.summary else { return Ok(()) };
        let taken = match std::fs::metadata(path) {
            Ok(metadata) => usize::try_from(metadata.len()).unwrap_or(usize::MAX),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed(path, &error)),
        };
        let free = SUMMARY_LIMIT.saturating_sub(taken);
        if free < LEAST_LIMIT { Ok(()) } else { append(path, &summary(free)) }
    }

    /// Adds outputs, a line each.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn output(&self, lines: &str) -> Result<(), CliError> {
        self.output.as_deref().map_or(Ok(()), |path| append(path, lines))
    }
}

fn append(path: &Path, text: &str) -> Result<(), CliError> {
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(|error| failed(path, &error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(Exit::Internal, format!("failed to write `{}` for the workflow: {error}", path.display()))
        .with_help("check `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT`, or use another `--format`")
}
