//! No secret of a managed instance is anywhere but in its container and, sealed, at its platform.

use std::fs;

use super::support::{Managed, key, opened, until};
use crate::cli::{canary::Scanner, environment, running::Running};

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_managed_instances_are_nowhere_else() {
    for older in [false, true] {
        let managed = Managed::start_as(older, "", "").await;
        let env = &managed.env;
        let sealed = env.sealed("a", "FEED_API_KEY", "k3y \"of\" the & source");
        let run = "RUN: echo \"$FEED_API_KEY $OPENCTI_TOKEN\"; exec busybox sleep 1000";
        if older {
            // The oldest platforms make no accounts.
            env.declare_with("a", "serviceAccount: {name: lockstep}", &format!("{sealed}{run}"));
        } else {
            env.declare("a", &format!("{sealed}{run}"));
        }
        let planned = env.lockstep(&["plan", "--log", "trace"]).with(0);
        let applied = env.lockstep(&["apply", "--log", "trace"]);
        assert_eq!(env.running().len(), 1, "{applied:?}");
        let token = managed.variable("a", "OPENCTI_TOKEN").unwrap();
        let known = managed.at_platform(&env.instance("a")).await;
        let kept = &known["managed"]["configuration"]["OPENCTI_TOKEN"];
        let text = kept["value"].as_str().unwrap();
        assert_eq!(if older { text.to_owned() } else { opened(text) }, token);
        let private: String = key().lines().filter(|line| !line.contains("-----")).take(2).collect();
        let scanner = Scanner::new(&[
            ("FEED_API_KEY", "k3y \"of\" the & source"),
            ("token", &token),
            ("manager's key", &private),
        ]);
        scanner.clear_outputs("plan", &planned);
        scanner.clear_outputs("apply", &applied);
        let running = Running::start(env, &["--log", "trace"]);
        environment::until("another look", 20, || running.log().contains("registered as the platform's manager"));
        let mine = env.instance("a");
        until("its output is told", async || {
            managed.at_platform(&mine).await["logs"].to_string().contains("[redacted] [redacted]")
        })
        .await;
        managed.edit(&mine, &[("FEED_URL", "https://by.hand.example.org")]).await;
        environment::until("it is put back", 40, || running.log().contains("carried out a step at the platform"));
        scanner.clear("the log of run", &running.log());
        running.end();
        scanner.clear_folder(&env.path("state"));
        let mut words = vec!["plan", "--format", "json", "--log", "trace"];
        scanner.clear_outputs("plan", &env.lockstep(&words));
        words[0] = "status";
        scanner.clear_outputs("status", &env.lockstep(&words));
        let logs = known["logs"].to_string();
        scanner.clear("its lines at the platform", &logs);
        assert!(fs::read_to_string(env.path("state/managed.json")).unwrap().contains("\"agreed\""));
    }
}
