//! Values of a connector's configuration as the manifest gives them, secrets still sealed.

use std::{fmt, sync::Arc};

use super::Placed;

/// A scalar with the very text it was written as, so that `1.10` and `no` stay what they are.
///
/// Its `Debug` shows no content: a value in clear may be a secret that its author forgot to seal.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text: source text of a plain scalar, decoded content of a quoted or block scalar.
    pub text: String,
    /// Whether it was quoted or a block, so that it can only be meant as a string.
    pub quoted: bool,
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scalar({} bytes, quoted: {})", self.text.len(), self.quoted)
    }
}

/// An armored age file, still sealed. Two are equal when their ciphertext is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sealed(Arc<str>);

impl Sealed {
    /// The first line of every armored age file (the age specification, section "ASCII armor").
    pub const HEADER: &'static str = "-----BEGIN AGE ENCRYPTED FILE-----";

    /// Takes a text for a sealed value if it begins as one; whether it opens shows later.
    pub fn recognise(text: &str) -> Option<Self> {
        let text = text.trim();
        text.starts_with(Self::HEADER).then(|| Self(text.into()))
    }

    /// The armored ciphertext.
    pub fn armored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A value that only the holder of an identity can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretValue {
    /// Sealed in the manifest itself.
    Sealed(Sealed),
    /// One key of an encrypted file of the source.
    FromSecret {
        /// The file's path, relative to the root of the source.
        file: String,
        /// The key in the decrypted map.
        key: String,
    },
}

/// One value of `spec.config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigValue {
    /// A single value in clear.
    Scalar(Scalar),
    /// A list of values in clear.
    List(Vec<Placed<Scalar>>),
    /// A secret.
    Secret(SecretValue),
}
