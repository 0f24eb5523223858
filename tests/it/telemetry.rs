//! Logging of a whole process: each child is this test binary again, told to run one of the tests that are left out here.

use std::process::Command;

use age::secrecy::SecretString;
use lockstep::telemetry::{Format, Scrubber, init, install_panic_hook};

const SECRET: &str = "S33D-canary";

fn child(name: &str) -> String {
    let this = std::env::current_exe().expect("a running test has a binary");
    let output = Command::new(this)
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("the binary starts again");
    assert!(String::from_utf8_lossy(&output.stdout).contains("running 1 test"), "there is no test {name}");
    String::from_utf8(output.stderr).expect("log lines are text")
}

fn logging(format: Format) {
    let scrubber = Scrubber::default();
    scrubber.set(&[SecretString::from(SECRET)]).expect("one secret");
    init(format, "info", scrubber.clone()).expect("the first time");
    tracing::info!(revision = "abc", secret = SECRET, "applied");
    tracing::info!(hits = scrubber.hits(), "counted");
    assert!(init(format, "info", scrubber).is_err(), "twice");
}

#[test]
#[ignore = "runs as a child of the tests below"]
fn child_logs_text() {
    logging(Format::Text);
}

#[test]
#[ignore = "runs as a child of the tests below"]
fn child_logs_json() {
    logging(Format::Json);
}

#[test]
#[ignore = "runs as a child of the tests below"]
fn child_panics() {
    init(Format::Json, "info", Scrubber::default()).unwrap();
    panic!("{SECRET}");
}

#[test]
#[ignore = "runs as a child of the tests below"]
fn child_panics_without_logging() {
    install_panic_hook();
    panic!("{SECRET}");
}

#[test]
fn lines_go_to_standard_error() {
    let text = child("telemetry::child_logs_text");
    assert!(text.contains("applied revision=\"abc\" secret=\"[redacted]\""), "{text}");
    assert!(text.contains("counted hits=1"), "{text}");
    let json = child("telemetry::child_logs_json");
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["message"], "applied");
    assert_eq!(first["secret"], "[redacted]");
    assert!(!text.contains(SECRET) && !json.contains(SECRET));
}

#[test]
fn a_panic_says_where_and_not_what() {
    let logged = child("telemetry::child_panics");
    let first: serde_json::Value = serde_json::from_str(logged.lines().next().unwrap()).unwrap();
    assert_eq!(first["level"], "ERROR");
    assert!(first["location"].as_str().unwrap().starts_with("tests/it/telemetry.rs:"));
    let plain = child("telemetry::child_panics_without_logging");
    assert!(plain.starts_with("internal error at tests/it/telemetry.rs:"), "{plain}");
    assert!(!logged.contains(SECRET) && !plain.contains(SECRET));
}
