//! Puts manifests, contracts and settings together into what one revision wants.

mod assemble;
mod canonical;
mod env;
mod open;
mod policy;
mod types;

pub use assemble::{Context, PlatformFacts, assemble};
pub use open::{OpenedEnv, Openers};
pub use types::{DesiredState, EnvValue, Held, Origin, SealedFile, SourceDigest, Wanted};
