//! Opens and seals age-encrypted values, and derives the keys that tell whether a spec changed.
//!
//! Plaintext lives in [`secrecy`] and [`zeroize`] types only, in buffers that never grow. No error holds any of it:
//! errors name the instance, the key or the file, a line at most. Age itself authenticates what was sealed, not who sealed
//! it, which is why a value may carry a [`Binding`] to the one instance and key it was made for.

mod binding;
mod decrypt;
mod digest;
mod dotenv;
mod env_file;
mod error;
mod identity;
mod keyring;
mod map;
mod openssh;
mod recipients;
mod seal;
mod signing;
mod yaml_map;

pub use binding::{Binding, BindingPolicy};
pub use decrypt::{MAX_FILE, MAX_VALUE};
pub use digest::DigestKey;
pub use env_file::{EnvVariable, env_file};
pub use error::{OpenError, OpenErrorKind, Subject};
pub use identity::{IdentityError, IdentityErrorKind};
pub use keyring::Keyring;
pub use map::SecretMap;
pub use recipients::{RecipientError, RecipientErrorKind, Recipients};
pub use seal::{SealError, keygen, seal};
pub use signing::{BadPublicKey, PublicKey, SigningKey};
