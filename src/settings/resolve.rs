//! Reads the settings file and the secrets it refers to: the only part of the settings that touches files and environment.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{SecretRef, Settings, read};
use crate::model::Finding;

/// The largest settings file, in bytes.
const MAX_SETTINGS: usize = 1024 * 1024;
/// The largest secret, in bytes.
const MAX_SECRET: usize = 64 * 1024;

/// Why settings could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("failed to read the settings `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("the settings `{path}` are larger than {MAX_SETTINGS} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// What it says is wrong.
    #[error("the settings are invalid ({} findings)", .0.len())]
    Invalid(Vec<Finding>),
}

/// Why a secret of the operator could not be read; none of its text is shown.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The file could not be read.
    #[error("failed to read the file `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is a directory, device or pipe.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// The variable is not set.
    #[error("the environment variable `{name}` is not set")]
    NotSet {
        /// The variable.
        name: String,
    },
    /// It holds more than a secret can be.
    #[error("the secret in {place} is larger than {limit} bytes")]
    TooLarge {
        /// Where it is.
        place: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// It is empty.
    #[error("the secret in {place} is empty")]
    Empty {
        /// Where it is.
        place: String,
    },
    /// It is not text on one line.
    #[error("the secret in {place} is not text on one line")]
    NotText {
        /// Where it is.
        place: String,
    },
}

/// A file with secrets in it.
#[derive(Debug)]
pub struct SecretFile {
    /// What it holds.
    pub content: Zeroizing<Vec<u8>>,
    /// What the operator should know about it: that others can read it.
    pub warning: Option<String>,
}

impl Settings {
    /// Reads a settings file.
    ///
    /// # Errors
    /// The file can't be read, or what it says is wrong.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let io = |source| LoadError::Io { path: path.to_owned(), source };
        let mut content = Vec::new();
        let file = File::open(path).map_err(io)?;
        file.take(MAX_SETTINGS as u64 + 1).read_to_end(&mut content).map_err(io)?;
        if content.len() > MAX_SETTINGS {
            return Err(LoadError::TooLarge { path: path.to_owned() });
        }
        read(&path.to_string_lossy(), &content).map_err(LoadError::Invalid)
    }
}

impl SecretRef {
    /// Reads the secret, and says what the operator should know about how it is kept.
    ///
    /// One line break at the end of a file does not count.
    ///
    /// # Errors
    /// There is none, it is empty, or it can't be a token or password.
    pub fn resolve(&self) -> Result<(SecretString, Option<String>), ResolveError> {
        match self {
            Self::File(path) => {
                let file = read_secret_file(path, MAX_SECRET)?;
                let content = file.content.strip_suffix(b"\n").unwrap_or(&file.content);
                let content = content.strip_suffix(b"\r").unwrap_or(content);
                Ok((secret(content, &format!("the file `{}`", path.display()))?, file.warning))
            }
            Self::Env(name) => {
                let value = Zeroizing::new(environment(name).ok_or(ResolveError::NotSet { name: name.clone() })?);
                Ok((secret(&value, &format!("the environment variable `{name}`"))?, None))
            }
        }
    }
}

/// Reads a file with secrets in it, into memory that is wiped.
///
/// # Errors
/// It is not a regular file, can't be read, or holds more than `limit` bytes.
pub fn read_secret_file(path: &Path, limit: usize) -> Result<SecretFile, ResolveError> {
    let io = |source| ResolveError::Io { path: path.to_owned(), source };
    // Looked at before it is opened, since opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(ResolveError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.permissions().mode();
    let mut content = Zeroizing::new(vec![0_u8; limit + 1]);
    let mut filled = 0;
    while filled < content.len() {
        match (&file).read(&mut content[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io(error)),
        }
    }
    if filled > limit {
        return Err(ResolveError::TooLarge { place: format!("the file `{}`", path.display()), limit });
    }
    content.truncate(filled);
    let open = mode & 0o004 != 0;
    let warning = open.then(|| format!("everybody on this host can read `{0}`; run `chmod o-r {0}`", path.display()));
    Ok(SecretFile { content, warning })
}

fn secret(content: &[u8], place: &str) -> Result<SecretString, ResolveError> {
    if content.is_empty() {
        return Err(ResolveError::Empty { place: place.to_owned() });
    }
    if content.len() > MAX_SECRET {
        return Err(ResolveError::TooLarge { place: place.to_owned(), limit: MAX_SECRET });
    }
    let text = std::str::from_utf8(content).ok().filter(|text| !text.contains(char::is_control));
    text.map(SecretString::from).ok_or_else(|| ResolveError::NotText { place: place.to_owned() })
}

#[expect(clippy::disallowed_methods, reason = "this is the one place in which the settings read the environment")]
fn environment(name: &str) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    std::env::var_os(name).map(OsStringExt::into_vec)
}
