//! The stand-in of OpenCTI, behind a gate that can be shut.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

use super::TOKEN;
use crate::opencti_server::{self, Options};

pub(crate) struct StandIn {
    server: SocketAddr,
    gate: SocketAddr,
    serving: JoinHandle<()>,
    /// Ends the forwarding when it is dropped or used, and the task to wait for.
    forwarding: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// A platform with a licence and without a catalog.
pub(crate) fn options(older: bool, capabilities: &[&str]) -> Options {
    Options {
        tokens: vec![TOKEN.to_owned()],
        capabilities: capabilities.iter().map(|&capability| capability.to_owned()).collect(),
        version: "7.260901.0".to_owned(),
        older,
        licence: true,
        envelope: None,
        catalogs: Vec::new(),
        ingestion_group: true,
        first_texts: false,
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl StandIn {
    pub(crate) async fn start(older: bool) -> Self {
        Self::start_with(older, &["CONNECTORAPI", "MODULES_MODMANAGE"]).await
    }

    pub(crate) async fn start_with(older: bool, capabilities: &[&str]) -> Self {
        Self::start_options(options(older, capabilities)).await
    }

    pub(crate) async fn start_options(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let serving = tokio::spawn(async { opencti_server::serve(listener, options).await.unwrap() });
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

    pub(crate) async fn text(&self, path: &str) -> String {
        reqwest::get(format!("http://{}{path}", self.server)).await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn connectors(&self) -> Vec<Value> {
        serde_json::from_str(&self.text("/connectors.json").await).unwrap()
    }

    /// How often an operation was asked for an id.
    pub(crate) async fn count(&self, operation: &str, id: impl ToString) -> usize {
        let requests: Vec<Value> = serde_json::from_str(&self.text("/requests.json").await).unwrap();
        let id = id.to_string();
        requests.iter().filter(|request| request["operation"] == operation && request["id"] == id.as_str()).count()
    }

    pub(crate) async fn fault(&self, kind: &str) {
        self.set("_fault", json!({ "kind": kind })).await;
    }

    /// Makes one operation fail so many times.
    pub(crate) async fn fault_of(&self, operation: &str, kind: &str, times: u64) {
        self.set("_fault", json!({ "kind": kind, "operation": operation, "times": times })).await;
    }

    /// Makes the platform one of another version.
    pub(crate) async fn set_version(&self, version: &str) {
        self.set("_version", json!({ "version": version })).await;
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

    /// The operations that were asked for, oldest first.
    pub(crate) async fn operations(&self) -> Vec<String> {
        let requests: Vec<Value> = serde_json::from_str(&self.text("/requests.json").await).unwrap();
        requests.iter().map(|request| request["operation"].as_str().unwrap().to_owned()).collect()
    }

    /// Publishes the contracts of a catalog in today's format.
    pub(crate) async fn publish(&self, catalog: &Value) {
        let url = format!("http://{}/_catalog", self.server);
        let answer = reqwest::Client::new().post(url).json(catalog).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Asks in the name of a connector.
    pub(crate) async fn graphql(&self, query: &str) -> Value {
        let url = format!("http://{}/graphql", self.server);
        let request = reqwest::Client::new().post(url).bearer_auth(TOKEN).json(&json!({ "query": query }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// The managers that it knows.
    pub(crate) async fn managers(&self) -> Vec<Value> {
        serde_json::from_str(&self.text("/managers.json").await).unwrap()
    }

    /// Registers as a connector does by itself.
    pub(crate) async fn register_connector(&self, id: &str, name: &str) {
        let input = format!("{{id: \"{id}\", name: \"{name}\", type: EXTERNAL_IMPORT}}");
        self.graphql(&format!("mutation {{ registerConnector(input: {input}) {{ id }} }}")).await;
    }

    pub(crate) async fn ping(&self, id: impl ToString) {
        self.graphql(&format!("mutation {{ pingConnector(id: \"{}\", state: \"{{}}\") {{ id }} }}", id.to_string()))
            .await;
    }

    /// Waits until the connectors are as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) {
        let waiting = async {
            let mut turn = tokio::time::interval(Duration::from_millis(20));
            while !wanted(&self.connectors().await) {
                turn.tick().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(40), waiting).await.is_err() {
            panic!("waited in vain until {what}: {:#?}", self.connectors().await);
        }
    }
}

pub(super) fn forwarding(gate: TcpListener, server: SocketAddr) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (end, ended) = oneshot::channel();
    (end, tokio::spawn(forward(gate, server, ended)))
}

async fn forward(gate: TcpListener, server: SocketAddr, mut ended: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut ended => break,
            accepted = gate.accept() => accepted,
        };
        let (mut outside, _) = accepted.unwrap();
        connections.spawn(async move {
            let mut inside = TcpStream::connect(server).await.unwrap();
            // A connection that breaks is what this is for.
            drop(tokio::io::copy_bidirectional(&mut outside, &mut inside).await);
        });
    }
    connections.shutdown().await;
}
