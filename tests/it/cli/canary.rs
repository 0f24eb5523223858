//! No sealed value is anywhere but in the environment of its container.

use std::{fmt::Write as _, fs, path::Path};

use base64::{Engine as _, engine::general_purpose};

use super::{
    environment::{Ended, TestEnvironment, now, until},
    running::Running,
};
use crate::engine::support::{docker, unique};

/// Looks for values in every form that a text may take.
pub(super) struct Scanner {
    forms: Vec<(String, &'static str, String)>,
}

impl Scanner {
    pub(super) fn new(values: &[(&str, &str)]) -> Self {
        let forms = values.iter().flat_map(|(name, value)| {
            let json = serde_json::to_string(value).unwrap();
            let escaped: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let percent = value.bytes().fold(String::new(), |mut text, byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    text.push(char::from(byte));
                } else {
                    write!(text, "%{byte:02X}").unwrap();
                }
                text
            });
            // The end of a base64 text depends on what follows.
            let base64 = general_purpose::STANDARD_NO_PAD.encode(value);
            let base64 = base64[..value.len() / 3 * 4].to_owned();
            [
                ("raw", (*value).to_owned()),
                ("JSON", json.trim_matches('"').to_owned()),
                ("debug", value.escape_debug().to_string()),
                ("base64", base64.clone()),
                ("base64url", base64.replace('+', "-").replace('/', "_")),
                ("hex", hex::encode(value)),
                ("HEX", hex::encode_upper(value)),
                ("form", escaped),
                ("percent", percent),
            ]
            .map(|(form, text)| ((*name).to_owned(), form, text))
        });
        Self { forms: forms.collect() }
    }

    fn finds(&self, text: &str) -> Option<String> {
        self.forms.iter().find(|(.., form)| text.contains(form)).map(|(name, form, _)| format!("{name} ({form})"))
    }

    #[track_caller]
    pub(super) fn clear(&self, place: &str, text: &str) {
        assert_eq!(self.finds(text), None, "in {place}");
    }

    #[track_caller]
    pub(super) fn clear_outputs(&self, place: &str, ended: &Ended) {
        self.clear(place, &ended.stdout);
        self.clear(place, &ended.stderr);
    }

    pub(super) fn clear_folder(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            self.clear("a file's name", &path.display().to_string());
            if path.is_dir() {
                self.clear_folder(&path);
            } else {
                let content = fs::read(&path).unwrap();
                self.clear(&path.display().to_string(), &String::from_utf8_lossy(&content));
            }
        }
    }
}

#[test]
fn the_scanner_finds_what_is_planted_in_every_form() {
    let value = "p\"läin \\ tëxt+/=&?/ 0123456789";
    let scanner = Scanner::new(&[("x", value)]);
    let forms: Vec<_> = scanner.forms.iter().map(|(_, form, text)| (*form, text.clone())).collect();
    assert_eq!(forms.len(), 9);
    for (form, text) in forms {
        assert!(scanner.finds(&format!("before{text}after")).is_some(), "{form}");
    }
    let longer = general_purpose::STANDARD.encode(format!("{value} and more"));
    assert!(scanner.finds(&longer).is_some());
    assert_eq!(scanner.finds("nothing of the kind"), None);
}

#[test]
fn sealed_values_are_nowhere_but_in_their_containers() {
    let mark = unique();
    let values = [
        ("FEED_API_KEY", format!("k3y \"{mark}\" \\ with & odd+signs/é")),
        ("FEED_PASSWORD", format!("pässw0rd-{mark}-of-a-file")),
        ("OPENCTI_TOKEN", format!("t0ken-{mark}-of-the-instance")),
        ("platform token", format!("t0ken-{mark}-of-the-platform")),
    ];
    let borrowed: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let scanner = Scanner::new(&borrowed);
    let env = TestEnvironment::with(
        "platforms: {opencti: {kind: opencti, url: 'http://127.0.0.1:9/', token: {file: token}}}\nprune: {retain: \
         0s}\n",
    );
    env.write("token", &format!("{}\n", values[3].1));
    let declare = |further: &str| {
        let key = env.sealed("a", "FEED_API_KEY", &values[0].1);
        let token = env.sealed("a", "token", &values[2].1);
        // The connector itself says its secrets, so that what is shown of its output is tried too.
        let config = format!(
            "{key}FEED_PASSWORD: {{fromSecret: secrets.age, key: password}}\nRUN: echo \"$FEED_API_KEY \
             $FEED_PASSWORD $OPENCTI_TOKEN\"; exec busybox sleep 1000\n{further}"
        );
        env.declare_with("a", &token, &config);
    };
    let file = env.sealed_file(&format!("password: \"{}\"\n", values[1].1));
    env.write("connectors/secrets.age", &file);
    declare("");
    env.declare("b", "");
    let moment = now();
    let trace = |words: &[&str]| {
        let mut all = words.to_vec();
        all.extend(["--log", "trace"]);
        let ended = env.lockstep(&all);
        assert!(
            !ended.stderr.is_empty() || ["validate", "why"].contains(&words[0]),
            "there is something to scan: {words:?}"
        );
        scanner.clear_outputs(&words.join(" "), &ended);
        ended
    };
    trace(&["validate"]).with(0);
    trace(&["plan"]).with(0);
    trace(&["plan", "--format", "json"]).with(0);
    trace(&["apply"]).with(0);
    let set = docker(&["inspect", "--format", "{{json .Config.Env}}", &env.running()["a"]]);
    let set: Vec<String> = serde_json::from_str(&set).unwrap();
    for (name, value) in &values[..3] {
        assert!(set.contains(&format!("{name}={value}")), "{name} reached the container");
    }
    declare("FEED_COUNT: 12");
    trace(&["plan"]).with(0).saying("FEED_COUNT");
    trace(&["plan", "--format", "json"]).with(0);
    trace(&["apply"]).with(0);
    let observed = trace(&["observe"]).with(0);
    env.write("observed.json", &observed.stdout);
    trace(&["plan", "--observed", "observed.json"]);
    trace(&["status"]).with(0);
    trace(&["status", "--format", "json"]).with(0);
    trace(&["why", &env.instance("a")]).with(0).saying("FEED_COUNT");
    trace(&["why", &env.instance("a"), "--format", "json"]).with(0);
    trace(&["doctor"]);
    let shown = trace(&["logs", &env.instance("a")]).with(0);
    assert!(shown.stdout.contains("[redacted]"), "{}", shown.stdout);
    let running = Running::start(&env, &["--log", "trace"]);
    docker(&["rm", "-f", &env.running()["a"]]);
    until("the instance", 20, || env.running().contains_key("a"));
    until("the end of the step", 20, || running.log().contains("carried out a step"));
    let log = env.path("run.log");
    running.end();
    scanner.clear("the log of run", &fs::read_to_string(&log).unwrap());
    assert!(env.path("state/history.sqlite").exists(), "the history is there to be scanned");
    scanner.clear_folder(&env.path("state"));
    let filter = format!("label=dev.lockstep.owner={}", env.name);
    let names = docker(&["ps", "-a", "--no-trunc", "--filter", &filter, "--format", "{{.Names}} {{.Labels}}"]);
    assert!(names.contains("dev.lockstep.digest"), "{names}");
    scanner.clear("names and labels", &names);
    let events = docker(&["events", "--since", &moment, "--until", &now(), "--filter", &filter]);
    assert!(events.contains("create"), "{events}");
    scanner.clear("the engine's events", &events);
}
