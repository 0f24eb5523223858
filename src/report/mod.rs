//! Says where every instance stands, for people, scripts and platforms.

mod of;
#[cfg(test)]
mod tests;
mod types;
pub mod wire;

pub use of::{Facts, Live, Note, of};
pub use types::{AtPlatform, Backlog, InstanceStatus, Phase, PlatformStatus, StatusReport};
