//! Remembers the last changes of every instance and what caused each, in a file that outlives restarts.
//!
//! It is only ever told and asked, never relied on: one that is damaged, full or of a newer version is said in a warning,
//! and the pass goes on.

mod entry;
mod error;
mod store;
mod timings;
pub mod wire;

pub use entry::{Ending, Entry, Event};
pub use error::HistoryError;
pub use store::{FILE, Store, instances, read};
pub use timings::medians;
