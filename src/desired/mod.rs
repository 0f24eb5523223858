//! Puts manifests, contracts and settings together into what one revision wants.

mod assemble;
mod assembled;
mod canonical;
mod env;
mod management;
mod open;
mod policy;
mod types;

pub use assemble::{Context, PlatformFacts, assemble};
pub use assembled::Assembled;
pub use management::{Keeper, Management, OPENAEV_TENANT, PlatformContent, PlatformSecret};
pub use open::{OpenedEnv, Openers, OpensEnvelopes, SettingsSecrets};
pub use types::{DesiredState, EnvValue, Held, Origin, SealedFile, SourceDigest, Wanted};
