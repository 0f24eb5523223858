//! The REST interface of OpenAEV.

mod calls;
mod catalog;
mod client;
mod instances;
mod listing;
mod logs;
mod managed;
mod rest;
mod rights;

pub use client::{OpenAevClient, OpenAevConfig};
pub use rights::{OpenAevLicence, openaev_lacks};
