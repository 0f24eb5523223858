//! The stand-in of OpenAEV, behind a gate that can be shut.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::{super::stand_in::forwarding, TOKEN};
use crate::openaev_server::{self, Options};

pub(crate) struct StandIn {
    server: SocketAddr,
    gate: SocketAddr,
    serving: JoinHandle<()>,
    forwarding: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// How it behaves unless a test says otherwise.
pub(crate) fn options() -> Options {
    Options {
        tokens: vec![TOKEN.to_owned()],
        capabilities: ["DELETE_TENANT_SETTINGS", "MANAGE_ASSETS"].map(str::to_owned).to_vec(),
        version: "3.260901.0".to_owned(),
        older: false,
        tenant: None,
        licence: true,
        catalog: json!({ "contracts": [] }),
    }
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        Self::start_with(options()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let serving = tokio::spawn(async { openaev_server::serve(listener, options).await.unwrap() });
        let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = gate.local_addr().unwrap();
        Self { server, gate: address, serving, forwarding: Some(forwarding(gate, server)) }
    }

    /// The address behind the gate, as Lockstep sees the platform.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.gate)
    }

    /// Makes the platform unreachable, and cuts every connection to it.
    pub(crate) async fn shut(&mut self) {
        let (end, task) = self.forwarding.take().unwrap();
        drop(end);
        task.await.unwrap();
    }

    /// Makes it reachable again.
    pub(crate) async fn open(&mut self) {
        let gate = TcpListener::bind(self.gate).await.unwrap();
        self.forwarding = Some(forwarding(gate, self.server));
    }

    pub(crate) async fn page(&self, path: &str) -> Value {
        let text = reqwest::get(format!("http://{}{path}", self.server)).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The methods and paths that were asked for, in order, without what the tests ask in the name of connectors.
    pub(crate) async fn asked(&self) -> Vec<String> {
        let requests = self.page("/requests.json").await;
        let line =
            |request: &Value| format!("{} {}", request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let of_connectors = |line: &String| {
            ["collectors", "injectors", "executors"].iter().any(|it| *line == format!("POST /api/{it}"))
        };
        requests.as_array().unwrap().iter().map(line).filter(|line| !of_connectors(line)).collect()
    }

    pub(crate) async fn fault(&self, kind: &str) {
        self.set("_fault", json!({ "kind": kind })).await;
    }

    /// Makes the platform take other tokens than before.
    pub(crate) async fn set_tokens(&self, tokens: &[&str]) {
        self.set("_tokens", json!(tokens)).await;
    }

    async fn set(&self, path: &str, body: Value) {
        let url = format!("http://{}/{path}", self.server);
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Makes the calls fail, so many times, whose method and path begin like what is before `*` and end like what follows.
    pub(crate) async fn fault_of(&self, call: &str, kind: &str, times: u64) {
        let url = format!("http://{}/_fault", self.server);
        let body = json!({ "kind": kind, "call": call, "times": times });
        assert!(reqwest::Client::new().post(url).json(&body).send().await.unwrap().status().is_success());
    }

    /// Registers as a connector of a kind does, which is its sign of life too.
    pub(crate) async fn come(&self, kind: &str, id: impl ToString) {
        let input = json!({
            format!("{kind}_id"): id.to_string(), format!("{kind}_name"): "A name", format!("{kind}_type"): "example",
        });
        let body = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"input\"\r\nContent-Type: application/json\r\n\r\n\
             {input}\r\n--edge--\r\n"
        );
        let request = reqwest::Client::new()
            .post(format!("http://{}/api/{kind}s", self.server))
            .bearer_auth(TOKEN)
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Registers as the connector manager.
    pub(crate) async fn register_manager(&self, id: &str) {
        let url = format!("http://{}/api/xtm-composer/register", self.server);
        let body = json!({ "id": id, "name": "a manager", "public_key": "a key" });
        let answer = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&body).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Stops and removes an instance as a person in the platform's pages does.
    pub(crate) async fn remove(&self, id: &str) {
        let stopping = json!({ "connector_instance_requested_status": "stopping" });
        self.ask("PUT", &format!("/api/connector-instances/{id}/requested-status"), &stopping).await;
        let url = format!("http://{}/api/connector-instances/{id}", self.server);
        let answer = reqwest::Client::new().delete(url).bearer_auth(TOKEN).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Asks as a person in the platform's pages does.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("http://{}{path}", self.server);
        let request = reqwest::Client::new().request(method.parse().unwrap(), url).bearer_auth(TOKEN).json(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }
}
