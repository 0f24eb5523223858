//! OpenCTI as a platform that has us run its connectors.

mod life;
mod refusals;
mod support;
mod unreadable;
mod wire;
