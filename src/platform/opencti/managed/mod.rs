//! OpenCTI as a platform that has us run its connectors.

mod account;
mod change;
mod client;
mod dialect;
pub mod documents;
mod licence;
mod wire;

pub(super) use dialect::Known;
pub use licence::Licence;
