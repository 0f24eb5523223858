//! The integration tests, one binary.

mod catalog;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crates;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod export;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod history;
#[cfg(test)]
mod import;
#[cfg(test)]
mod initial;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod manifest;
#[expect(
    clippy::duplicate_mod,
    reason = "both platforms seal and fail alike, and each stand-in is a program of its own"
)]
#[path = "../../examples/openaev/server.rs"]
mod openaev_server;
#[path = "../../examples/opencti/server.rs"]
mod opencti_server;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod python;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod schemas;
mod secrets;
mod settings;
mod source;
mod telemetry;
#[cfg(test)]
mod tidy;
