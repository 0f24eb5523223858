//! What the stand-in does for connector managers and for people who manage connectors in its pages.

mod configuration;
mod connector;
mod mutation;
mod query;
mod seal;
mod store;
mod types;

pub(super) use configuration::LIST;
pub(super) use connector::{Managed, Manager};
pub(super) use mutation::ManagerMutation;
pub(super) use query::ManagerQuery;
