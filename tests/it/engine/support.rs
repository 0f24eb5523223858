//! A corner of the real engine for one test: its own owner, image, network and instance; all of it removed in the end.

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use lockstep::{
    desired::{SourceDigest, Wanted},
    engine::{DockerConfig, DockerEngine, Engine as _, EngineError, OpenedEnv, Outcome},
    manifest::{Health, Rollback, WantedState},
    model::{
        ConnectorId, ConnectorKind, ContainerSpec, InstanceName, OwnerName, Place, PlatformName, PullPolicy, Slug,
    },
    plan::{Action, ContainerId, LABELS, NewContainer, Observed, Plan, Replacement, SpecDigest, Step, Work},
};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

pub(super) const SOCKET: &str = "/var/run/docker.sock";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A name that no other test uses, now or in another process.
pub(crate) fn unique() -> String {
    format!("lit-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Runs the `docker` command line and gives what it prints.
pub(crate) fn docker(words: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new("docker").args(words).output().unwrap();
    assert!(status.success(), "docker {words:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().trim().to_owned()
}

/// Runs the `docker` command line to clean up, where failing means that there is nothing to clean.
pub(crate) fn docker_quietly(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).stderr(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

pub(super) struct Lab {
    pub(super) name: String,
    pub(super) owner: OwnerName,
    pub(super) image: String,
    pub(super) network: String,
    pub(super) engine: DockerEngine,
}

impl Lab {
    /// A corner with an image whose containers run the shell line in their variable `RUN`, else sleep.
    pub(super) async fn new() -> Self {
        let name = unique();
        let image = format!("{name}:1");
        import(&image, &[]);
        docker(&["network", "create", &name]);
        let engine = DockerEngine::connect(DockerConfig::at(&format!("unix://{SOCKET}"))).await.unwrap();
        let owner = OwnerName::try_from(name.as_str()).unwrap();
        Self { owner, image, network: name.clone(), name, engine }
    }

    pub(super) fn instance(&self) -> InstanceName {
        InstanceName::try_from(format!("{}-i", self.name).as_str()).unwrap()
    }

    /// A container of this corner, told apart from others by its variant.
    pub(super) fn container(&self, variant: u32) -> NewContainer {
        self.container_of(&self.instance(), variant, |_| {})
    }

    pub(super) fn container_of(
        &self,
        instance: &InstanceName,
        variant: u32,
        change: impl FnOnce(&mut Wanted),
    ) -> NewContainer {
        let mut wanted = Wanted {
            name: instance.clone(),
            platform: Some(PlatformName::try_from("opencti").unwrap()),
            kind: ConnectorKind::Stream,
            contract: Slug::try_from("test").unwrap(),
            title: "Test".to_owned(),
            scope: Vec::new(),
            id: ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").unwrap(),
            state: WantedState::Started,
            suspend: false,
            image: self.image.clone(),
            pull: PullPolicy::IfNotPresent,
            env: BTreeMap::new(),
            container: ContainerSpec { networks: vec![self.network.clone()], ..ContainerSpec::default() },
            labels: BTreeMap::new(),
            health: Health {
                within: Duration::from_secs(20),
                settle: Duration::from_millis(300),
                require_platform: false,
            },
            rollback: Rollback::Auto,
            depends_on: Vec::new(),
            origins: BTreeMap::new(),
            place: Place::start_of("test.yaml"),
            management: None,
            source_digest: SourceDigest(String::new()),
        };
        change(&mut wanted);
        let digest = SpecDigest(format!("key:{variant:08x}0000"));
        let labels = BTreeMap::from(
            [(LABELS.owner, self.owner.as_str()), (LABELS.instance, instance.as_str()), (LABELS.digest, &digest.0)]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let name = format!("{instance}-{}", digest.name_suffix());
        NewContainer { wanted: Arc::new(wanted), name, digest, labels, start: true }
    }

    pub(super) async fn observe(&self) -> Observed {
        self.engine.observe(&self.owner).await.unwrap()
    }

    /// Carries out work with the real engine.
    pub(super) async fn apply(&self, work: Work, env: &[(&str, &str)]) -> Result<Outcome, EngineError> {
        apply(&self.engine, work, env).await
    }

    /// Makes and starts a container, and gives its id.
    pub(super) async fn create(&self, new: &NewContainer, env: &[(&str, &str)]) -> ContainerId {
        assert_eq!(self.apply(Work::Create(Box::new(new.clone())), env).await.unwrap(), Outcome::Done);
        self.find(new).await.expect("the container was made")
    }

    pub(super) async fn find(&self, new: &NewContainer) -> Option<ContainerId> {
        let observed = self.observe().await;
        observed.containers.into_iter().find(|seen| seen.digest.as_ref() == Some(&new.digest)).map(|seen| seen.id)
    }

    /// The replacement that what is seen asks for.
    pub(super) async fn replacement(&self, new: &NewContainer) -> Replacement {
        let observed = self.observe().await;
        let (same, old): (Vec<_>, Vec<_>) =
            observed.of(&new.wanted.name).partition(|container| container.digest.as_ref() == Some(&new.digest));
        Replacement {
            new: new.clone(),
            existing: same.first().map(|container| container.id.clone()),
            old: old.into_iter().map(|container| container.id.clone()).collect(),
        }
    }

    /// The names of the containers of this corner that run.
    pub(super) fn running(&self) -> Vec<String> {
        let filter = format!("label={}={}", LABELS.owner, self.owner);
        let listed = docker(&["ps", "--filter", &filter, "--format", "{{.Names}}"]);
        listed.lines().map(ToOwned::to_owned).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let filter = format!("label={}={}", LABELS.owner, self.owner);
        for container in docker_quietly(&["ps", "-aq", "--filter", &filter]).lines() {
            docker_quietly(&["rm", "-f", container]);
        }
        let named = format!("name={}", self.name);
        for container in docker_quietly(&["ps", "-aq", "--filter", &named]).lines() {
            docker_quietly(&["rm", "-f", container]);
        }
        for network in docker_quietly(&["network", "ls", "-q", "--filter", &named]).lines() {
            docker_quietly(&["network", "rm", network]);
        }
        for volume in docker_quietly(&["volume", "ls", "-q", "--filter", &named]).lines() {
            docker_quietly(&["volume", "rm", volume]);
        }
        docker_quietly(&["rmi", "-f", &self.image]);
    }
}

/// Makes a small image from the static busybox of this machine.
pub(crate) fn import(image: &str, changes: &[&str]) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("bin")).unwrap();
    std::fs::create_dir_all(root.path().join("etc")).unwrap();
    for name in ["busybox", "sh"] {
        std::fs::copy("/bin/busybox", root.path().join("bin").join(name)).unwrap();
    }
    std::fs::write(root.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
    let tar = root.path().with_extension("tar");
    let packed = Command::new("tar").args(["-cf"]).arg(&tar).arg("-C").arg(root.path()).arg(".").status().unwrap();
    assert!(packed.success());
    let command = r#"CMD ["/bin/sh", "-c", "eval \"${RUN:-exec busybox sleep 1000}\""]"#;
    let mut words = vec!["import", "--change", command, "--change", "ENV FROM_IMAGE=yes"];
    for change in changes {
        words.extend(["--change", change]);
    }
    let tar_text = tar.to_str().unwrap().to_owned();
    words.extend([tar_text.as_str(), image]);
    docker(&words);
    std::fs::remove_file(tar).unwrap();
}

pub(super) fn env(pairs: &[(&str, &str)]) -> OpenedEnv {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), SecretString::from(*value))).collect()
}

pub(super) fn step(instance: &InstanceName, work: Work) -> Step {
    Step { instance: instance.clone(), action: Action::Replace, reasons: Vec::new(), work }
}

pub(super) async fn apply(engine: &DockerEngine, work: Work, pairs: &[(&str, &str)]) -> Result<Outcome, EngineError> {
    let instance = InstanceName::try_from("any").unwrap();
    engine.apply(&step(&instance, work), Some(&env(pairs)), &|_| {}, &CancellationToken::new()).await
}

pub(super) fn plan(steps: Vec<Step>) -> Plan {
    let revision = lockstep::model::Revision::Directory("0".repeat(64));
    Plan { steps, ..Plan::empty(revision) }
}

/// Waits until something holds.
pub(super) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

pub(super) fn state(container: &str) -> String {
    docker(&["inspect", "-f", "{{.State.Status}}", container])
}

pub(super) fn restart_policy(container: &str) -> String {
    docker(&["inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", container])
}
