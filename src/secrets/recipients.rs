//! Whom a value is sealed for.

use std::fmt;

/// The most recipients of one value; each makes the ciphertext longer.
const MAX_RECIPIENTS: usize = 64;

/// What is wrong with a line of recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientErrorKind {
    /// It is an identity, which is a secret.
    #[error("it is an identity (a secret), not a recipient")]
    Identity,
    /// It is an SSH key that is not ssh-ed25519.
    #[error("it is an SSH key of another kind than ssh-ed25519")]
    SshKind,
    /// It belongs to a plugin or a kind of recipient that is not known.
    #[error("it is a recipient of an age plugin or of an unknown kind")]
    Unsupported,
    /// It does not follow its format.
    #[error("it is no recipient: age1… or ssh-ed25519 …")]
    Damaged,
    /// There are more recipients than are accepted.
    #[error("there are more than {MAX_RECIPIENTS} recipients")]
    TooMany,
}

/// Why recipients were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read recipients, line {line}: {kind}")]
pub struct RecipientError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: RecipientErrorKind,
}

/// One recipient.
#[derive(Clone)]
pub(super) enum Recipient {
    /// A recipient of age itself.
    X25519(age::x25519::Recipient),
    /// An ssh-ed25519 key.
    Ssh(age::ssh::Recipient),
}

impl Recipient {
    /// The recipient as what the age library encrypts for.
    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        match self {
            Self::X25519(key) => key,
            Self::Ssh(key) => key,
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(key) => key.fmt(f),
            Self::Ssh(key) => key.fmt(f),
        }
    }
}

/// Whom a value is sealed for: each can open it alone.
#[derive(Clone, Default)]
pub struct Recipients(Vec<Recipient>);

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipients({} of them)", self.0.len())
    }
}

impl FromIterator<Recipient> for Recipients {
    fn from_iter<I: IntoIterator<Item = Recipient>>(recipients: I) -> Self {
        Self(recipients.into_iter().collect())
    }
}

impl Recipients {
    /// Reads recipients, one a line: `age1…` or `ssh-ed25519 AAAA… comment`; blank lines and lines that begin with `#`
    /// say nothing.
    pub fn parse(lines: &str) -> Result<Self, RecipientError> {
        let mut recipients = Vec::new();
        for (index, line) in lines.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refuse = |kind| RecipientError { line: index + 1, kind };
            if recipients.len() == MAX_RECIPIENTS {
                return Err(refuse(RecipientErrorKind::TooMany));
            }
            recipients.push(read_line(line).map_err(refuse)?);
        }
        Ok(Self(recipients))
    }

    /// These and further recipients, each once.
    #[must_use]
    pub fn and(mut self, further: Self) -> Self {
        for recipient in further.0 {
            if !self.0.iter().any(|known| known.to_string() == recipient.to_string()) {
                self.0.push(recipient);
            }
        }
        self
    }

    /// Whether there is nobody to seal for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The recipients in their text form, one an item.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Recipient::to_string)
    }

    pub(super) fn as_age(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(Recipient::as_age)
    }
}

fn read_line(line: &str) -> Result<Recipient, RecipientErrorKind> {
    if line.to_ascii_uppercase().starts_with("AGE-") || line.starts_with("-----BEGIN") {
        return Err(RecipientErrorKind::Identity);
    }
    if line.starts_with("ssh-ed25519 ") {
        let key = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        return key.parse().map(Recipient::Ssh).map_err(|_| RecipientErrorKind::Damaged);
    }
    if ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| line.starts_with(kind)) {
        return Err(RecipientErrorKind::SshKind);
    }
    // The data part of Bech32 has no `1`, so that a second one tells a recipient with a longer prefix: a plugin's, or newer.
    if line.starts_with("age1") && line["age1".len()..].contains('1') {
        return Err(RecipientErrorKind::Unsupported);
    }
    line.parse().map(Recipient::X25519).map_err(|_| RecipientErrorKind::Damaged)
}
