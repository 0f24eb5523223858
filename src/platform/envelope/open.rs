//! Opens envelopes: one byte of version, a key wrapped with RSA, and the secret under that key.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::OAEP_SHA256_MGF1SHA256,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::key::{KEY_BITS, ManagerKey};

/// The length of the wrapped key, in bytes.
const WRAPPED: usize = KEY_BITS / 8;
/// The length of the inner key, in bytes.
const KEY: usize = 32;
/// The length of the inner key and of the nonce behind it, in bytes.
const KEY_AND_NONCE: usize = KEY + 12;
/// The length of what shows that nothing was changed, in bytes.
const TAG: usize = 16;

/// Why an envelope stays shut; says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not base64.
    #[error("the envelope is not base64")]
    NotBase64,
    /// It ends too early.
    #[error("the envelope has only {bytes} bytes")]
    TooShort {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is of a version that this Lockstep does not know.
    #[error("the envelope is of version {0}, and this Lockstep knows 1 and 2")]
    Version(u8),
    /// It was made for another key, or changed. Which of them is not told apart, since whoever makes envelopes could learn
    /// from the difference.
    #[error("the envelope was sealed for another key, or was damaged")]
    Shut,
    /// What is in it is not a text.
    #[error("the secret in the envelope is not UTF-8 text, which an environment variable must be")]
    NotText,
}

impl EnvelopeError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotBase64 | Self::TooShort { .. } => "set the value at the platform once more",
            Self::Version(_) => "use a newer Lockstep",
            Self::Shut => {
                "use the private key whose public half the platform has; after a change of keys, set every secret at the \
                 platform once more, since it seals none anew by itself"
            }
            Self::NotText => "set a value that is text",
        }
    }
}

/// Whether a text has the form of an envelope, whatever key it was made for.
pub(in crate::platform) fn is_envelope(text: &str) -> bool {
    text.len() > WRAPPED && STANDARD.decode(text.trim()).is_ok_and(|bytes| parts(&bytes).is_ok())
}

/// The version of an envelope, its wrapped key, and what is sealed in it.
fn parts(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), EnvelopeError> {
    let short = EnvelopeError::TooShort { bytes: bytes.len() };
    let (&version, rest) = bytes.split_first().ok_or(short)?;
    if !matches!(version, 1 | 2) {
        return Err(EnvelopeError::Version(version));
    }
    let (wrapped, sealed) = rest.split_at_checked(WRAPPED).ok_or(short)?;
    if sealed.len() < TAG { Err(short) } else { Ok((version, wrapped, sealed)) }
}

impl ManagerKey {
    /// Opens an envelope of version 1 (RSA with PKCS#1 v1.5) or 2 (RSA-OAEP with SHA-256), given in base64.
    ///
    /// # Errors
    /// Where it is none, is for another key or was changed.
    pub fn open(&self, envelope: &str) -> Result<SecretString, EnvelopeError> {
        let bytes = STANDARD.decode(envelope.trim()).map_err(|_| EnvelopeError::NotBase64)?;
        let (version, wrapped, sealed) = parts(&bytes)?;
        let mut space = Zeroizing::new([0; WRAPPED]);
        let unwrapped = match version {
            1 => self.pkcs1.decrypt(wrapped, space.as_mut_slice()),
            _ => self.oaep.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, space.as_mut_slice(), None),
        };
        let unwrapped = unwrapped.map_err(|_| EnvelopeError::Shut)?;
        if unwrapped.len() != KEY_AND_NONCE {
            return Err(EnvelopeError::Shut);
        }
        let (key, nonce) = unwrapped.split_at(KEY);
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| EnvelopeError::Shut)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EnvelopeError::Shut)?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), text.as_mut_slice());
        let opened = opened.map_err(|_| EnvelopeError::Shut)?;
        let text = std::str::from_utf8(opened).map_err(|_| EnvelopeError::NotText)?;
        Ok(SecretString::from(text))
    }
}
