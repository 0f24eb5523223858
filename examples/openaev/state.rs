//! What the stand-in remembers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Options, managed::Managed};

/// How many requests are remembered.
const REQUESTS: usize = 10_000;
/// The kinds of connector.
pub(super) const KINDS: [&str; 3] = ["collector", "injector", "executor"];

/// A collector, injector or executor that came by itself.
struct Connector {
    kind: String,
    name: String,
    word: String,
    updated_at: Timestamp,
    registrations: u64,
}

impl Connector {
    /// The whole of it, as it is answered when it registers.
    fn whole(&self, id: &str) -> Value {
        let kind = &self.kind;
        json!({
            format!("{kind}_id"): id,
            format!("{kind}_name"): self.name,
            format!("{kind}_type"): self.word,
            format!("{kind}_external"): true,
            format!("{kind}_updated_at"): self.updated_at.to_string(),
        })
    }
}

#[derive(Default)]
struct Memory {
    connectors: BTreeMap<String, Connector>,
    managed: Managed,
    requests: Vec<Value>,
    /// The tokens that are taken now; none for those of the options.
    tokens: Option<Vec<String>>,
    fault: &'static str,
    /// Faults of single calls: how the method and path begin, and how often each still happens.
    faults: Vec<(String, &'static str, u64)>,
}

/// The stand-in.
pub(super) struct Platform {
    pub(super) options: Options,
    memory: Mutex<Memory>,
}

impl Platform {
    pub(super) fn new(options: Options) -> Self {
        Self { options, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is remembered of managed instances, or changes it.
    pub(super) fn managed<T>(&self, look: impl FnOnce(&mut Managed) -> T) -> T {
        look(&mut self.memory().managed)
    }

    pub(super) fn version(&self) -> &str {
        &self.options.version
    }

    pub(super) fn capabilities(&self) -> &[String] {
        &self.options.capabilities
    }

    pub(super) fn takes(&self, token: &str) -> bool {
        self.tokens().iter().any(|taken| taken == token)
    }

    /// The tokens that are taken.
    pub(super) fn tokens(&self) -> Vec<String> {
        self.memory().tokens.clone().unwrap_or_else(|| self.options.tokens.clone())
    }

    pub(super) fn set_tokens(&self, tokens: Vec<String>) {
        self.memory().tokens = Some(tokens);
    }

    pub(super) fn has_tenant(&self, tenant: &str) -> bool {
        self.options.tenant.as_deref().is_none_or(|ours| ours == tenant)
    }

    /// Whether the caller may do what needs a capability: to remove includes to manage, and that to access.
    pub(super) fn allows(&self, wanted: &str) -> bool {
        let rank = |word: &str| ["ACCESS", "MANAGE", "DELETE"].iter().position(|verb| *verb == word);
        let Some((verb, thing)) = wanted.split_once('_') else { return false };
        self.options.capabilities.iter().any(|held| {
            let of_thing = held.split_once('_').filter(|(_, other)| *other == thing);
            held == "BYPASS" || of_thing.is_some_and(|(held, _)| rank(held) >= rank(verb))
        })
    }

    pub(super) fn fault(&self) -> &'static str {
        self.memory().fault
    }

    pub(super) fn set_fault(&self, fault: &'static str) {
        self.memory().fault = fault;
    }

    /// Makes the calls fail whose method and path begin like this and end like what stands behind `*`.
    pub(super) fn set_fault_of(&self, call: &str, fault: &'static str, times: u64) {
        self.memory().faults.push((call.to_owned(), fault, times));
    }

    /// The fault of a call, which counts as happened.
    pub(super) fn fault_of(&self, line: &str) -> &'static str {
        let fits = |call: &str| match call.split_once('*') {
            Some((start, end)) => line.starts_with(start) && line.ends_with(end),
            None => line == call,
        };
        let mut memory = self.memory();
        let Some((_, fault, times)) = memory.faults.iter_mut().find(|(call, _, times)| *times > 0 && fits(call)) else {
            return "none";
        };
        *times -= 1;
        fault
    }

    /// Remembers that something was asked for.
    pub(super) fn note(&self, method: &Method, path: &str) {
        let mut memory = self.memory();
        if memory.requests.len() == REQUESTS {
            memory.requests.remove(0);
        }
        let at = Timestamp::now().to_string();
        memory.requests.push(json!({ "method": method.as_str(), "path": path, "at": at }));
    }

    pub(super) fn requests(&self) -> Value {
        Value::Array(self.memory().requests.clone())
    }

    pub(super) fn instances(&self) -> Value {
        self.managed(|managed| managed.page())
    }

    /// Every connector, for people and tests.
    pub(super) fn connectors(&self) -> Value {
        let page = |(id, connector): (&String, &Connector)| {
            json!({
                "id": id, "kind": connector.kind, "name": connector.name, "type": connector.word,
                "updated_at": connector.updated_at.to_string(), "registrations": connector.registrations,
            })
        };
        self.memory().connectors.iter().map(page).collect()
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.memory().connectors.contains_key(id)
    }

    pub(super) fn remove(&self, id: &str) {
        self.memory().connectors.remove(id);
    }

    /// The list of one kind, in the form of the release.
    pub(super) fn list(&self, kind: &str) -> Value {
        let memory = self.memory();
        let of_kind = memory.connectors.iter().filter(|(_, connector)| connector.kind == kind);
        let line = |(id, connector): (&String, &Connector)| {
            let time = connector.updated_at.to_string();
            let field = match (self.options.older, kind) {
                (false, _) => "last_execution".to_owned(),
                (true, "collector") => "collector_last_execution".to_owned(),
                (true, _) => format!("{kind}_updated_at"),
            };
            json!({
                format!("{kind}_id"): id,
                format!("{kind}_name"): connector.name,
                format!("{kind}_type"): connector.word,
                field: time,
                "catalog": null,
                "is_verified": false,
                "connector_instance": memory.managed.short(id),
            })
        };
        of_kind.map(line).collect()
    }

    pub(super) fn register(&self, kind: &str, id: &str, name: &str, word: &str) -> Value {
        let mut memory = self.memory();
        let connector = memory.connectors.entry(id.to_owned()).or_insert_with(|| Connector {
            kind: kind.to_owned(),
            name: String::new(),
            word: String::new(),
            updated_at: Timestamp::now(),
            registrations: 0,
        });
        (connector.name, connector.word) = (name.to_owned(), word.to_owned());
        connector.updated_at = Timestamp::now();
        connector.registrations += 1;
        connector.whole(id)
    }
}
