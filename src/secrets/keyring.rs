//! The identities of this host, and what they open.

use std::fmt;

use age::secrecy::SecretString;

use crate::model::Sealed;

use super::{
    Binding, BindingPolicy, DigestKey, IdentityError, OpenError, OpenErrorKind, Recipients, SecretMap, SigningKey,
    Subject,
    binding::{looks_bound, unbind},
    decrypt::{MAX_FILE, MAX_SEALED, MAX_VALUE, decrypt, text},
    identity::{self, Identity},
    map,
};

/// Every identity that secrets may be sealed for, in the order of the settings.
#[derive(Clone, Default)]
pub struct Keyring {
    identities: Vec<Identity>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} identities)", self.identities.len())
    }
}

impl Keyring {
    /// Adds the identities of a file: age's own format, with comments, or one unencrypted OpenSSH key of kind ssh-ed25519.
    ///
    /// `name` is what errors call the file. A file that is refused adds nothing.
    pub fn add(&mut self, name: &str, content: &[u8]) -> Result<(), IdentityError> {
        self.identities.extend(identity::read(name, content)?);
        Ok(())
    }

    /// Whether nothing can be opened.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// The public halves: what to seal for so that this host can open it.
    pub fn recipients(&self) -> Recipients {
        self.identities.iter().map(Identity::recipient).collect()
    }

    /// Opens a value for the instance and key it is to be used at.
    pub fn open(&self, sealed: &Sealed, whom: &Binding, policy: BindingPolicy) -> Result<SecretString, OpenError> {
        let open = || {
            let plaintext = decrypt(sealed.armored().as_bytes(), MAX_SEALED, self.as_age())?;
            value(unbind(text(&plaintext)?, whom, policy)?)
        };
        open().map_err(|kind| OpenError { subject: Subject::Value(whom.clone()), kind })
    }

    /// Opens a whole file, armored or binary, that holds a YAML map or dotenv lines.
    ///
    /// `name` is the file's path, for errors. What it holds is told by its first line.
    pub fn open_file(&self, content: &[u8], name: &str) -> Result<SecretMap, OpenError> {
        let open = || {
            let plaintext = decrypt(content, MAX_FILE, self.as_age())?;
            map::read(name, text(&plaintext)?)
        };
        open().map_err(|kind| OpenError { subject: Subject::File(name.to_owned()), kind })
    }

    /// Opens whatever was sealed as text, for the holder of the identity to read: a binding is taken off, not checked.
    ///
    /// `name` is the file's path, for errors.
    pub fn open_text(&self, content: &[u8], name: &str) -> Result<SecretString, OpenError> {
        let open = || {
            let plaintext = decrypt(content, MAX_FILE, self.as_age())?;
            let text = text(&plaintext)?;
            let bound = looks_bound(text).then(|| text.split_once('\n').map(|(_, rest)| rest)).flatten();
            Ok(SecretString::from(bound.unwrap_or(text)))
        };
        open().map_err(|kind| OpenError { subject: Subject::File(name.to_owned()), kind })
    }

    /// The key that digests are made with: that of the first identity; none where there is no identity.
    pub fn digest_key(&self) -> Option<DigestKey> {
        self.identities.first().map(|identity| DigestKey::from_identity(&identity.key_material()))
    }

    /// The key that this host signs with: that of the first identity; none where there is no identity.
    pub fn signing_key(&self) -> Option<SigningKey> {
        self.identities.first().map(|identity| SigningKey::from_identity(&identity.key_material()))
    }

    /// The key of an id that stands in an older digest, among all identities.
    pub fn digest_key_by_id(&self, id: &str) -> Option<DigestKey> {
        let mut keys = self.identities.iter().map(|identity| DigestKey::from_identity(&identity.key_material()));
        keys.find(|key| key.id() == id)
    }

    fn as_age(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.identities.iter().map(Identity::as_age)
    }
}

/// Takes a text for a value if it can be one.
pub(super) fn value(text: &str) -> Result<SecretString, OpenErrorKind> {
    match text.len() {
        0 => Err(OpenErrorKind::Empty),
        1..=MAX_VALUE => Ok(SecretString::from(text)),
        _ => Err(OpenErrorKind::TooLarge { limit: MAX_VALUE }),
    }
}
