//! Keeps the instances that platforms have us manage in step with them.

mod execute;
mod keeper;
mod link;
mod memory_file;
pub(super) mod once;
mod quiet;
#[cfg(test)]
mod tests;
mod works;

pub use execute::{AtPlatformError, at_platform};
pub use link::{ManagedLink, Managers};
pub use memory_file::{read_memory, write_memory};
pub use quiet::QuietRegistration;
pub(super) use works::{AtPlatformReport, PlatformWorks};
