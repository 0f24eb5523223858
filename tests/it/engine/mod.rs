//! The Docker adapter against the real engine, and against one that lies.

mod adopted;
mod faults;
mod fields;
mod kills;
mod life;
mod proxy;
mod pulls;
pub(crate) mod registry;
mod rollback;
mod speed;
pub(crate) mod support;
