//! References and events of repositories of this machine.

use std::{
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use lockstep::{
    model::Revision,
    source::{GitConfig, GitSource, Source, SourceError},
};

use super::{config, paths, read, repository::Bare, text, until, within};

pub(super) fn commit(id: impl ToString) -> Revision {
    Revision::Commit(id.to_string())
}

#[tokio::test]
async fn every_kind_of_reference_names_its_commit() {
    let bare = Bare::new();
    let first = bare.push("main", &[("a.yaml", "1")]);
    let second = bare.push("main", &[("a.yaml", "2")]);
    let other = bare.push("feature/x", &[("a.yaml", "3")]);
    bare.set("refs/tags/light", first);
    let annotated = bare.tag("v1", first, "commit");
    bare.set("refs/pull/1/head", other);
    for (reference, id) in [
        ("main", second),
        ("refs/heads/main", second),
        ("feature/x", other),
        ("light", first),
        ("v1", first),
        ("refs/tags/v1", first),
        ("refs/pull/1/head", other),
        (first.to_string().as_str(), first),
        (annotated.to_string().as_str(), first),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = read(GitConfig { reference: reference.to_owned(), ..config(bare.url(), folder.path()) }).await;
        assert_eq!(snapshot.unwrap().revision, commit(id), "{reference}");
    }
    let url = format!("file://{}", bare.url());
    assert_eq!(read(config(url, bare.folder())).await.unwrap().revision, commit(second));
}

#[tokio::test]
async fn references_that_name_no_commit() {
    let bare = Bare::new();
    let first = bare.push("main", &[("a.yaml", "1")]);
    let tree = bare.tree(vec![]);
    bare.tag("tree", tree, "tree");
    bare.set("refs/tags/main", first);
    let of = |reference: &str| GitConfig { reference: reference.to_owned(), ..config(bare.url(), bare.folder()) };
    for (reference, what) in [
        ("nowhere", "branch or tag `nowhere`"),
        ("refs/heads/nowhere", "branch or tag `refs/heads/nowhere`"),
        (&first.to_string()[..10], "a commit is named by all its digits"),
        (&"7".repeat(40), "commit `7777"),
        ("tree", "commit behind `tree`"),
    ] {
        let error = read(of(reference)).await.unwrap_err();
        assert!(matches!(error, SourceError::Missing { .. }), "{reference}: {error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
    let error = read(of("main")).await.unwrap_err();
    assert!(error.to_string().contains("both a branch and a tag"), "{error}");
    let empty = Bare::new();
    let error = read(config(empty.url(), empty.folder())).await.unwrap_err();
    assert!(error.to_string().contains("the repository is empty"), "{error}");
    let error = read(config("/nowhere/at/all.git", empty.folder())).await.unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn a_commit_written_in_full_needs_no_server_once_it_is_there() {
    let bare = Bare::new();
    let first = bare.push("main", &[("a.yaml", "1")]);
    let pinned = GitConfig { reference: first.to_string(), ..config(bare.url(), bare.folder()) };
    let source = GitSource::new(pinned).unwrap();
    source.snapshot().await.unwrap();
    fs::rename(bare.path(), bare.folder().join("away")).unwrap();
    assert_eq!(source.snapshot().await.unwrap().revision, commit(first));
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_reference_moved_back_is_followed() {
    let bare = Bare::new();
    let first = bare.push("main", &[("a.yaml", "1")]);
    let second = bare.push("main", &[("a.yaml", "2")]);
    let source = GitSource::new(config(bare.url(), bare.folder())).unwrap();
    assert_eq!(source.snapshot().await.unwrap().revision, commit(second));
    assert_eq!(source.snapshot().await.unwrap().revision, commit(second));
    bare.set("refs/heads/main", first);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let snapshot = source.snapshot().await.unwrap();
    drop(guard);
    let said = log.text();
    assert!(said.contains("WARN") && said.contains(&format!("previous=\"{second}\"")), "{said}");
    assert_eq!((snapshot.revision.clone(), text(&snapshot, "a.yaml")), (commit(first), "1"));
}

#[tokio::test]
async fn names_that_are_not_utf8_hide_no_others() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
    fs::copy(bare.path().join("refs/heads/main"), bare.path().join("refs/heads").join(name)).unwrap();
    assert_eq!(paths(&read(config(bare.url(), bare.folder())).await.unwrap()), ["a.yaml"]);
}

#[tokio::test]
async fn a_commit_wakes_who_waits() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let source = GitSource::new(config(bare.url(), bare.folder())).unwrap();
    source.snapshot().await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), source.changed()).await;
    assert!(quiet.is_err(), "reading must not wake the reader");
    let before = Instant::now();
    bare.push("main", &[("a.yaml", "2")]);
    within("the commit is seen", source.changed()).await;
    println!("a commit was seen after {} ms", before.elapsed().as_millis());
    assert_eq!(text(&source.snapshot().await.unwrap(), "a.yaml"), "2");
}

#[tokio::test]
async fn the_poll_is_due_although_waiting_is_broken_off_again_and_again() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let interval = Duration::from_millis(400);
    let source = GitSource::new(GitConfig { interval, ..config("http://127.0.0.1:9/x", bare.folder()) }).unwrap();
    until("the poll", async || tokio::time::timeout(Duration::from_millis(20), source.changed()).await.is_ok()).await;
}

#[test]
fn settings_that_cannot_work_say_so_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["https://user:t0ken@h/x", "ext::sh -c x", "-x", "http://example.org/x", "ssh://git@h/x"] {
        let error = GitSource::new(config(url, folder.path())).unwrap_err();
        assert!(matches!(error, SourceError::Settings(_)), "{error:?}");
        assert!(!error.to_string().contains("t0ken"), "{error}");
    }
}
