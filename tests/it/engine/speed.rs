//! Figures, for people: run with `--ignored --nocapture`.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::CreateContainerOptionsBuilder,
};
use futures_util::{StreamExt as _, stream};
use lockstep::{
    engine::Engine as _,
    model::{HostNamespace, InstanceName},
    plan::{LABELS, Work},
};

use super::support::{Lab, apply, docker};

const COUNT: usize = 50;

fn clear(lab: &Lab) {
    let filter = format!("label={}={}", LABELS.owner, lab.owner);
    let all = docker(&["ps", "-aq", "--filter", &filter]);
    let mut words = vec!["rm", "-f"];
    words.extend(all.lines());
    docker(&words);
}

async fn ours(lab: &Lab, at_a_time: usize, host: bool) -> Duration {
    let steps: Vec<Work> = (0..COUNT)
        .map(|number| {
            let instance = InstanceName::try_from(format!("{}-{number}", lab.name).as_str()).unwrap();
            Work::Create(Box::new(lab.container_of(&instance, 1, |wanted| {
                if host {
                    wanted.container.networks.clear();
                    wanted.container.host_namespaces = vec![HostNamespace::Network];
                }
            })))
        })
        .collect();
    let begun = Instant::now();
    stream::iter(steps)
        .for_each_concurrent(at_a_time, |work| async move {
            apply(&lab.engine, work, &[]).await.unwrap();
        })
        .await;
    begun.elapsed()
}

async fn bare(lab: &Lab, at_a_time: usize, host: bool) -> Duration {
    let docker = &Docker::connect_with_unix_defaults().unwrap();
    let network = if host { "host" } else { &lab.network };
    let begun = Instant::now();
    stream::iter(0..COUNT)
        .for_each_concurrent(at_a_time, |number| async move {
            let options = CreateContainerOptionsBuilder::new().name(&format!("{}-b{number}", lab.name)).build();
            let body = ContainerCreateBody {
                image: Some(lab.image.clone()),
                labels: Some(HashMap::from([(LABELS.owner.to_owned(), lab.owner.to_string())])),
                host_config: Some(HostConfig { network_mode: Some(network.to_owned()), ..HostConfig::default() }),
                ..ContainerCreateBody::default()
            };
            let made = docker.create_container(Some(options), body).await.unwrap();
            docker.start_container(&made.id, None).await.unwrap();
        })
        .await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures and asserts nothing"]
async fn fifty_containers_at_several_concurrencies() {
    let lab = Lab::new().await;
    for host in [false, true] {
        for at_a_time in [1, 2, 4, 8, 16] {
            let bare = bare(&lab, at_a_time, host).await;
            clear(&lab);
            let ours = ours(&lab, at_a_time, host).await;
            let begun = Instant::now();
            let seen = lab.engine.observe(&lab.owner).await.unwrap().containers.len();
            let list = begun.elapsed();
            clear(&lab);
            println!(
                "host network {host}, {at_a_time:2} at a time: bare {bare:.2?}, ours {ours:.2?}; list of {seen} {list:.2?}"
            );
        }
    }
}
