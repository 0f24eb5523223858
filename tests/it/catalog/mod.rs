//! Catalogs and the checks of configurations against them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

#[cfg(test)]
mod check_jsonschema;
mod codes;
mod deploy;
mod editor;
mod laws;
mod read;
mod real;
mod support;
mod values;
mod view;
mod yaml;
