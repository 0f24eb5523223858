//! A real HTTPS server with a certificate authority of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

pub(super) const USER: &str = "git";
pub(super) const PASSWORD: &str = "s3cret-token-0123456789";

/// A server that ends with this value.
pub(super) struct HttpsServer {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl HttpsServer {
    /// Serves the folder of repositories, with a certificate for 127.0.0.1 or for another host.
    pub(super) fn start(root: &Path, alternative_name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        certificates(folder.path(), alternative_name);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/source/https_server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(root)
            .arg(folder.path().join("server.pem"))
            .arg(folder.path().join("server.key"))
            .args([USER, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { folder, child, port: line.trim().parse().unwrap() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// The certificate of the authority that the server's is signed by.
    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The certificate of an authority that signed nothing.
    pub(super) fn other_ca(&self) -> PathBuf {
        let folder = self.folder.path().join("other");
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            authority(&folder);
        }
        folder.join("ca.pem")
    }
}

impl HttpsServer {
    /// Ends the server; its certificates stay.
    pub(super) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn authority(folder: &Path) {
    openssl(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca",
    );
}

fn certificates(folder: &Path, alternative_name: &str) {
    authority(folder);
    openssl(
        folder,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=server",
    );
    fs::write(folder.join("extensions"), format!("subjectAltName={alternative_name}\n")).unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem",
    );
}
