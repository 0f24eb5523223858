//! What a commit may hold, and what refuses it.

use lockstep::source::{GitConfig, GitSource, Source, SourceError};

use super::{
    config, paths, read,
    repository::{Bare, Entry},
    text,
};

async fn read_holding(bare: &Bare, entries: Vec<Entry>) -> Result<lockstep::model::Snapshot, SourceError> {
    bare.holding(entries);
    read(config(bare.url(), bare.folder())).await
}

#[tokio::test]
async fn manifests_catalogs_and_secrets_are_read_and_the_rest_is_left() {
    let bare = Bare::new();
    let entries = vec![
        bare.file("a.yaml", "a: 1"),
        bare.file("README.md", "# words"),
        bare.file(".gitlab-ci.yml", "stages: []"),
        bare.file("b.yaml~", "old"),
        bare.folder_of(".github", vec![bare.file("ci.yml", "on: push")]),
        bare.folder_of("catalog", vec![bare.file("opencti.json", "{}")]),
        bare.folder_of("secrets", vec![bare.file("misp.env", "A=1"), bare.file(".env", "B=2")]),
        ("100755", b"run.yml".to_vec(), bare.blob("b: 2")),
    ];
    let snapshot = read_holding(&bare, entries).await.unwrap();
    assert_eq!(paths(&snapshot), ["a.yaml", "catalog/opencti.json", "run.yml", "secrets/.env", "secrets/misp.env"]);
    assert_eq!(text(&snapshot, "a.yaml"), "a: 1");
}

#[tokio::test]
async fn what_would_lead_elsewhere_refuses_the_whole_commit() {
    let bare = Bare::new();
    let good = || bare.file("a.yaml", "a: 1");
    for (entry, path, why) in [
        (bare.link("b.yaml", "/etc/passwd"), "b.yaml", "symbolic link"),
        (bare.link("b.yaml", "a.yaml"), "b.yaml", "symbolic link"),
        (bare.link("folder", "../elsewhere"), "folder", "symbolic link"),
        (bare.link("folder", "/etc"), "folder", "symbolic link"),
        (bare.submodule("module"), "module", "submodule"),
        (bare.folder_of("..", vec![bare.file("b.yaml", "")]), "..", "not the name"),
        (bare.folder_of(".git", vec![bare.file("config", "")]), ".git", "not the name"),
        (bare.folder_of(".GIT", vec![]), ".GIT", "not the name"),
        (bare.file("x/../../b.yaml", ""), "x/../../b.yaml", "not the name"),
        (bare.file("a\nb.yaml", ""), "a\\nb.yaml", "only letters"),
        (bare.file(b"\xff\x1b.yaml", ""), "\\xff\\u{1b}.yaml", "only letters"),
        (bare.folder_of("a\nb", vec![bare.file("b.yaml", "")]), "a\\nb/b.yaml", "only letters"),
        (("100664", b"b.yaml".to_vec(), bare.blob("")), "b.yaml", "mode"),
        (("100644", b"b.yaml".to_vec(), bare.tree(vec![])), "b.yaml", "is not"),
    ] {
        match read_holding(&bare, vec![good(), entry]).await {
            Err(SourceError::RefusedPath { path: refused, why: because }) => {
                assert_eq!(refused, path);
                assert!(because.contains(why), "{path}: {because}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_none_is_an_error() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let source = GitSource::new(config(bare.url(), bare.folder())).unwrap();
    let good = source.snapshot().await.unwrap();
    bare.holding(vec![bare.file("a.yaml", "a: 1"), ("40000", b"b".to_vec(), bare.blob(""))]);
    let error = source.snapshot().await.unwrap_err();
    assert!(matches!(error, SourceError::Child(_)), "{error:?}");
    assert_eq!(source.cached().await.unwrap().unwrap().revision, good.revision);
}

#[tokio::test]
async fn odd_entries_that_are_not_read_are_no_matter() {
    let bare = Bare::new();
    let entries = vec![
        bare.file("a.yaml", "a: 1"),
        bare.file("README.md", ""),
        bare.file("photo\n1.png", ""),
        bare.folder_of("Ordner für Bilder", vec![bare.file("é.png", "")]),
        bare.link("CLAUDE.md", "README.md"),
        bare.folder_of("doc", vec![bare.link("LICENSE", "../README.md")]),
    ];
    assert_eq!(paths(&read_holding(&bare, entries).await.unwrap()), ["a.yaml"]);
}

#[tokio::test]
async fn a_path_below_the_root_is_read_alone() {
    let bare = Bare::new();
    bare.holding(vec![
        bare.link("outside.yaml", "/etc/passwd"),
        bare.submodule("module"),
        bare.file("file", ""),
        bare.link("link", "a"),
        bare.folder_of("a", vec![bare.folder_of("b", vec![bare.file("c.yaml", "c: 1")])]),
    ]);
    let at = |path: &str| GitConfig { path: path.to_owned(), ..config(bare.url(), bare.folder()) };
    assert_eq!(paths(&read(at("a")).await.unwrap()), ["b/c.yaml"]);
    assert_eq!(paths(&read(at("/a/b/")).await.unwrap()), ["c.yaml"]);
    for missing in ["nowhere", "a/nowhere", "file"] {
        let error = read(at(missing)).await.unwrap_err();
        assert!(matches!(error, SourceError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("folder `{missing}`")), "{error}");
    }
    for refused in ["link", "module", "link/b"] {
        assert!(matches!(read(at(refused)).await, Err(SourceError::RefusedPath { .. })), "{refused}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let bare = Bare::new();
    let deep = (0..17).fold(bare.file("a.yaml", ""), |inner, _| bare.folder_of("d", vec![inner]));
    let empty = bare.blob("");
    let many = (0..=10_000).map(|n| ("100644", format!("{n}.yaml").into_bytes(), empty)).collect();
    let sixteen = bare.blob(vec![b' '; 16 * 1024 * 1024]);
    let catalogs = |count: usize| (0..count).map(|n| ("100644", format!("{n}.json").into_bytes(), sixteen)).collect();
    for (entries, what) in [
        (vec![bare.file("a.yaml", vec![b' '; 1024 * 1024 + 1])], "1048577 bytes in `a.yaml`"),
        (vec![bare.file("a.json", vec![b' '; 16 * 1024 * 1024 + 1])], "16777217 bytes in `a.json`"),
        (catalogs(5), "bytes in all files together"),
        (many, "10001 files"),
        (vec![deep], "nesting of folders"),
    ] {
        let error = read_holding(&bare, entries).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
    assert_eq!(read_holding(&bare, catalogs(4)).await.unwrap().files.len(), 4);
    assert!(read_holding(&bare, vec![bare.file("photo.png", vec![0; 1024 * 1024 + 1])]).await.is_ok());
}
