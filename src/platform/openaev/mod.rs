//! The REST interface of OpenAEV.

mod calls;
mod catalog;
mod client;
mod instances;
mod listing;
mod logs;
mod managed;
mod rest;

pub use client::{OpenAevClient, OpenAevConfig};
