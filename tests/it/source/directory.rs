//! Directories: what is read, what is refused, and when a change is seen.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use lockstep::{
    model::Snapshot,
    source::{AnySource, DirectoryConfig, DirectorySource, MAX_FILES, Source, SourceError},
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::{paths, text, within};

fn source(root: &Path) -> DirectorySource {
    DirectorySource::new(DirectoryConfig { root: root.to_owned(), poll: None }).unwrap()
}

async fn read(root: &Path) -> Result<Snapshot, SourceError> {
    within("the directory is read", source(root).snapshot()).await
}

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

#[tokio::test]
async fn manifests_catalogs_and_secrets_are_read_and_the_rest_is_left() {
    let folder = directory(&[
        ("b/c.yml", "2"),
        ("a.yaml", "1"),
        ("b-x.yaml", "3"),
        ("catalog/opencti.json", "{}"),
        ("x.age", "sealed"),
        ("secrets/deep/misp", "4"),
        ("secrets/.env", "5"),
        ("README.md", "no"),
        (".git/config.yaml", "no"),
        (".a.yaml.swp", "no"),
        ("a.yaml~", "no"),
        (".#a.yaml", "no"),
        ("Bilder für später/é.png", "no"),
    ]);
    let snapshot = read(folder.path()).await.unwrap();
    let expected =
        ["a.yaml", "b-x.yaml", "b/c.yml", "catalog/opencti.json", "secrets/.env", "secrets/deep/misp", "x.age"];
    assert_eq!(paths(&snapshot), expected);
    assert_eq!(text(&snapshot, "b/c.yml"), "2");
}

#[tokio::test]
async fn the_revision_is_of_names_and_contents_alone() {
    let one = directory(&[("a.yaml", "1"), ("b.yaml", "2")]);
    let same = directory(&[("b.yaml", "2"), ("a.yaml", "1"), ("x.png", "3")]);
    let renamed = directory(&[("a.yaml", "1"), ("c.yaml", "2")]);
    let moved = directory(&[("a.yaml", "1b"), ("b.yaml", "2")]);
    let revision = read(one.path()).await.unwrap().revision;
    assert_eq!(revision, read(same.path()).await.unwrap().revision);
    assert_ne!(revision, read(renamed.path()).await.unwrap().revision);
    assert_ne!(revision, read(moved.path()).await.unwrap().revision);
}

#[tokio::test]
async fn an_empty_directory_is_empty_and_a_missing_one_is_an_error() {
    let folder = directory(&[]);
    assert!(read(folder.path()).await.unwrap().files.is_empty());
    let file = directory(&[("a.yaml", "1")]);
    for root in [folder.path().join("nowhere"), file.path().join("a.yaml")] {
        assert!(matches!(read(&root).await, Err(SourceError::Io { .. })), "{}", root.display());
    }
}

#[tokio::test]
async fn links_inside_are_followed_as_kubernetes_makes_them() {
    let folder = directory(&[("..2024_01/a.yaml", "1"), ("..2024_01/b.json", "{}")]);
    symlink("..2024_01", folder.path().join("..data")).unwrap();
    symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
    symlink("..data/b.json", folder.path().join("b.json")).unwrap();
    let snapshot = read(folder.path()).await.unwrap();
    assert_eq!((paths(&snapshot), text(&snapshot, "a.yaml")), (vec!["a.yaml", "b.json"], "1"));
    let outside = TempDir::new().unwrap();
    symlink(folder.path(), outside.path().join("root")).unwrap();
    assert_eq!(read(&outside.path().join("root")).await.unwrap().revision, snapshot.revision);
}

#[tokio::test]
async fn what_leaves_the_root_refuses_everything() {
    let outside = directory(&[("secret.yaml", "s3cret"), ("folder/b.yaml", "s3cret")]);
    let absolute = |path: &str| outside.path().join(path).to_str().unwrap().to_owned();
    for (target, name) in [
        ("/etc/passwd".to_owned(), "b.yaml"),
        (absolute("secret.yaml"), "b.yaml"),
        (absolute("folder"), "folder"),
        ("../x/../../etc".to_owned(), "folder"),
        ("..".to_owned(), "folder"),
        ("b.yaml".to_owned(), "b.yaml"),
        (".".to_owned(), "loop"),
        ("/proc/self/root/etc/passwd".to_owned(), "b.yaml"),
    ] {
        let folder = directory(&[("a.yaml", "1")]);
        symlink(&target, folder.path().join(name)).unwrap();
        match read(folder.path()).await {
            Err(SourceError::RefusedPath { path, .. }) => assert_eq!(path, name, "{target}"),
            other => panic!("{target}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_file_never_hangs() {
    for (kind, name) in [(FileType::Fifo, "pipe.yaml"), (FileType::Socket, "socket.json")] {
        let folder = directory(&[("a.yaml", "1")]);
        mknodat(CWD, folder.path().join(name), kind, Mode::RUSR, 0).unwrap();
        assert!(matches!(read(folder.path()).await, Err(SourceError::RefusedPath { path, .. }) if path == name));
        fs::rename(folder.path().join(name), folder.path().join("other")).unwrap();
        assert_eq!(paths(&read(folder.path()).await.unwrap()), ["a.yaml"]);
    }
}

#[tokio::test]
async fn odd_names_and_links_to_nothing_are_errors() {
    let folder = directory(&[("a\n\u{1b}.yaml", "1")]);
    let error = read(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains(r"a\n\u{1b}.yaml"), "{error}");
    let folder = directory(&[]);
    symlink("gone.yaml", folder.path().join("a.yaml")).unwrap();
    assert!(matches!(read(folder.path()).await, Err(SourceError::Io { path, .. }) if path == "a.yaml"));
    let folder = directory(&[("folder.yaml/a.yaml", "1")]);
    assert_eq!(paths(&read(folder.path()).await.unwrap()), ["folder.yaml/a.yaml"]);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let large = directory(&[("a.yaml", &" ".repeat(1024 * 1024 + 1))]);
    let deep = directory(&[(&format!("{}a.yaml", "d/".repeat(17)), "1")]);
    let many = TempDir::new().unwrap();
    for n in 0..=MAX_FILES {
        fs::write(many.path().join(format!("{n}.yaml")), "").unwrap();
    }
    for (folder, what) in [(large, "1048577 bytes in `a.yaml`"), (deep, "nesting"), (many, "10001 files")] {
        let error = read(folder.path()).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_never_still_is_an_error_and_a_pause_is_enough() {
    let folder = directory(&[("a.yaml", "1")]);
    let path = folder.path().join("a.yaml");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            for (letter, size) in [("a", 70_000), ("b", 900_000)] {
                fs::write(&path, letter.repeat(size)).unwrap();
            }
        }
    });
    // Each reading is of one moment or an error; a writer that rests in the middle of a file can't be told from one that
    // is done.
    for _ in 0..5 {
        if let Ok(snapshot) = read(folder.path()).await {
            let content = &snapshot.files[0].content;
            assert!(content.iter().all(|letter| Some(letter) == content.first()), "two moments in one reading");
        }
    }
    stop.send(()).unwrap();
    writer.join().unwrap();
    assert_eq!(read(folder.path()).await.unwrap().files[0].content.len(), 900_000);
}

/// Waits until nothing is reported any more, which reading alone must not prevent.
async fn quiet(source: &DirectorySource) {
    source.snapshot().await.map(drop).unwrap_or_default();
    let quiet = Duration::from_millis(700);
    let silence = async { while tokio::time::timeout(quiet, source.changed()).await.is_ok() {} };
    within("it is quiet", silence).await;
}

/// Makes a change, waits until it is seen, tells how long that took, and checks that it was there to be read.
async fn changes(source: &DirectorySource, what: &str, change: impl FnOnce()) {
    quiet(source).await;
    let before = source.snapshot().await.ok().map(|snapshot| snapshot.revision);
    let started = Instant::now();
    change();
    within(what, source.changed()).await;
    println!("{what}: seen after {} ms", started.elapsed().as_millis());
    assert_ne!(before, source.snapshot().await.ok().map(|snapshot| snapshot.revision), "{what}");
}

async fn every_change_is_seen(source: &DirectorySource, root: &Path) {
    let at = |path: &str| root.join(path);
    changes(source, "written", || fs::write(at("a.yaml"), "2").unwrap()).await;
    changes(source, "created", || fs::write(at("b.yaml"), "3").unwrap()).await;
    changes(source, "renamed", || fs::rename(at("b.yaml"), at("c.yaml")).unwrap()).await;
    changes(source, "removed", || fs::remove_file(at("c.yaml")).unwrap()).await;
    changes(source, "a folder came with a file", || {
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("folder/d.yaml"), "4").unwrap();
    })
    .await;
    changes(source, "written in a new folder", || fs::write(at("folder/d.yaml"), "5").unwrap()).await;
    changes(source, "exchanged as Kubernetes does", || {
        fs::write(at(".new"), "6").unwrap();
        fs::rename(at(".new"), at("a.yaml")).unwrap();
    })
    .await;
    changes(source, "root gone", || fs::remove_dir_all(root).unwrap()).await;
    changes(source, "root back", || {
        fs::create_dir(root).unwrap();
        fs::write(at("e.yaml"), "7").unwrap();
    })
    .await;
    changes(source, "written in the new root", || fs::write(at("e.yaml"), "8").unwrap()).await;
}

#[tokio::test]
async fn changes_are_seen_by_events() {
    let folder = directory(&[("root/a.yaml", "1")]);
    let root = folder.path().join("root");
    every_change_is_seen(&source(&root), &root).await;
}

#[tokio::test]
async fn changes_are_seen_by_polling() {
    let folder = directory(&[("root/a.yaml", "1")]);
    let root = folder.path().join("root");
    let poll = Some(Duration::from_millis(50));
    every_change_is_seen(&DirectorySource::new(DirectoryConfig { root: root.clone(), poll }).unwrap(), &root).await;
}

#[tokio::test]
async fn a_change_between_reading_and_waiting_is_not_lost() {
    let folder = directory(&[("a.yaml", "1")]);
    let source = source(folder.path());
    source.snapshot().await.unwrap();
    fs::write(folder.path().join("a.yaml"), "22").unwrap();
    within("the change is seen", source.changed()).await;
}

#[tokio::test]
async fn a_root_that_is_a_link_is_watched_where_it_leads() {
    let folder = directory(&[("one/a.yaml", "1"), ("two/a.yaml", "2")]);
    let root = folder.path().join("current");
    symlink("one", &root).unwrap();
    let source = source(&root);
    changes(&source, "written behind the link", || fs::write(folder.path().join("one/a.yaml"), "3").unwrap()).await;
    changes(&source, "the link was exchanged", || {
        symlink("two", folder.path().join("next")).unwrap();
        fs::rename(folder.path().join("next"), &root).unwrap();
    })
    .await;
    changes(&source, "written behind the new link", || fs::write(folder.path().join("two/a.yaml"), "4").unwrap()).await;
}

#[tokio::test]
async fn a_directory_keeps_nothing_beside_itself() {
    let folder = directory(&[("a.yaml", "1")]);
    let any = AnySource::Directory(source(folder.path()));
    assert!(any.cached().await.unwrap().is_none());
    assert_eq!(any.local_root().as_deref(), Some(folder.path()));
    assert_eq!(any.describe(), folder.path().to_str().unwrap());
    assert_eq!(any.snapshot().await.unwrap().files.len(), 1);
    let poll = Some(Duration::ZERO);
    let error = DirectorySource::new(DirectoryConfig { root: folder.path().to_owned(), poll }).unwrap_err();
    assert!(matches!(error, SourceError::Settings(_)));
}
