//! Reads identity files: what can open secrets.

use std::io::{BufReader, Read};

use age::secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{openssh, recipients::Recipient};

/// The largest identity file, in bytes.
const MAX_IDENTITY_FILE: usize = 64 * 1024;
/// The most identities one file may hold; each costs time at every value that is sealed for someone else.
const MAX_IDENTITIES: usize = 64;

/// What is wrong with an identity file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityErrorKind {
    /// It passes the bound on its size.
    #[error("it is larger than {MAX_IDENTITY_FILE} bytes")]
    TooLarge,
    /// It holds more identities than are accepted.
    #[error("it holds more than {MAX_IDENTITIES} identities")]
    TooMany,
    /// It is no text.
    #[error("it is not text")]
    NotText,
    /// It holds no identity.
    #[error("it holds no identity")]
    Empty,
    /// It is protected by a passphrase, which nobody is there to type.
    #[error("it is protected by a passphrase")]
    Passphrase,
    /// It needs a plugin, which would be a program run on behalf of a file.
    #[error("it needs an age plugin, and plugins are never run")]
    Plugin,
    /// An SSH key that is not ssh-ed25519.
    #[error("it is an SSH key of another kind than ssh-ed25519")]
    SshKind,
    /// A private key in a format other than OpenSSH's.
    #[error("it is a private key in another format than OpenSSH's")]
    OtherFormat,
    /// A recipient, which can seal and not open.
    #[error("it is a recipient, which can only seal")]
    Recipient,
    /// It does not follow its format.
    #[error("it is neither an age identity nor an OpenSSH private key, or damaged")]
    Damaged,
}

/// Why an identity file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct IdentityError {
    /// The file's name.
    pub name: String,
    /// The line, counted from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub kind: IdentityErrorKind,
}

impl std::fmt::Display for IdentityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to read identity file `{}`: ", self.name)?;
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}", self.kind)
    }
}

impl IdentityError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self.kind {
            IdentityErrorKind::Passphrase => {
                "give Lockstep an identity of its own without a passphrase: `lockstep secret keygen`"
            }
            IdentityErrorKind::Recipient => "give the file that begins with AGE-SECRET-KEY-1, not its public half",
            IdentityErrorKind::Plugin
            | IdentityErrorKind::SshKind
            | IdentityErrorKind::OtherFormat
            | IdentityErrorKind::TooLarge
            | IdentityErrorKind::TooMany
            | IdentityErrorKind::NotText
            | IdentityErrorKind::Empty
            | IdentityErrorKind::Damaged => {
                "use an identity file of `lockstep secret keygen` or age-keygen, or an ssh-ed25519 key of OpenSSH"
            }
        }
    }
}

/// One identity.
#[derive(Clone)]
pub(super) enum Identity {
    /// An identity of age itself.
    X25519(age::x25519::Identity),
    /// An ssh-ed25519 key.
    Ssh {
        /// As the age library holds it.
        key: Box<age::ssh::Identity>,
        /// Its secret bytes, for the key of digests.
        seed: Zeroizing<[u8; 32]>,
        /// Its public half.
        recipient: Recipient,
    },
}

impl Identity {
    /// The identity as what the age library decrypts with.
    pub(super) fn as_age(&self) -> &dyn age::Identity {
        match self {
            Self::X25519(key) => key,
            Self::Ssh { key, .. } => key.as_ref(),
        }
    }

    /// The public half.
    pub(super) fn recipient(&self) -> Recipient {
        match self {
            Self::X25519(key) => Recipient::X25519(key.to_public()),
            Self::Ssh { recipient, .. } => recipient.clone(),
        }
    }

    /// Secret bytes that other keys can be derived from.
    pub(super) fn key_material(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::X25519(key) => Zeroizing::new(key.to_string().expose_secret().as_bytes().to_vec()),
            Self::Ssh { seed, .. } => Zeroizing::new(seed.to_vec()),
        }
    }
}

/// Reads every identity of a file.
pub(super) fn read(name: &str, content: &[u8]) -> Result<Vec<Identity>, IdentityError> {
    let refuse = |line, kind| IdentityError { name: name.to_owned(), line, kind };
    if content.len() > MAX_IDENTITY_FILE {
        return Err(refuse(None, IdentityErrorKind::TooLarge));
    }
    if content.starts_with(b"age-encryption.org/") {
        return Err(refuse(None, IdentityErrorKind::Passphrase));
    }
    let text = std::str::from_utf8(content).map_err(|_| refuse(None, IdentityErrorKind::NotText))?;
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.starts_with(openssh::BEGIN) {
        return read_ssh(trimmed).map(|identity| vec![identity]).map_err(|kind| refuse(None, kind));
    }
    if trimmed.starts_with("-----BEGIN AGE") {
        return Err(refuse(None, IdentityErrorKind::Passphrase));
    }
    if trimmed.starts_with("-----BEGIN") {
        return Err(refuse(None, IdentityErrorKind::OtherFormat));
    }
    let mut identities = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if identities.len() == MAX_IDENTITIES {
            return Err(refuse(Some(index + 1), IdentityErrorKind::TooMany));
        }
        identities.push(read_line(line).map_err(|kind| refuse(Some(index + 1), kind))?);
    }
    if identities.is_empty() { Err(refuse(None, IdentityErrorKind::Empty)) } else { Ok(identities) }
}

fn read_line(line: &str) -> Result<Identity, IdentityErrorKind> {
    if line.starts_with("AGE-PLUGIN-") {
        return Err(IdentityErrorKind::Plugin);
    }
    if line.starts_with("age1") || line.starts_with("ssh-") {
        return Err(IdentityErrorKind::Recipient);
    }
    line.parse().map(Identity::X25519).map_err(|_| IdentityErrorKind::Damaged)
}

fn read_ssh(text: &str) -> Result<Identity, IdentityErrorKind> {
    let seed = openssh::seed(text)?;
    // The age library reads lines, and wants the last one ended too.
    let lines = BufReader::new(text.as_bytes().chain(&b"\n"[..]));
    let key = age::ssh::Identity::from_buffer(lines, None).map_err(|_| IdentityErrorKind::Damaged)?;
    let recipient = age::ssh::Recipient::try_from(key.clone()).map_err(|_| IdentityErrorKind::SshKind)?;
    Ok(Identity::Ssh { key: Box::new(key), seed, recipient: Recipient::Ssh(recipient) })
}

/// The text of a file that holds one identity, and its public half.
pub(super) fn file_text(key: &age::x25519::Identity) -> (SecretString, String) {
    let recipient = key.to_public().to_string();
    let secret = key.to_string();
    let parts = ["# public key: ", &recipient, "\n", secret.expose_secret(), "\n"];
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    text.extend(parts);
    (SecretString::from(text.as_str()), recipient)
}
