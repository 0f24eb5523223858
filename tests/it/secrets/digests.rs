//! Keyed digests.

use age::secrecy::ExposeSecret;
use lockstep::secrets::{DigestKey, Keyring, keygen};

use super::secret;

#[test]
fn a_digest_names_its_key_and_follows_the_text() {
    let (file, _) = keygen();
    let keyring = || {
        let mut keyring = Keyring::default();
        keyring.add("k", file.expose_secret().as_bytes()).unwrap();
        keyring
    };
    let key = keyring().digest_key().unwrap();
    assert_eq!(keyring().digest_key().unwrap().digest(b"spec"), key.digest(b"spec"));
    assert_ne!(key.digest(b"spec"), key.digest(b"spec2"));
    assert_eq!(DigestKey::id_of(&key.digest(b"spec")), Some(key.id()));
    assert_eq!(format!("{key:?}"), format!("DigestKey({})", key.id()));
    for other in ["", "00000000", "00000000:12", &key.digest(b"spec")[1..]] {
        assert_eq!(DigestKey::id_of(other), None, "{other}");
    }
}

#[test]
fn keys_differ_by_where_they_come_from() {
    let (file, _) = keygen();
    let (other, _) = keygen();
    let key_of = |text: &str| {
        let mut keyring = Keyring::default();
        keyring.add("k", text.as_bytes()).unwrap();
        keyring.digest_key().unwrap()
    };
    let keys = [
        key_of(file.expose_secret()),
        key_of(other.expose_secret()),
        DigestKey::from_token(&secret("a")),
        DigestKey::from_token(&secret("b")),
        DigestKey::from_token(&file),
        DigestKey::unkeyed(),
    ];
    for (index, key) in keys.iter().enumerate() {
        for earlier in &keys[..index] {
            assert_ne!(key.id(), earlier.id());
            assert_ne!(key.digest(b"spec")[9..], earlier.digest(b"spec")[9..]);
        }
    }
    assert!(Keyring::default().digest_key().is_none());
}

#[test]
fn digests_have_fixed_values() {
    // Computed apart from this program, by RFC 5869 and RFC 2104.
    let unkeyed = "00000000:cdfc4bbde67e05bd7b564e1392e1d0b3558d81a84fc8ad3013f5b2da4742240f";
    assert_eq!(DigestKey::unkeyed().digest(b"spec"), unkeyed);
    let keyed = "0ceb9093:4dad4b2e083bda7891a36de9a8126790a0313fc12e5120b3ec1bfdeb381612eb";
    assert_eq!(DigestKey::from_token(&secret("token")).digest(b"spec"), keyed);
}

#[test]
fn an_older_first_identity_still_verifies() {
    let (old, _) = keygen();
    let (new, _) = keygen();
    let mut keyring = Keyring::default();
    keyring.add("old", old.expose_secret().as_bytes()).unwrap();
    let digest = keyring.digest_key().unwrap().digest(b"spec");
    let mut rotated = Keyring::default();
    rotated.add("new", new.expose_secret().as_bytes()).unwrap();
    assert!(rotated.digest_key_by_id(DigestKey::id_of(&digest).unwrap()).is_none());
    rotated.add("old", old.expose_secret().as_bytes()).unwrap();
    assert_ne!(rotated.digest_key().unwrap().digest(b"spec"), digest);
    let key = rotated.digest_key_by_id(DigestKey::id_of(&digest).unwrap()).unwrap();
    assert_eq!(key.digest(b"spec"), digest);
}
