//! The RSA key of a connector manager.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey},
    signature::KeyPair as _,
};
use pem_rfc7468::LineEnding;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{model::printable, platform::ManagerIdentity};

/// The only size that platforms and managers take: the length of an envelope's head follows from it.
pub const KEY_BITS: usize = 4096;

/// Why a text is no key of a connector manager; says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no PEM at all, or a broken one.
    #[error("it is not a key in PEM")]
    NotPem,
    /// It is in the older form of RSA keys.
    #[error("it is in the form PKCS#1 (`BEGIN RSA PRIVATE KEY`), and platforms' managers keep theirs in PKCS#8")]
    Pkcs1,
    /// It is locked with a passphrase.
    #[error("it is locked with a passphrase, which nobody could type when Lockstep starts")]
    Locked,
    /// It is in PEM and something else, bounded and escaped.
    #[error("it is a `{0}`, not a `PRIVATE KEY`")]
    Other(String),
    /// It is no RSA key, or a damaged one.
    #[error("it is not an RSA key, or it is damaged")]
    NotRsa,
    /// It has another size.
    #[error("it has {bits} bits, and envelopes are made for exactly {KEY_BITS}")]
    Size {
        /// Its size in bits.
        bits: usize,
    },
    /// None could be made.
    #[error("no key could be made")]
    NotMade,
}

impl KeyError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotPem | Self::Other(_) | Self::NotRsa | Self::Size { .. } => {
                "name the private key that the platform's manager has, or make one with `lockstep platform keygen`"
            }
            Self::Pkcs1 => "turn it into PKCS#8: `openssl pkcs8 -topk8 -nodes -in OLD -out NEW`",
            Self::Locked => {
                "unlock it: `openssl pkcs8 -topk8 -nodes -in OLD -out NEW`; keep the file for its owner only"
            }
            Self::NotMade => {
                "try again, or make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096`"
            }
        }
    }
}

/// The private key of a connector manager, and its public half in the forms that platforms take.
pub struct ManagerKey {
    pub(super) oaep: OaepPrivateDecryptingKey,
    pub(super) pkcs1: Pkcs1PrivateDecryptingKey,
    public_pkcs1: String,
    public_spki: String,
}

impl fmt::Debug for ManagerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagerKey").finish_non_exhaustive()
    }
}

impl ManagerKey {
    /// Reads a key from a text in PEM.
    ///
    /// # Errors
    /// Where it is anything but an RSA key of 4096 bits in PKCS#8 that is not locked.
    pub fn from_pem(text: &SecretString) -> Result<Self, KeyError> {
        let text = text.expose_secret();
        // What stands around the key, as some tools write it, is not part of it.
        let start = text.find("-----BEGIN").ok_or(KeyError::NotPem)?;
        let (label, der) = pem_rfc7468::decode_vec(&text.as_bytes()[start..]).map_err(|_| KeyError::NotPem)?;
        let der = Zeroizing::new(der);
        match label {
            "PRIVATE KEY" => Self::from_der(&der),
            "RSA PRIVATE KEY" => Err(KeyError::Pkcs1),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Locked),
            other => Err(KeyError::Other(printable(other, 40))),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(der).map_err(|_| KeyError::NotRsa)?;
        let private = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::NotRsa)?;
        if private.key_size_bits() != KEY_BITS {
            return Err(KeyError::Size { bits: private.key_size_bits() });
        }
        let public = pair.public_key();
        let spki: PublicKeyX509Der<'_> = public.as_der().map_err(|_| KeyError::NotRsa)?;
        Ok(Self {
            public_pkcs1: pem("RSA PUBLIC KEY", public.as_ref()).ok_or(KeyError::NotRsa)?,
            public_spki: pem("PUBLIC KEY", spki.as_ref()).ok_or(KeyError::NotRsa)?,
            oaep: OaepPrivateDecryptingKey::new(private.clone()).map_err(|_| KeyError::NotRsa)?,
            pkcs1: Pkcs1PrivateDecryptingKey::new(private).map_err(|_| KeyError::NotRsa)?,
        })
    }

    /// Makes a new private key, as a text in PEM; takes a second or a few.
    ///
    /// # Errors
    /// [`KeyError::NotMade`].
    pub fn generate() -> Result<SecretString, KeyError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).map_err(|_| KeyError::NotMade)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| KeyError::NotMade)?;
        pem("PRIVATE KEY", der.as_ref()).map(SecretString::from).ok_or(KeyError::NotMade)
    }

    /// Who the holder of this key is at a platform.
    pub fn identity(&self, id: &str, name: &str) -> ManagerIdentity {
        ManagerIdentity {
            id: id.to_owned(),
            name: name.to_owned(),
            public_pkcs1: self.public_pkcs1.clone(),
            public_spki: self.public_spki.clone(),
            former: None,
        }
    }

    /// The public key as PEM in the form SPKI (`BEGIN PUBLIC KEY`).
    pub fn public_spki(&self) -> &str {
        &self.public_spki
    }
}

fn pem(label: &str, der: &[u8]) -> Option<String> {
    pem_rfc7468::encode_string(label, LineEnding::LF, der).ok()
}
