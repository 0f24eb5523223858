//! The calls of OpenAEV's interface that are made, and what a token needs for each.

use reqwest::Method;

/// What lets a token read collectors, injectors and the catalog.
const ACCESS_SETTINGS: &str = "ACCESS_TENANT_SETTINGS (older releases: ACCESS_PLATFORM_SETTINGS)";
/// What lets a token change instances of the catalog, and stand as their manager.
pub(super) const MANAGE_SETTINGS: &str = "MANAGE_TENANT_SETTINGS (older releases: MANAGE_PLATFORM_SETTINGS)";
/// What lets a token remove instances of the catalog.
pub(super) const DELETE_SETTINGS: &str = "DELETE_TENANT_SETTINGS (older releases: DELETE_PLATFORM_SETTINGS)";

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// What it does, to follow `failed to`.
    pub(super) what: &'static str,
    pub(super) method: Method,
    /// The capability its caller needs, in the platform's words; empty where a token that is taken is enough.
    pub(super) capability: &'static str,
}

const fn call(what: &'static str, method: Method, capability: &'static str) -> Call {
    Call { what, method, capability }
}

pub(super) static VERSION: Call = call("ask for the version", Method::GET, "");
pub(super) static ME: Call = call("ask who the token belongs to", Method::GET, "");
pub(super) static LICENCE: Call = call("ask for the licence", Method::GET, "");
pub(super) static COLLECTORS: Call = call("list the collectors", Method::GET, ACCESS_SETTINGS);
pub(super) static INJECTORS: Call = call("list the injectors", Method::GET, ACCESS_SETTINGS);
pub(super) static EXECUTORS: Call = call("list the executors", Method::GET, "ACCESS_ASSETS");
pub(super) static STANDING: Call = call("tell where a connector stands", Method::PUT, "");
pub(super) static REGISTER: Call = call("register as the connector manager", Method::POST, MANAGE_SETTINGS);
pub(super) static REACHABLE: Call = call("ask whether a manager is there", Method::GET, ACCESS_SETTINGS);
pub(super) static PING: Call = call("say that the connector manager lives", Method::PUT, MANAGE_SETTINGS);
pub(super) static MANAGED: Call = call("list the managed instances", Method::GET, ACCESS_SETTINGS);
pub(super) static STATUS: Call = call("send an instance's status", Method::PUT, MANAGE_SETTINGS);
pub(super) static HEALTH: Call = call("send an instance's health", Method::PUT, MANAGE_SETTINGS);
pub(super) static LOGS: Call = call("send an instance's logs", Method::POST, MANAGE_SETTINGS);
pub(super) static CATALOG: Call = call("list the contracts", Method::GET, ACCESS_SETTINGS);
pub(super) static CONTRACT: Call = call("ask for the keys of a contract", Method::GET, ACCESS_SETTINGS);
pub(super) static ADD: Call = call("make an instance", Method::POST, MANAGE_SETTINGS);
pub(super) static EDIT: Call = call("change an instance's configuration", Method::PUT, MANAGE_SETTINGS);
pub(super) static REQUEST: Call = call("start or stop an instance", Method::PUT, MANAGE_SETTINGS);
pub(super) static DELETE: Call = call("remove an instance", Method::DELETE, DELETE_SETTINGS);
