//! What a plan costs, as JSON.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Downtime, Plan, Pull};

/// An image that is pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullJson {
    /// The reference.
    pub image: String,
    /// The compressed bytes of the layers that the engine lacks; null where the registry does not tell.
    pub bytes: Option<u64>,
}

impl From<&Pull<'_>> for PullJson {
    fn from(pull: &Pull<'_>) -> Self {
        Self { image: pull.image.to_owned(), bytes: pull.bytes }
    }
}

/// For how long an instance does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DowntimeJson {
    /// Milliseconds: the medians of what its former stops and starts took; where `measured` is false, the grace of its stop
    /// in the place of what was not measured, and nothing for its start.
    pub milliseconds: u64,
    /// Whether all of that was measured.
    pub measured: bool,
    /// Milliseconds from then until it has proved its health, where that was measured.
    pub healthy: Option<u64>,
}

impl From<&Downtime> for DowntimeJson {
    fn from(downtime: &Downtime) -> Self {
        Self {
            milliseconds: milliseconds(downtime.known()),
            measured: downtime.is_measured(),
            healthy: downtime.healthy.map(milliseconds),
        }
    }
}

/// What all the steps of a plan cost together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostJson {
    /// How many images are pulled; null where no engine was asked.
    pub images: Option<usize>,
    /// The compressed bytes of all layers that the engine lacks, each once; null where a registry does not tell.
    pub bytes: Option<u64>,
    /// How many instances do not run for a while.
    pub interrupted: usize,
    /// For how many milliseconds, added up, as far as it is known.
    pub milliseconds: u64,
    /// Whether all of that was measured.
    pub measured: bool,
}

impl CostJson {
    /// Sums up a plan.
    pub fn of(plan: &Plan) -> Self {
        let total = plan.total();
        Self {
            images: total.images,
            bytes: total.bytes,
            interrupted: total.interrupted,
            milliseconds: milliseconds(total.downtime),
            measured: total.is_measured,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
