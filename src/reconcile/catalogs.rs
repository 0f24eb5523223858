//! Reads the catalogs that the settings name, and reads one again only when its content changed.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{KeptCatalogs, KeptError};
use crate::{
    catalog::{Catalog, CatalogError as ReadError, Catalogs},
    durable,
    model::{PlatformName, Snapshot},
    source::{self, SourceError},
};

/// The largest catalog that is read, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// How long a catalog's server may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a catalog comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogPlace {
    /// A file of the watched source.
    Source(String),
    /// A file of this machine.
    File(PathBuf),
    /// A URL whose content is pinned by its SHA-256.
    Url {
        /// The URL.
        url: String,
        /// The SHA-256, as 64 hexadecimal digits.
        sha256: String,
        /// Certificates to trust besides the system's.
        ca: Option<PathBuf>,
        /// The folder in which the content is kept.
        cache: PathBuf,
    },
    /// What is kept of what a platform publishes.
    Platform(PlatformName),
}

/// Why a catalog could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The watched source has no such file.
    #[error("`catalogs` names the file `{0}`, which the source does not have")]
    NotInSource(String),
    /// The file could not be read.
    #[error("failed to read the catalog `{path}`")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The content could not be fetched.
    #[error("failed to fetch the catalog `{url}`")]
    Fetch {
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// A platform's catalog was never fetched.
    #[error("the catalog of platform `{0}` was not fetched yet")]
    NeverPulled(PlatformName),
    /// What is kept of a platform can't be used.
    #[error("what is kept of platform `{platform}` can't be used")]
    Kept {
        /// The platform.
        platform: PlatformName,
        /// Why.
        #[source]
        source: KeptError,
    },
    /// The content is no catalog.
    #[error("the catalog `{name}` can't be used")]
    Content {
        /// The file or URL.
        name: String,
        /// Why.
        #[source]
        source: ReadError,
    },
}

/// Reads catalogs and remembers them by content.
#[derive(Debug, Default)]
pub struct CatalogLoader {
    places: Vec<CatalogPlace>,
    kept: Option<(KeptCatalogs, Vec<PlatformName>)>,
    changes: Arc<watch::Sender<u64>>,
    known: Mutex<HashMap<[u8; 32], Arc<Catalog>>>,
}

impl CatalogLoader {
    /// A loader for the catalogs of the settings, in their order.
    pub fn new(places: Vec<CatalogPlace>) -> Self {
        Self { places, ..Self::default() }
    }

    /// The same with what is kept of platforms: their catalogs, and the versions of those named.
    #[must_use]
    pub fn with_platforms(self, kept: KeptCatalogs, platforms: Vec<PlatformName>) -> Self {
        Self { kept: Some((kept, platforms)), ..self }
    }

    /// Where changes of what is kept are announced.
    pub fn changes(&self) -> Arc<watch::Sender<u64>> {
        Arc::clone(&self.changes)
    }

    /// Keeps the version that a platform gives itself, and announces it where it is another one than before.
    pub fn note_version(&self, platform: &PlatformName, version: &str) {
        let Some((kept, _)) = &self.kept else { return };
        match kept.note_version(platform, version) {
            Ok(true) => self.changes.send_modify(|count| *count += 1),
            Ok(false) => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%platform, error, "the platform's version is not remembered");
            }
        }
    }

    /// Reads every catalog.
    ///
    /// # Errors
    /// Where one of them can't be read or used: without it, instances could not be told from broken ones.
    pub async fn load(&self, snapshot: &Snapshot) -> Result<Catalogs, CatalogError> {
        let mut catalogs = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let (name, content) = self.content_of(place, snapshot).await?;
            let publisher = match place {
                CatalogPlace::Platform(platform) => Some(platform.clone()),
                CatalogPlace::Source(_) | CatalogPlace::File(_) | CatalogPlace::Url { .. } => None,
            };
            catalogs.push((self.read(&name, &content)?, publisher));
        }
        Ok(Catalogs::published(catalogs, self.versions()?))
    }

    async fn content_of(&self, place: &CatalogPlace, snapshot: &Snapshot) -> Result<(String, Arc<[u8]>), CatalogError> {
        match place {
            CatalogPlace::Platform(platform) => Ok((format!("of platform {platform}"), self.kept_of(platform)?)),
            CatalogPlace::Source(path) => {
                let file = snapshot.file(path).ok_or_else(|| CatalogError::NotInSource(path.clone()))?;
                Ok((path.clone(), Arc::clone(&file.content)))
            }
            CatalogPlace::File(path) => {
                let name = path.display().to_string();
                let failed = |source| CatalogError::Io { path: name.clone(), source };
                let content = read_bounded(path).await.map_err(failed)?;
                Ok((name, content.into()))
            }
            CatalogPlace::Url { url, sha256, ca, cache } => {
                let kept = cache.join(format!("{sha256}.json"));
                if let Ok(content) = read_bounded(&kept).await
                    && hex::encode(Sha256::digest(&content)) == *sha256
                {
                    return Ok((url.clone(), content.into()));
                }
                let fetched = source::fetch_url(url, sha256, ca.as_deref(), MAX_BYTES, DEADLINE).await;
                let content = fetched.map_err(|source| CatalogError::Fetch { url: url.clone(), source })?;
                if let Err(error) = keep(&kept, &content).await {
                    tracing::warn!(path = %kept.display(), %error, "failed to keep the catalog for later");
                }
                Ok((url.clone(), content.into()))
            }
        }
    }

    fn kept_of(&self, platform: &PlatformName) -> Result<Arc<[u8]>, CatalogError> {
        let never = || CatalogError::NeverPulled(platform.clone());
        let (kept, _) = self.kept.as_ref().ok_or_else(never)?;
        let read = kept.read(platform).map_err(|source| CatalogError::Kept { platform: platform.clone(), source })?;
        Ok(read.ok_or_else(never)?.content.into())
    }

    fn versions(&self) -> Result<BTreeMap<PlatformName, String>, CatalogError> {
        let Some((kept, platforms)) = &self.kept else { return Ok(BTreeMap::new()) };
        let version = |platform: &PlatformName| {
            let version = kept.version(platform);
            let version = version.map_err(|source| CatalogError::Kept { platform: platform.clone(), source })?;
            Ok(version.map(|version| (platform.clone(), version)))
        };
        platforms.iter().filter_map(|platform| version(platform).transpose()).collect()
    }

    /// The SHA-256 of every catalog as 64 hexadecimal digits, by its file or URL.
    ///
    /// # Errors
    /// Where one of them can't be read.
    pub async fn digests(&self, snapshot: &Snapshot) -> Result<Vec<(String, String)>, CatalogError> {
        let mut digests = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let (name, content) = self.content_of(place, snapshot).await?;
            digests.push((name, hex::encode(Sha256::digest(&content))));
        }
        Ok(digests)
    }

    fn read(&self, name: &str, content: &[u8]) -> Result<Arc<Catalog>, CatalogError> {
        let hash: [u8; 32] = Sha256::digest(content).into();
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(catalog) = known.get(&hash) {
            return Ok(Arc::clone(catalog));
        }
        let catalog = Catalog::read(name, content)
            .map_err(|source| CatalogError::Content { name: name.to_owned(), source })
            .map(Arc::new)?;
        known.insert(hash, Arc::clone(&catalog));
        Ok(catalog)
    }
}

/// Keeps a catalog that was fetched.
async fn keep(file: &std::path::Path, content: &[u8]) -> std::io::Result<()> {
    let (file, content) = (file.to_owned(), content.to_owned());
    let kept = tokio::task::spawn_blocking(move || durable::keep(&file, &content)).await;
    kept.map_err(std::io::Error::other).flatten()
}

async fn read_bounded(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let file = tokio::fs::File::open(path).await?;
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content).await?;
    if content.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!("larger than {MAX_BYTES} bytes")));
    }
    Ok(content)
}
