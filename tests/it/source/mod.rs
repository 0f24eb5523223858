//! Sources against real file systems, real git repositories and real servers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say how fast events came"
)]

#[cfg(test)]
mod blame;
mod catalog_url;
mod directory;
mod git_child;
mod git_content;
mod git_https;
mod git_local;
mod git_mirror;
mod git_ssh;
mod https;
mod repository;

use std::{future::Future, path::Path, time::Duration};

use lockstep::{
    model::Snapshot,
    source::{GitAuth, GitConfig, GitSource, Source, SourceError},
};

/// Asks again and again until a condition holds, and fails after twenty seconds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Waits for something that must happen within twenty seconds.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within 20 s"),
    }
}

/// The settings of a repository that anybody may read, with the mirror in a folder.
fn config(url: impl Into<String>, folder: &Path) -> GitConfig {
    GitConfig {
        url: url.into(),
        reference: "main".to_owned(),
        path: String::new(),
        interval: Duration::from_secs(3600),
        auth: GitAuth::None,
        ca: None,
        mirror: folder.join("mirror"),
        deadline: Duration::from_secs(20),
        fetch_program: env!("CARGO_BIN_EXE_lockstep").into(),
    }
}

/// Reads a git source once.
async fn read(config: GitConfig) -> Result<Snapshot, SourceError> {
    GitSource::new(config)?.snapshot().await
}

/// The paths of a snapshot, in order.
fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.files.iter().map(|file| &*file.path).collect()
}

/// The content of a file of a snapshot, as text.
fn text<'a>(snapshot: &'a Snapshot, path: &str) -> &'a str {
    std::str::from_utf8(&snapshot.file(path).unwrap().content).unwrap()
}
