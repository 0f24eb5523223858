//! Who wrote which line, with commits of several authors.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use lockstep::{
    model::{Cited, Commit, Revision},
    source::{DirectoryConfig, DirectorySource, GitConfig, GitSource, Source},
};

use super::config;

/// Runs git with no configuration but its own; gives what it printed.
fn git(folder: &Path, author: &str, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "commit.gpgSign=false"])
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), author).env(format!("GIT_{role}_EMAIL"), "who@example.org");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, author: &str) -> String {
    git(folder, author, &["add", "--all"]);
    git(folder, author, &["commit", "--quiet", "--message", "change"]);
    git(folder, author, &["rev-parse", "HEAD"])
}

fn at(file: &str, line: u32) -> Cited {
    Cited { file: file.into(), line: Some(line) }
}

fn whole(file: &str) -> Cited {
    Cited { file: file.into(), line: None }
}

const HOSTILE: &str = "Bob \u{1b}[2J\u{202e} the Builder";

/// A work tree with three commits; their ids.
fn history(folder: &Path) -> [String; 3] {
    git(folder, "Ada", &["init", "--quiet", "--initial-branch", "main"]);
    fs::create_dir(folder.join("connectors")).unwrap();
    let write = |text: &str| fs::write(folder.join("connectors/a.yaml"), text).unwrap();
    write("name: a\nconfig:\n  KEY: |\n    one\n    two\n  URL: x\n");
    let first = commit(folder, "Ada");
    write("name: a\nconfig:\n  KEY: |\n    one\n    three\n  URL: x\n");
    let second = commit(folder, HOSTILE);
    fs::write(folder.join("connectors/catalog.json"), "{}\n").unwrap();
    let third = commit(folder, "Cy");
    [first, second, third]
}

fn shown(commits: &BTreeMap<Cited, Commit>, line: &Cited) -> Option<(String, String)> {
    commits.get(line).map(|commit| (commit.id.clone(), commit.author.clone()))
}

#[tokio::test]
async fn lines_of_a_repository_have_their_authors() {
    let (work, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [first, second, third] = history(work.path());
    let config = GitConfig { path: "connectors".to_owned(), ..config(work.path().to_str().unwrap(), folder.path()) };
    let source = GitSource::new(config).unwrap();
    let revision = source.snapshot().await.unwrap().revision;
    let lines = [
        at("a.yaml", 1),
        at("a.yaml", 3),
        at("a.yaml", 6),
        whole("a.yaml"),
        whole("catalog.json"),
        at("a.yaml", 99),
        at("gone.yaml", 1),
        whole("../a.yaml"),
    ];
    for _ in 0..2 {
        let commits = source.blame(&revision, &lines).await;
        let ada = Some((first.clone(), "Ada".to_owned()));
        let bob = Some((second.clone(), "Bob \\u{1b}[2J\\u{202e} the Builder".to_owned()));
        assert_eq!(shown(&commits, &lines[0]), ada);
        assert_eq!(shown(&commits, &lines[1]), bob, "the key of a text whose third line changed");
        assert_eq!(shown(&commits, &lines[2]), ada);
        assert_eq!(shown(&commits, &lines[3]), bob, "the newest change of the file");
        assert_eq!(shown(&commits, &lines[4]), Some((third.clone(), "Cy".to_owned())));
        assert_eq!(commits.len(), 5, "{commits:?}");
    }
    let nowhere = source.blame(&Revision::Commit("7".repeat(40)), &lines[..1]).await;
    assert_eq!(nowhere, BTreeMap::new());
}

#[tokio::test]
async fn lines_of_a_work_tree_have_their_authors_once_committed() {
    let work = tempfile::tempdir().unwrap();
    let [first, second, _] = history(work.path());
    let root = work.path().join("connectors");
    let source = || DirectorySource::new(DirectoryConfig { root: root.clone(), poll: None }).unwrap();
    let source = || source().with_git(env!("CARGO_BIN_EXE_lockstep").into());
    let revision = Revision::Directory(String::new());
    let lines = [at("a.yaml", 1), at("a.yaml", 3), whole("a.yaml")];
    let commits = source().blame(&revision, &lines).await;
    assert_eq!(commits[&lines[0]].id, first);
    assert_eq!(commits[&lines[1]].id, second);
    fs::write(root.join("a.yaml"), "new: line\nname: a\nconfig:\n  KEY: |\n    edited\n    three\n  URL: x\n").unwrap();
    let lines = [at("a.yaml", 1), at("a.yaml", 2), at("a.yaml", 4), at("a.yaml", 7), whole("a.yaml")];
    let commits = source().blame(&revision, &lines).await;
    assert_eq!(shown(&commits, &lines[1]), Some((first.clone(), "Ada".to_owned())), "a line that only moved");
    assert_eq!(commits[&lines[3]].id, first);
    assert_eq!(commits.len(), 2, "what is not committed has no author: {commits:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("a.yaml"), "name: a\n").unwrap();
    let config = DirectoryConfig { root: elsewhere.path().to_owned(), poll: None };
    let alone = DirectorySource::new(config).unwrap().with_git(env!("CARGO_BIN_EXE_lockstep").into());
    assert_eq!(alone.blame(&revision, &lines[..1]).await, BTreeMap::new());
}
