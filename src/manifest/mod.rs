//! Reads the documents of a snapshot into manifests, and says everything that is wrong with them.

mod config;
mod container;
mod document;
mod field;
mod graph;
mod image;
mod instance;
mod legible;
mod merge;
mod mounts;
mod parsed;
mod reading;
mod relations;
mod scalars;
mod shapes;
#[cfg(test)]
mod tests;
mod types;

pub use document::schema;
pub use parsed::Parsed;
pub use types::{Health, ImageChoice, Manifest, Reading, Rollback, ServiceAccount, WantedState};

use crate::model::Snapshot;

/// Reads every manifest of a snapshot.
pub fn read(snapshot: &Snapshot) -> Reading {
    Parsed::of(snapshot).read()
}
