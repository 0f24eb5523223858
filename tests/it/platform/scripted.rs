//! A server that answers as it is told to and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What is done with a request.
pub(super) enum Answer {
    /// Status line and headers, each with its line end, and the body.
    Reply(&'static str, String),
    /// The same, after a while.
    Later(Duration, String),
    /// A body without end.
    Endless,
    /// Half of an answer, then nothing more.
    Cut,
    /// No answer.
    Hang,
}

pub(super) fn json(body: &str) -> Answer {
    Answer::Reply("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", body.to_owned())
}

pub(super) struct Scripted {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub(super) async fn start(answers: Vec<Answer>) -> Self {
        Self::start_with(answers, None).await
    }

    pub(super) async fn start_with(answers: Vec<Answer>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut answers = VecDeque::from(answers);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match &tls {
                    None => serve(stream, &mut answers, &seen).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &mut answers, &seen).await;
                        }
                    }
                }
            }
        });
        Self { port, requests, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &mut VecDeque<Answer>,
    requests: &Mutex<Vec<String>>,
) {
    let Some(request) = request(&mut stream).await else { return };
    requests.lock().unwrap().push(request);
    let answer = answers.pop_front().unwrap_or(Answer::Cut);
    let sent = match answer {
        Answer::Reply(head, body) => {
            let text = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).await
        }
        Answer::Later(after, body) => {
            tokio::time::sleep(after).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await
        }
        Answer::Endless => {
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{").await;
            let spaces = vec![b' '; 1 << 16];
            while sent.is_ok() {
                sent = stream.write_all(&spaces).await;
            }
            sent
        }
        Answer::Cut => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"data\":").await,
        Answer::Hang => std::future::pending().await,
    };
    // The other side may have left before the end, as it should.
    drop(sent);
    drop(stream.shutdown().await);
}

/// Reads one request whole, with its body.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
