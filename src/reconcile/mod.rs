//! Keeps what runs in lockstep with what is wanted, pass by pass.

mod apply;
mod backoff;
mod batch;
mod catalogs;
mod choose;
mod deep;
mod drift;
mod execute;
mod lock;
mod logs;
mod memory;
mod pass;
mod pipeline;
mod reader;
mod run;
mod serve;
mod standing;
mod state;
mod tell;

pub use apply::{Applied, ApplyOptions, apply, carry_out};
pub use catalogs::{CatalogError, CatalogLoader, CatalogPlace};
pub use execute::{StepError, StepReport, Watcher, execute};
pub use lock::{Lock, LockError};
pub use memory::epoch_seconds;
pub use pipeline::{PassError, Pipeline, Planned, Secrets};
pub use run::{RunOptions, Wires, run};
pub use serve::{Health, serve};
pub use standing::{Looked, PlatformLink, heard, ids, look, standing};
pub use state::{State, StateError};
