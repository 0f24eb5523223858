//! Puts secrets into envelopes for the manager's key.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    encoding::{AsDer as _, PublicKeyX509Der},
    error::Unspecified,
    rand,
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PublicEncryptingKey, PublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// An envelope in base64; none where the key is none.
pub(super) fn seal(version: u8, public_key: &str, text: &str) -> Option<String> {
    let (_, der) = pem_rfc7468::decode_vec(public_key.as_bytes()).ok()?;
    envelope(version, &der, text).ok().map(|bytes| STANDARD.encode(bytes))
}

fn envelope(version: u8, der: &[u8], text: &str) -> Result<Vec<u8>, Unspecified> {
    let public = PublicKey::from_der(der).map_err(|_| Unspecified)?;
    let spki: PublicKeyX509Der<'_> = public.as_der()?;
    let public = PublicEncryptingKey::from_der(spki.as_ref()).map_err(|_| Unspecified)?;
    let mut key = [0; 32 + 12];
    rand::fill(&mut key)?;
    let mut wrapped = vec![0; public.key_size_bytes()];
    if version == 1 {
        Pkcs1PublicEncryptingKey::new(public)?.encrypt(&key, &mut wrapped)?;
    } else {
        OaepPublicEncryptingKey::new(public)?.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut wrapped, None)?;
    }
    let inner = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key[..32])?);
    let mut sealed = text.as_bytes().to_vec();
    inner.seal_in_place_append_tag(Nonce::try_assume_unique_for_key(&key[32..])?, Aad::empty(), &mut sealed)?;
    Ok([vec![version], wrapped, sealed].concat())
}
