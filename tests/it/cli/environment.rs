//! A repository, an owner, a network and an image for one test of the command line; all of it is removed in the end.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::engine::support::{docker, docker_quietly, import, unique};

const CATALOG: &str = include_str!("catalog.json");

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// The same, where it ended with this code.
    #[track_caller]
    pub(super) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The same, where either output holds this text.
    #[track_caller]
    pub(super) fn saying(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "`{text}` is not in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

pub(super) struct TestEnvironment {
    folder: tempfile::TempDir,
    pub(super) name: String,
    pub(super) recipient: String,
}

impl TestEnvironment {
    /// With settings that name no platform.
    pub(super) fn new() -> Self {
        Self::with("platforms: {}\n")
    }

    /// With these further settings; `platforms` must be among them.
    pub(super) fn with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = Self { folder, name: unique(), recipient: String::new() };
        import(&environment.image(), &[]);
        docker(&["network", "create", &environment.name]);
        fs::create_dir_all(environment.path("connectors/catalog")).unwrap();
        let catalog = CATALOG.replace("IMAGE", &format!("lockstep-test/{}", environment.name));
        environment.write("connectors/catalog/test.json", &catalog);
        let defaults = "apiVersion: lockstep/v1\nkind: Defaults\nspec:\n  contract: test\n  health: {settle: 1s}\n  \
                        container: {stopGrace: 1s}\n";
        environment.write("connectors/defaults.yaml", defaults);
        environment.settings(settings);
        let key = environment.path("age.key");
        let made = environment.lockstep(&["secret", "keygen", "-o", key.to_str().unwrap()]).with(0);
        environment.recipient = made.stdout.trim().to_owned();
        environment
    }

    /// Writes the settings anew.
    pub(super) fn settings(&self, further: &str) {
        let name = &self.name;
        let usual = [
            ("engine:", format!("engine: {{docker: {{network: {name}}}}}\n")),
            ("platforms:", "platforms: {}\n".to_owned()),
        ];
        let usual = usual.into_iter().filter(|(key, _)| !further.contains(key)).map(|(_, line)| line);
        let text = format!(
            "apiVersion: lockstep/v1\nkind: Settings\nowner: {name}\nsource: {{directory: connectors}}\ncatalogs: \
             [{{source: catalog/test.json}}]\nsecrets: {{identities: [age.key]}}\npolicy: {{images: \
             [lockstep-test/*]}}\nstate: state\n{further}{}",
            usual.collect::<String>()
        );
        self.write("lockstep.yaml", &text);
    }

    pub(super) fn image(&self) -> String {
        format!("lockstep-test/{}:1", self.name)
    }

    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// The whole name of an instance, which no other test has.
    pub(super) fn instance(&self, short: &str) -> String {
        format!("{}-{short}", self.name)
    }

    /// Declares an instance: further lines of `spec`, then those of `config`.
    pub(super) fn declare_with(&self, short: &str, spec: &str, config: &str) {
        let lines = |text: &str, indent: &str| text.lines().map(|line| format!("{indent}{line}\n")).collect::<String>();
        let (spec, config) = (lines(spec, "  "), lines(config, "    "));
        let name = self.instance(short);
        let text = format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {name}}}\nspec:\n{spec}  config:\n    \
             FEED_URL: https://feeds.example.org/{short}\n{config}"
        );
        self.write(&format!("connectors/{short}.yaml"), &text);
    }

    pub(super) fn declare(&self, short: &str, config: &str) {
        self.declare_with(short, "", config);
    }

    pub(super) fn forget(&self, short: &str) {
        fs::remove_file(self.path(format!("connectors/{short}.yaml"))).unwrap();
    }

    /// A sealed value as lines of a configuration.
    pub(super) fn sealed(&self, short: &str, key: &str, value: &str) -> String {
        self.sealed_for(&self.recipient, short, key, value)
    }

    pub(super) fn sealed_for(&self, recipient: &str, short: &str, key: &str, value: &str) -> String {
        let instance = self.instance(short);
        let mut command = self.command(&["secret", "seal", "-r", recipient, "--instance", &instance, "--key", key]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), value.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let lines = String::from_utf8(output.stdout).unwrap();
        format!("{key}: |\n{}", lines.lines().map(|line| format!("  {line}\n")).collect::<String>())
    }

    /// A whole file sealed as armored text.
    pub(super) fn sealed_file(&self, content: &str) -> String {
        let mut command = self.command(&["secret", "seal", "--keep-newline", "-r", &self.recipient]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), content.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The command with an environment of its own.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.args(words).current_dir(self.folder.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null());
        command
    }

    pub(super) fn lockstep(&self, words: &[&str]) -> Ended {
        ended(self.command(words).output().unwrap())
    }

    /// The ids of the containers of each instance, by its short name.
    pub(super) fn containers(&self, all: bool) -> BTreeMap<String, String> {
        let filter = format!("label=dev.lockstep.owner={}", self.name);
        let format = "{{.Label \"dev.lockstep.instance\"}} {{.ID}}";
        let mut words = vec!["ps", "--no-trunc", "--filter", &filter, "--format", format];
        words.extend(all.then_some("--all"));
        let listed = docker(&words);
        let short = |name: &str| name.strip_prefix(&format!("{}-", self.name)).unwrap().to_owned();
        listed.lines().filter_map(|line| line.split_once(' ')).map(|(name, id)| (short(name), id.to_owned())).collect()
    }

    pub(super) fn running(&self) -> BTreeMap<String, String> {
        self.containers(false)
    }

    /// What the engine did to our containers since a moment, one word each.
    pub(super) fn events_since(&self, moment: &str) -> Vec<String> {
        let filter = format!("label=dev.lockstep.owner={}", self.name);
        let words = ["events", "--since", moment, "--until", &now(), "--filter", &filter, "--format", "{{.Action}}"];
        docker(&words).lines().map(ToOwned::to_owned).collect()
    }
}

impl Drop for TestEnvironment {
    fn drop(&mut self) {
        let filter = format!("label=dev.lockstep.owner={}", self.name);
        for container in docker_quietly(&["ps", "-aq", "--filter", &filter]).lines() {
            docker_quietly(&["rm", "-f", container]);
        }
        docker_quietly(&["network", "rm", &self.name]);
        docker_quietly(&["rmi", "-f", &self.image()]);
        for lock in fs::read_dir("/run/lock").into_iter().flatten().flatten() {
            if lock.file_name().to_string_lossy().starts_with(&format!("lockstep-{}-", self.name)) {
                // Where it is gone already there is nothing to clean.
                fs::remove_file(lock.path()).unwrap_or_default();
            }
        }
    }
}

pub(super) fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// This moment as the engine takes it.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    format!("{}.{:09}", now.as_second(), now.subsec_nanosecond())
}

/// Waits until a condition holds and gives the time that took.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the pause between two looks at a condition")]
pub(super) fn until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "{what} did not come about within {seconds} s");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}
