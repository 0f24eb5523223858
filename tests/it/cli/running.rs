//! A `lockstep run` in the background that ends with its test.

use std::{
    fs::{self, File},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::environment::{TestEnvironment, until};

pub(super) struct Running<'a> {
    env: &'a TestEnvironment,
    child: Child,
}

impl<'a> Running<'a> {
    /// Starts it and waits until it has read the source.
    pub(super) fn start(env: &'a TestEnvironment, words: &[&str]) -> Self {
        let mut running = Self::spawn(env, words);
        until("the first pass", 20, || {
            assert_eq!(running.child.try_wait().unwrap(), None, "{}", running.log());
            running.log().contains("read a new revision")
        });
        running
    }

    /// Starts it and waits for nothing.
    pub(super) fn spawn(env: &'a TestEnvironment, words: &[&str]) -> Self {
        let log = File::create(env.path("run.log")).unwrap();
        let mut command = env.command(&["run"]);
        command.args(words).stdout(log.try_clone().unwrap()).stderr(log);
        Self::of(env, command.stdin(Stdio::null()).spawn().unwrap())
    }

    /// One that was started by the test itself.
    pub(super) fn of(env: &'a TestEnvironment, child: Child) -> Self {
        Self { env, child }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.env.path("run.log")).unwrap()
    }

    /// What the kernel says of it in a file of `/proc`, its parts apart.
    pub(super) fn says(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap();
        text.split_terminator('\0').map(ToOwned::to_owned).collect()
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends SIGTERM and gives the exit code and the time it took.
    pub(super) fn end(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        self.signal("TERM");
        let mut code = None;
        until("its end", 20, || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        (code.and_then(|status| status.code()), began.elapsed())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // One that has ended already can't be killed, and need not be.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
        if std::thread::panicking() {
            println!("the log of run:\n{}", self.log());
        }
    }
}
