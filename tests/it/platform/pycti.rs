//! The platform's own Python client against the stand-in.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{TOKEN, folder, id, stand_in::StandIn};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pycti_client.py");

pub(super) fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// A Python with a package, made once; none where no registry of packages can be reached.
pub(super) fn python(package: &str) -> Option<PathBuf> {
    let cache = folder("LOCKSTEP_CACHE").unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join(format!("{package}.lock"))).unwrap();
    lock.lock().unwrap();
    let environment = cache.join(package);
    let python = environment.join("bin/python");
    if python.exists() && run(&python, &["-c", &format!("import {package}")]).status.success() {
        return Some(python);
    }
    let made = run(Path::new("python3"), &["-m", "venv", "--clear", environment.to_str().unwrap()]);
    assert!(made.status.success(), "python3-venv is needed: {}", String::from_utf8_lossy(&made.stderr));
    let installed = run(&python, &["-m", "pip", "install", "--quiet", "--retries", "1", package]);
    if installed.status.success() {
        return Some(python);
    }
    let words = String::from_utf8_lossy(&installed.stderr);
    let unreachable = ["connection broken by", "Max retries", "Temporary failure", "timed out"];
    assert!(unreachable.iter().any(|word| words.contains(word)), "pip: {words}");
    println!("skipped: {package} can't be installed");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_client_registers_and_pings() {
    let Some(python) = tokio::task::spawn_blocking(|| python("pycti")).await.unwrap() else { return };
    let stand_in = StandIn::start(false).await;
    let (url, connector) = (stand_in.url(), id(1).to_string());
    let call = async |token: &'static str| {
        let (python, url, connector) = (python.clone(), url.clone(), connector.clone());
        tokio::task::spawn_blocking(move || run(&python, &[CLIENT, &url, token, &connector])).await.unwrap()
    };
    let output = call(TOKEN).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["registered"]["id"], connector.as_str());
    assert_eq!(said["registered"]["config"]["push_exchange"], "amqp.worker.exchange");
    assert!(said["registered"]["config"]["s3"]["bucket_name"].is_string());
    assert_eq!(said["pinged"]["connector_state"], "{\"last_run\": 1}");
    assert_eq!(said["pinged"]["connector_info"]["next_run_datetime"], "2026-01-02T03:04:05Z");
    assert_eq!(said["read"]["active"], true);
    let connectors = stand_in.connectors().await;
    assert_eq!(connectors[0]["pings"], 1);
    assert_eq!(connectors[0]["scope"], serde_json::json!(["report", "indicator"]));

    let refused = call("not-the-token").await;
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not reachable"), "the client sees that it is refused");
    assert_eq!(stand_in.connectors().await[0]["registrations"], 1);
}
