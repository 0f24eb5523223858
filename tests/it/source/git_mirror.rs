//! The mirror of a repository: what breaks it, and that it heals.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use lockstep::source::{AnySource, GitSource, Source, SourceError};

use super::{config, git_local::commit, paths, read, repository::Bare, text};

#[tokio::test]
async fn the_last_good_revision_outlives_its_server_and_a_restart() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let mirror = tempfile::tempdir().unwrap();
    let source = || GitSource::new(config(bare.url(), mirror.path())).unwrap();
    assert!(source().cached().await.unwrap().is_none());
    let first = source().snapshot().await.unwrap();
    // A revision that can't be read whole is not a good one.
    bare.push("main", &[("a.yaml", "2"), ("b\n.yaml", "")]);
    assert!(source().snapshot().await.is_err());
    assert_eq!(source().cached().await.unwrap().unwrap().revision, first.revision);
    bare.delete("refs/heads/main");
    assert!(matches!(source().snapshot().await, Err(SourceError::Missing { .. })));
    fs::rename(bare.path(), bare.folder().join("away")).unwrap();
    assert!(source().snapshot().await.is_err());
    let cached = AnySource::Git(source()).cached().await.unwrap().unwrap();
    assert_eq!((cached.revision.clone(), text(&cached, "a.yaml")), (first.revision, "1"));
    // The mirror answers for the URL and reference that it was filled from, and for no other.
    let other = GitSource::new(config("/another.git", mirror.path())).unwrap();
    assert!(other.cached().await.unwrap().is_none());
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn overwrite(path: &Path, content: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn a_broken_mirror_is_made_anew() {
    type Break = fn(&Path);
    let breaks: [(&str, Break); 7] = [
        ("objects overwritten", |mirror| {
            files(&mirror.join("objects")).iter().for_each(|path| overwrite(path, b"garbage"));
        }),
        ("packs cut short", |mirror| {
            for path in files(&mirror.join("objects")) {
                let content = fs::read(&path).unwrap();
                overwrite(&path, &content[..content.len() / 2]);
            }
        }),
        ("no objects", |mirror| fs::remove_dir_all(mirror.join("objects")).unwrap()),
        ("empty HEAD", |mirror| overwrite(&mirror.join("HEAD"), b"")),
        ("bad config", |mirror| overwrite(&mirror.join("config"), b"[core\n")),
        ("bad references", |mirror| {
            files(&mirror.join("refs")).iter().for_each(|path| overwrite(path, b"zzz"));
        }),
        ("a file in its place", |mirror| {
            fs::remove_dir_all(mirror).unwrap();
            fs::write(mirror, "").unwrap();
        }),
    ];
    for (what, damage) in breaks {
        let bare = Bare::with(&[("a.yaml", "1")]);
        let source = || GitSource::new(config(bare.url(), bare.folder())).unwrap();
        source().snapshot().await.unwrap();
        damage(&bare.folder().join("mirror/repository.git"));
        // What is left may be enough; what isn't is an error, and never nothing.
        let cached = source().cached().await;
        let is_enough = matches!(&cached, Ok(Some(cached)) if paths(cached) == ["a.yaml"]);
        assert!(is_enough || cached.is_err(), "{what}: {cached:?}");
        assert_eq!(is_enough, what == "empty HEAD", "{what}");
        assert_eq!(paths(&source().snapshot().await.unwrap()), ["a.yaml"], "{what}");
        assert!(source().cached().await.unwrap().is_some(), "{what}");
        assert_eq!(bare.folder().join("mirror/repository.broken").exists(), !is_enough, "{what}");
    }
}

#[tokio::test]
async fn what_a_killed_fetch_left_is_removed() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let source = GitSource::new(config(bare.url(), bare.folder())).unwrap();
    source.snapshot().await.unwrap();
    let mirror = bare.folder().join("mirror/repository.git");
    let good = files(&mirror.join("refs")).into_iter().find(|path| path.ends_with("good")).unwrap();
    let left = [
        mirror.join("HEAD.lock"),
        mirror.join("config.lock"),
        mirror.join("packed-refs.lock"),
        good.with_extension("lock"),
        mirror.join("objects/pack/pack_git2_abc123"),
    ];
    for path in &left {
        fs::write(path, "").unwrap();
    }
    let second = bare.push("main", &[("a.yaml", "2")]);
    assert_eq!(source.snapshot().await.unwrap().revision, commit(second));
    for path in &left {
        assert!(!path.exists(), "{}", path.display());
    }
    assert!(!bare.folder().join("mirror/repository.broken").exists());
}

#[tokio::test]
async fn a_fetch_killed_at_any_moment_does_no_harm() {
    let bare = Bare::with(&[("a.yaml", "1"), ("b.json", &"x".repeat(1_000_000))]);
    let source = Arc::new(GitSource::new(config(bare.url(), bare.folder())).unwrap());
    for delay in 0..40 {
        let last = bare.push("main", &[("a.yaml", &delay.to_string())]);
        let reader = Arc::clone(&source);
        let task = tokio::spawn(async move { reader.snapshot().await });
        tokio::time::sleep(Duration::from_millis(delay)).await;
        task.abort();
        if delay % 10 == 9 {
            assert_eq!(source.snapshot().await.unwrap().revision, commit(last));
        }
    }
    assert!(!bare.folder().join("mirror/repository.broken").exists());
}

#[tokio::test]
async fn a_full_disk_keeps_what_was_good() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let mirror = bare.folder().join("mirror");
    fs::create_dir(&mirror).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(&mirror).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        println!("skipped: this user may not mount");
        return;
    }
    let source = || GitSource::new(config(bare.url(), bare.folder())).unwrap();
    let good = source().snapshot().await.unwrap().revision;
    // What can't be compressed doesn't fit.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(900_000)
    .collect();
    let tree = bare.tree(vec![bare.file("noise.json", noise)]);
    bare.set("refs/heads/main", bare.commit(tree, &[]));
    let failed = source().snapshot().await;
    let cached = source().cached().await;
    let umount = Command::new("umount").arg(&mirror).status().unwrap();
    assert!(umount.success());
    assert!(matches!(&failed, Err(SourceError::Io { .. })), "{failed:?}");
    assert_eq!(cached.unwrap().unwrap().revision, good);
}

#[tokio::test]
async fn many_fetches_leave_few_packs() {
    let bare = Bare::with(&[("a.yaml", "0")]);
    let source = GitSource::new(config(bare.url(), bare.folder())).unwrap();
    for round in 0..50 {
        bare.push("main", &[("a.yaml", &round.to_string())]);
        assert_eq!(text(&source.snapshot().await.unwrap(), "a.yaml"), round.to_string());
    }
    let packs = files(&bare.folder().join("mirror/repository.git/objects/pack"));
    let packs = packs.iter().filter(|path| path.extension().is_some_and(|it| it == "pack")).count();
    assert!((1..=41).contains(&packs), "{packs}");
    let again = GitSource::new(config(bare.url(), bare.folder())).unwrap();
    assert_eq!(text(&again.cached().await.unwrap().unwrap(), "a.yaml"), "49");
    assert!(!bare.folder().join("mirror/repository.broken").exists());
}

#[tokio::test]
async fn the_mirror_is_its_owners_only() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let mirror = bare.folder().join("mirror");
    fs::create_dir(&mirror).unwrap();
    fs::set_permissions(&mirror, fs::Permissions::from_mode(0o755)).unwrap();
    read(config(bare.url(), bare.folder())).await.unwrap();
    assert_eq!(fs::metadata(&mirror).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_mirror_that_cannot_be_written_is_an_error() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    fs::write(bare.folder().join("mirror"), "a file").unwrap();
    let error = read(config(bare.url(), bare.folder())).await.unwrap_err();
    assert!(matches!(error, SourceError::Io { .. }), "{error:?}");
}
