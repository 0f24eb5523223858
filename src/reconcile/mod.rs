//! Keeps what runs in lockstep with what is wanted, pass by pass.

mod apply;
mod backoff;
mod batch;
mod catalogs;
mod choose;
mod execute;
mod gate;
mod kept;
mod lock;
mod logs;
mod memory;
mod order;
mod pass;
mod pipeline;
mod pull;
mod reader;
mod run;
mod serve;
mod standing;
mod state;
mod tell;

pub use apply::{Applied, ApplyOptions, apply};
pub use catalogs::{CatalogError, CatalogLoader, CatalogPlace};
pub use execute::{StepError, StepReport, Watcher, execute};
pub use gate::PlatformGate;
pub use kept::{KeptCatalog, KeptCatalogs, KeptError};
pub use lock::{Lock, LockError};
pub use memory::epoch_seconds;
pub use pipeline::{PassError, Pipeline, Planned, Secrets};
pub use pull::{PullError, PullTimes, Pulled, Subscription, keep_pulled, pull};
pub use run::{RunOptions, Wires, run};
pub use serve::{Health, serve};
pub use standing::{Looked, PlatformLink, at_platform, heard, ids, look, standing};
pub use state::{State, StateError};
