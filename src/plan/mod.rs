//! Compares what is wanted with what is observed, purely, and says step by step what has to happen.

mod against;
mod cause;
mod cite;
mod cost;
mod cost_wire;
mod diff;
mod drift;
mod observed;
mod observed_file;
mod prune;
mod reasons;
mod renames;
pub mod saved;
mod saved_work;
#[cfg(test)]
mod tests;
mod types;
pub mod wire;
mod work;

pub use crate::model::{
    DEFAULT_LOG_FILES, DEFAULT_LOG_SIZE, DEFAULT_PIDS, DEFAULT_SHM_SIZE, DEFAULT_STOP_GRACE, container_fields,
    stop_seconds,
};
pub use against::{as_running, sealed_digests};
pub use cause::{Cause, Given, Reason};
pub use cite::{cite, cited};
pub use cost::{Downtime, Known, Layer, Pull, Pulled, Timings, Total};
pub use diff::{Digests, diff, needs_digest, needs_look};
pub use drift::{NO_RESTARTS, RESTART, is_drift};
use observed::OF_PLATFORM;
pub use observed::{
    ContainerId, ContainerState, LABELS, Labels, MovedImage, Observed, ObservedContainer, Seen, SourceMark, SpecDigest,
};
pub use prune::{PruneRules, Pruning};
pub use reasons::origin_of;
pub use renames::{Rename, renames};
pub use types::{Action, COMPANY, Plan, ROLLBACK, Refusal, Step};
pub use work::{AtPlatform, Entry, InPlace, NewContainer, PlatformWork, Replacement, Work};
