//! Catalogs and the checks of configurations against them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

#[cfg(test)]
mod check_jsonschema;
mod codes;
mod deploy;
mod diff;
mod editor;
mod laws;
mod pull;
mod read;
mod real;
mod support;
mod v1;
mod values;
mod view;
mod yaml;
