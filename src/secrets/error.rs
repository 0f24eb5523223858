//! Why a secret did not open, said without a byte of it.

use std::fmt;

use super::Binding;

/// What was to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A value of an instance.
    Value(Binding),
    /// An encrypted file, by its path.
    File(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(whom) => write!(f, "secret `{}` of instance `{}`", whom.key, whom.instance),
            Self::File(name) => write!(f, "secret file `{name}`"),
        }
    }
}

/// Why something did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenErrorKind {
    /// There is no identity at all.
    #[error("no identity is configured")]
    NoIdentity,
    /// None of the identities is among the recipients.
    #[error("it is sealed for someone else")]
    NotForUs,
    /// It is sealed with a passphrase.
    #[error("it is sealed with a passphrase")]
    Passphrase,
    /// It is no age file of the version that is known.
    #[error("it is not an age file")]
    NotAge,
    /// Its end is missing.
    #[error("its end is missing")]
    Truncated,
    /// It was changed after it was sealed, or cut.
    #[error("it is damaged")]
    Corrupt,
    /// It passes the bound on its size.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
    /// What was sealed can't be the value of an environment variable.
    #[error("what it holds is not UTF-8 text, or has a NUL in it")]
    NotText,
    /// What was sealed is empty.
    #[error("what it holds is empty")]
    Empty,
    /// It is bound to another instance or key.
    #[error("it is bound to another instance or key")]
    WrongBinding,
    /// It is not bound although the settings ask for that.
    #[error("it is not bound to this instance and key, which the settings require")]
    Unbound,
    /// Its binding is of a version that is not known.
    #[error("its binding is of an unknown version")]
    UnknownBinding,
    /// A line of a decrypted file can't be read.
    #[error("line {line} of what it holds {why}")]
    BadMap {
        /// The line of the plaintext, counted from 1.
        line: u32,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A decrypted file lacks a key.
    #[error("it has no key `{key}`")]
    NoSuchKey {
        /// The key asked for.
        key: String,
        /// A key it has that looks like it.
        similar: Option<String>,
    },
}

/// Why a secret did not open; its instance is held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to open {subject}: {kind}")]
pub struct OpenError {
    /// What was to be opened.
    pub subject: Subject,
    /// Why it did not.
    pub kind: OpenErrorKind,
}

impl OpenError {
    /// What whoever is not the operator is told (platforms, status pages): the same whatever went wrong, so that nobody
    /// learns from it which keys exist or how a forged ciphertext failed.
    pub fn public_message(&self) -> &'static str {
        "a secret could not be opened"
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match &self.kind {
            OpenErrorKind::NoIdentity => {
                "name an identity file under `secrets.identities` in the settings; `lockstep secret keygen` makes one"
            }
            OpenErrorKind::NotForUs => {
                "seal it again for the recipient of an identity in the settings' `secrets.identities`"
            }
            OpenErrorKind::Passphrase => "seal it for a recipient (age1… or ssh-ed25519), not with a passphrase",
            OpenErrorKind::NotAge => "make it with `lockstep secret seal`, or with age (format version 1)",
            OpenErrorKind::Truncated | OpenErrorKind::Corrupt => {
                "copy the whole ciphertext again, first to last line and unchanged, or seal the value again"
            }
            OpenErrorKind::TooLarge { .. } => "seal less in one place",
            OpenErrorKind::NotText => "encode binary content as base64 before it is sealed",
            OpenErrorKind::Empty => "seal the value again; the command that gave it may have failed",
            OpenErrorKind::WrongBinding | OpenErrorKind::Unbound | OpenErrorKind::UnknownBinding => {
                return match &self.subject {
                    Subject::Value(whom) => format!(
                        "seal the value for this place: `lockstep secret seal --instance {} --key {}`",
                        whom.instance, whom.key
                    ),
                    Subject::File(_) => "begin the value with the binding of its instance and key".to_owned(),
                };
            }
            OpenErrorKind::BadMap { .. } => {
                "the plaintext is to be a YAML map of keys to strings, or lines of the form KEY=value"
            }
            OpenErrorKind::NoSuchKey { similar: Some(similar), .. } => return format!("did you mean `{similar}`?"),
            OpenErrorKind::NoSuchKey { similar: None, .. } => "add the key to the file, or correct `key`",
        }
        .to_owned()
    }
}
