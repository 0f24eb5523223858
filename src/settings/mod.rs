//! Reads the settings file into what each part of Lockstep is told to do.
//!
//! The file is checked as manifests are: against a schema derived from what the file may say, with every finding at its place. What it
//! says becomes a value without opening anything; tokens stay references until [`SecretRef::resolve`].

mod clear;
mod convert;
mod dto;
mod prune;
mod read;
mod resolve;
mod types;
mod urls;

pub use read::{read, schema};
pub use resolve::{LoadError, ResolveError, SecretFile, read_secret_file};
pub use types::{
    BindingSetting, CatalogSettings, DockerSettings, GitAuth, GitSettings, Intervals, Manager, PlatformSettings,
    Proxies, ProxyAuth, PruneSettings, RegistrySettings, SecretRef, SecretsSettings, Settings, SnapshotSettings,
    SourceSettings,
};
