//! The life of containers on the real engine.

use std::time::Duration;

use futures_util::StreamExt as _;
use lockstep::{
    engine::{DockerConfig, DockerEngine, Engine as _, EngineError, Outcome, Problem},
    manifest::Rollback,
    model::{Healthcheck, HealthcheckTest, PullPolicy},
    plan::{ContainerState, LABELS, Work},
};
use tokio_util::sync::CancellationToken;

use super::support::{Lab, apply, docker, env, eventually, plan, restart_policy, state, step};

#[tokio::test]
async fn containers_are_observed_in_order_and_only_ours() {
    let lab = Lab::new().await;
    let (one, two) = (lab.container(1), lab.container(2));
    let first = lab.create(&one, &[("RUN", "exit 3")]).await;
    let mut stopped = two.clone();
    stopped.start = false;
    let second = lab.create(&stopped, &[]).await;
    docker(&["run", "-d", "--name", &format!("{}-foreign", lab.name), &lab.image]);
    eventually("it has ended", || state(&first.0) == "exited").await;
    let observed = lab.observe().await;
    let seen: Vec<_> = observed.containers.iter().map(|seen| (&seen.id, &seen.name, &seen.state)).collect();
    let mut wanted = [(&first, &one.name, &ContainerState::Exited(3)), (&second, &two.name, &ContainerState::Created)];
    if observed.containers[0].created == observed.containers[1].created {
        wanted.sort_by_key(|(id, ..)| *id);
    }
    assert_eq!(seen, wanted);
    let seen = observed.containers.iter().find(|seen| seen.id == first).unwrap();
    assert_eq!((seen.digest.as_ref(), seen.image.as_str()), (Some(&one.digest), lab.image.as_str()));
}

#[tokio::test]
async fn an_unreadable_instance_label_is_an_error_that_names_the_container() {
    let lab = Lab::new().await;
    let name = format!("{}-odd", lab.name);
    let owner = format!("{}={}", LABELS.owner, lab.owner);
    docker(&["run", "-d", "--name", &name, "--label", &owner, &lab.image]);
    let refused = lab.engine.observe(&lab.owner).await.unwrap_err();
    assert!(matches!(refused, EngineError::Answer { .. }), "{refused}");
    assert!(refused.to_string().contains(&name), "{refused}");
}

#[tokio::test]
async fn a_container_starts_stops_and_goes() {
    let lab = Lab::new().await;
    let new = lab.container_of(&lab.instance(), 1, |wanted| wanted.container.stop_grace = Some(Duration::from_secs(1)));
    let id = lab.create(&new, &[("RUN", "trap '' TERM; while :; do busybox sleep 1; done")]).await;
    assert_eq!(lab.create(&new, &[]).await, id, "what is there is found");
    let stop = || Work::Stop { container: id.clone(), grace: None };
    assert_eq!(lab.apply(stop(), &[]).await.unwrap(), Outcome::Done);
    assert_eq!((state(&id.0).as_str(), restart_policy(&id.0).as_str()), ("exited", "no"));
    assert_eq!(lab.apply(stop(), &[]).await.unwrap(), Outcome::Done);
    let start = || Work::Start { container: id.clone(), unpause: false, restarts: true };
    assert_eq!(lab.apply(start(), &[]).await.unwrap(), Outcome::Done);
    assert_eq!((state(&id.0).as_str(), restart_policy(&id.0).as_str()), ("running", "on-failure"));
    assert_eq!(lab.apply(stop(), &[]).await.unwrap(), Outcome::Done);
    let once = Work::Start { container: id.clone(), unpause: false, restarts: false };
    assert_eq!(lab.apply(once, &[]).await.unwrap(), Outcome::Done);
    assert_eq!((state(&id.0).as_str(), restart_policy(&id.0).as_str()), ("running", "no"), "what keeps ending");
    assert_eq!(lab.apply(start(), &[]).await.unwrap(), Outcome::Done);
    assert_eq!((state(&id.0).as_str(), restart_policy(&id.0).as_str()), ("running", "on-failure"));
    docker(&["pause", &id.0]);
    assert_eq!(lab.observe().await.containers[0].state, ContainerState::Paused);
    assert_eq!(lab.apply(start(), &[]).await.unwrap(), Outcome::Done);
    assert_eq!(state(&id.0), "running");
    let remove = || Work::Remove { containers: vec![id.clone()] };
    assert_eq!(lab.apply(remove(), &[]).await.unwrap(), Outcome::Done);
    assert_eq!(lab.observe().await.containers, []);
    assert_eq!(lab.apply(remove(), &[]).await.unwrap(), Outcome::Done);
    for work in [stop(), start()] {
        let gone = lab.apply(work, &[]).await;
        assert!(matches!(gone, Err(EngineError::NoSuchContainer(_))), "{gone:?}");
    }
}

#[tokio::test]
async fn restarts_are_switched_and_the_engine_is_named() {
    let lab = Lab::new().await;
    let id = lab.create(&lab.container(1), &[]).await;
    lab.engine.set_restarts(&id, false).await.unwrap();
    assert_eq!(restart_policy(&id.0), "no");
    lab.engine.set_restarts(&id, true).await.unwrap();
    assert_eq!(restart_policy(&id.0), "on-failure");
    let (about, took) = lab.engine.about().await.unwrap();
    assert!(about.contains("API 1.") && about.contains("docker.sock"), "{about}");
    assert!(took < Duration::from_secs(30));
}

#[tokio::test]
async fn a_replacement_keeps_one_running_and_removes_the_old() {
    let lab = Lab::new().await;
    let old = lab.create(&lab.container(1), &[]).await;
    let new = lab.container(2);
    let replacement = lab.replacement(&new).await;
    assert_eq!(replacement.old, [old]);
    assert_eq!(lab.apply(Work::Replace(Box::new(replacement)), &[]).await.unwrap(), Outcome::Done);
    assert_eq!(lab.running(), [new.name]);
    assert_eq!(lab.observe().await.containers.len(), 1);
}

#[tokio::test]
async fn a_replacement_that_is_not_to_run_is_made_and_left() {
    let lab = Lab::new().await;
    lab.create(&lab.container(1), &[]).await;
    let mut new = lab.container(2);
    new.start = false;
    let replacement = lab.replacement(&new).await;
    assert_eq!(lab.apply(Work::Replace(Box::new(replacement)), &[]).await.unwrap(), Outcome::Done);
    let observed = lab.observe().await;
    assert_eq!(observed.containers.len(), 1);
    assert_eq!((&observed.containers[0].name, &observed.containers[0].state), (&new.name, &ContainerState::Created));
}

#[tokio::test]
async fn an_unhealthy_replacement_leaves_the_old_one_beside_it() {
    let lab = Lab::new().await;
    let old = lab.create(&lab.container(1), &[]).await;
    let new = lab.container_of(&lab.instance(), 2, |wanted| wanted.rollback = Rollback::None);
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let outcome = lab.apply(work, &[("RUN", "exit 0")]).await.unwrap();
    assert!(matches!(&outcome, Outcome::Unhealthy { why } if why.contains("exit code 0")), "{outcome:?}");
    assert_eq!((state(&old.0).as_str(), restart_policy(&old.0).as_str()), ("exited", "no"));
    assert_eq!(lab.observe().await.containers.len(), 2);
}

#[tokio::test]
async fn a_health_check_decides() {
    let lab = Lab::new().await;
    let check = |line: &str| {
        lab.container_of(&lab.instance(), 2, |wanted| {
            wanted.health.within = Duration::from_secs(4);
            wanted.container.healthcheck = Some(Healthcheck {
                test: HealthcheckTest::Command(["/bin/sh", "-c", line].map(ToOwned::to_owned).to_vec()),
                interval: Some(Duration::from_millis(500)),
                timeout: Some(Duration::from_secs(2)),
                start_period: None,
                retries: Some(1),
            });
        })
    };
    lab.create(&lab.container(1), &[]).await;
    let bad = check("exit 1");
    let outcome = lab.apply(Work::Replace(Box::new(lab.replacement(&bad).await)), &[]).await.unwrap();
    assert!(matches!(&outcome, Outcome::Unhealthy { why } if why.contains("unhealthy")), "{outcome:?}");
    let id = lab.find(&bad).await.unwrap();
    lab.apply(Work::Remove { containers: vec![id] }, &[]).await.unwrap();
    let good = check("exit 0");
    let outcome = lab.apply(Work::Replace(Box::new(lab.replacement(&good).await)), &[]).await.unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(lab.observe().await.containers.len(), 1);
}

#[tokio::test]
async fn cancelling_ends_the_wait_for_health_and_the_next_pass_goes_on() {
    let lab = Lab::new().await;
    lab.create(&lab.container(1), &[]).await;
    let new = lab.container_of(&lab.instance(), 2, |wanted| wanted.health.settle = Duration::from_secs(15));
    let work = Work::Replace(Box::new(lab.replacement(&new).await));
    let cancel = CancellationToken::new();
    let settling = |progress| {
        if progress == lockstep::engine::Progress::Settling {
            cancel.cancel();
        }
    };
    let outcome = lab.engine.apply(&step(&lab.instance(), work), Some(&env(&[])), &settling, &cancel).await;
    assert_eq!(outcome.unwrap(), Outcome::Unfinished);
    assert_eq!(lab.running(), [new.name.as_str()]);
    assert_eq!(lab.observe().await.containers.len(), 2);
    let mut again = lab.replacement(&new).await;
    again.new = lab.container(2);
    assert_eq!(lab.apply(Work::Replace(Box::new(again)), &[]).await.unwrap(), Outcome::Done);
    assert_eq!(lab.observe().await.containers.len(), 1);
}

#[tokio::test]
async fn cancelled_before_it_began_a_step_does_nothing() {
    let lab = Lab::new().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let work = Work::Create(Box::new(lab.container(1)));
    let outcome = lab.engine.apply(&step(&lab.instance(), work), Some(&env(&[])), &|_| {}, &cancel).await;
    assert_eq!(outcome.unwrap(), Outcome::Unfinished);
    assert_eq!(lab.observe().await.containers, []);
}

#[tokio::test]
async fn where_the_new_one_can_not_start_the_old_one_serves_on() {
    let lab = Lab::new().await;
    let old = lab.create(&lab.container(1), &[]).await;
    let new = lab.container_of(&lab.instance(), 2, |wanted| {
        // The engine notices only when it starts the container.
        wanted.container.networks = vec![format!("{}-absent", lab.name)];
    });
    let failed = lab.apply(Work::Replace(Box::new(lab.replacement(&new).await)), &[]).await;
    assert!(matches!(failed, Err(EngineError::Refused { .. })), "{failed:?}");
    assert_eq!((state(&old.0).as_str(), restart_policy(&old.0).as_str()), ("running", "on-failure"));
    let evidence = lab.find(&new).await.expect("the new one is kept");
    assert_eq!((state(&evidence.0).as_str(), restart_policy(&evidence.0).as_str()), ("created", "no"));
    // Once the cause is mended, the same container is taken up again.
    docker(&["network", "create", &format!("{}-absent", lab.name)]);
    let outcome = lab.apply(Work::Replace(Box::new(lab.replacement(&new).await)), &[]).await.unwrap();
    assert_eq!((outcome, lab.find(&new).await), (Outcome::Done, Some(evidence.clone())));
    assert_eq!(restart_policy(&evidence.0), "on-failure");
}

#[tokio::test]
async fn a_container_that_can_not_be_used_is_made_again() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    let broken = lab.create(&new, &[]).await;
    let work = Work::Recreate { broken: broken.clone(), new: Box::new(new.clone()) };
    assert_eq!(lab.apply(work, &[]).await.unwrap(), Outcome::Done);
    let found = lab.find(&new).await.unwrap();
    assert_ne!(found, broken);
    assert_eq!(lab.running(), [new.name]);
}

#[tokio::test]
async fn a_foreign_container_with_the_wanted_name_is_refused_and_left() {
    let lab = Lab::new().await;
    let new = lab.container(1);
    docker(&["create", "--name", &new.name, &lab.image]);
    docker(&["create", "--name", lab.instance().as_str(), &lab.image]);
    let refused = lab.apply(Work::Create(Box::new(new.clone())), &[]).await;
    assert!(matches!(&refused, Err(EngineError::ForeignContainer { name, .. }) if *name == new.name), "{refused:?}");
    assert_eq!(state(&new.name), "created");
    let steps = vec![step(&lab.instance(), Work::Create(Box::new(new)))];
    let problems = lab.engine.preflight(&lab.owner, &plan(steps)).await.unwrap();
    let foreign = problems.iter().filter(|problem| matches!(problem, Problem::ForeignContainer { .. })).count();
    assert_eq!((foreign, problems.len()), (2, 2), "{problems:?}");
}

#[tokio::test]
async fn what_is_missing_is_reported_before_anything_is_touched() {
    let lab = Lab::new().await;
    let ours = lab.create(&lab.container(1), &[]).await;
    let absent = |variant: u32, image: &str, pull| {
        lab.container_of(&lab.instance(), variant, |wanted| {
            wanted.image = image.to_owned();
            wanted.pull = pull;
            wanted.container.networks = vec!["absent".to_owned()];
        })
    };
    let unreachable = "127.0.0.1:9/none:1";
    let mut replacement = lab.replacement(&absent(2, unreachable, PullPolicy::IfNotPresent)).await;
    replacement.existing = None;
    let steps = vec![
        step(&lab.instance(), Work::Replace(Box::new(replacement))),
        step(&lab.instance(), Work::Create(Box::new(absent(3, &format!("{}:2", lab.name), PullPolicy::Never)))),
        step(&lab.instance(), Work::Create(Box::new(absent(4, "bad reference", PullPolicy::IfNotPresent)))),
        step(&lab.instance(), Work::Create(Box::new(lab.container(5)))),
    ];
    let problems = lab.engine.preflight(&lab.owner, &plan(steps)).await.unwrap();
    let networks = problems.iter().filter(|problem| matches!(problem, Problem::MissingNetwork { .. })).count();
    let images: Vec<&str> = problems
        .iter()
        .filter_map(|problem| match problem {
            Problem::MissingImage { image, .. } => Some(image.as_str()),
            Problem::MissingNetwork { .. } | Problem::ForeignContainer { .. } | Problem::AnotherManager { .. } => None,
        })
        .collect();
    assert_eq!((networks, problems.len()), (3, 6), "{problems:?}");
    assert_eq!(images, [unreachable, &format!("{}:2", lab.name), "bad reference"]);
    assert_eq!(state(&ours.0), "running");
    let idle = lab.engine.preflight(&lab.owner, &plan(Vec::new())).await.unwrap();
    assert_eq!(idle, []);
}

#[tokio::test]
async fn output_comes_line_by_line() {
    let lab = Lab::new().await;
    let run = "echo one; echo two >&2; busybox sleep 0.5; echo three; exec busybox sleep 100";
    let id = lab.create(&lab.container(1), &[("RUN", run)]).await;
    let mut lines = lab.engine.logs(&id, 100, true);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next()).await.unwrap().unwrap().unwrap();
        seen.push((line.stderr, line.text));
    }
    assert_eq!(seen[2], (false, "three".to_owned()));
    seen.sort();
    assert_eq!(seen[0], (false, "one".to_owned()));
    assert_eq!(seen[2], (true, "two".to_owned()));
    lab.apply(Work::Stop { container: id.clone(), grace: None }, &[]).await.unwrap();
    assert!(lines.next().await.is_none());
    let newest: Vec<_> = lab.engine.logs(&id, 1, false).map(|line| line.unwrap().text).collect().await;
    assert_eq!(newest, ["three"]);
    lab.apply(Work::Remove { containers: vec![id.clone()] }, &[]).await.unwrap();
    let gone: Vec<_> = lab.engine.logs(&id, 1, true).collect().await;
    assert!(matches!(gone.as_slice(), [Err(EngineError::NoSuchContainer(_))]), "{gone:?}");
}

#[tokio::test]
async fn a_terminals_output_is_read_too() {
    let lab = Lab::new().await;
    let owner = format!("{}={}", LABELS.owner, lab.owner);
    let id = docker(&["run", "-d", "-t", "--label", &owner, "-e", "RUN=echo one; echo two", &lab.image]);
    eventually("it has ended", || state(&id) == "exited").await;
    let id = lockstep::plan::ContainerId(id);
    let lines: Vec<_> = lab.engine.logs(&id, 100, false).map(|line| line.unwrap().text).collect().await;
    assert_eq!(lines, ["one", "two"]);
}

#[tokio::test]
async fn what_happens_to_ours_is_told() {
    let lab = Lab::new().await;
    let mut events = lab.engine.events(&lab.owner);
    docker(&["run", "--rm", "-e", "RUN=exit 0", &lab.image]);
    lab.create(&lab.container(1), &[("RUN", "exit 7")]).await;
    let mut actions = Vec::new();
    while !actions.iter().any(|(action, _): &(String, _)| action == "die") {
        let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event.instance, lab.instance());
        actions.push((event.action, event.exit_code));
    }
    let wanted = [("create", None), ("start", None), ("die", Some(7))].map(|(action, code)| (action.to_owned(), code));
    assert_eq!(actions[..3], wanted);
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_an_error() {
    for host in ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:9", "http://127.0.0.1:9/"] {
        let refused = DockerEngine::connect(DockerConfig::at(host)).await.unwrap_err();
        assert!(matches!(refused, EngineError::Unreachable { .. }), "{host}: {refused:?}");
    }
    for host in ["", "docker.sock", "unix://relative", "ssh://x"] {
        let refused = DockerEngine::connect(DockerConfig::at(host)).await.unwrap_err();
        assert!(matches!(refused, EngineError::Settings(_)), "{host}: {refused:?}");
    }
}

#[tokio::test]
async fn a_step_without_its_environment_is_refused() {
    let lab = Lab::new().await;
    let work = Work::Create(Box::new(lab.container(1)));
    let refused = lab.engine.apply(&step(&lab.instance(), work), None, &|_| {}, &CancellationToken::new()).await;
    assert!(matches!(refused, Err(EngineError::Forbidden { .. })), "{refused:?}");
    assert!(apply(&lab.engine, Work::Remove { containers: Vec::new() }, &[]).await.is_ok());
}
