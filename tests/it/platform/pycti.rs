//! The platform's own Python client against the stand-in.

use serde_json::Value;

use super::{TOKEN, id, stand_in::StandIn};
use crate::python::run;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pycti_client.py");

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_client_registers_and_pings() {
    let Some(python) = tokio::task::spawn_blocking(|| crate::python::with("pycti", "pycti")).await.unwrap() else {
        return;
    };
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
