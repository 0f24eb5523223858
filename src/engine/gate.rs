//! What counts for the health of a new container besides what the engine itself sees.

use crate::desired::Wanted;

/// Whether a new container has proven itself to somebody else than the engine, as its manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It has, or its manifest does not ask for it.
    Given,
    /// It has not yet; why.
    Missing(String),
    /// Nobody can say now; why. That is no fault of the container, so it never fails for it, but it is waited for.
    Unknown(String),
    /// Nobody will say, however long it is waited for; why.
    Unasked(String),
}

/// Whoever knows whether a new container has proven itself.
pub trait Gate: Send + Sync + 'static {
    /// Says it of a container that was started at this second since the Unix epoch.
    fn proof(&self, wanted: &Wanted, started: i64) -> Proof;
}
