//! A reader that goes away, as `head` does, ends a command quietly: no panic, and the exit code that it would have had.

use std::{
    fs::File,
    io::pipe,
    process::{Command, Stdio},
};

use super::{
    environment::{Ended, TestEnvironment, ended, until},
    running::Running,
};

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Runs it with its standard output going nowhere.
fn unheard(mut command: Command) -> Ended {
    ended(command.stdin(Stdio::null()).stdout(unread()).stderr(Stdio::piped()).output().unwrap())
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    env.declare("broken", "FEED_COUNT: many");
    let cases: [(&[&str], i32); 16] = [
        (&["--help"], 0),
        (&["--version"], 0),
        (&["plan", "--help"], 0),
        (&["completions", "bash"], 0),
        (&["schema", "manifest"], 0),
        (&["plan"], 3),
        (&["plan", "--format", "json"], 3),
        (&["plan", "--format", "markdown"], 3),
        (&["status"], 0),
        (&["status", "--format", "json"], 0),
        (&["validate"], 3),
        (&["observe"], 0),
        (&["catalog", "list"], 0),
        (&["catalog", "show", "test"], 0),
        (&["export", "compose"], 3),
        (&["apply"], 3),
    ];
    for (words, code) in cases {
        let heard = env.lockstep(words).code;
        let unheard = unheard(env.command(words));
        assert_eq!((heard, unheard.code), (code, code), "{words:?}\n{}", unheard.stderr);
        assert!(!unheard.stderr.contains("panic") && !unheard.stderr.contains("internal"), "{}", unheard.stderr);
    }
    let mut wrong = env.command(&["plan", "--nonsense"]);
    assert_eq!(ended(wrong.stdin(Stdio::null()).stderr(unread()).output().unwrap()).code, 64);
}

#[test]
fn what_can_not_be_written_for_another_reason_is_an_error() {
    let env = TestEnvironment::new();
    for words in [&["--help"][..], &["catalog", "list"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = env.command(words).stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).output().unwrap();
        ended(output).with(1).saying("failed to write the output");
    }
}

#[test]
fn logs_that_are_followed_end_with_their_reader() {
    let env = TestEnvironment::new();
    for (short, stream) in [("out", ""), ("err", " >&2")] {
        env.declare(short, &format!("RUN: 'while :; do echo line{stream}; busybox sleep 0.05; done'"));
    }
    env.lockstep(&["apply"]).with(0);
    for short in ["out", "err"] {
        let mut command = env.command(&["logs", "--follow", &env.instance(short)]);
        let mut child = command.stdin(Stdio::null()).stdout(unread()).stderr(unread()).spawn().unwrap();
        let mut code = None;
        until("the end of the logs", 20, || {
            code = child.try_wait().unwrap();
            code.is_some()
        });
        assert_eq!(code.and_then(|status| status.code()), Some(0), "{short}");
    }
}

#[test]
fn log_lines_that_nobody_takes_stop_nothing() {
    let env = TestEnvironment::new();
    env.declare("a", "");
    for closed in [unread(), File::options().write(true).open("/dev/full").unwrap().into()] {
        let mut command = env.command(&["--log", "debug", "plan"]);
        let plan = ended(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(closed).output().unwrap());
        plan.with(0).saying("1 to add");
    }
    let mut command = env.command(&["run", "--log", "debug"]);
    env.write("run.log", "");
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let running = Running::of(&env, command.stdin(Stdio::null()).stdout(full()).stderr(full()).spawn().unwrap());
    until("the instance", 20, || env.running().contains_key("a"));
    assert_eq!(running.end().0, Some(0));
}
