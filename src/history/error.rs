//! Why history could not be kept or read.

use std::path::PathBuf;

/// Why history could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file could not be made, or moved out of the way.
    #[error("failed to {what} `{}`", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database did not do it.
    #[error("failed to {what} the history `{}`", path.display())]
    Database {
        /// What was to be done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer Lockstep wrote it.
    #[error("the history `{}` is of version {version}, which this Lockstep does not know", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// An entry can't be understood.
    #[error("an entry of the history `{}` can't be understood", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl HistoryError {
    /// Whether the file itself is damaged, so that nothing but a new one would mend it.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Database { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            Self::Io { .. } | Self::Newer { .. } | Self::Entry { .. } => false,
        }
    }
}
