//! What the adapter is told about its engine.

use std::time::Duration;

use crate::{engine::Adopted, model::Credential};

/// Credentials for one registry.
#[derive(Debug, Clone)]
pub struct RegistryAuth {
    /// The registry's host with its port, as it stands in image references; `docker.io` for Docker Hub.
    pub host: String,
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: Credential,
}

/// How long calls may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For everything that only looks, and small changes.
    pub look: Duration,
    /// For creating, starting and removing a container.
    pub change: Duration,
    /// Added to the grace of a container that is stopped.
    pub stop_margin: Duration,
    /// Without any progress of a pull.
    pub pull_stall: Duration,
    /// For all that registries tell about the sizes of images, together: a plan that nobody waits for any longer is shown
    /// without them.
    pub sizes: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(30),
            change: Duration::from_secs(60),
            stop_margin: Duration::from_secs(10),
            pull_stall: Duration::from_secs(60),
            sizes: Duration::from_millis(1_500),
        }
    }
}

/// Which engine, and how it is used.
#[derive(Debug, Clone)]
pub struct DockerConfig {
    /// Its address: `unix:///PATH`, `tcp://HOST:PORT` or `http://HOST:PORT`.
    pub host: String,
    /// The network of containers whose manifest names none; none means the engine's default bridge.
    pub network: Option<String>,
    /// Credentials for registries; each is only ever sent to its own host.
    pub registries: Vec<RegistryAuth>,
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// The containers of another manager that were taken over, and count as ours.
    pub adopted: Vec<Adopted>,
    /// What tells our containers from those that another Lockstep of the same owner makes; kept from run to run.
    pub maker: String,
}

impl DockerConfig {
    /// An engine at an address, with nothing else said.
    pub fn at(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            network: None,
            registries: Vec::new(),
            deadlines: Deadlines::default(),
            adopted: Vec::new(),
            maker: uuid::Uuid::new_v4().to_string(),
        }
    }
}
