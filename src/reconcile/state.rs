//! The little that is remembered between runs; losing it costs nothing but a line in the status.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;

/// The largest state file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Why the state could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} the state file `{}`", path.display())]
pub struct StateError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateFile {
    version: u32,
    applied: Option<String>,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The newest revision that was brought about whole.
    pub applied: Option<String>,
}

impl State {
    /// Reads what a former run left in a folder. A file that is missing, damaged or of another version is as good as none
    /// and is said in the log.
    pub fn read(folder: &Path) -> Self {
        let path = folder.join("state.json");
        let content = match durable::read(&path, MAX_BYTES) {
            Ok(Some(content)) => content,
            Ok(None) => return Self::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "failed to read the state; going on without it");
                return Self::default();
            }
        };
        match serde_json::from_slice::<StateFile>(&content) {
            Ok(StateFile { version: 1, applied }) => Self { applied },
            Ok(StateFile { version, .. }) => {
                tracing::warn!(path = %path.display(), version, "the state is of another version; going on without it");
                Self::default()
            }
            Err(_) => {
                tracing::warn!(path = %path.display(), "the state is damaged; going on without it");
                Self::default()
            }
        }
    }

    /// Writes it so that a crash leaves either the former or the new content.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), StateError> {
        let path = folder.join("state.json");
        let failed = |source| StateError { what: "write", path: path.clone(), source };
        let content = serde_json::to_vec(&StateFile { version: 1, applied: self.applied.clone() })
            .map_err(|error| failed(error.into()))?;
        durable::keep(&path, &content).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { applied: Some("abc".to_owned()) };
        state.write(folder.path()).unwrap();
        assert_eq!(State::read(folder.path()), state);
    }

    #[test]
    fn missing_damaged_and_future_files_are_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::read(folder.path()), State::default());
        for content in ["", "{", "[]", r#"{"version":2,"applied":"x"}"#, "\u{0}"] {
            fs::write(folder.path().join("state.json"), content).unwrap();
            assert_eq!(State::read(folder.path()), State::default(), "{content:?}");
        }
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = State::default().write(&file).unwrap_err();
        assert!(error.to_string().contains("file/state.json"), "{error}");
    }
}
