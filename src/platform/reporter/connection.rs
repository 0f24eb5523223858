//! Whether a platform is there.

use std::collections::BTreeMap;

use crate::{
    model::ConnectorId,
    platform::{Failure, PlatformError},
};

/// Whether a platform is there, and takes what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Nothing has been tried yet.
    Connecting,
    /// It takes what it is told.
    Up {
        /// Its version.
        version: String,
        /// Seconds since the Unix epoch since when.
        since: i64,
        /// What the token does not allow, so that part of the work is left out.
        limited: Option<String>,
        /// What the platform refused for single connectors.
        refused: BTreeMap<ConnectorId, String>,
    },
    /// It can't be reached or fails; it is tried again with growing waits.
    Down {
        /// What went wrong last.
        error: String,
        /// Seconds since the Unix epoch since when.
        since: i64,
    },
    /// It does not take the token: a person must act. It is tried again rarely.
    Unauthorized {
        /// What it said.
        error: String,
        /// Seconds since the Unix epoch since when.
        since: i64,
    },
}

impl Connection {
    /// Whether the platform takes what it is told.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }

    /// The state after a failure: the time is that of the first of its kind in a row.
    pub(super) fn failed(&self, error: &PlatformError, now: i64) -> Self {
        let line = error.line();
        match (&error.failure, self) {
            (Failure::Unauthorized(_) | Failure::Forbidden { .. }, Self::Unauthorized { since, .. }) => {
                Self::Unauthorized { error: line, since: *since }
            }
            (Failure::Unauthorized(_) | Failure::Forbidden { .. }, _) => Self::Unauthorized { error: line, since: now },
            (_, Self::Down { since, .. }) => Self::Down { error: line, since: *since },
            (_, Self::Connecting | Self::Up { .. } | Self::Unauthorized { .. }) => {
                Self::Down { error: line, since: now }
            }
        }
    }
}
