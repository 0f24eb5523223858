//! A secret of the operator that may change while it is in use.

use std::{fmt, sync::Arc};

use secrecy::SecretString;

/// Reads a secret from where the operator keeps it, or says why it can't be read, without any of its text.
type Reading = dyn Fn() -> Result<SecretString, String> + Send + Sync;

/// A secret of the operator, read anew whenever it is used, so that a new one counts at once.
#[derive(Clone)]
pub struct Credential(Arc<Reading>);

impl Credential {
    /// One that is read so.
    pub fn read_by(read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Reads it.
    ///
    /// # Errors
    /// Why it can't be read; nothing of its text.
    pub fn read(&self) -> Result<SecretString, String> {
        (self.0)()
    }
}

impl From<SecretString> for Credential {
    fn from(secret: SecretString) -> Self {
        Self::read_by(move || Ok(secret.clone()))
    }
}

impl From<&str> for Credential {
    fn from(secret: &str) -> Self {
        SecretString::from(secret).into()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_says_nothing_of_its_text() {
        let credential = Credential::from("t0ken");
        assert!(!format!("{credential:?}").contains("t0ken") && credential.read().is_ok());
        assert_eq!(Credential::read_by(|| Err("gone".to_owned())).read().map(drop), Err("gone".to_owned()));
    }
}
