//! OpenAEV as one of the platforms.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    calls::{self, Call},
    listing, logs,
    rest::{Answer, Rest},
};
use crate::{
    model::{ConnectorId, ConnectorKind, PlatformName},
    platform::{
        About, CurrentStatus, Failure, HealthReport, HttpConfig, Listing, Platform, PlatformError, Standing, Takes,
        WhoAmI, fields::Fields, words,
    },
};

/// Where an OpenAEV is, and who we are there.
#[derive(Debug)]
pub struct OpenAevConfig {
    /// How it is reached; `/api` is added to its address.
    pub http: HttpConfig,
    /// The tenant whose connectors are ours; left out, the platform takes the one of the token's user.
    pub tenant: Option<Uuid>,
    /// Our id as the connector manager; none where connectors register themselves.
    pub manager: Option<String>,
}

/// A client of one OpenAEV.
pub struct OpenAevClient {
    pub(super) name: PlatformName,
    pub(super) rest: Rest,
    pub(super) manager: Option<String>,
    known: Mutex<Known>,
}

/// What was learnt from the platform, and told to it.
#[derive(Default)]
pub(super) struct Known {
    /// The platform's own ids of managed instances, by the ids that their connectors have.
    pub(super) instances: BTreeMap<ConnectorId, String>,
    /// The log lines that were sent last.
    lines: BTreeMap<ConnectorId, Vec<String>>,
}

impl fmt::Debug for OpenAevClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAevClient").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Me {
    user_email: Option<String>,
    #[serde(default)]
    user_capabilities: Vec<String>,
    #[serde(default)]
    user_admin: bool,
    #[serde(default)]
    user_is_admin_or_bypass: bool,
}

impl OpenAevClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Failure::Settings`] where the URL, the token, the CA or the proxy can't be used.
    pub fn new(config: OpenAevConfig) -> Result<Self, PlatformError> {
        let name = config.http.name.clone();
        let rest = Rest::new(config.http, config.tenant).map_err(|failure| PlatformError {
            platform: name.clone(),
            what: "prepare requests",
            failure,
        })?;
        Ok(Self { name, rest, manager: config.manager, known: Mutex::default() })
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn error(&self, call: &Call, failure: Failure) -> PlatformError {
        PlatformError { platform: self.name.clone(), what: call.what, failure }
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Answer<T>, PlatformError> {
        self.rest.ask(call, path, body).await.map_err(|failure| self.error(call, failure))
    }

    pub(super) async fn tell(&self, call: &Call, path: &[&str], body: Option<&Value>) -> Result<(), PlatformError> {
        self.rest.tell(call, path, body).await.map_err(|failure| self.error(call, failure))
    }

    pub(super) async fn version(&self) -> Result<About, PlatformError> {
        let version = self.rest.version(&calls::VERSION).await;
        Ok(About { version: version.map_err(|failure| self.error(&calls::VERSION, failure))? })
    }

    async fn list(&self, call: &Call, path: &str, kind: ConnectorKind) -> Result<Listing, PlatformError> {
        let answer: Answer<Vec<Fields>> = self.ask(call, &[path], None).await?;
        let listing = listing::listed(kind, &answer.value);
        let listing = listing.map_err(|why| self.error(call, Failure::Answer(why)))?;
        Ok(Listing { clock_ahead: answer.clock_ahead, ..listing })
    }

    /// Tells the platform about a managed instance; `last` is the end of the path.
    async fn tell_of(&self, call: &Call, id: ConnectorId, last: &str, body: &Value) -> Result<(), PlatformError> {
        let Some(manager) = &self.manager else {
            let why = "OpenAEV takes it only for instances that Lockstep manages (`registration: managed`)";
            return Err(self.error(call, Failure::Unsupported(why.to_owned())));
        };
        let instance = self.instance(call, id).await?;
        self.tell(call, &["xtm-composer", manager, "connector-instances", &instance, last], Some(body)).await
    }
}

impl Platform for OpenAevClient {
    fn name(&self) -> &PlatformName {
        &self.name
    }

    fn takes(&self) -> Takes {
        if self.manager.is_some() { Takes::Standing } else { Takes::Nothing }
    }

    fn about(&self) -> BoxFuture<'_, Result<About, PlatformError>> {
        self.version().boxed()
    }

    fn who_am_i(&self) -> BoxFuture<'_, Result<WhoAmI, PlatformError>> {
        async {
            let me: Me = self.ask(&calls::ME, &["me"], None).await?.value;
            let no_user = || self.error(&calls::ME, Failure::Answer("`user_email` is null".to_owned()));
            let name = words(me.user_email.as_deref().ok_or_else(no_user)?, 200);
            let mut capabilities: Vec<_> = me.user_capabilities.iter().map(|word| words(word, 80)).collect();
            if me.user_admin || me.user_is_admin_or_bypass {
                capabilities.push("BYPASS".to_owned());
            }
            Ok(WhoAmI { name, capabilities })
        }
        .boxed()
    }

    fn connectors(&self, _queues: bool) -> BoxFuture<'_, Result<Listing, PlatformError>> {
        async {
            let (collectors, injectors, executors) = tokio::try_join!(
                self.list(&calls::COLLECTORS, "collectors", ConnectorKind::Collector),
                self.list(&calls::INJECTORS, "injectors", ConnectorKind::Injector),
                self.list(&calls::EXECUTORS, "executors", ConnectorKind::Executor),
            )?;
            let mut listing = collectors;
            for more in [injectors, executors] {
                listing.connectors.extend(more.connectors);
                listing.unreadable.extend(more.unreadable);
            }
            Ok(listing)
        }
        .boxed()
    }

    fn register<'a>(&'a self, _standing: &'a Standing) -> BoxFuture<'a, Result<(), PlatformError>> {
        // What a connector says of itself then, its type, period and contracts, only it knows; the platform keeps the
        // period that it was told first for good.
        let why = "OpenAEV lists a connector only once it has come by itself";
        std::future::ready(Err(self.error(&calls::STANDING, Failure::Unsupported(why.to_owned())))).boxed()
    }

    fn send_status(&self, id: ConnectorId, status: CurrentStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        let body = json!({ "connector_instance_current_status": status.as_str() });
        async move { self.tell_of(&calls::STATUS, id, "status", &body).await }.boxed()
    }

    fn send_health(&self, id: ConnectorId, health: HealthReport) -> BoxFuture<'_, Result<(), PlatformError>> {
        async move {
            let no_time = |_| self.error(&calls::HEALTH, Failure::Settings("the time of the start is none".to_owned()));
            let started_at = Timestamp::from_second(health.started_at).map_err(no_time)?;
            let body = json!({
                "connector_instance_restart_count": i32::try_from(health.restarts).unwrap_or(i32::MAX),
                "connector_instance_started_at": started_at.to_string(),
                "connector_instance_is_in_reboot_loop": health.crash_loop,
            });
            self.tell_of(&calls::HEALTH, id, "health-check", &body).await
        }
        .boxed()
    }

    fn send_logs(&self, id: ConnectorId, lines: Vec<String>) -> BoxFuture<'_, Result<(), PlatformError>> {
        async move {
            let sent = self.known().lines.get(&id).cloned().unwrap_or_default();
            if let Some(text) = logs::addition(&sent, &lines) {
                let body = json!({ "connector_instance_logs": [text] });
                self.tell_of(&calls::LOGS, id, "logs", &body).await?;
            }
            self.known().lines.insert(id, lines);
            Ok(())
        }
        .boxed()
    }
}
