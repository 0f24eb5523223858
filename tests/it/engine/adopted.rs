//! Containers of another connector manager: seen, kept from running twice, and taken over as they run.

use futures_util::StreamExt as _;
use lockstep::{
    engine::{Adopted, DockerConfig, DockerEngine, Engine as _, Outcome, Problem},
    model::PlatformKind,
    plan::{ContainerId, ContainerState, LABELS, NewContainer, Replacement, Work},
};

use super::support::{Lab, SOCKET, apply, docker, eventually, plan, state, step};

/// A connector that no other test has: what runs it stands in the way of everything else that would.
fn connector() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A container as the vendor's manager makes it; gives its id.
fn foreign(lab: &Lab, name: &str, connector: &str) -> String {
    let (name, manager) = (format!("{}-{name}", lab.name), format!("opencti-manager={}", lab.name));
    let connector = format!("opencti-connector-id={connector}");
    let labels = ["--label", &manager, "--label", &connector, "--label", "opencti-platform=opencti"];
    let env = ["--env", "OPENCTI_CONFIG_HASH=1a2b3c4d", "--env", "MISP_KEY=hunter2"];
    docker(&[&["run", "-d", "--name", &name][..], &labels, &env, &[&lab.image]].concat())
}

fn wanted(lab: &Lab, variant: u32, connector: &str) -> NewContainer {
    let mut new = lab.container(variant);
    new.labels.insert(LABELS.id.to_owned(), connector.to_owned());
    new
}

async fn adopting(lab: &Lab, container: &str, connector: &str, digest: &str) -> DockerEngine {
    connected(Adopted { digest: digest.to_owned(), ..record(lab, container, connector) }).await
}

async fn adopting_as(lab: &Lab, container: &str, label: &str, connector: &str) -> DockerEngine {
    connected(Adopted { id: connector.to_owned(), ..record(lab, container, label) }).await
}

async fn connected(adopted: Adopted) -> DockerEngine {
    let config = DockerConfig { adopted: vec![adopted], ..DockerConfig::at(&format!("unix://{SOCKET}")) };
    DockerEngine::connect(config).await.unwrap()
}

fn record(lab: &Lab, container: &str, connector: &str) -> Adopted {
    Adopted {
        container: container.to_owned(),
        connector: connector.to_owned(),
        id: connector.to_owned(),
        instance: lab.instance().to_string(),
        platform: Some("opencti".to_owned()),
        digest: String::new(),
        source: Some("source".to_owned()),
        revision: Some("abc".to_owned()),
    }
}

#[tokio::test]
async fn containers_of_another_manager_are_listed_with_their_hash_and_are_not_ours() {
    let lab = Lab::new().await;
    let connector = connector();
    let id = foreign(&lab, "misp", &connector);
    let listed = lab.engine.managed_by(&lab.name, PlatformKind::OpenCti).await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(
        (listed[0].container.0.as_str(), listed[0].name.as_str()),
        (id.as_str(), &*format!("{}-misp", lab.name))
    );
    assert_eq!((listed[0].connector.as_str(), listed[0].hash.as_deref()), (connector.as_str(), Some("1a2b3c4d")));
    assert!(listed[0].running && !format!("{listed:?}").contains("hunter2"));
    docker(&["stop", "--time", "0", &id]);
    assert!(!lab.engine.managed_by(&lab.name, PlatformKind::OpenCti).await.unwrap()[0].running);
    assert!(lab.engine.managed_by("another-manager", PlatformKind::OpenCti).await.unwrap().is_empty());
    assert!(lab.observe().await.containers.is_empty());
}

#[tokio::test]
async fn a_connector_that_another_manager_runs_is_not_run_twice() {
    let lab = Lab::new().await;
    let connector = connector();
    let id = foreign(&lab, "misp", &connector);
    let steps = || plan(vec![step(&lab.instance(), Work::Create(Box::new(wanted(&lab, 1, &connector))))]);
    let problems = lab.engine.preflight(&lab.owner, &steps()).await.unwrap();
    let expected = format!("{}-misp ({})", lab.name, &id[..12]);
    assert_eq!(problems, [Problem::AnotherManager { instance: lab.instance(), container: expected }]);
    assert!(problems[0].to_error().to_string().contains("must not run twice"));
    docker(&["pause", &id]);
    assert_eq!(lab.engine.preflight(&lab.owner, &steps()).await.unwrap(), problems, "it can go on at any time");
    docker(&["unpause", &id]);
    docker(&["stop", "--time", "0", &id]);
    assert_eq!(lab.engine.preflight(&lab.owner, &steps()).await.unwrap(), []);

    // Ours is there and stopped, and the other manager comes back.
    let ours = wanted(&lab, 1, &connector);
    let never_started = NewContainer { start: false, ..ours };
    assert_eq!(apply(&lab.engine, Work::Create(Box::new(never_started)), &[]).await.unwrap(), Outcome::Done);
    docker(&["start", &id]);
    let own = lab.observe().await.containers[0].id.clone();
    let start = plan(vec![step(&lab.instance(), Work::Start { container: own, unpause: false, restarts: true })]);
    assert_eq!(lab.engine.preflight(&lab.owner, &start).await.unwrap(), problems);
    docker(&["stop", "--time", "0", &id]);
    assert_eq!(lab.engine.preflight(&lab.owner, &start).await.unwrap(), []);
}

#[tokio::test]
async fn the_other_managers_container_is_known_by_the_id_that_openaev_gives_the_connector() {
    let lab = Lab::new().await;
    let (own, connector) = (connector(), connector());
    let (name, manager) = (lab.instance().to_string(), format!("opencti-manager={}", lab.name));
    let (label, variable) = (format!("opencti-connector-id={own}"), format!("INJECTOR_ID={connector}"));
    let labels = ["--label", &manager, "--label", &label, "--label", "opencti-platform=openaev"];
    let env = ["--env", "OPENCTI_CONFIG_HASH=1a2b", "--env", &variable];
    let id = docker(&[&["run", "-d", "--name", &name][..], &labels, &env, &[&lab.image]].concat());
    let listed = lab.engine.managed_by(&lab.name, PlatformKind::OpenAev).await.unwrap();
    assert_eq!((listed.len(), &listed[0].connector, &listed[0].id), (1, &own, &connector));
    assert!(lab.engine.managed_by(&lab.name, PlatformKind::OpenCti).await.unwrap().is_empty());

    let create = || plan(vec![step(&lab.instance(), Work::Create(Box::new(wanted(&lab, 1, &connector))))]);
    let expected = Problem::AnotherManager { instance: lab.instance(), container: format!("{name} ({})", &id[..12]) };
    assert_eq!(lab.engine.preflight(&lab.owner, &create()).await.unwrap(), std::slice::from_ref(&expected));
    docker(&["stop", "--time", "0", &id]);
    assert_eq!(lab.engine.preflight(&lab.owner, &create()).await.unwrap(), [expected], "its name is needed, too");
    // Once it is taken over, its name is no hindrance.
    let engine = adopting_as(&lab, &id, &own, &connector).await;
    let old = vec![ContainerId(id.clone())];
    let replacement = Replacement { new: wanted(&lab, 1, &connector), existing: None, old };
    let replace = plan(vec![step(&lab.instance(), Work::Replace(Box::new(replacement)))]);
    assert_eq!(engine.preflight(&lab.owner, &replace).await.unwrap(), []);
    let observed = engine.observe(&lab.owner).await.unwrap().containers;
    assert_eq!(observed[0].connector_id.as_ref(), Some(&connector));
    docker(&["rm", "-f", &id]);
}

#[tokio::test]
async fn a_container_that_was_taken_over_counts_as_ours_and_is_replaced_in_order() {
    let lab = Lab::new().await;
    let connector = connector();
    let id = foreign(&lab, "misp", &connector);
    let engine = adopting(&lab, &id, &connector, "key:00000001").await;
    let observed = engine.observe(&lab.owner).await.unwrap().containers;
    assert_eq!(observed.len(), 1, "{observed:?}");
    let one = &observed[0];
    assert_eq!(
        (one.id.0.as_str(), &one.instance, &one.state),
        (id.as_str(), &lab.instance(), &ContainerState::Running)
    );
    assert_eq!((one.connector_id.as_deref(), one.platform.as_deref()), (Some(connector.as_str()), Some("opencti")));
    assert_eq!((one.digest.as_ref().unwrap().0.as_str(), one.source.as_deref()), ("key:00000001", Some("source")));

    // A record is for one connector: another container with the same id can't be, another connector could.
    let other = adopting(&lab, &id, &self::connector(), "key:00000001").await;
    assert!(other.observe(&lab.owner).await.unwrap().containers.is_empty());

    let mut events = engine.events(&lab.owner);
    let new = wanted(&lab, 2, &connector);
    let replacement = Replacement { new: new.clone(), existing: None, old: vec![one.id.clone()] };
    let work = Work::Replace(Box::new(replacement));
    assert_eq!(engine.preflight(&lab.owner, &plan(vec![step(&lab.instance(), work.clone())])).await.unwrap(), []);
    assert_eq!(apply(&engine, work, &[]).await.unwrap(), Outcome::Done);
    let died = async {
        loop {
            let event = events.next().await.unwrap().unwrap();
            if event.container.0 == id && event.action == "die" {
                return event.instance;
            }
        }
    };
    let died = tokio::time::timeout(std::time::Duration::from_secs(30), died).await.unwrap();
    assert_eq!(died, lab.instance(), "what happens to it is told as of the instance");
    let made = engine.observe(&lab.owner).await.unwrap().containers;
    assert_eq!((made.len(), made[0].digest.as_ref()), (1, Some(&new.digest)), "the former one is removed: {made:?}");
    eventually("the new one runs", || state(&made[0].id.0) == "running").await;
}
