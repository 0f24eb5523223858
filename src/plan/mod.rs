//! Compares what is wanted with what is observed, purely, and says step by step what has to happen.

mod diff;
mod observed;
mod observed_file;
mod prune;
mod reasons;
mod renames;
#[cfg(test)]
mod tests;
mod types;
pub mod wire;

pub use crate::model::{
    DEFAULT_LOG_FILES, DEFAULT_LOG_SIZE, DEFAULT_PIDS, DEFAULT_SHM_SIZE, DEFAULT_STOP_GRACE, container_fields,
    stop_seconds,
};
pub use diff::{Digests, diff, needs_digest, needs_look};
use observed::OF_PLATFORM;
pub use observed::{ContainerId, ContainerState, LABELS, Labels, Observed, ObservedContainer, SourceMark, SpecDigest};
pub use prune::{PruneRules, Pruning};
pub use renames::{Rename, renames};
pub use types::{
    Action, AtPlatform, Cause, Entry, NewContainer, Plan, PlatformWork, Reason, Refusal, Replacement, Step, Work,
};
