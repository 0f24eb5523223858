//! A registry on loopback that asks for credentials (Debian packages `docker-registry`, `apache2-utils`).

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use base64::Engine as _;
use lockstep::engine::{Deadlines, DockerConfig, DockerEngine, RegistryAuth};

use super::support::{SOCKET, docker, eventually, import};

/// Its encoding has both characters in which the two base64 alphabets differ.
pub(crate) const PASSWORD: &str = "~~~???>>>pass";

pub(crate) struct Registry {
    directory: tempfile::TempDir,
    pub(crate) host: String,
    server: Child,
    images: Mutex<Vec<String>>,
}

impl Registry {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let path = |name: &str| directory.path().join(name);
        let users = Command::new("htpasswd").args(["-Bbn", "user", PASSWORD]).output().unwrap();
        std::fs::write(path("users"), users.stdout).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '{host}'}}\nauth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            path("data").display(),
            path("users").display(),
        );
        std::fs::write(path("config.yml"), config).unwrap();
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("user:{PASSWORD}"));
        std::fs::write(path("config.json"), format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#)).unwrap();
        let server = Command::new("docker-registry")
            .arg("serve")
            .arg(path("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Self { directory, host: host.clone(), server, images: Mutex::new(Vec::new()) };
        eventually("the registry listens", || std::net::TcpStream::connect(&host).is_ok()).await;
        registry
    }

    /// The command with the credentials.
    fn docker(&self, words: &[&str]) -> String {
        docker(&[&["--config", self.directory.path().to_str().unwrap()], words].concat())
    }

    /// Makes an image, puts it into the registry and takes it from the engine.
    pub(crate) fn push(&self, name: &str, variant: &str) -> String {
        let image = format!("{}/{name}", self.host);
        import(&image, &[&format!("ENV VARIANT={variant}")]);
        self.hand_over(image)
    }

    /// The same with an image that has one layer more than one on the engine.
    pub(crate) fn push_over(&self, name: &str, base: &str) -> String {
        let image = format!("{}/{name}", self.host);
        let container = docker(&["create", base]);
        let file = self.directory.path().join("more");
        std::fs::write(&file, image.repeat(1_000)).unwrap();
        docker(&["cp", file.to_str().unwrap(), &format!("{container}:/more")]);
        docker(&["commit", &container, &image]);
        docker(&["rm", &container]);
        self.hand_over(image)
    }

    fn hand_over(&self, image: String) -> String {
        self.docker(&["push", &image]);
        docker(&["rmi", &image]);
        self.images.lock().unwrap().push(image.clone());
        image
    }

    /// Has the engine pull an image.
    pub(crate) fn pull(&self, image: &str) {
        self.docker(&["pull", "--quiet", image]);
    }

    /// What the registry has at a path below `/v2/`, and its digest.
    pub(crate) async fn manifest(&self, path: &str) -> (serde_json::Value, String) {
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let request = reqwest::Client::new().get(format!("http://{}/v2/{path}", self.host)).header("accept", kind);
        let answer = request.basic_auth("user", Some(PASSWORD)).send().await.unwrap();
        let digest = answer.headers()["docker-content-digest"].to_str().unwrap().to_owned();
        (answer.json().await.unwrap(), digest)
    }

    /// Puts a manifest at a path below `/v2/`.
    pub(super) async fn put_manifest(&self, path: &str, manifest: &serde_json::Value) {
        let kind = manifest["mediaType"].as_str().unwrap();
        let request =
            reqwest::Client::new().put(format!("http://{}/v2/{path}", self.host)).header("content-type", kind);
        let answer = request.basic_auth("user", Some(PASSWORD)).body(manifest.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    pub(super) async fn engine(&self, host: &str, password: &str) -> DockerEngine {
        self.engine_at(&format!("unix://{SOCKET}"), host, password).await
    }

    pub(super) async fn engine_at(&self, engine: &str, host: &str, password: &str) -> DockerEngine {
        let auth = RegistryAuth { host: host.to_owned(), username: "user".to_owned(), password: password.into() };
        // On a busy machine it may be slow to answer, which is no matter of any of these tests.
        let deadlines = Deadlines { sizes: Duration::from_secs(60), ..Deadlines::default() };
        let config = DockerConfig { registries: vec![auth], deadlines, ..DockerConfig::at(engine) };
        DockerEngine::connect(config).await.unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for image in self.images.lock().unwrap().iter() {
            Command::new("docker").args(["rmi", "-f", image]).output().ok();
        }
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
