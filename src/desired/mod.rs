//! Puts manifests, contracts and settings together into what one revision wants.

mod assemble;
mod canonical;
mod env;
mod management;
mod open;
mod policy;
mod types;

pub use assemble::{Context, PlatformFacts, assemble};
pub use management::{Keeper, Management, PlatformContent, PlatformSecret};
pub use open::{OpenedEnv, Openers, OpensEnvelopes, SettingsSecrets};
pub use types::{DesiredState, EnvValue, Held, Origin, SealedFile, SourceDigest, Wanted};
