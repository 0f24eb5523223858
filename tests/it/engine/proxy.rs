//! An engine that lies: a socket before the real one that loses, delays and falsifies answers.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::Notify,
    task::JoinHandle,
};

use super::support::SOCKET;

/// One request that came.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Which it is, from 1.
    pub(super) number: usize,
    pub(super) method: String,
    /// Path and query without the version of the API.
    pub(super) path: String,
    /// Head and body as they came.
    pub(super) raw: String,
}

impl Call {
    /// Whether this is a POST to a path that ends like this.
    pub(super) fn posts(&self, end: &str) -> bool {
        self.method == "POST" && self.path.split('?').next().is_some_and(|path| path.ends_with(end))
    }
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    /// It goes to the engine and its answer comes back.
    Pass,
    /// It never reaches the engine, and no answer comes.
    Hang,
    /// It reaches the engine, and no answer comes.
    Lose,
    /// It is carried out, and then no answer comes.
    Swallow,
    /// It is carried out, and answered by this.
    Lie(u16, &'static str),
    /// It is not carried out, and answered by this.
    Answer(u16, &'static str),
    /// It is not carried out, and answered by nothing but a head with these lines.
    Head(&'static str),
    /// It is carried out, and the connection is cut in the middle of the answer.
    Cut,
}

type Judge = Arc<dyn Fn(&Call) -> Fate + Send + Sync>;

pub(super) struct Proxy {
    directory: tempfile::TempDir,
    calls: Arc<Mutex<Vec<Call>>>,
    /// Told when a swallowed request was carried out.
    pub(super) swallowed: Arc<Notify>,
    server: JoinHandle<()>,
}

impl Proxy {
    pub(super) fn new(judge: impl Fn(&Call) -> Fate + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let judge: Judge = Arc::new(judge);
        let swallowed = Arc::new(Notify::new());
        let server = tokio::spawn(serve(listener, Arc::clone(&calls), judge, Arc::clone(&swallowed)));
        Self { directory, calls, swallowed, server }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: UnixListener, calls: Arc<Mutex<Vec<Call>>>, judge: Judge, swallowed: Arc<Notify>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (calls, judge, swallowed) = (Arc::clone(&calls), Arc::clone(&judge), Arc::clone(&swallowed));
        tokio::spawn(async move { handle(client, &calls, &judge, &swallowed).await });
    }
}

async fn handle(mut client: UnixStream, calls: &Mutex<Vec<Call>>, judge: &Judge, swallowed: &Notify) {
    let Some(raw) = request(&mut client).await else { return };
    let text = String::from_utf8_lossy(&raw).into_owned();
    let mut words = text.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let path = target
        .strip_prefix("/v1.")
        .and_then(|rest| rest.split_once('/'))
        .map_or(target.to_owned(), |(_, rest)| format!("/{rest}"));
    let call = {
        let mut calls = calls.lock().unwrap();
        let call = Call { number: calls.len() + 1, method, path, raw: text };
        calls.push(call.clone());
        call
    };
    match judge(&call) {
        Fate::Pass => {
            let mut engine = forward(&raw).await;
            if tokio::io::copy(&mut engine, &mut client).await.is_err() {
                // The client went away; the engine finishes by itself.
                drain(engine).await;
            }
        }
        Fate::Hang => drain(client).await,
        Fate::Lose => {
            let engine = forward(&raw).await;
            tokio::join!(drain(engine), drain(client));
        }
        Fate::Swallow => {
            drain(forward(&raw).await).await;
            swallowed.notify_one();
            drain(client).await;
        }
        Fate::Lie(status, body) => {
            drain(forward(&raw).await).await;
            answer(&mut client, status, body).await;
        }
        Fate::Answer(status, body) => answer(&mut client, status, body).await,
        Fate::Head(lines) => {
            let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
            client.write_all(head.as_bytes()).await.ok();
        }
        Fate::Cut => {
            let mut whole = Vec::new();
            forward(&raw).await.read_to_end(&mut whole).await.unwrap();
            let head = whole.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let half = head + (whole.len() - head) / 2;
            // An answer without a body is cut within its head.
            let half = if half >= whole.len() - 1 { head / 2 } else { half };
            client.write_all(&whole[..half]).await.unwrap();
        }
    }
}

async fn drain(mut stream: UnixStream) {
    let mut rest = Vec::new();
    // An end and a broken connection are the same here.
    stream.read_to_end(&mut rest).await.ok();
}

async fn answer(client: &mut UnixStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    client.write_all(format!("{head}{body}").as_bytes()).await.ok();
}

/// Sends a request to the real engine, which closes the connection behind its answer.
async fn forward(raw: &[u8]) -> UnixStream {
    let mut engine = UnixStream::connect(SOCKET).await.unwrap();
    let line = raw.windows(2).position(|window| window == b"\r\n").unwrap() + 2;
    engine.write_all(&raw[..line]).await.unwrap();
    engine.write_all(b"Connection: close\r\n").await.unwrap();
    engine.write_all(&raw[line..]).await.unwrap();
    engine
}

async fn request(client: &mut UnixStream) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        if let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if raw.len() >= end + 4 + length {
                return Some(raw);
            }
        }
        let mut buffer = [0_u8; 8192];
        match client.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => raw.extend_from_slice(&buffer[..count]),
        }
    }
}
