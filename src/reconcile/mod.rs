//! Keeps what runs in lockstep with what is wanted, pass by pass.

mod apply;
mod backoff;
mod batch;
mod catalogs;
mod choose;
mod execute;
mod lock;
mod logs;
mod managed;
mod memory;
mod pass;
mod pipeline;
mod reader;
mod run;
mod serve;
mod standing;
mod state;
mod tell;

pub use apply::{Applied, ApplyOptions, apply};
pub use catalogs::{CatalogError, CatalogLoader, CatalogPlace};
pub use execute::{StepError, StepReport, Watcher, execute};
pub use lock::{Lock, LockError};
pub use managed::{AtPlatformError, ManagedLink, Managers, QuietRegistration, at_platform, read_memory, write_memory};
pub use memory::epoch_seconds;
pub use pipeline::{PassError, Pipeline, Planned, Secrets};
pub use run::{RunOptions, Wires, run};
pub use serve::{Health, serve};
pub use standing::{Looked, PlatformLink, heard, ids, look, standing};
pub use state::{State, StateError};
