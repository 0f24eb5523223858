//! Git over HTTPS, with `git http-backend` behind TLS.

use lockstep::source::{GitAuth, GitConfig, GitSource, Source, SourceError};

use super::{
    config,
    https::{HttpsServer, PASSWORD, USER},
    paths, read,
    repository::Bare,
    text,
};

fn at(server: &HttpsServer, bare: &Bare, path: &str, auth: GitAuth) -> GitConfig {
    let url = server.url(&format!("{path}/repository.git"));
    GitConfig { auth, ca: Some(server.ca()), ..config(url, bare.folder()) }
}

fn basic(username: &str, password: &str) -> GitAuth {
    GitAuth::Basic { username: username.to_owned(), password: password.into() }
}

#[tokio::test]
async fn a_repository_is_read_and_followed() {
    let bare = Bare::with(&[("a.yaml", "1"), ("b.yaml", &"x".repeat(100_000))]);
    let mut server = HttpsServer::start(bare.folder(), "IP:127.0.0.1");
    let source = GitSource::new(at(&server, &bare, "/open", GitAuth::None)).unwrap();
    assert_eq!(paths(&source.snapshot().await.unwrap()), ["a.yaml", "b.yaml"]);
    for round in 0..3 {
        bare.push("main", &[("a.yaml", &round.to_string())]);
        assert_eq!(text(&source.snapshot().await.unwrap(), "a.yaml"), round.to_string());
    }
    server.stop();
    let error = source.snapshot().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert_eq!(text(&source.cached().await.unwrap().unwrap(), "a.yaml"), "2");
}

#[tokio::test]
async fn a_token_or_password_opens_what_is_closed() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let server = HttpsServer::start(bare.folder(), "IP:127.0.0.1");
    for auth in [GitAuth::Token(PASSWORD.into()), basic(USER, PASSWORD)] {
        let folder = tempfile::tempdir().unwrap();
        let closed = GitConfig { mirror: folder.path().to_owned(), ..at(&server, &bare, "/closed", auth) };
        assert_eq!(paths(&read(closed).await.unwrap()), ["a.yaml"]);
    }
    for auth in [GitAuth::Token("wr0ng".into()), basic("nobody", PASSWORD), basic(USER, "wr0ng"), GitAuth::None] {
        let error = read(at(&server, &bare, "/closed", auth)).await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthorized { .. }), "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(PASSWORD) && !shown.contains("wr0ng"), "{shown}");
    }
    let error = read(at(&server, &bare, "/forbidden", GitAuth::None)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized { .. }), "{error:?}");
}

#[tokio::test]
async fn only_the_authority_and_the_name_that_are_wanted_are_trusted() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let server = HttpsServer::start(bare.folder(), "IP:127.0.0.1");
    let good = || at(&server, &bare, "/closed", GitAuth::Token(PASSWORD.into()));
    for ca in [Some(server.other_ca()), None] {
        let error = read(GitConfig { ca, ..good() }).await.unwrap_err();
        assert!(matches!(error, SourceError::Untrusted { .. }), "{error:?}");
    }
    let error = read(GitConfig { ca: Some("/nowhere/ca.pem".into()), ..good() }).await.unwrap_err();
    assert!(matches!(&error, SourceError::Io { path, .. } if path == "/nowhere/ca.pem"), "{error:?}");
    // The address isn't in the certificate, and neither is the name.
    let elsewhere = HttpsServer::start(bare.folder(), "DNS:git.example.org");
    assert!(read(at(&elsewhere, &bare, "/open", GitAuth::None)).await.is_err());
    let named = at(&elsewhere, &bare, "/open", GitAuth::None);
    let error = read(GitConfig { url: named.url.replace("127.0.0.1", "localhost"), ..named }).await.unwrap_err();
    assert!(matches!(error, SourceError::Untrusted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let server = HttpsServer::start(bare.folder(), "IP:127.0.0.1,DNS:localhost");
    let error = read(at(&server, &bare, "/moved", GitAuth::Token(PASSWORD.into()))).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("redirect"), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_repository() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let server = HttpsServer::start(bare.folder(), "IP:127.0.0.1");
    let error = read(at(&server, &bare, "/open/nowhere", GitAuth::None)).await.unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error:?}");
    let error = read(at(&server, &bare, "/teapot", GitAuth::None)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    let url = server.url("/files/repository.git");
    let page = GitConfig { ca: Some(server.ca()), ..config(url, bare.folder()) };
    assert!(matches!(read(page).await, Err(SourceError::Missing { .. } | SourceError::Unreachable { .. })));
}
