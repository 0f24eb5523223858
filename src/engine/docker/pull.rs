//! Gets images from registries, each once at a time, with credentials for exactly its registry.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bollard::{
    auth::DockerCredentials, errors::Error as BollardError, models::CreateImageInfo,
    query_parameters::CreateImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{client::Client, config::RegistryAuth};
use crate::engine::{EngineError, Progress};

/// The registry of references that name none.
const DOCKER_HUB: &str = "docker.io";

/// How the last pull of an image ended, and when.
type Last = Arc<AsyncMutex<Option<(Instant, Result<(), Failure>)>>>;

/// What a registry said against a pull.
#[derive(Debug, Clone)]
struct Failure {
    why: String,
    transient: bool,
}

/// Everything about pulling that outlives one pull.
pub(super) struct Pulls {
    registries: Vec<RegistryAuth>,
    running: Mutex<HashMap<String, Last>>,
}

impl Pulls {
    pub(super) fn new(registries: Vec<RegistryAuth>) -> Self {
        Self { registries, running: Mutex::new(HashMap::new()) }
    }

    /// Pulls an image, or waits for a pull of it that is under way; false where waiting was cancelled.
    pub(super) async fn pull(
        &self,
        client: &Client,
        image: &str,
        progress: &(dyn Fn(Progress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<bool, EngineError> {
        let asked = Instant::now();
        let last = self.last(image);
        // Cancelling drops the request; what the engine has fetched by then is kept by it.
        let pulled = cancel.run_until_cancelled(async {
            let mut last = last.lock().await;
            if let Some((ended, result)) = last.as_ref()
                && *ended >= asked
            {
                return result.clone().map_err(|failure| failure.of(image));
            }
            let result = self.fetch(client, image, progress).await;
            match &result {
                Ok(()) => *last = Some((Instant::now(), Ok(()))),
                Err(EngineError::Image { why, transient, .. }) => {
                    *last = Some((Instant::now(), Err(Failure { why: why.clone(), transient: *transient })));
                }
                // The engine itself failed, which says nothing to the others that wait.
                Err(_) => {}
            }
            result
        });
        pulled.await.transpose().map(|done| done.is_some())
    }

    /// The credentials for a registry, as references name it.
    pub(super) fn credentials(&self, host: &str) -> Option<&RegistryAuth> {
        self.registries.iter().find(|auth| canonical(&auth.host) == host)
    }

    fn last(&self, image: &str) -> Last {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, last| Arc::strong_count(last) > 1);
        Arc::clone(running.entry(image.to_owned()).or_default())
    }

    async fn fetch(
        &self,
        client: &Client,
        image: &str,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), EngineError> {
        let reference = Reference::parse(image)
            .ok_or_else(|| Failure { why: "it is no image reference".to_owned(), transient: false }.of(image))?;
        let auth = self.credentials(reference.host);
        let password = auth.map(|auth| auth.password.read()).transpose();
        let password = password.map_err(|why| Failure { why, transient: true }.of(image))?;
        let credentials = auth.zip(password.as_ref()).map(|(auth, password)| credentials(auth, password));
        let options = CreateImageOptionsBuilder::new().from_image(reference.name).tag(reference.version).build();
        let mut answers = client.docker.create_image(Some(options), None, credentials);
        let mut layers = Layers::default();
        progress(Progress::Pulling(0, None));
        loop {
            let limit = client.deadlines.pull_stall;
            let answer = tokio::time::timeout(limit, answers.next()).await.map_err(|_| EngineError::Deadline {
                what: format!("go on pulling image `{image}`"),
                seconds: limit.as_secs(),
            })?;
            match answer {
                None => return Ok(()),
                Some(Ok(info)) => {
                    if let Some(seen) = layers.see(info) {
                        progress(seen);
                    }
                }
                Some(Err(error)) => return Err(refusal(client, image, password.as_ref(), error)),
            }
        }
    }
}

impl Failure {
    fn of(self, image: &str) -> EngineError {
        EngineError::Image { image: image.to_owned(), why: self.why, transient: self.transient }
    }
}

fn credentials(auth: &RegistryAuth, password: &SecretString) -> DockerCredentials {
    DockerCredentials {
        username: Some(auth.username.clone()),
        password: Some(password.expose_secret().to_owned()),
        serveraddress: Some(auth.host.clone()),
        ..DockerCredentials::default()
    }
}

/// What went wrong, in the registry's words where they are its.
fn refusal(client: &Client, image: &str, password: Option<&SecretString>, error: BollardError) -> EngineError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the client's errors differ by its features and versions")]
    let (status, message) = match error {
        BollardError::DockerResponseServerError { status_code, message } => (status_code, message),
        // Engines answer 200 first and say in the stream what went wrong.
        BollardError::DockerStreamError { error } => (500, error),
        other => return client.named(format!("pull image `{image}`"), other),
    };
    let message = password
        .map(|password| password.expose_secret())
        .filter(|password| !password.is_empty())
        .map_or_else(|| message.clone(), |password| message.replace(password, "***"));
    Failure { transient: is_transient(status, &message), why: message }.of(image)
}

/// Whether a registry may say something else next time; engines hand on most of what registries say as their own 500.
fn is_transient(status: u16, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["toomanyrequests", "too many requests", "429"]) {
        return true;
    }
    let final_words = [
        "unauthorized",
        "authentication required",
        "no basic auth",
        "denied",
        "forbidden",
        "manifest unknown",
        "not found",
        "does not exist",
        "invalid reference",
        "no matching manifest",
    ];
    status >= 500 && !says(&final_words)
}

/// The bytes of each layer so far and in all.
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    fn see(&mut self, info: CreateImageInfo) -> Option<Progress> {
        let detail = info.progress_detail?;
        if info.status.as_deref() != Some("Downloading") {
            return None;
        }
        let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
        self.0.insert(info.id?, (bytes(detail.current), bytes(detail.total)));
        let all_known = self.0.values().all(|(_, total)| *total > 0);
        let total = all_known.then(|| self.0.values().map(|(_, total)| total).sum());
        Some(Progress::Pulling(self.0.values().map(|(current, _)| current).sum(), total))
    }
}

/// An image reference in the parts that a pull needs.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    /// The registry.
    host: &'a str,
    /// Everything before tag and digest; with the tag left out an engine would pull every tag there is.
    name: &'a str,
    /// The digest, else the tag, else `latest`.
    version: &'a str,
}

impl<'a> Reference<'a> {
    fn parse(image: &'a str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
        if image.is_empty() || image.len() > 512 || !image.chars().all(allowed) || image.contains("..") {
            return None;
        }
        let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            Some(_) | None => (rest, None),
        };
        let host = match name.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => canonical(host),
            Some(_) | None => DOCKER_HUB,
        };
        let version = digest.or(tag).unwrap_or("latest");
        (!name.is_empty() && !version.is_empty()).then_some(Self { host, name, version })
    }
}

/// The registry of an image; none where the text is no reference.
pub(super) fn registry(image: &str) -> Option<&str> {
    Reference::parse(image).map(|reference| reference.host)
}

/// Whether a text can be a reference that is put into a path of the API.
pub(super) fn is_reference(image: &str) -> bool {
    Reference::parse(image).is_some()
}

/// A registry's host, with Docker Hub's other names taken for the one in references.
fn canonical(host: &str) -> &str {
    let host = host.strip_prefix("https://").unwrap_or(host).trim_end_matches('/');
    match host {
        "index.docker.io" | "index.docker.io/v1" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_host_name_and_version() {
        let digest = "sha256:aa";
        for (image, host, name, version) in [
            ("alpine", "docker.io", "alpine", "latest"),
            ("opencti/misp:7.1", "docker.io", "opencti/misp", "7.1"),
            ("index.docker.io/a/b:1", "docker.io", "index.docker.io/a/b", "1"),
            ("localhost/a", "localhost", "localhost/a", "latest"),
            ("127.0.0.1:5000/a", "127.0.0.1:5000", "127.0.0.1:5000/a", "latest"),
            ("r.example.org:5000/a/b:1@sha256:aa", "r.example.org:5000", "r.example.org:5000/a/b", digest),
        ] {
            assert_eq!(Reference::parse(image), Some(Reference { host, name, version }), "{image}");
        }
        for bad in ["", "a b", "a/../b", "a?b", ":1", "@sha256:aa", "a:", "a\n"] {
            assert_eq!(Reference::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_a_registry_refuses_for_good_is_not_tried_again() {
        for word in [
            "pull access denied for x",
            "Get http://r/v2/: no basic auth credentials",
            "unauthorized: authentication required",
            "manifest for x:1 not found: manifest unknown: manifest unknown",
        ] {
            assert!(!is_transient(500, word), "{word}");
            assert!(!is_transient(404, word), "{word}");
        }
        for word in
            ["toomanyrequests: rate limit", "dial tcp: connection refused", "received unexpected HTTP status: 502"]
        {
            assert!(is_transient(500, word), "{word}");
        }
        assert!(!is_transient(400, "bad request"));
    }
}
