//! OpenCTI as one of the platforms.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    documents::{self, Document},
    graphql::{Answer, Transport},
    managed::Known,
    wire,
};
use crate::{
    model::{ConnectorId, PlatformKind, PlatformName},
    platform::{
        About, CurrentStatus, Failure, HealthReport, Listing, OpenCtiConfig, Platform, PlatformError, Standing, WhoAmI,
        words,
    },
};

/// The code with which a GraphQL server refuses a document that its schema does not allow.
pub(super) const INVALID_DOCUMENT: &str = "GRAPHQL_VALIDATION_FAILED";

/// A client of one OpenCTI.
pub struct OpenCtiClient {
    pub(super) name: PlatformName,
    transport: Transport,
    /// Whether this platform has turned out to keep no signs of life apart from changes.
    older: AtomicBool,
    /// Whether this platform has turned out to mean all items by the first text of a list.
    pub(super) joins_items: AtomicBool,
    /// What this platform's release takes for managed connectors.
    pub(super) known: tokio::sync::Mutex<Known>,
}

impl fmt::Debug for OpenCtiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCtiClient").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OpenCtiClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Failure::Settings`] where the URL, the token, the CA or the proxy can't be used.
    pub fn new(config: OpenCtiConfig) -> Result<Self, PlatformError> {
        let name = config.name.clone();
        let transport = Transport::new(config).map_err(|failure| PlatformError {
            platform: name.clone(),
            what: "prepare requests",
            failure,
        })?;
        let (older, joins_items) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { name, transport, older, joins_items, known: tokio::sync::Mutex::default() })
    }

    pub(super) fn error(&self, document: Document, failure: Failure) -> PlatformError {
        PlatformError { platform: self.name.clone(), what: document.what, failure }
    }

    pub(super) async fn send(&self, document: Document, variables: Value) -> Result<Answer, PlatformError> {
        self.send_within(document, variables, None).await
    }

    /// Sends a document whose answer may take longer than others.
    pub(super) async fn send_within(
        &self,
        document: Document,
        variables: Value,
        longer: Option<Duration>,
    ) -> Result<Answer, PlatformError> {
        let sent = self.transport.send(document, &variables, longer).await;
        sent.map_err(|failure| self.error(document, failure))
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, document: Document, answer: Answer) -> Result<T, PlatformError> {
        serde_json::from_value(answer.data)
            .map_err(|error| self.error(document, Failure::Answer(words(&error.to_string(), 200))))
    }

    /// Sends a mutation whose only answer is that the field `field` is not null.
    pub(super) async fn tell(&self, document: Document, field: &str, input: Value) -> Result<(), PlatformError> {
        self.ask(document, field, json!({ "input": input })).await.map(drop)
    }

    /// Sends a document and gives its field `field`, which must not be null.
    pub(super) async fn ask(&self, document: Document, field: &str, variables: Value) -> Result<Value, PlatformError> {
        let mut answer = self.send(document, variables).await?;
        match answer.data.get_mut(field).map(Value::take) {
            None | Some(Value::Null) => Err(self.error(document, Failure::Answer(format!("`{field}` is null")))),
            Some(value) => Ok(value),
        }
    }

    async fn list(&self, queues: bool) -> Result<Listing, PlatformError> {
        if !self.older.load(Ordering::Relaxed) {
            match self.list_with(documents::CONNECTORS, queues).await {
                Err(PlatformError { failure: Failure::Refused { code, text }, .. })
                    if code == INVALID_DOCUMENT || text.contains(documents::NEWER_FIELD) =>
                {
                    self.older.store(true, Ordering::Relaxed);
                }
                listing => return listing,
            }
        }
        self.list_with(documents::CONNECTORS_OLDER, queues).await
    }

    async fn list_with(&self, document: Document, queues: bool) -> Result<Listing, PlatformError> {
        let answer = self.send(document, json!({ "queues": queues })).await?;
        let clock_ahead = answer.clock_ahead;
        let data: wire::ConnectorsData = self.decode(document, answer)?;
        let listing = wire::listed(&data.connectors).map_err(|why| self.error(document, Failure::Answer(why)))?;
        let status_is_heartbeat = document == documents::CONNECTORS_OLDER;
        Ok(Listing { status_is_heartbeat, clock_ahead, ..listing })
    }
}

impl Platform for OpenCtiClient {
    fn name(&self) -> &PlatformName {
        &self.name
    }

    fn about(&self) -> BoxFuture<'_, Result<About, PlatformError>> {
        async {
            let answer = self.send(documents::ABOUT, json!({})).await?;
            let data: wire::AboutData = self.decode(documents::ABOUT, answer)?;
            let about = data
                .about
                .ok_or_else(|| self.error(documents::ABOUT, Failure::Answer("`about` is null".to_owned())))?;
            // A platform may come back as an older or newer one.
            self.older.store(false, Ordering::Relaxed);
            let about = About { version: words(&about.version, 80) };
            self.heard_version(&about.version).await;
            Ok(about)
        }
        .boxed()
    }

    fn who_am_i(&self) -> BoxFuture<'_, Result<WhoAmI, PlatformError>> {
        async {
            let answer = self.send(documents::ME, json!({})).await?;
            let data: wire::MeData = self.decode(documents::ME, answer)?;
            let capabilities = data.me.capabilities.iter().map(|capability| words(&capability.name, 80)).collect();
            Ok(WhoAmI { name: words(&data.me.name, 200), capabilities })
        }
        .boxed()
    }

    fn connectors(&self, queues: bool) -> BoxFuture<'_, Result<Listing, PlatformError>> {
        self.list(queues).boxed()
    }

    fn register<'a>(&'a self, standing: &'a Standing) -> BoxFuture<'a, Result<(), PlatformError>> {
        async move {
            if standing.kind.platform() != PlatformKind::OpenCti {
                let why = format!("OpenCTI has no connectors of the kind {}", standing.kind.as_str());
                return Err(self.error(documents::REGISTER, Failure::Settings(why)));
            }
            let input = json!({
                "id": standing.id.to_string(),
                "name": standing.name,
                "type": standing.kind.as_str(),
                "scope": standing.scope,
            });
            self.tell(documents::REGISTER, "registerConnector", input).await
        }
        .boxed()
    }

    fn send_status(&self, id: ConnectorId, status: CurrentStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        let input = json!({ "id": id.to_string(), "status": status.as_str() });
        self.tell(documents::STATUS, "updateConnectorCurrentStatus", input).boxed()
    }

    fn send_health(&self, id: ConnectorId, health: HealthReport) -> BoxFuture<'_, Result<(), PlatformError>> {
        async move {
            let started_at = Timestamp::from_second(health.started_at).map_err(|_| {
                self.error(documents::HEALTH, Failure::Settings("the time of the start is none".to_owned()))
            })?;
            let input = json!({
                "id": id.to_string(),
                "restart_count": i32::try_from(health.restarts).unwrap_or(i32::MAX),
                "started_at": started_at.to_string(),
                "is_in_reboot_loop": health.crash_loop,
            });
            self.tell(documents::HEALTH, "updateConnectorHealth", input).await
        }
        .boxed()
    }

    fn send_logs(&self, id: ConnectorId, lines: Vec<String>) -> BoxFuture<'_, Result<(), PlatformError>> {
        let input = json!({ "id": id.to_string(), "logs": lines });
        self.tell(documents::LOGS, "updateConnectorLogs", input).boxed()
    }
}
