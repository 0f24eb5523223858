//! Writes log lines to standard error, and keeps secrets out of them.

mod forms;
mod scrubber;
mod subscriber;
#[cfg(test)]
mod tests;
mod writer;

pub use crate::model::chain;
pub use scrubber::{MIN_SECRET, Scrubber, ScrubberError};
pub use subscriber::{Format, InitError, init, install_panic_hook};
