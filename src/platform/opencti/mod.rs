//! The GraphQL interface of OpenCTI.

mod client;
pub mod documents;
mod http;
mod managed;
mod wire;

pub use client::OpenCtiClient;
pub use documents::Document;
pub use http::OpenCtiConfig;
pub use managed::{Licence, documents as managed_documents};
