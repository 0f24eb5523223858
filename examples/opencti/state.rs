//! What the stand-in remembers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Options, fault::Fault, managed, types};

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
    /// What is there beside this for one that a manager runs.
    pub(super) managed: Option<managed::Managed>,
}

impl Stored {
    pub(super) fn new(input: types::RegisterConnectorInput) -> Self {
        let now = Timestamp::now();
        Self {
            input,
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
            managed: None,
        }
    }

    /// The name that people gave.
    pub(super) fn title(&self) -> &str {
        self.managed.as_ref().map_or(&self.input.name, |managed| &managed.title)
    }

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
            "title": self.title(),
            "managed": self.managed.as_ref().map(|managed| managed.page(self)),
        })
    }
}

pub(super) struct Memory {
    pub(super) connectors: BTreeMap<String, Stored>,
    pub(super) managers: BTreeMap<String, managed::Manager>,
    /// Users by their id.
    pub(super) users: BTreeMap<String, String>,
    /// The confidence of accounts that it made for connectors, by their name.
    pub(super) confidence: BTreeMap<String, String>,
    version: String,
    tokens: Vec<String>,
    requests: Vec<Value>,
    fault: Fault,
    /// Faults of single operations, and how often each still happens; none for always.
    faults: BTreeMap<String, (Fault, Option<u64>)>,
    contracts: Vec<String>,
}

/// The stand-in.
pub(super) struct Platform {
    options: Options,
    memory: Mutex<Memory>,
}

impl Platform {
    pub(super) fn new(options: Options) -> Self {
        let memory = Memory {
            connectors: BTreeMap::new(),
            managers: BTreeMap::new(),
            users: BTreeMap::from([(types::USER.to_owned(), "lockstep".to_owned())]),
            confidence: BTreeMap::new(),
            version: options.version.clone(),
            tokens: options.tokens.clone(),
            requests: Vec::new(),
            fault: Fault::None,
            faults: BTreeMap::new(),
            contracts: Vec::new(),
        };
        Self { options, memory: Mutex::new(memory) }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn is_older(&self) -> bool {
        self.options.older
    }

    pub(super) fn version(&self) -> String {
        self.memory().version.clone()
    }

    pub(super) fn set_version(&self, version: &str) {
        self.memory().version = version.to_owned();
    }

    pub(super) fn set_tokens(&self, tokens: Vec<String>) {
        self.memory().tokens = tokens;
    }

    pub(super) fn capabilities(&self) -> &[String] {
        &self.options.capabilities
    }

    pub(super) fn takes(&self, token: &str) -> bool {
        self.memory().tokens.iter().any(|taken| taken == token)
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

    /// Makes one operation fail, as often as is said.
    pub(super) fn set_fault_of(&self, operation: &str, fault: Fault, times: Option<u64>) {
        self.memory().faults.insert(operation.to_owned(), (fault, times));
    }

    /// The fault of the first operation among those that are asked for, which counts as happened.
    pub(super) fn fault_of(&self, asked: impl Fn(&str) -> bool) -> Fault {
        let mut memory = self.memory();
        let fitting = memory.faults.iter_mut().find(|(operation, (_, times))| asked(operation) && *times != Some(0));
        let Some((_, (fault, times))) = fitting else { return Fault::None };
        if let Some(times) = times {
            *times -= 1;
        }
        *fault
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

    pub(super) fn managers(&self) -> Value {
        let page = |(id, manager): (&String, &managed::Manager)| manager.page(id);
        self.memory().managers.iter().map(page).collect()
    }

    pub(super) fn confidence(&self) -> Value {
        json!(self.memory().confidence)
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
        let stored = memory.connectors.entry(input.id.to_string()).or_insert_with(|| Stored::new(input.clone()));
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
