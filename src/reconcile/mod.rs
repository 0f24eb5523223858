//! Keeps what runs in lockstep with what is wanted, pass by pass.

mod apply;
mod backoff;
mod batch;
mod catalogs;
mod choose;
mod deep;
mod drift;
mod execute;
mod kept;
mod lock;
mod logs;
mod memory;
mod pass;
mod past;
mod pipeline;
mod pull;
mod reader;
mod record;
mod run;
mod serve;
mod standing;
mod state;
mod tell;

pub use apply::{Applied, ApplyOptions, apply, carry_out};
pub use catalogs::{CatalogError, CatalogLoader, CatalogPlace};
pub use execute::{StepError, StepReport, Watcher, execute};
pub use kept::{KeptCatalog, KeptCatalogs, KeptError};
pub use lock::{Lock, LockError};
pub use memory::epoch_seconds;
pub use pipeline::{PassError, Pipeline, Planned, Secrets, read};
pub use pull::{PullError, PullTimes, Pulled, Subscription, keep_pulled, pull};
pub use run::{RunOptions, Wires, run};
pub use serve::{Health, serve};
pub use standing::{Looked, PlatformLink, heard, ids, look, standing};
pub use state::{State, StateError};
