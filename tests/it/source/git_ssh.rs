//! Git over SSH, with the sshd of OpenSSH.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use lockstep::source::{GitAuth, GitConfig, GitSource, Source, SourceError, SshKey};
use tempfile::TempDir;

use super::{config, paths, read, repository::Bare, text, until};

/// A server that ends with this value.
struct Sshd {
    folder: TempDir,
    child: Child,
    port: u16,
    user: String,
}

impl Sshd {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, kind) in [("host_ed25519", "ed25519"), ("host_rsa", "rsa"), ("host_ecdsa", "ecdsa")] {
            keygen(&at(name), kind, &[]);
        }
        for (name, kind) in [("user_ed25519", "ed25519"), ("user_rsa", "rsa"), ("stranger", "ed25519")] {
            keygen(&at(name), kind, &[]);
        }
        keygen(&at("user_pem"), "rsa", &["-m", "PEM"]);
        let allowed: String = ["user_ed25519.pub", "user_rsa.pub", "user_pem.pub"]
            .map(|name| fs::read_to_string(at(name)).unwrap())
            .concat();
        fs::write(at("authorized_keys"), allowed).unwrap();
        // sshd refuses to start without it when it runs as root, and nothing else makes it in a container.
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = folder.path().display();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nAuthorizedKeysFile {path}/authorized_keys\n\
             HostKey {path}/host_ed25519\nHostKey {path}/host_rsa\nHostKey {path}/host_ecdsa\n"
        );
        fs::write(at("sshd_config"), text).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let sshd = Self { child, port, user: user.trim().to_owned(), folder };
        until("sshd listens", async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        sshd
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self, bare: &Bare) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, bare.url())
    }

    /// A known_hosts file with one line of text for each.
    fn known_hosts(&self, lines: &[String]) -> PathBuf {
        let path = self.at("known_hosts");
        fs::write(&path, lines.concat()).unwrap();
        path
    }

    /// The line that pins a key of the server.
    fn pin(&self, key: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.port, fs::read_to_string(self.at(key)).unwrap())
    }

    fn config(&self, bare: &Bare, key: &str, known_hosts: PathBuf) -> GitConfig {
        let auth = GitAuth::Ssh { key: SshKey::File(self.at(key)), known_hosts };
        GitConfig { auth, ..config(self.url(bare), bare.folder()) }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn keygen(path: &Path, kind: &str, more: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    let bits = if kind == "rsa" { "2048" } else { "256" };
    command.args(["-q", "-N", "", "-t", kind, "-b", bits, "-f"]).arg(path).args(more);
    let status = command.status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn every_type_of_key_on_either_side() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let sshd = Sshd::start().await;
    for host_key in ["host_ed25519.pub", "host_rsa.pub", "host_ecdsa.pub"] {
        let known_hosts = sshd.known_hosts(&[sshd.pin(host_key)]);
        let snapshot = read(sshd.config(&bare, "user_ed25519", known_hosts)).await;
        assert_eq!(paths(&snapshot.unwrap()), ["a.yaml"], "{host_key}");
    }
    let known_hosts = sshd.known_hosts(&[sshd.pin("host_ed25519.pub")]);
    for user_key in ["user_rsa", "user_pem"] {
        let snapshot = read(sshd.config(&bare, user_key, known_hosts.clone())).await;
        assert_eq!(paths(&snapshot.unwrap()), ["a.yaml"], "{user_key}");
    }
    let pem = fs::read_to_string(sshd.at("user_ed25519")).unwrap();
    let auth = GitAuth::Ssh { key: SshKey::Pem(pem.into()), known_hosts: known_hosts.clone() };
    let source = GitSource::new(GitConfig { auth, ..config(sshd.url(&bare), bare.folder()) }).unwrap();
    source.snapshot().await.unwrap();
    bare.push("main", &[("a.yaml", "2")]);
    assert_eq!(text(&source.snapshot().await.unwrap(), "a.yaml"), "2");
    // Hashed by OpenSSH itself.
    let hashed = Command::new("ssh-keygen").arg("-Hf").arg(&known_hosts).output().unwrap();
    assert!(hashed.status.success() && fs::read_to_string(&known_hosts).unwrap().starts_with("|1|"));
    assert!(read(sshd.config(&bare, "user_ed25519", known_hosts)).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_not_pinned_is_refused_and_never_learnt() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let sshd = Sshd::start().await;
    let stranger = fs::read_to_string(sshd.at("stranger.pub")).unwrap();
    for (lines, why) in [
        (vec![], "no key for it"),
        (vec![format!("[127.0.0.1]:22 {stranger}")], "no key for it"),
        (vec![format!("[127.0.0.1]:{} {stranger}", sshd.port)], "changed"),
        (vec![sshd.pin("host_ed25519.pub"), format!("@revoked {}", sshd.pin("host_ed25519.pub"))], "revoked"),
    ] {
        let known_hosts = sshd.known_hosts(&lines);
        let before = fs::read(&known_hosts).unwrap();
        for _ in 0..2 {
            match read(sshd.config(&bare, "user_ed25519", known_hosts.clone())).await {
                Err(SourceError::Untrusted { why: because, .. }) => assert!(because.contains(why), "{because}"),
                other => panic!("{why}: {other:?}"),
            }
        }
        assert_eq!(fs::read(&known_hosts).unwrap(), before);
    }
}

#[tokio::test]
async fn a_user_who_is_not_allowed_and_files_that_are_no_keys() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let sshd = Sshd::start().await;
    let known_hosts = sshd.known_hosts(&[sshd.pin("host_ed25519.pub")]);
    let error = read(sshd.config(&bare, "stranger", known_hosts.clone())).await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized { .. }), "{error:?}");
    let error = read(sshd.config(&bare, "sshd_config", known_hosts.clone())).await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized { .. }), "{error:?}");
    let error = read(sshd.config(&bare, "nowhere", known_hosts.clone())).await.unwrap_err();
    assert!(matches!(&error, SourceError::Io { path, .. } if path.ends_with("nowhere")), "{error:?}");
    let error = read(sshd.config(&bare, "user_ed25519", sshd.at("missing"))).await.unwrap_err();
    assert!(matches!(&error, SourceError::Io { path, .. } if path.ends_with("missing")), "{error:?}");
    let gone = Bare::with(&[("a.yaml", "1")]);
    let config = sshd.config(&gone, "user_ed25519", known_hosts);
    fs::rename(gone.path(), gone.folder().join("away")).unwrap();
    let error = read(config).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. } | SourceError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_away() {
    let bare = Bare::with(&[("a.yaml", "1")]);
    let mut sshd = Sshd::start().await;
    let known_hosts = sshd.known_hosts(&[sshd.pin("host_ed25519.pub")]);
    let config = sshd.config(&bare, "user_ed25519", known_hosts);
    read(config.clone()).await.unwrap();
    sshd.child.kill().unwrap();
    until("sshd ended", async || sshd.child.try_wait().unwrap().is_some()).await;
    let source = GitSource::new(config).unwrap();
    let error = source.snapshot().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert_eq!(text(&source.cached().await.unwrap().unwrap(), "a.yaml"), "1");
}
