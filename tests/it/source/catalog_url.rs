//! Files by URL with a pinned SHA-256.

use std::{net::TcpListener, path::PathBuf, time::Duration};

use lockstep::source::{SourceError, fetch_url};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::https::HttpsServer;

const CONTENT: &[u8] = b"{\"contracts\": []}";

struct Fixture {
    _folder: TempDir,
    server: HttpsServer,
    hash: String,
}

impl Fixture {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("catalog.json"), CONTENT).unwrap();
        let server = HttpsServer::start(folder.path(), "IP:127.0.0.1");
        Self { _folder: folder, server, hash: hex::encode(Sha256::digest(CONTENT)) }
    }

    async fn fetch(&self, path: &str, hash: &str, ca: Option<PathBuf>, max: u64) -> Result<Vec<u8>, SourceError> {
        fetch_url(&self.server.url(path), hash, ca.as_deref(), max, Duration::from_secs(20)).await
    }
}

#[tokio::test]
async fn the_pinned_file_comes_and_no_other() {
    let it = Fixture::new();
    let ca = || Some(it.server.ca());
    assert_eq!(it.fetch("/files/catalog.json", &it.hash, ca(), 1000).await.unwrap(), CONTENT);
    assert!(it.fetch("/files/catalog.json", &it.hash.to_uppercase(), ca(), 1000).await.is_ok());
    let other = "0".repeat(64);
    let error = it.fetch("/files/catalog.json", &other, ca(), 1000).await.unwrap_err();
    assert!(matches!(error, SourceError::Mismatch { .. }), "{error:?}");
    assert!(error.to_string().contains(&other) && error.to_string().contains(&it.hash), "{error}");
    let error = it.fetch("/files/catalog.json", &it.hash, ca(), CONTENT.len() as u64 - 1).await.unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { .. }), "{error:?}");
    let error = it.fetch("/endless", &it.hash, ca(), 1_000_000).await.unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn answers_that_are_no_file() {
    let it = Fixture::new();
    let fetch = async |path: &str| it.fetch(path, &it.hash, Some(it.server.ca()), 1000).await.unwrap_err();
    assert!(matches!(fetch("/files/nowhere").await, SourceError::Missing { .. }));
    assert!(matches!(fetch("/forbidden/x").await, SourceError::Unauthorized { .. }));
    assert!(matches!(fetch("/teapot/x").await, SourceError::Unreachable { .. }));
    let moved = fetch("/moved/x").await;
    assert!(matches!(&moved, SourceError::Unreachable { why, .. } if why.contains("302")), "{moved:?}");
}

#[tokio::test]
async fn servers_that_are_not_trusted_or_not_there() {
    let it = Fixture::new();
    for ca in [Some(it.server.other_ca()), None] {
        let error = it.fetch("/files/catalog.json", &it.hash, ca, 1000).await.unwrap_err();
        assert!(matches!(error, SourceError::Untrusted { .. }), "{error:?}");
    }
    let error = it.fetch("/files/catalog.json", &it.hash, Some("/nowhere".into()), 1000).await.unwrap_err();
    assert!(matches!(error, SourceError::Io { .. }), "{error:?}");
    let error = it.fetch("/files/catalog.json", &it.hash, Some("/dev/null".into()), 1000).await.unwrap_err();
    assert!(matches!(error, SourceError::Settings(_)), "{error:?}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let error = fetch_url(&url, &it.hash, None, 1000, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, SourceError::Deadline { .. }), "{error:?}");
    drop(listener);
    let error = fetch_url(&url, &it.hash, None, 1000, Duration::from_secs(20)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn urls_and_hashes_that_are_refused() {
    let hash = "0".repeat(64);
    for (url, hash) in [
        ("http://example.org/x", hash.as_str()),
        ("file:///etc/passwd", &hash),
        ("https://user:t0ken@example.org/x", &hash),
        ("https://t0ken@example.org/x", &hash),
        ("not a url", &hash),
        ("https://127.0.0.1:9/x", "abc"),
        ("https://127.0.0.1:9/x", &"g".repeat(64)),
    ] {
        let error = fetch_url(url, hash, None, 1000, Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, SourceError::Settings(_)), "{url}: {error:?}");
        assert!(!error.to_string().contains("t0ken"), "{error}");
    }
}
