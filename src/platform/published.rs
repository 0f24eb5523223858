//! The contracts that a platform publishes, fetched from the platform itself.

use futures_util::future::BoxFuture;

use super::PlatformError;

/// A platform that publishes the contracts of its connectors.
pub trait Publisher: Send + Sync + 'static {
    /// Everything that it publishes.
    ///
    /// # Errors
    /// What keeps it from being read whole; a platform that publishes nothing is an error too, since an empty catalog would
    /// hold every instance.
    fn catalog(&self) -> BoxFuture<'_, Result<Published, PlatformError>>;
}

/// What a platform publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The version of the platform.
    pub version: String,
    /// A catalog in the format of its contracts, without logos: the same for the same contracts, however the platform orders
    /// them.
    pub content: Vec<u8>,
    /// Contracts that an earlier one of the same slug, and version where there are several, stands for; they are left out.
    pub left_out: Vec<String>,
}
