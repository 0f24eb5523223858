//! The GraphQL interface of OpenCTI.

mod client;
pub mod documents;
mod graphql;
mod managed;
mod wire;

pub use client::OpenCtiClient;
pub use documents::Document;
pub use managed::{Licence, documents as managed_documents};
