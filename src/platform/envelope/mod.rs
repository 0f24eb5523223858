//! The envelopes in which a platform hands secrets to its connector manager, and the key that opens them.

mod key;
mod open;

pub use key::{KEY_BITS, KeyError, ManagerKey};
pub use open::EnvelopeError;
pub(super) use open::is_envelope;
