//! The GraphQL interface of OpenCTI.

mod client;
pub mod documents;
mod graphql;
mod wire;

pub use client::OpenCtiClient;
pub use documents::Document;
