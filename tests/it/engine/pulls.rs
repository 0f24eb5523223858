//! Images from a registry that asks for credentials.

use std::{sync::Mutex, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use lockstep::{
    engine::{Deadlines, DockerConfig, DockerEngine, Engine as _, EngineError, Outcome, Problem, Progress},
    model::PullPolicy,
    plan::{NewContainer, Work},
};
use tokio_util::sync::CancellationToken;

use super::{
    proxy::{Fate, Proxy},
    registry::{PASSWORD, Registry},
    support::{Lab, apply, docker, env, plan, step},
};

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

/// The size of each layer of a manifest, the lowest first.
fn sizes(manifest: &serde_json::Value) -> Vec<u64> {
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["size"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_a_pull_would_fetch_is_known_beforehand_without_the_layers_that_are_there() {
    let registry = Registry::new().await;
    let base = registry.push("two:base", "base");
    registry.pull(&base);
    let child = registry.push_over("two:child", &base);
    let engine = registry.engine(&registry.host, PASSWORD).await;
    let asked = async |engine: &DockerEngine, image: &str| {
        let mut told = engine.missing_layers(&[image.to_owned()]).await;
        told.remove(image).map(|layers| layers.iter().map(|layer| layer.bytes).collect::<Vec<_>>())
    };
    let (manifest, digest) = registry.manifest("two/manifests/child").await;
    let sizes = sizes(&manifest);
    assert_eq!(sizes.len(), 2, "{manifest:#}");
    assert_eq!(asked(&engine, &child).await, Some(vec![sizes[1]]), "the lower layer is there");
    assert_eq!(asked(&engine, &format!("{}/two@{digest}", registry.host)).await, Some(vec![sizes[1]]));
    assert_eq!(asked(&engine, &base).await, Some(vec![]), "all of it is there");
    // Of an image for several platforms, the engine's own is pulled.
    let (_, other) = registry.manifest("two/manifests/base").await;
    let architecture = docker(&["version", "--format", "{{.Server.Arch}}"]);
    let entry = |digest: &str, architecture: &str, size: u64| {
        serde_json::json!({"mediaType": manifest["mediaType"], "digest": digest, "size": size,
                           "platform": {"os": "linux", "architecture": architecture}})
    };
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": [entry(&other, "s390x", 1), entry(&digest, &architecture, 1)],
    });
    registry.put_manifest("two/manifests/many", &index).await;
    assert_eq!(asked(&engine, &format!("{}/two:many", registry.host)).await, Some(vec![sizes[1]]));
    docker(&["rmi", "--force", &base]);
    assert_eq!(asked(&engine, &child).await, Some(sizes.clone()), "nothing of it is there");
    // What can't be asked is not known, and nothing fails.
    let wrong = registry.engine(&registry.host, "wrong").await;
    assert_eq!(asked(&wrong, &child).await, None);
    let absent = [format!("{}/two:absent", registry.host), "127.0.0.1:9/away:1".to_owned(), "no reference!".to_owned()];
    let told = engine.missing_layers(&[absent.as_slice(), std::slice::from_ref(&child)].concat()).await;
    assert_eq!(told.keys().collect::<Vec<_>>(), [&child]);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_costs_a_bounded_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = DockerEngine::connect(DockerConfig::at(&format!("unix://{}", super::support::SOCKET))).await.unwrap();
    let image = format!("{}/silent:1", silent.local_addr().unwrap());
    let told = tokio::time::timeout(Duration::from_secs(30), engine.missing_layers(&[image])).await;
    assert_eq!(told.expect("it gives up by itself").len(), 0);
}
