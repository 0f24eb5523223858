//! The platform's own Python client against the stand-in.

use serde_json::Value;

use super::{TOKEN, id, stand_in::StandIn};
use crate::python::run;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pyoaev_client.py");

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_client_registers_and_pings() {
    let Some(python) = tokio::task::spawn_blocking(|| crate::python::with("pyoaev", "pyoaev")).await.unwrap() else {
        return;
    };
    let stand_in = StandIn::start().await;
    let url = stand_in.url();
    let call = async |token: &'static str| {
        let (python, url) = (python.clone(), url.clone());
        let (collector, injector) = (id(1).to_string(), id(2).to_string());
        tokio::task::spawn_blocking(move || run(&python, &[CLIENT, &url, token, &collector, &injector])).await.unwrap()
    };
    let output = call(TOKEN).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["me"], "lockstep@example.org");
    assert_eq!(said["collector"]["collector_id"], id(1).to_string());
    assert_eq!(said["listen"], "openaev_injector_queue_openaev_test");
    let connectors = stand_in.page("/connectors.json").await;
    assert_eq!(connectors[0]["registrations"], 3, "it registers with an icon, and so once more as a sign of life");
    assert_eq!((&connectors[0]["kind"], &connectors[1]["kind"]), (&"collector".into(), &"injector".into()));

    let refused = call("not-the-token").await;
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("401"), "the client sees that it is refused");
    assert_eq!(stand_in.page("/connectors.json").await[0]["registrations"], 3);
}
