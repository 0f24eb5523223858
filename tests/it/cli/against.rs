//! Two revisions are compared with nothing but the checkout: no engine, platform, key or socket.

use std::{fs, process::Command};

use super::environment::{Ended, TestEnvironment, ended};

/// An environment that is a git repository, with an engine and a platform that are not there.
fn repository() -> TestEnvironment {
    let env = TestEnvironment::with(
        "engine: {docker: {host: 'unix:///nonexistent/docker.sock'}}\nplatforms: {opencti: {kind: opencti, url: \
         'http://127.0.0.1:9/', token: {file: nowhere.token}}}\n",
    );
    git(&env, &["init", "-q", "-b", "main", "."]);
    env.write(".gitignore", "age.key\nstate\n");
    env
}

fn git(env: &TestEnvironment, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]);
    let output = command.args(words).current_dir(env.path("")).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(env: &TestEnvironment) -> String {
    git(env, &["add", "-A"]);
    git(env, &["commit", "-q", "-m", "change"]);
    git(env, &["rev-parse", "HEAD"])
}

fn steps(ended: &Ended) -> Vec<(String, String)> {
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    ended.json()["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (word(&step["instance"]), word(&step["action"])))
        .collect()
}

#[test]
fn a_sealed_value_that_is_bound_to_the_former_name_is_told() {
    let env = repository();
    let bound = env.sealed("old", "FEED_API_KEY", "s3cret-that-is-bound");
    env.declare("old", &bound);
    commit(&env);
    env.forget("old");
    env.declare("new", &bound);
    let text = fs::read_to_string(env.path("connectors/new.yaml")).unwrap();
    env.write("connectors/new.yaml", &text.replace("example.org/new", "example.org/old"));
    let plan = || env.lockstep(&["plan", "--against", "HEAD"]);
    let (old, new) = (env.instance("old"), env.instance("new"));
    let was = format!("`{new}` was `{old}`, and its sealed value of `FEED_API_KEY`");
    plan().saying("renamed from").saying(&format!("{was} is bound to that name")).saying(&format!("--instance {new}"));
    fs::rename(env.path("age.key"), env.path("elsewhere")).unwrap();
    plan().saying(&format!("{was} may be bound to that name, which nobody can tell without an identity"));
    fs::rename(env.path("elsewhere"), env.path("age.key")).unwrap();
    // One that is bound to nothing goes along.
    let mut command = env.command(&["secret", "seal", "-r", &env.recipient]);
    command.stdin(fs::File::open(env.path("lockstep.yaml")).unwrap());
    let sealed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let free: String = sealed.lines().map(|line| format!("  {line}\n")).collect();
    for short in ["new", "old"] {
        env.declare(short, &format!("FEED_API_KEY: |\n{free}"));
        let path = format!("connectors/{short}.yaml");
        let text = fs::read_to_string(env.path(&path)).unwrap();
        env.write(&path, &text.replace("example.org/new", "example.org/old"));
    }
    fs::rename(env.path("connectors/new.yaml"), env.path("later")).unwrap();
    commit(&env);
    fs::rename(env.path("later"), env.path("connectors/new.yaml")).unwrap();
    env.forget("old");
    let free = plan().saying("renamed from");
    assert!(!free.stderr.contains("its sealed value"), "{}", free.stderr);
}

#[test]
fn every_kind_of_change_shows_as_if_the_base_were_running() {
    let env = repository();
    let secret = env.sealed("resealed", "FEED_API_KEY", "s3cret-that-stays");
    for short in ["same", "value", "gone", "halted", "old"] {
        env.declare(short, "");
    }
    env.declare("resealed", &secret);
    env.declare("secret", &env.sealed("secret", "FEED_API_KEY", "s3cret-before"));
    env.declare("broken", "");
    let base = commit(&env);
    env.lockstep(&["plan", "--against", "HEAD", "--detailed-exitcode"]).with(0).saying("No changes.");
    env.declare("value", "FEED_COUNT: 11");
    env.forget("gone");
    env.declare_with("halted", "state: stopped", "");
    env.declare("resealed", &env.sealed("resealed", "FEED_API_KEY", "s3cret-that-stays"));
    env.declare("secret", &env.sealed("secret", "FEED_API_KEY", "s3cret-after"));
    env.declare("broken", "FEED_COUNT: many");
    env.declare("new", "");
    env.forget("old");
    let renamed = fs::read_to_string(env.path("connectors/same.yaml")).unwrap();
    env.write("connectors/renamed.yaml", &renamed.replace("-same", "-renamed").replace("/same", "/old"));
    let json = env.lockstep(&["plan", "--against", "main", "--format", "json", "--allow-removals", "2"]).with(3);
    let expected = [
        ("gone", "destroy"),
        ("halted", "stop"),
        ("new", "create"),
        ("old", "destroy"),
        ("renamed", "create"),
        ("secret", "replace"),
        ("value", "replace"),
    ];
    assert_eq!(steps(&json), expected.map(|(short, action)| (env.instance(short), action.to_owned())));
    let plan = json.json();
    assert_eq!(plan["renamed"], serde_json::json!([{"from": env.instance("old"), "to": env.instance("renamed")}]));
    assert_eq!(plan["held"][0]["instance"], env.instance("broken"));
    let of_secret = &plan["steps"][5]["reasons"];
    assert_eq!((&of_secret[0]["field"], &of_secret[0]["sensitive"]), (&"env.FEED_API_KEY".into(), &true.into()));
    assert_eq!(plan["steps"][6]["reasons"][0]["file"], "value.yaml");
    assert!(!json.stdout.contains("s3cret"), "{}", json.stdout);
    // Committed, the same holds between the two revisions, and of the ancestor that they have in common.
    let next = commit(&env);
    git(&env, &["checkout", "-q", "-b", "other", &base]);
    env.write("elsewhere.txt", "another change\n");
    commit(&env);
    git(&env, &["checkout", "-q", "main"]);
    for words in [&["--against", &base, "--revision", &next][..], &["--against", "other..."], &["--against", "HEAD~1"]]
    {
        let mut all = vec!["plan", "--format", "json", "--allow-removals", "2"];
        all.extend(words);
        assert_eq!(steps(&env.lockstep(&all).with(3)), steps(&json), "{words:?}");
    }
    // Backwards, what was made goes, and the other way round.
    let back = env
        .lockstep(&["plan", "--against", "main", "--revision", "other", "--format", "json", "--allow-removals", "2"])
        .with(0);
    assert!(steps(&back).contains(&(env.instance("gone"), "create".to_owned())), "{back:?}");
    // Without the key a seal that is new may hold another value.
    fs::remove_file(env.path("age.key")).unwrap();
    let keyless = env.lockstep(&["plan", "--against", &base, "--allow-removals", "2"]).with(3);
    let keyless = keyless.saying("2 sensitive values are sealed anew").saying("(sensitive value)");
    assert!(keyless.stdout.contains(&format!("{} must be replaced", env.instance("resealed"))), "{}", keyless.stdout);
}

#[test]
fn each_revision_is_planned_with_its_own_settings() {
    let env = repository();
    env.declare("a", "");
    commit(&env);
    let platform = |name: &str, url: &str| {
        env.settings(&format!(
            "engine: {{docker: {{host: 'unix:///nonexistent/docker.sock'}}}}\nplatforms: {{{name}: {{kind: opencti, url: \
             '{url}', token: {{file: nowhere.token}}}}}}\n"
        ));
    };
    platform("opencti", "http://127.0.0.1:10/");
    let plan = |words: &[&str]| {
        let mut all = vec!["plan", "--format", "json"];
        all.extend(words);
        let ended = env.lockstep(&all).with(0);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let reasons = ended.json()["steps"][0]["reasons"].as_array().cloned().unwrap_or_default();
        let said = ended.stderr.contains("`lockstep.yaml` of `main");
        let shown: Vec<_> = reasons.iter().map(|reason| [&reason["field"], &reason["cause"]].map(text)).collect();
        (shown, steps(&ended), said)
    };
    let replaced = vec![(env.instance("a"), "replace".to_owned())];
    let url = [["env.OPENCTI_URL".to_owned(), "platform".to_owned()]];
    assert_eq!(plan(&["--against", "main"]), (url.to_vec(), replaced.clone(), true));
    // Under another name the platform gets another connector of the same instance, not a first one.
    platform("other", "http://127.0.0.1:9/");
    let (fields, steps_of_name, _) = plan(&["--against", "main"]);
    assert!(fields.iter().any(|[field, _]| field == "id") && steps_of_name == replaced, "{fields:?} {steps_of_name:?}");
    platform("opencti", "http://127.0.0.1:10/");
    let next = commit(&env);
    assert_eq!(plan(&["--against", "main"]), (Vec::new(), Vec::new(), false));
    assert_eq!(plan(&["--against", "main~1", "--revision", &next]), (url.to_vec(), replaced.clone(), true));
    platform("opencti", "http://127.0.0.1:11/");
    assert_eq!(plan(&["--against", "main~1", "--revision", "main"]), (url.to_vec(), replaced, true));
    // Settings that nobody could have run are no reason not to compare.
    env.write("lockstep.yaml", "apiVersion: lockstep/v2\n");
    commit(&env);
    platform("opencti", "http://127.0.0.1:11/");
    env.lockstep(&["plan", "--against", "main"]).with(0).saying("No changes.").saying("of `main` is invalid");
}

#[test]
fn every_format_and_exit_code_is_that_of_a_plan() {
    let env = repository();
    for short in ["a", "b", "c"] {
        env.declare(short, "");
    }
    commit(&env);
    env.declare("a", "FEED_COUNT: 11");
    env.forget("b");
    env.forget("c");
    // Two of three at once are more than the guard allows.
    env.lockstep(&["plan", "--against", "HEAD"]).with(9).saying("prune.maxPercent");
    let against = |words: &[&str]| {
        let mut all = vec!["plan", "--against", "HEAD", "--allow-removals", "2"];
        all.extend(words);
        env.lockstep(&all)
    };
    against(&["--detailed-exitcode"]).with(2).saying("Plan: 0 to add, 1 to change, 2 to destroy.");
    against(&["--format", "markdown"]).with(0).saying("<!-- lockstep:plan:").saying("FEED_COUNT");
    against(&["--format", "github"]).with(0).saying("::notice").saying("replace");
    assert_eq!(
        against(&["--format", "gitlab"]).with(0).json(),
        serde_json::json!({"create": 0, "update": 1, "delete": 2})
    );
    against(&["--only", &env.instance("a"), "--detailed-exitcode"])
        .with(2)
        .saying("0 to add, 1 to change, 0 to destroy.");
    against(&["--only", "nobody"]).with(64).saying("no instance `nobody`");
    env.lockstep(&["plan", "--against", "no-such-branch"]).with(5).saying("no-such-branch").saying("fetch it");
    env.lockstep(&["plan", "--against", "HEAD", "--refresh"]).with(64);
    env.lockstep(&["plan", "--checkout"]).with(64).saying("--against");
    fs::remove_dir_all(env.path(".git")).unwrap();
    env.lockstep(&["plan", "--against", "HEAD"]).with(5).saying("git checkout");
}

#[test]
fn a_git_source_is_compared_in_the_checkout_of_its_settings_and_a_first_commit_creates_everything() {
    let env = TestEnvironment::new();
    let settings = fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    let git_source =
        "source: {git: {url: 'https://git.invalid/x.git', path: connectors, auth: {token: {file: nowhere}}}}";
    env.write("lockstep.yaml", &settings.replace("source: {directory: connectors}", git_source));
    git(&env, &["init", "-q", "-b", "main", "."]);
    env.write("README.md", "nothing yet\n");
    git(&env, &["add", "README.md"]);
    git(&env, &["commit", "-q", "-m", "begin"]);
    env.declare("a", "");
    let observed = r#"{"containers": []}"#;
    env.write("observed.json", observed);
    let plan = env.lockstep(&["plan", "--against", "main", "--format", "json"]).with(0);
    assert_eq!(steps(&plan), [(env.instance("a"), "create".to_owned())]);
    let plan = env.lockstep(&["plan", "--observed", "observed.json", "--checkout", "--format", "json"]).with(0);
    assert_eq!(steps(&plan), [(env.instance("a"), "create".to_owned())]);
    env.lockstep(&["plan", "--observed", "observed.json", "--revision", "HEAD"]).with(3).saying("catalog/test.json");
    git(&env, &["add", "connectors/catalog"]);
    git(&env, &["commit", "-q", "-m", "catalog"]);
    env.lockstep(&["plan", "--observed", "observed.json", "--revision", "HEAD"]).with(0).saying("No changes.");
}

#[test]
fn no_socket_is_opened_and_no_key_is_read_for_a_thousand_manifests() {
    let env = repository();
    env.write("nowhere.token", "t0ken");
    env.declare("sealed", &env.sealed("sealed", "FEED_API_KEY", "s3cret"));
    for number in 0..1_000 {
        env.declare(&format!("i{number}"), "");
    }
    commit(&env);
    env.declare("i7", "FEED_COUNT: 11");
    let trace = env.path("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=%network,%file", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_lockstep"));
    command.args(["plan", "--against", "HEAD"]).current_dir(env.path("")).env_clear().env("PATH", "/usr/bin:/bin");
    ended(command.output().unwrap()).with(0).saying("Plan: 0 to add, 1 to change, 0 to destroy.");
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains("exited with 0"), "it was traced: {trace}");
    // A pair of ends within the process is how the runtime hears of signals and children.
    let opened = |line: &&str| ["socket(", "connect(", "bind(", "listen("].iter().any(|call| line.contains(call));
    assert_eq!(trace.lines().filter(opened).collect::<Vec<_>>(), Vec::<&str>::new());
    let of_keys = |line: &&str| ["age.key", "nowhere.token"].iter().any(|file| line.contains(file));
    assert_eq!(trace.lines().filter(of_keys).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn each_changed_line_is_told_with_its_commit_and_author_and_no_socket_is_opened() {
    let env = repository();
    for short in ["a", "b", "c"] {
        env.declare(short, "");
    }
    let base = commit(&env);
    env.declare("a", "FEED_COUNT: 11");
    let of_a = commit(&env);
    env.declare("b", "FEED_COUNT: 12");
    let of_b = commit(&env);
    let cited = |words: &[&str]| -> Vec<(serde_json::Value, serde_json::Value)> {
        let words = [&["plan", "--format", "json", "--against", &base], words].concat();
        let plan = env.lockstep(&words).with(0).json();
        let steps = plan["steps"].as_array().unwrap().iter().map(|step| &step["reasons"][0]);
        steps.map(|reason| (reason["commit"].clone(), reason["author"].clone())).collect()
    };
    let by_test = |commit: &str| (commit.into(), "Test".into());
    let nobody = || (serde_json::Value::Null, serde_json::Value::Null);
    assert_eq!(cited(&["--revision", "HEAD"]), [by_test(&of_a), by_test(&of_b)]);
    assert_eq!(cited(&["--revision", &of_a]), [by_test(&of_a)]);
    // What is not committed yet has no author.
    env.declare("c", "FEED_COUNT: 13");
    assert_eq!(cited(&[]), [by_test(&of_a), by_test(&of_b), nobody()]);
    let line = format!("{} by Test)", &of_b[..12]);
    env.lockstep(&["plan", "--against", &base]).with(0).saying(&line);
}
