//! Turns the connector services of compose files, and the instances that people made in a platform's pages, into instance
//! manifests, and says what could not be carried over.

mod carrier;
mod choose;
mod compose;
mod container;
mod container_fields;
mod container_host;
mod container_limits;
mod convert;
mod draft;
mod env_files;
mod environment;
mod interpolate;
mod log;
mod placeholder;
mod platform;
mod reserved;
mod run;
mod scalar;
mod source_lines;
mod types;
mod units;
mod verify;
mod written;

pub use env_files::env_files;
pub use platform::{PlatformInstance, PlatformValue, of_platform};
pub use run::run;
pub use types::{ComposeFile, EnvFile, Imported, ImportedService, Note, Outcome, Request};
