//! What the stand-in remembers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Options, fault::Fault, types};

/// How long a connector counts as active after a sign of life, and how long its health is kept.
const LIFE: SignedDuration = SignedDuration::from_mins(5);
/// How many requests are remembered.
const REQUESTS: usize = 10_000;

/// One connector.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) input: types::RegisterConnectorInput,
    pub(super) state: Option<String>,
    pub(super) info: Option<types::ConnectorInfoInput>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) last_seen_at: Option<Timestamp>,
    pub(super) status: Option<types::ConnectorCurrentStatus>,
    pub(super) logs: Vec<String>,
    pub(super) health: Option<(types::HealthConnectorStatusInput, Timestamp)>,
    pub(super) registrations: u64,
    pub(super) pings: u64,
}

impl Stored {
    pub(super) fn is_active(&self, older: bool, now: Timestamp) -> bool {
        let seen = if older { Some(self.updated_at) } else { self.last_seen_at };
        seen.is_some_and(|seen| now.duration_since(seen) < LIFE)
    }

    pub(super) fn health(&self, now: Timestamp) -> Option<&(types::HealthConnectorStatusInput, Timestamp)> {
        self.health.as_ref().filter(|(_, at)| now.duration_since(*at) < LIFE)
    }

    fn page(&self, older: bool) -> Value {
        let now = Timestamp::now();
        let health = self.health(now).map(|(health, at)| {
            json!({
                "restart_count": health.restart_count,
                "started_at": health.started_at,
                "is_in_reboot_loop": health.is_in_reboot_loop,
                "last_update": at.to_string(),
            })
        });
        json!({
            "id": self.input.id.as_str(),
            "name": self.input.name,
            "type": self.input.r#type.as_str(),
            "scope": self.input.scope,
            "active": self.is_active(older, now),
            "last_seen_at": self.last_seen_at.map(|at| at.to_string()),
            "updated_at": self.updated_at.to_string(),
            "status": self.status.map(types::ConnectorCurrentStatus::as_str),
            "state": self.state,
            "health": health,
            "logs": self.logs,
            "registrations": self.registrations,
            "pings": self.pings,
        })
    }
}

struct Memory {
    connectors: BTreeMap<String, Stored>,
    requests: Vec<Value>,
    fault: Fault,
    contracts: Vec<String>,
}

/// The stand-in.
pub(super) struct Platform {
    options: Options,
    memory: Mutex<Memory>,
}

impl Platform {
    pub(super) fn new(options: Options) -> Self {
        let memory =
            Memory { connectors: BTreeMap::new(), requests: Vec::new(), fault: Fault::None, contracts: Vec::new() };
        Self { options, memory: Mutex::new(memory) }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_older(&self) -> bool {
        self.options.older
    }

    pub(super) fn version(&self) -> &str {
        &self.options.version
    }

    pub(super) fn capabilities(&self) -> &[String] {
        &self.options.capabilities
    }

    pub(super) fn takes(&self, token: &str) -> bool {
        self.options.tokens.iter().any(|taken| taken == token)
    }

    /// Whether the caller may do what needs a capability.
    pub(super) fn allows(&self, wanted: &str) -> bool {
        let allows = |held: &str| {
            held == "BYPASS" || held == wanted || held.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('_'))
        };
        self.options.capabilities.iter().any(|held| allows(held))
    }

    pub(super) fn fault(&self) -> Fault {
        self.memory().fault
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.memory().fault = fault;
    }

    /// The contracts that it publishes, each as JSON.
    pub(super) fn contracts(&self) -> Vec<String> {
        self.memory().contracts.clone()
    }

    pub(super) fn set_contracts(&self, contracts: Vec<String>) {
        self.memory().contracts = contracts;
    }

    /// Remembers that an operation was asked for.
    pub(super) fn note(&self, operation: &str, id: &str) {
        let mut memory = self.memory();
        if memory.requests.len() == REQUESTS {
            memory.requests.remove(0);
        }
        memory.requests.push(json!({ "operation": operation, "id": id, "at": Timestamp::now().to_string() }));
    }

    pub(super) fn requests(&self) -> Value {
        Value::Array(self.memory().requests.clone())
    }

    pub(super) fn connectors(&self) -> Value {
        self.memory().connectors.values().map(|stored| stored.page(self.options.older)).collect()
    }

    pub(super) fn all(&self) -> Vec<Stored> {
        self.memory().connectors.values().cloned().collect()
    }

    pub(super) fn get(&self, id: &str) -> Option<Stored> {
        self.memory().connectors.get(id).cloned()
    }

    pub(super) fn remove(&self, id: &str) -> Option<Stored> {
        self.memory().connectors.remove(id)
    }

    pub(super) fn register(&self, input: types::RegisterConnectorInput) -> Stored {
        let now = Timestamp::now();
        let mut memory = self.memory();
        let stored = memory.connectors.entry(input.id.to_string()).or_insert_with(|| Stored {
            input: input.clone(),
            state: None,
            info: None,
            created_at: now,
            updated_at: now,
            last_seen_at: None,
            status: None,
            logs: Vec::new(),
            health: None,
            registrations: 0,
            pings: 0,
        });
        stored.input = input;
        stored.updated_at = now;
        stored.last_seen_at = Some(now);
        stored.registrations += 1;
        stored.clone()
    }

    /// Changes a connector; none where it is not known. `touches` moves the time of its last change.
    pub(super) fn change(&self, id: &str, touches: bool, change: impl FnOnce(&mut Stored)) -> Option<Stored> {
        let mut memory = self.memory();
        let stored = memory.connectors.get_mut(id)?;
        change(stored);
        if touches {
            stored.updated_at = Timestamp::now();
        }
        Some(stored.clone())
    }
}
