//! Seals values, and makes identities to open them with.

use std::io::Write;

use age::{
    Encryptor,
    armor::{ArmoredWriter, Format},
    secrecy::{ExposeSecret, SecretString},
};

use super::{Binding, MAX_VALUE, Recipients, binding::looks_bound, identity};

/// Why a value was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is nobody to seal for.
    #[error("failed to seal: no recipient is given")]
    NoRecipient,
    /// The value is empty.
    #[error("failed to seal: the value is empty")]
    Empty,
    /// The value is larger than an environment variable can be.
    #[error("failed to seal: the value is larger than {MAX_VALUE} bytes")]
    TooLarge,
    /// The value holds a NUL.
    #[error("failed to seal: the value has a NUL in it")]
    Nul,
    /// The value begins as if it were bound already.
    #[error("failed to seal: the value begins with a binding already")]
    LooksBound,
    /// The key can't stand in a binding.
    #[error("failed to seal: `{0}` can't be the key of a binding")]
    BadKey(String),
    /// The age library failed.
    #[error("failed to seal")]
    Age(#[from] age::EncryptError),
    /// The ciphertext could not be written to memory.
    #[error("failed to seal")]
    Write(#[from] std::io::Error),
}

/// Seals a value for each of the recipients, and for one instance and key where a binding is given.
///
/// Returns an armored age file, its lines ended with a line feed. Every call gives another text.
pub fn seal(plaintext: &SecretString, recipients: &Recipients, binding: Option<&Binding>) -> Result<String, SealError> {
    let value = plaintext.expose_secret();
    if recipients.is_empty() {
        return Err(SealError::NoRecipient);
    }
    if value.is_empty() {
        return Err(SealError::Empty);
    }
    if value.len() > MAX_VALUE {
        return Err(SealError::TooLarge);
    }
    if value.contains('\0') {
        return Err(SealError::Nul);
    }
    if looks_bound(value) {
        return Err(SealError::LooksBound);
    }
    let header = match binding {
        Some(binding) => binding.header().ok_or_else(|| SealError::BadKey(binding.key.clone()))?,
        None => String::new(),
    };
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = Encryptor::with_recipients(recipients.as_age())?.wrap_output(armor)?;
    writer.write_all(header.as_bytes())?;
    writer.write_all(value.as_bytes())?;
    let armored = writer.finish()?.finish()?;
    Ok(String::from_utf8(armored).expect("armor is ASCII"))
}

/// Makes an identity: the text of its file, and the recipient to seal for.
pub fn keygen() -> (SecretString, String) {
    identity::file_text(&age::x25519::Identity::generate())
}
