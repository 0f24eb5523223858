//! What is created is what is wanted, and reads back as it.

use std::{collections::BTreeMap, time::Duration};

use lockstep::{
    engine::{Engine as _, EngineError},
    model::{
        ContainerSpec, Healthcheck, HealthcheckTest, HostNamespace, LogLimits, MountSource, Resources, Tmpfs, Ulimit,
        Volume,
    },
    plan::{NewContainer, Work, container_fields},
};
use secrecy::ExposeSecret as _;

use super::support::{Lab, docker, import};

fn full(lab: &Lab) -> ContainerSpec {
    ContainerSpec {
        resources: Resources { milli_cpus: Some(500), memory: Some(64 << 20), pids: Some(50) },
        networks: vec![lab.network.clone(), format!("{}-b", lab.network)],
        volumes: vec![
            Volume {
                source: MountSource::Volume(format!("{}-v", lab.name)),
                target: "/data".to_owned(),
                read_only: true,
            },
            Volume { source: MountSource::Bind("/usr/share".to_owned()), target: "/share".to_owned(), read_only: true },
        ],
        tmpfs: vec![
            Tmpfs { target: "/tmp".to_owned(), size: Some(1 << 20) },
            Tmpfs { target: "/run".to_owned(), size: None },
        ],
        extra_hosts: vec![
            ("db".to_owned(), "10.1.2.3".parse().unwrap()),
            ("six".to_owned(), "fd00::1".parse().unwrap()),
        ],
        dns: vec!["10.0.0.2".parse().unwrap(), "10.0.0.1".parse().unwrap()],
        user: Some("12:34".to_owned()),
        read_only: true,
        cap_drop: Some(vec!["NET_RAW".to_owned(), "cap_chown".to_owned()]),
        cap_add: vec!["SYS_TIME".to_owned()],
        ulimits: BTreeMap::from([("nofile".to_owned(), Ulimit { soft: 512, hard: 1024 })]),
        shm_size: Some(32 << 20),
        stop_grace: Some(Duration::from_millis(2_500)),
        healthcheck: Some(Healthcheck {
            test: HealthcheckTest::Command(vec!["/bin/busybox".to_owned(), "true".to_owned()]),
            interval: Some(Duration::from_secs(1)),
            timeout: Some(Duration::from_millis(700)),
            start_period: Some(Duration::from_secs(2)),
            retries: Some(4),
        }),
        logs: LogLimits { max_size: Some(1 << 20), max_file: Some(2) },
        devices: vec!["/dev/null".to_owned()],
        ..ContainerSpec::default()
    }
}

async fn check(lab: &Lab, new: &NewContainer) {
    let id = lab.create(new, &[("KEY", "a=b c"), ("FROM_IMAGE", "yes")]).await;
    let seen = lab.engine.inspect(&id).await.unwrap();
    assert_eq!(seen.fields, container_fields(&new.wanted.container));
    assert!(seen.running);
    assert_eq!(seen.image, lab.image);
    assert_eq!(seen.restarts, 0);
    assert!(seen.started.is_some_and(|started| started > 1_700_000_000));
    assert_eq!((seen.finished, seen.exit_code), (None, None));
    let env: Vec<(&str, &str)> = seen.env.iter().map(|(key, value)| (key.as_str(), value.expose_secret())).collect();
    assert_eq!(env.iter().filter(|(key, _)| *key != "PATH").collect::<Vec<_>>(), [&("KEY", "a=b c")]);
    assert_eq!(seen.image_env.get("FROM_IMAGE").map(String::as_str), Some("yes"));
}

#[tokio::test]
async fn every_field_reads_back() {
    let lab = Lab::new().await;
    docker(&["network", "create", &format!("{}-b", lab.network)]);
    let new = lab.container_of(&lab.instance(), 1, |wanted| wanted.container = full(&lab));
    check(&lab, &new).await;
    let id = lab.find(&new).await.unwrap().0;
    let show = |format: &str| docker(&["inspect", "-f", format, &id]);
    assert_eq!(
        show("{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}"),
        "on-failure:5"
    );
    assert_eq!(
        show("{{.HostConfig.SecurityOpt}} {{.HostConfig.Init}} {{len .HostConfig.Binds}}"),
        "[no-new-privileges] true 0"
    );
    assert_eq!(show("{{.Config.Hostname}} {{.Config.StopTimeout}}"), format!("{} 3", lab.instance()));
    for network in [lab.network.clone(), format!("{}-b", lab.network)] {
        let aliases = show(&format!("{{{{(index .NetworkSettings.Networks \"{network}\").Aliases}}}}"));
        assert!(aliases.contains(lab.instance().as_str()), "{network}: {aliases}");
    }
}

#[tokio::test]
async fn the_defaults_read_back() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    check(&lab, &new).await;
    let id = lab.find(&new).await.unwrap().0;
    let shown = docker(&[
        "inspect",
        "-f",
        "{{.HostConfig.CapDrop}} {{.HostConfig.PidsLimit}} {{.HostConfig.LogConfig.Config}}",
        &id,
    ]);
    assert_eq!(shown, "[ALL] 1024 map[max-file:3 max-size:10485760]");
}

#[tokio::test]
async fn the_default_bridge_and_the_hosts_namespaces_read_back() {
    let lab = Lab::new().await;
    let bridge = lab.container_of(&lab.instance(), 1, |wanted| wanted.container.networks.clear());
    check(&lab, &bridge).await;
    let id = lab.find(&bridge).await.unwrap();
    lab.apply(Work::Remove { containers: vec![id] }, &[]).await.unwrap();
    let host = lab.container_of(&lab.instance(), 2, |wanted| {
        wanted.container.host_namespaces = vec![HostNamespace::Network, HostNamespace::Pid, HostNamespace::Ipc];
        wanted.container.healthcheck = Some(Healthcheck {
            test: HealthcheckTest::Disabled,
            interval: None,
            timeout: None,
            start_period: None,
            retries: None,
        });
    });
    check(&lab, &host).await;
}

#[tokio::test]
async fn what_the_image_brings_is_told_apart() {
    let lab = Lab::new().await;
    import(&lab.image, &["USER 7:8", "HEALTHCHECK --interval=3s CMD /bin/busybox true"]);
    let id = lab.create(&lab.container(1), &[]).await;
    let seen = lab.engine.inspect(&id).await.unwrap();
    assert_eq!(seen.fields, container_fields(&lab.container(1).wanted.container));
    assert_eq!(seen.image_fields.get("container.user").map(String::as_str), Some("7:8"));
    assert_eq!(seen.image_fields.get("container.healthcheck.interval").map(String::as_str), Some("3s"));
}

#[tokio::test]
async fn namespaces_in_the_guise_of_networks_are_refused() {
    let lab = Lab::new().await;
    for network in ["host", "container:other", "a/b"] {
        let new = lab.container_of(&lab.instance(), 1, |wanted| wanted.container.networks = vec![network.to_owned()]);
        let refused = lab.apply(Work::Create(Box::new(new)), &[]).await;
        assert!(matches!(refused, Err(EngineError::Forbidden { .. })), "{network}: {refused:?}");
    }
    assert_eq!(lab.observe().await.containers, []);
}

#[tokio::test]
async fn a_missing_path_of_the_host_is_an_error_and_makes_nothing() {
    let lab = Lab::new().await;
    let path = format!("/tmp/{}-absent", lab.name);
    let new = lab.container_of(&lab.instance(), 1, |wanted| {
        wanted.container.volumes =
            vec![Volume { source: MountSource::Bind(path.clone()), target: "/x".to_owned(), read_only: false }];
    });
    let refused = lab.apply(Work::Create(Box::new(new)), &[]).await.unwrap_err();
    assert!(matches!(&refused, EngineError::Refused { status: 400, .. }), "{refused}");
    assert!(!std::path::Path::new(&path).exists());
    assert_eq!(lab.observe().await.containers, []);
}

#[tokio::test]
async fn an_engines_refusal_quotes_no_value() {
    let lab = Lab::new().await;
    let refused = lab.apply(Work::Create(Box::new(lab.container(1))), &[("", "s3cret-value")]).await.unwrap_err();
    assert!(matches!(&refused, EngineError::Refused { .. }), "{refused}");
    assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
}
