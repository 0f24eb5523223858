//! Keyed digests that tell whether an effective spec changed, and reveal nothing of the secrets in it.

use std::fmt;

use age::secrecy::{ExposeSecret, SecretString};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The id of the key that is no secret.
const UNKEYED: &str = "00000000";

/// A key for digests: HMAC-SHA-256, derived by HKDF-SHA-256 (RFC 5869).
///
/// A plain hash of a spec with a short secret in it, in a label that many can read, could be guessed; so digests are keyed
/// and name their key by an id.
#[derive(Clone)]
pub struct DigestKey {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestKey({})", self.id)
    }
}

impl DigestKey {
    /// The key of an identity.
    pub(super) fn from_identity(material: &[u8]) -> Self {
        Self::derived(material, "lockstep/digest/v1")
    }

    /// The key for a host that has no identity, from a token that it has.
    pub fn from_token(token: &SecretString) -> Self {
        Self::derived(token.expose_secret().as_bytes(), "lockstep/digest/token/v1")
    }

    /// The key for specs that hold no secret at all: known to everybody.
    pub fn unkeyed() -> Self {
        Self { id: UNKEYED.to_owned(), ..Self::derived(b"", "lockstep/digest/unkeyed/v1") }
    }

    /// What tells this key from others: 8 hexadecimal digits, derived apart from the key itself.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The digest of a canonical text: the key's id, a colon, and 64 hexadecimal digits.
    pub fn digest(&self, canonical: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_slice()).expect("HMAC takes a key of any length");
        mac.update(canonical);
        format!("{}:{}", self.id, hex::encode(mac.finalize().into_bytes()))
    }

    /// The id of the key that a digest was made with; none for what is no digest.
    pub fn id_of(digest: &str) -> Option<&str> {
        let (id, mac) = digest.split_once(':')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_hexdigit());
        (digits(id, 8) && digits(mac, 64)).then_some(id)
    }

    fn derived(material: &[u8], info: &str) -> Self {
        let derivation = Hkdf::<Sha256>::new(None, material);
        let mut key = Zeroizing::new([0_u8; 32]);
        derivation.expand(info.as_bytes(), key.as_mut_slice()).expect("HKDF gives up to 255 blocks");
        let mut id = [0_u8; 4];
        derivation.expand_multi_info(&[info.as_bytes(), b"/id"], &mut id).expect("HKDF gives up to 255 blocks");
        Self { id: hex::encode(id), key }
    }
}
