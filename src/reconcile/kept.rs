//! What is kept of platforms in the state folder: the last catalog that each published, and its version.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{catalog::Catalog, durable, model::PlatformName};

/// The longest first line of a kept catalog, and the longest version, in bytes.
const MAX_LINE: usize = 1_024;

/// The folder in which catalogs and versions of platforms are kept; losing it costs nothing but being able to work while
/// a platform is away.
#[derive(Debug, Clone)]
pub struct KeptCatalogs {
    folder: PathBuf,
}

/// The last catalog that a platform published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCatalog {
    /// The catalog, in today's format.
    pub content: Vec<u8>,
    /// Its SHA-256, as 64 hexadecimal digits.
    pub sha256: String,
    /// When the platform published it, in seconds since the Unix epoch.
    pub fetched: i64,
}

/// Why what is kept can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It can't be read or written.
    #[error("failed to {what} `{}`", path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what was written.
    #[error("`{}` is damaged", .0.display())]
    Damaged(PathBuf),
}

/// The first line of a kept catalog; the catalog follows.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    version: u32,
    sha256: String,
    fetched: i64,
}

impl KeptCatalogs {
    /// Below the state folder.
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join("catalogs") }
    }

    fn path(&self, platform: &PlatformName, kind: &str) -> PathBuf {
        self.folder.join(format!("platform-{platform}.{kind}"))
    }

    /// The last catalog that a platform published; none where it was never fetched.
    ///
    /// # Errors
    /// Where it can't be read, or is not what was written.
    pub fn read(&self, platform: &PlatformName) -> Result<Option<KeptCatalog>, KeptError> {
        let path = self.path(platform, "catalog");
        let Some(bytes) = read_bounded(&path, Catalog::MAX_SIZE + MAX_LINE)? else { return Ok(None) };
        let kept = parse(&bytes).ok_or(KeptError::Damaged(path))?;
        Ok(Some(kept))
    }

    /// Keeps a catalog so that a crash leaves either the former or the new one; gives its SHA-256.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn write(&self, platform: &PlatformName, content: &[u8], fetched: i64) -> Result<String, KeptError> {
        let path = self.path(platform, "catalog");
        let sha256 = hex::encode(Sha256::digest(content));
        let failed = |source| KeptError::Io { what: "write", path: path.clone(), source };
        let head = Head { version: 1, sha256: sha256.clone(), fetched };
        let mut bytes = serde_json::to_vec(&head).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(content);
        durable::keep(&path, &bytes).map_err(failed)?;
        Ok(sha256)
    }

    /// The version that a platform last gave itself; none where that is not known.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn version(&self, platform: &PlatformName) -> Result<Option<String>, KeptError> {
        let bytes = read_bounded(&self.path(platform, "version"), MAX_LINE)?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// Keeps the version that a platform gives itself; true where it was another one before.
    ///
    /// # Errors
    /// Where the folder can't be read or written.
    pub fn note_version(&self, platform: &PlatformName, version: &str) -> Result<bool, KeptError> {
        if self.version(platform)?.as_deref() == Some(version) {
            return Ok(false);
        }
        let path = self.path(platform, "version");
        let written = durable::keep(&path, format!("{version}\n").as_bytes());
        written.map_err(|source| KeptError::Io { what: "write", path, source })?;
        Ok(true)
    }
}

fn parse(bytes: &[u8]) -> Option<KeptCatalog> {
    let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let content = bytes[end + 1..].to_vec();
    let whole = head.version == 1 && hex::encode(Sha256::digest(&content)) == head.sha256;
    whole.then_some(KeptCatalog { content, sha256: head.sha256, fetched: head.fetched })
}

fn read_bounded(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, KeptError> {
    durable::read(path, limit as u64).map_err(|source| {
        if source.kind() == ErrorKind::FileTooLarge {
            KeptError::Damaged(path.to_owned())
        } else {
            KeptError::Io { what: "read", path: path.to_owned(), source }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn name() -> PlatformName {
        PlatformName::try_from("opencti").unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptCatalogs::new(folder.path());
        assert_eq!(kept.read(&name()).unwrap(), None);
        let sha256 = kept.write(&name(), b"{\"contracts\":\n[]}", 5).unwrap();
        let read = kept.read(&name()).unwrap().unwrap();
        assert_eq!((read.content.as_slice(), read.fetched, read.sha256), (&b"{\"contracts\":\n[]}"[..], 5, sha256));
        assert_eq!(fs::read_dir(folder.path().join("catalogs")).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn what_was_changed_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptCatalogs::new(folder.path());
        kept.write(&name(), b"{}", 5).unwrap();
        let path = kept.path(&name(), "catalog");
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[1..], &whole[whole.len() - 2..], b""] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(kept.read(&name()), Err(KeptError::Damaged(_))), "{damaged:?}");
        }
    }

    #[test]
    fn a_version_is_noted_once() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptCatalogs::new(folder.path());
        assert_eq!(kept.version(&name()).unwrap(), None);
        assert!(kept.note_version(&name(), "7.1.0").unwrap());
        assert!(!kept.note_version(&name(), "7.1.0").unwrap());
        assert!(kept.note_version(&name(), "7.2.0").unwrap());
        assert_eq!(kept.version(&name()).unwrap().as_deref(), Some("7.2.0"));
    }
}
