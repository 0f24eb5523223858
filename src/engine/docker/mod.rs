//! Runs containers on a Docker Engine, through its HTTP API.

mod adapter;
mod apply;
mod body;
mod client;
mod company;
mod config;
mod foreign;
mod image_ids;
mod inspect;
mod make;
mod observe;
mod other_manager;
mod preflight;
mod pull;
mod registry;
mod replace;
mod stop;
mod streams;
mod touches;
mod update;
mod version;

pub use adapter::{DockerEngine, RECOMMENDED_CONCURRENCY};
pub use config::{Deadlines, DockerConfig, RegistryAuth};
