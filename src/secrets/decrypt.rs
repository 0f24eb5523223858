//! Decrypts one age file, armored or binary, into memory that is wiped.

use std::io::{ErrorKind, Read};

use age::{DecryptError, Decryptor, armor::ArmoredReader};
use zeroize::Zeroizing;

use super::OpenErrorKind;

/// The largest value that can be sealed, in bytes: Linux hands a process no longer string (MAX_ARG_STRLEN in execve(2)).
pub const MAX_VALUE: usize = 128 * 1024;
/// The largest encrypted file, in bytes of ciphertext.
pub const MAX_FILE: usize = 1024 * 1024;
/// The largest ciphertext of one value: its armor takes 4/3 of it, and there may be many recipients.
pub(super) const MAX_SEALED: usize = 3 * MAX_VALUE;

const ARMOR_BEGIN: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const ARMOR_END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";
/// The first line of every binary age file of the version that is known.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Decrypts `content`, which may be at most `limit` bytes long.
///
/// All of it is authenticated before any of it is returned.
pub(super) fn decrypt<'a>(
    content: &[u8],
    limit: usize,
    identities: impl Iterator<Item = &'a dyn age::Identity>,
) -> Result<Zeroizing<Vec<u8>>, OpenErrorKind> {
    if content.len() > limit {
        return Err(OpenErrorKind::TooLarge { limit });
    }
    let armored = content.trim_ascii_start().starts_with(ARMOR_BEGIN);
    if !armored && !content.starts_with(MAGIC) {
        return Err(OpenErrorKind::NotAge);
    }
    if armored && !content.trim_ascii_end().ends_with(ARMOR_END) {
        return Err(OpenErrorKind::Truncated);
    }
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(content)).map_err(|error| kind_of(&error))?;
    if decryptor.is_scrypt() {
        return Err(OpenErrorKind::Passphrase);
    }
    let mut identities = identities.peekable();
    if identities.peek().is_none() {
        return Err(OpenErrorKind::NoIdentity);
    }
    let mut reader = decryptor.decrypt(identities).map_err(|error| kind_of(&error))?;
    // Plaintext is never longer than ciphertext, so that this buffer never grows and leaves no copy behind.
    let mut plaintext = Zeroizing::new(vec![0_u8; content.len()]);
    let mut filled = 0;
    loop {
        match reader.read(&mut plaintext[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(kind_of(&DecryptError::Io(error))),
        }
    }
    plaintext.truncate(filled);
    Ok(plaintext)
}

/// The plaintext as text that an environment variable can hold.
pub(super) fn text(plaintext: &[u8]) -> Result<&str, OpenErrorKind> {
    let text = std::str::from_utf8(plaintext).map_err(|_| OpenErrorKind::NotText)?;
    if text.contains('\0') { Err(OpenErrorKind::NotText) } else { Ok(text) }
}

/// What an error of the age library means here; its text is dropped since it says nothing that helps.
fn kind_of(error: &DecryptError) -> OpenErrorKind {
    match error {
        DecryptError::NoMatchingKeys => OpenErrorKind::NotForUs,
        DecryptError::UnknownFormat => OpenErrorKind::NotAge,
        DecryptError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => OpenErrorKind::Truncated,
        DecryptError::DecryptionFailed
        | DecryptError::ExcessiveWork { .. }
        | DecryptError::InvalidHeader
        | DecryptError::InvalidMac
        | DecryptError::Io(_)
        | DecryptError::KeyDecryptionFailed
        | _ => OpenErrorKind::Corrupt,
    }
}
