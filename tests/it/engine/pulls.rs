//! Images from a registry on loopback that asks for credentials (Debian packages `docker-registry`, `apache2-utils`).

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use lockstep::{
    engine::{
        Deadlines, DockerConfig, DockerEngine, Engine as _, EngineError, Outcome, Problem, Progress, RegistryAuth,
    },
    model::PullPolicy,
    plan::{NewContainer, Work},
};
use tokio_util::sync::CancellationToken;

use super::{
    proxy::{Fate, Proxy},
    support::{Lab, SOCKET, apply, docker, env, eventually, import, plan, step},
};

/// Its encoding has both characters in which the two base64 alphabets differ.
const PASSWORD: &str = "~~~???>>>pass";

struct Registry {
    directory: tempfile::TempDir,
    host: String,
    server: Child,
    images: Mutex<Vec<String>>,
}

impl Registry {
    async fn new() -> Self {
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

    /// Makes an image, puts it into the registry and takes it from the engine.
    fn push(&self, name: &str, variant: &str) -> String {
        let image = format!("{}/{name}", self.host);
        import(&image, &[&format!("ENV VARIANT={variant}")]);
        docker(&["--config", self.directory.path().to_str().unwrap(), "push", &image]);
        docker(&["rmi", &image]);
        self.images.lock().unwrap().push(image.clone());
        image
    }

    async fn engine(&self, host: &str, password: &str) -> DockerEngine {
        self.engine_at(&format!("unix://{SOCKET}"), host, password).await
    }

    async fn engine_at(&self, engine: &str, host: &str, password: &str) -> DockerEngine {
        let auth = RegistryAuth { host: host.to_owned(), username: "user".to_owned(), password: password.into() };
        DockerEngine::connect(DockerConfig { registries: vec![auth], ..DockerConfig::at(engine) }).await.unwrap()
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

fn made_from(lab: &Lab, variant: u32, image: &str, pull: PullPolicy) -> NewContainer {
    lab.container_of(&lab.instance(), variant, |wanted| {
        wanted.image = image.to_owned();
        wanted.pull = pull;
    })
}

async fn variant_of(lab: &Lab, new: &NewContainer) -> String {
    let id = lab.find(new).await.unwrap();
    lab.engine.inspect(&id).await.unwrap().image_env.get("VARIANT").cloned().unwrap_or_default()
}

#[tokio::test]
async fn images_are_pulled_as_the_policy_says() {
    let (lab, registry) = (Lab::new().await, Registry::new().await);
    let image = registry.push("policy:1", "first");
    let engine = registry.engine(&registry.host, PASSWORD).await;
    let create = |new: &NewContainer| Work::Create(Box::new(new.clone()));

    let never = made_from(&lab, 1, &image, PullPolicy::Never);
    let refused = apply(&engine, create(&never), &[]).await;
    assert!(matches!(&refused, Err(EngineError::Image { transient: false, .. })), "{refused:?}");

    let missing = made_from(&lab, 2, &image, PullPolicy::IfNotPresent);
    let seen = Mutex::new(Vec::new());
    let progress = |progress| seen.lock().unwrap().push(progress);
    let work = step(&lab.instance(), create(&missing));
    let outcome = engine.apply(&work, Some(&env(&[])), &progress, &CancellationToken::new()).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(variant_of(&lab, &missing).await, "first");
    assert!(seen.into_inner().unwrap().contains(&Progress::Pulling(0, None)));

    let owned = docker(&["inspect", "-f", "{{.Image}}", &missing.name]);
    registry.push("policy:1", "second");
    docker(&["tag", &owned, &image]);
    let present = made_from(&lab, 3, &image, PullPolicy::IfNotPresent);
    apply(&engine, create(&present), &[]).await.unwrap();
    assert_eq!(variant_of(&lab, &present).await, "first");
    let always = made_from(&lab, 4, &image, PullPolicy::Always);
    apply(&engine, create(&always), &[]).await.unwrap();
    assert_eq!(variant_of(&lab, &always).await, "second");
    apply(&engine, create(&made_from(&lab, 5, &image, PullPolicy::Never)), &[]).await.unwrap();
}

#[tokio::test]
async fn what_a_registry_refuses_is_said_without_the_password_and_leaves_the_old_one() {
    let (lab, registry) = (Lab::new().await, Registry::new().await);
    let image = registry.push("refused:1", "first");
    lab.create(&lab.container(1), &[]).await;
    let wrong = "~~~wrong-password";
    for (engine, image) in [
        (registry.engine(&registry.host, wrong).await, image.clone()),
        (registry.engine("registry.example.org", PASSWORD).await, image.clone()),
        (registry.engine("127.0.0.1", PASSWORD).await, image.clone()),
        (registry.engine(&registry.host, PASSWORD).await, format!("{}/refused:absent", registry.host)),
        (registry.engine(&registry.host, PASSWORD).await, format!("{}/absent:1", registry.host)),
    ] {
        let new = made_from(&lab, 2, &image, PullPolicy::Always);
        let refused = apply(&engine, Work::Replace(Box::new(lab.replacement(&new).await)), &[]).await.unwrap_err();
        assert!(matches!(&refused, EngineError::Image { transient: false, .. }), "{refused:?}");
        let text = format!("{refused} {refused:?}");
        assert!(!text.contains("wrong-password") && !text.contains(PASSWORD), "{text}");
        assert_eq!(lab.running(), [lab.container(1).name]);
    }
    let away = made_from(&lab, 2, "127.0.0.1:9/away:1", PullPolicy::Always);
    let refused = lab.apply(Work::Create(Box::new(away)), &[]).await.unwrap_err();
    assert!(matches!(&refused, EngineError::Image { transient: true, .. }), "{refused:?}");
}

#[tokio::test]
async fn missing_images_are_there_after_the_preflight() {
    let (lab, registry) = (Lab::new().await, Registry::new().await);
    let image = registry.push("preflight:1", "first");
    let new = made_from(&lab, 1, &image, PullPolicy::IfNotPresent);
    let planned = plan(vec![step(&lab.instance(), Work::Create(Box::new(new)))]);
    let wrong = registry.engine(&registry.host, "wrong").await;
    let problems = wrong.preflight(&lab.owner, &planned).await.unwrap();
    assert!(matches!(problems.as_slice(), [Problem::MissingImage { .. }]), "{problems:?}");
    let engine = registry.engine(&registry.host, PASSWORD).await;
    assert_eq!(engine.preflight(&lab.owner, &planned).await.unwrap(), []);
    docker(&["image", "inspect", &image]);
}

#[tokio::test]
async fn many_instances_of_an_image_pull_it_once() {
    let (lab, registry) = (Lab::new().await, Registry::new().await);
    let image = registry.push("once:1", "first");
    let proxy = Proxy::new(|_| Fate::Pass);
    let engine = registry.engine_at(&proxy.host(), &registry.host, PASSWORD).await;
    let steps: Vec<_> = (1..=6).map(|variant| made_from(&lab, variant, &image, PullPolicy::Always)).collect();
    let made = steps.iter().map(|new| apply(&engine, Work::Create(Box::new(new.clone())), &[]));
    for outcome in futures_util::future::join_all(made).await {
        assert_eq!(outcome.unwrap(), Outcome::Done);
    }
    let pulls: Vec<_> = proxy.calls().into_iter().filter(|call| call.posts("/images/create")).collect();
    assert_eq!(pulls.len(), 1);
    let header = pulls[0]
        .raw
        .lines()
        .find_map(|line| line.to_lowercase().starts_with("x-registry-auth").then(|| line[16..].trim().to_owned()));
    let sent: serde_json::Value = serde_json::from_slice(&URL_SAFE.decode(header.unwrap()).unwrap()).unwrap();
    assert_eq!(sent["password"], PASSWORD);
}

#[tokio::test]
async fn a_pull_without_progress_ends_and_can_be_cancelled() {
    let lab = Lab::new().await;
    let proxy = Proxy::new(|call| if call.posts("/images/create") { Fate::Hang } else { Fate::Pass });
    let deadlines = Deadlines { pull_stall: Duration::from_millis(300), ..Deadlines::default() };
    let engine = DockerEngine::connect(DockerConfig { deadlines, ..DockerConfig::at(&proxy.host()) }).await.unwrap();
    let work = Work::Create(Box::new(made_from(&lab, 1, "127.0.0.1:9/x:1", PullPolicy::Always)));
    let refused = apply(&engine, work.clone(), &[]).await;
    assert!(matches!(&refused, Err(EngineError::Deadline { .. })), "{refused:?}");
    let engine = DockerEngine::connect(DockerConfig::at(&proxy.host())).await.unwrap();
    let cancel = CancellationToken::new();
    let pulling = |_| cancel.cancel();
    let outcome = engine.apply(&step(&lab.instance(), work), Some(&env(&[])), &pulling, &cancel).await;
    assert_eq!(outcome.unwrap(), Outcome::Unfinished);
}
