//! Signs what a host publishes, so that whoever reads it knows that this host wrote it.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// How a public key begins.
const PREFIX: &str = "ed25519:";

/// An Ed25519 key, derived by HKDF-SHA-256 from an identity.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

impl SigningKey {
    /// The key of an identity.
    pub(super) fn from_identity(material: &[u8]) -> Self {
        let mut seed = Zeroizing::new([0_u8; 32]);
        let derivation = Hkdf::<Sha256>::new(None, material);
        derivation.expand(b"lockstep/sign/v1", seed.as_mut_slice()).expect("HKDF gives up to 255 blocks");
        Self { pair: Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed has 32 bytes") }
    }

    /// The half that others check signatures with.
    pub fn public(&self) -> PublicKey {
        let mut key = [0_u8; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(key)
    }

    /// The signature of a message, in base64.
    pub fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(message))
    }
}

/// The public half: `ed25519:` and 44 characters of base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no public key: `ed25519:` and 44 characters of base64")]
pub struct BadPublicKey;

impl TryFrom<&str> for PublicKey {
    type Error = BadPublicKey;

    fn try_from(text: &str) -> Result<Self, BadPublicKey> {
        let bytes = text.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).ok_or(BadPublicKey)?;
        Ok(Self(bytes.try_into().map_err(|_| BadPublicKey)?))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl PublicKey {
    /// Whether a signature in base64 is this key's over a message.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        STANDARD.decode(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_message_key_and_signature_agree() {
        let (one, other) = (SigningKey::from_identity(b"one"), SigningKey::from_identity(b"other"));
        let signature = one.sign(b"message");
        assert!(one.public().verifies(b"message", &signature));
        assert!(!one.public().verifies(b"massage", &signature));
        assert!(!other.public().verifies(b"message", &signature));
        assert!(!one.public().verifies(b"message", "no base64"));
        assert_eq!(PublicKey::try_from(one.public().to_string().as_str()), Ok(one.public()));
        for bad in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA"] {
            assert_eq!(PublicKey::try_from(bad), Err(BadPublicKey), "{bad}");
        }
        assert!(!format!("{one:?}").contains("seed"));
    }
}
