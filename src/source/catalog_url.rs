//! Downloads a file whose SHA-256 is pinned.

use std::{path::Path, time::Duration};

use reqwest::{Certificate, Client, redirect::Policy};
use sha2::{Digest, Sha256};
use url::Url;

use super::{SourceError, git::is_loopback};
use crate::model::chain;

/// Downloads a file and checks that it is the one that the settings pin; nothing of another is ever returned.
///
/// `sha256` is 64 hexadecimal digits; `ca` a PEM file of certificates that replaces those of the system; `max` the most
/// bytes taken. Redirects aren't followed, and `http://` is taken only to this machine.
///
/// # Errors
/// The URL is refused, the server can't be reached, isn't trusted or answers anything but 200, the file is larger than
/// `max`, the deadline passes, or the content has another hash.
pub async fn fetch_url(
    url: &str,
    sha256: &str,
    ca: Option<&Path>,
    max: u64,
    deadline: Duration,
) -> Result<Vec<u8>, SourceError> {
    let expected = sha256.to_ascii_lowercase();
    if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(SourceError::Settings(format!("the SHA-256 of `{url}` must have 64 hexadecimal digits")));
    }
    let (content, actual) = download(url, ca, max, deadline).await?;
    if actual == expected { Ok(content) } else { Err(SourceError::Mismatch { url: url.to_owned(), expected, actual }) }
}

/// Downloads a file that nothing pins yet, and gives the SHA-256 that can pin it, as 64 hexadecimal digits.
///
/// # Errors
/// What [`fetch_url`] gives, apart from another hash.
pub async fn download(
    url: &str,
    ca: Option<&Path>,
    max: u64,
    deadline: Duration,
) -> Result<(Vec<u8>, String), SourceError> {
    let parsed = check(url)?;
    let client = client(ca).await?;
    let late = |_| SourceError::Deadline { what: url.to_owned(), deadline };
    let content = tokio::time::timeout(deadline, receive(&client, parsed, url, max)).await.map_err(late)??;
    let hash = hex::encode(Sha256::digest(&content));
    Ok((content, hash))
}

fn check(text: &str) -> Result<Url, SourceError> {
    let bad = |why: &str| SourceError::Settings(format!("the URL of a catalog {why}"));
    let url = Url::parse(text).map_err(|error| bad(&format!("can't be read: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("holds credentials, which are not sent"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(bad("is `http://` to another machine; use `https://`")),
        other => Err(bad(&format!("has the scheme `{other}`; `https` is wanted"))),
    }
}

async fn client(ca: Option<&Path>) -> Result<Client, SourceError> {
    /// The largest bundle of certificates that is read, in bytes.
    const MAX_CA_BYTES: u64 = 16 * 1024 * 1024;
    let mut builder = Client::builder().redirect(Policy::none()).no_proxy().user_agent("lockstep");
    if let Some(path) = ca {
        let name = path.display().to_string();
        let io = |source| SourceError::Io { path: name.clone(), source };
        let file = tokio::fs::File::open(path).await.map_err(io)?;
        let mut pem = Vec::new();
        let mut limited = tokio::io::AsyncReadExt::take(file, MAX_CA_BYTES);
        tokio::io::AsyncReadExt::read_to_end(&mut limited, &mut pem).await.map_err(io)?;
        let certificates = Certificate::from_pem_bundle(&pem).ok().filter(|certificates| !certificates.is_empty());
        let certificates =
            certificates.ok_or_else(|| SourceError::Settings(format!("`{name}` holds no PEM certificates")))?;
        builder = builder.tls_certs_only(certificates);
    }
    builder.build().map_err(|error| SourceError::Settings(format!("failed to prepare TLS: {}", chain(&error))))
}

async fn receive(client: &Client, parsed: Url, url: &str, max: u64) -> Result<Vec<u8>, SourceError> {
    let failed = |error: reqwest::Error| {
        let why = chain(&error.without_url());
        if why.contains("certificate") {
            SourceError::Untrusted { url: url.to_owned(), why }
        } else {
            SourceError::Unreachable { url: url.to_owned(), why }
        }
    };
    let mut response = client.get(parsed).send().await.map_err(failed)?;
    match response.status().as_u16() {
        200 => {}
        status @ (401 | 403) => {
            return Err(SourceError::Unauthorized { url: url.to_owned(), why: format!("it answered {status}") });
        }
        404 | 410 => return Err(SourceError::Missing { url: url.to_owned(), what: "such file".to_owned() }),
        status => {
            return Err(SourceError::Unreachable { url: url.to_owned(), why: format!("it answered {status}") });
        }
    }
    let mut content = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if content.len() as u64 + chunk.len() as u64 > max {
            return Err(SourceError::TooLarge { what: format!("`{url}`"), limit: max });
        }
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}
