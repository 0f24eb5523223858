//! Reads an unencrypted ssh-ed25519 private key as OpenSSH writes it.
//!
//! The layout is that of the file `PROTOCOL.key` in OpenSSH's source. The age library reads the same file but keeps the
//! secret to itself; the key for digests is derived from it here.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::IdentityErrorKind;

/// The first line of the file.
pub(super) const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const ED25519: &[u8] = b"ssh-ed25519";

/// The 32 secret bytes of an ssh-ed25519 key.
pub(super) fn seed(text: &str) -> Result<Zeroizing<[u8; 32]>, IdentityErrorKind> {
    let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let body = body.ok_or(IdentityErrorKind::Damaged)?;
    let mut encoded = Zeroizing::new(String::with_capacity(body.len()));
    encoded.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    let mut decoded = Zeroizing::new(vec![0_u8; encoded.len()]);
    let count = STANDARD.decode_slice(encoded.as_bytes(), &mut decoded).map_err(|_| IdentityErrorKind::Damaged)?;
    read(&decoded[..count])
}

fn read(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, IdentityErrorKind> {
    let mut reader = Reader(bytes.strip_prefix(MAGIC).ok_or(IdentityErrorKind::Damaged)?);
    let cipher = reader.string()?;
    let derivation = reader.string()?;
    reader.string()?;
    if cipher != b"none" || derivation != b"none" {
        return Err(IdentityErrorKind::Passphrase);
    }
    if reader.number()? != 1 {
        return Err(IdentityErrorKind::Damaged);
    }
    if (Reader(reader.string()?)).string()? != ED25519 {
        return Err(IdentityErrorKind::SshKind);
    }
    let mut private = Reader(reader.string()?);
    if private.number()? != private.number()? || private.string()? != ED25519 {
        return Err(IdentityErrorKind::Damaged);
    }
    let public = private.string()?;
    let pair = private.string()?;
    if pair.len() != 64 || pair[32..] != *public {
        return Err(IdentityErrorKind::Damaged);
    }
    let mut seed = Zeroizing::new([0_u8; 32]);
    seed.copy_from_slice(&pair[..32]);
    Ok(seed)
}

/// Reads the data types of RFC 4251, section 5.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u32, IdentityErrorKind> {
        let (bytes, rest) = self.0.split_first_chunk::<4>().ok_or(IdentityErrorKind::Damaged)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    fn string(&mut self) -> Result<&'a [u8], IdentityErrorKind> {
        let length = usize::try_from(self.number()?).map_err(|_| IdentityErrorKind::Damaged)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(IdentityErrorKind::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }
}
