//! What keeps ending is started again by Lockstep alone, with growing waits.

use std::time::{Duration, Instant};

use super::{
    environment::{TestEnvironment, until},
    running::Running,
};
use crate::engine::support::docker;

/// Ends at once as often as it is run by one start of an engine that restarts it, and then runs on.
const SIX_TIMES: &str =
    "RUN: 'echo x >> /n; set -- $(busybox cat /n); [ $# -gt 6 ] && exec busybox sleep 1000; exit 3'";

#[test]
fn the_engine_no_longer_restarts_what_keeps_ending() {
    let env = TestEnvironment::with("platforms: {}\nintervals: {pass: 1s}\n");
    env.declare("a", SIX_TIMES);
    let running = Running::start(&env, &[]);
    until("the end of what the engine does", 60, || running.log().contains("will start it again"));
    let policy = || docker(&["inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", &env.containers(true)["a"]]);
    until("the start by us alone", 60, || policy() == "no");
    // A look at everything, which comes every second, does not take that for something that somebody did.
    let began = Instant::now();
    until("a few looks", 20, || began.elapsed() > Duration::from_secs(3));
    assert!(!running.log().contains("somebody changed a container"), "{}", running.log());
    assert_eq!(policy(), "no");
    // Whoever asks for a pass has everything that waits tried anew.
    running.signal("HUP");
    until("the engine's leave", 20, || policy() == "on-failure");
    running.end();
}
