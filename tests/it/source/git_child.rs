//! The process that fetches, and servers that do not answer.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lockstep::source::{GitAuth, GitConfig, SourceError, SshKey};

use super::{config, read, repository::Bare, text, until};

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
