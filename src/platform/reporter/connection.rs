//! Whether a platform is there.

use std::collections::BTreeMap;

use crate::{
    model::{Condition, ConnectorId},
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
        /// What is odd about what it says, though it answers.
        odd: BTreeMap<Condition, String>,
    },
    /// It can't be reached or fails; it is tried again with growing waits.
    Down {
        /// What went wrong last, in one word.
        condition: Condition,
        /// What went wrong last.
        error: String,
        /// Seconds since the Unix epoch since when.
        since: i64,
    },
    /// The token is not taken, or not there: a person must act.
    Unauthorized {
        /// What it said, in one word.
        condition: Condition,
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
    pub(super) fn failed(&self, failure: &PlatformError, now: i64) -> Self {
        let (condition, error) = (failure.failure.condition(), failure.line());
        let refused =
            matches!(failure.failure, Failure::Unauthorized(_) | Failure::NoToken(_) | Failure::Forbidden { .. });
        match self {
            Self::Unauthorized { since, .. } if refused => Self::Unauthorized { condition, error, since: *since },
            Self::Down { since, .. } if !refused => Self::Down { condition, error, since: *since },
            _ if refused => Self::Unauthorized { condition, error, since: now },
            Self::Connecting | Self::Up { .. } | Self::Down { .. } | Self::Unauthorized { .. } => {
                Self::Down { condition, error, since: now }
            }
        }
    }
}
