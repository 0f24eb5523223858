//! References, mirrors and events, with repositories of this machine.

use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use lockstep::{
    model::Revision,
    source::{AnySource, GitAuth, GitConfig, GitSource, Source, SourceError, SshKey},
};

use super::{config, paths, read, repository::Bare, text, until, within};

fn commit(id: impl ToString) -> Revision {
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
async fn names_that_are_not_utf8_hide_no_others() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
    fs::copy(bare.path().join("refs/heads/main"), bare.path().join("refs/heads").join(name)).unwrap();
    assert_eq!(paths(&read(config(bare.url(), bare.folder())).await.unwrap()), ["a.yaml"]);
}

/// A program that says this instead of what a child of ours would.
fn liar(folder: &Path, header: &str, contents: &str, code: u8) -> PathBuf {
    let mut answer = (header.len() as u32).to_be_bytes().to_vec();
    answer.extend_from_slice(header.as_bytes());
    answer.extend_from_slice(contents.as_bytes());
    fs::write(folder.join("answer"), answer).unwrap();
    let program = folder.join("liar");
    let script = format!("#!/bin/sh\nread -r job\n/bin/cat '{}'\nexit {code}\n", folder.join("answer").display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    program
}

#[tokio::test]
async fn a_child_that_was_taken_over_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let id = "a".repeat(40);
    let files = |id: &str, files: &str| {
        format!(r#"{{"Files":{{"commit":"{id}","previous":null,"is_forced":false,"files":{files}}}}}"#)
    };
    let run = async |header: String, contents: &str, code| {
        let fetch_program = liar(folder.path(), &header, contents, code);
        read(GitConfig { fetch_program, ..config("/nowhere.git", folder.path()) }).await
    };
    let honest = run(files(&id, r#"[["a.yaml",2],["b.yaml",1]]"#), "xyz", 0).await.unwrap();
    assert_eq!((text(&honest, "a.yaml"), text(&honest, "b.yaml")), ("xy", "z"));
    for (header, contents, code, what) in [
        (files(&id, r#"[["../a.yaml",1]]"#), "x", 0, "odd names"),
        (files(&id, r#"[["/a.yaml",1]]"#), "x", 0, "odd names"),
        (files(&id, r#"[["a\nb.yaml",1]]"#), "x", 0, "odd names"),
        (files(&id, r#"[["b.yaml",1],["a.yaml",1]]"#), "xy", 0, "out of order"),
        (files(&id, r#"[["a.yaml",1],["a.yaml",1]]"#), "xy", 0, "out of order"),
        (files(&id, r#"[["a.yaml",9999999]]"#), "x", 0, "9999999 bytes"),
        (files(&id, r#"[["a.yaml",2]]"#), "x", 0, "breaks off"),
        (files("main", "[]"), "", 0, "no commit"),
        (files(&id, "[]"), "", 1, "then failed"),
        (format!(r#"{{"Unchanged":{{"commit":"{id}"}}}}"#), "", 0, "fits no question"),
        ("\"Nothing\"".to_owned(), "", 0, "fits no question"),
        ("{}".to_owned(), "", 0, "wrong form"),
        (String::new(), "", 0, "wrong form"),
    ] {
        let error = run(header, contents, code).await.unwrap_err();
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
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

#[tokio::test]
async fn a_program_that_is_not_ours_is_an_error() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    for (program, what) in
        [("/nowhere", "/nowhere"), ("/bin/true", "fetching process"), ("/bin/echo", "fetching process")]
    {
        let other = GitConfig { fetch_program: program.into(), ..config(bare.url(), bare.folder()) };
        let error = read(other).await.unwrap_err();
        assert!(error.to_string().contains(what), "{program}: {error}");
    }
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

/// The processes whose home is in a folder, which are the fetching children of one test.
fn children(folder: &Path) -> Vec<PathBuf> {
    let home = format!("HOME={}", folder.display());
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    processes
        .filter(|process| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable.starts_with(home.as_bytes()))
        })
        .collect()
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let known_hosts = folder.path().join("known_hosts");
    fs::write(&known_hosts, "").unwrap();
    for scheme in ["http", "https", "ssh"] {
        let url = format!("{scheme}://{}/x", server.local_addr().unwrap());
        let auth = match scheme {
            "ssh" => GitAuth::Ssh { key: SshKey::Pem("key".into()), known_hosts: known_hosts.clone() },
            _ => GitAuth::None,
        };
        let deadline = Duration::from_secs(1);
        let before = Instant::now();
        let error = read(GitConfig { deadline, auth, ..config(url.clone(), folder.path()) }).await.unwrap_err();
        assert!(matches!(error, SourceError::Deadline { .. }), "{error:?}");
        assert!(before.elapsed() < Duration::from_secs(5));
        assert!(children(folder.path()).is_empty());
        assert!(error.to_string().contains(&url));
    }
}

#[tokio::test]
async fn a_child_ends_when_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", server.local_addr().unwrap());
    let auth = GitAuth::Token("t0ken-of-the-test".into());
    let task = tokio::spawn(read(GitConfig { auth, ..config(url, folder.path()) }));
    until("the child runs", async || !children(folder.path()).is_empty()).await;
    for child in children(folder.path()) {
        for seen_by_others in ["cmdline", "environ"] {
            let text = String::from_utf8(fs::read(child.join(seen_by_others)).unwrap()).unwrap();
            assert!(text.contains(if seen_by_others == "cmdline" { "internal-git-fetch" } else { "HOME=" }));
            assert!(!text.contains("t0ken"), "{text}");
        }
    }
    task.abort();
    until("the child is gone", async || children(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = read(config(format!("http://127.0.0.1:{port}/x"), folder.path())).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
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
