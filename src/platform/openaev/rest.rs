//! Makes one call and reads its answer.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{
    StatusCode,
    header::{ACCEPT, HeaderValue},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::calls::Call;
use crate::platform::{
    Failure,
    http::{Http, HttpConfig, Reply},
    words,
};

/// What the platform says where the licence does not allow something.
const LICENCE: &str = "LICENSE_RESTRICTION";
/// What it says where the token's user is not of the tenant.
const TENANT: &str = "TENANT_ACCESS_DENIED";
/// What it says instead of a refusal, so that nobody learns what is there.
const HIDDEN: &str = "Not Found";

/// The way to one platform.
pub(super) struct Rest {
    http: Http,
    tenant: Option<String>,
    /// Whether the release has no tenants, as far as that showed since it was last asked for its version.
    without_tenants: AtomicBool,
}

/// What an answer that refuses says, in the forms of the platform's own errors and of its server.
#[derive(Deserialize, Default)]
struct Refusal {
    message: Option<String>,
    /// What is behind the message, where it has such.
    error: Option<String>,
    /// Only the server's own errors have it, as for a route that the release does not have.
    path: Option<String>,
}

/// A value, and by how many milliseconds the platform's clock is ahead.
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) clock_ahead: i64,
}

impl Rest {
    pub(super) fn new(config: HttpConfig, tenant: Option<Uuid>) -> Result<Self, Failure> {
        let tenant = tenant.map(|tenant| tenant.to_string());
        Ok(Self { http: Http::new(config)?, tenant, without_tenants: AtomicBool::new(false) })
    }

    /// Makes a call of which the answer is a value.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        call: &Call,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Answer<T>, Failure> {
        let reply = self.send(call, path, body).await?;
        if serde_json::from_slice::<serde::de::IgnoredAny>(&reply.body).is_err() {
            return Err(not_json(&reply));
        }
        let value = serde_json::from_slice(&reply.body).map_err(|error| {
            // The error's own words may quote a value that nobody may see.
            let (line, column) = (error.line(), error.column());
            Failure::Answer(format!("it has another form than expected, at line {line}, column {column}"))
        })?;
        Ok(Answer { value, clock_ahead: reply.clock_ahead })
    }

    /// Makes a call that only has to succeed.
    pub(super) async fn tell(&self, call: &Call, path: &[&str], body: Option<&Value>) -> Result<(), Failure> {
        let reply = self.send(call, path, body).await?;
        // A page to log in is no success, whatever its status says.
        let is_empty = reply.body.iter().all(u8::is_ascii_whitespace);
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(&reply.body).is_ok();
        if is_empty || is_json() { Ok(()) } else { Err(not_json(&reply)) }
    }

    /// The platform's version, which stands bare in the answer and is of no tenant.
    pub(super) async fn version(&self, call: &Call) -> Result<String, Failure> {
        // It may have been upgraded meanwhile.
        self.without_tenants.store(false, Ordering::Relaxed);
        let request = self.http.request(call.method.clone(), &["api", "settings", "version"]);
        let request = request.header(ACCEPT, HeaderValue::from_static("text/plain, application/json"));
        let reply = self.http.send(request, None).await?;
        check(call, &[], &reply)?;
        // A bare word is no JSON, and a bare number is.
        if let Ok(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) =
            serde_json::from_slice(&reply.body)
        {
            return Err(Failure::Answer("what it says in the place of its version is none".to_owned()));
        }
        let text = String::from_utf8_lossy(&reply.body);
        let version = text.trim().trim_matches('"');
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
        let is_version = !version.is_empty() && version.len() <= 80 && version.chars().all(fits);
        if is_version { Ok(version.to_owned()) } else { Err(not_json(&reply)) }
    }

    async fn send(&self, call: &Call, path: &[&str], body: Option<&Value>) -> Result<Reply, Failure> {
        let tenant = self.tenant.as_deref().filter(|_| !self.without_tenants.load(Ordering::Relaxed));
        let mut reply = self.send_of(call, tenant, path, body).await?;
        if tenant.is_some() && is_no_route(&reply) {
            // A release that has no tenants has the same below the plain path; one that has them has no such answer.
            let plain = self.send_of(call, None, path, body).await?;
            if !is_no_route(&plain) {
                self.without_tenants.store(true, Ordering::Relaxed);
                tracing::debug!(call = call.what, "this release of OpenAEV has no tenants");
                reply = plain;
            }
        }
        check(call, path, &reply)?;
        Ok(reply)
    }

    async fn send_of(
        &self,
        call: &Call,
        tenant: Option<&str>,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let mut whole = vec!["api"];
        whole.extend(tenant.into_iter().flat_map(|tenant| ["tenants", tenant]));
        whole.extend(path);
        let mut request = self.http.request(call.method.clone(), &whole);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.http.send(request, None).await
    }
}

/// Whether it is the server that answers, since the release has no such route.
fn is_no_route(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
        && serde_json::from_slice::<Refusal>(&reply.body).is_ok_and(|refusal| refusal.path.is_some())
}

/// Reads an answer that is no success; `path` is what was asked for.
fn check(call: &Call, path: &[&str], reply: &Reply) -> Result<(), Failure> {
    if reply.status.is_success() {
        return Ok(());
    }
    // What older releases refuse with this status has no words of their own, or none at all.
    let of_manager = matches!(path, ["xtm-composer", _, _, ..]) && reply.status == StatusCode::BAD_REQUEST;
    let unknown = |text: String| Failure::UnknownManager { text: said(text, reply.status) };
    let Ok(refusal) = serde_json::from_slice::<Refusal>(&reply.body) else {
        let is_page = reply.content_type.contains("html");
        return Err(match reply.status {
            StatusCode::FORBIDDEN => forbidden(call, format!("HTTP {}", reply.status)),
            _ if of_manager && !is_page => unknown(reply.scrubbed(&String::from_utf8_lossy(&reply.body))),
            _ => not_json(reply),
        });
    };
    let of_server = refusal.path.is_some();
    let text = match (refusal.message.unwrap_or_default(), refusal.error) {
        (message, Some(error)) if !of_server => format!("{message}: {error}"),
        (message, _) => message,
    };
    let text = reply.scrubbed(&text);
    Err(match reply.status {
        StatusCode::FORBIDDEN if text == LICENCE => Failure::NoLicence { text },
        StatusCode::FORBIDDEN if text == TENANT => {
            Failure::Unauthorized("its user is not of the tenant of the settings".to_owned())
        }
        StatusCode::FORBIDDEN => forbidden(call, format!("HTTP {}", reply.status)),
        StatusCode::NOT_FOUND if of_server => Failure::Unsupported(call.what.to_owned()),
        StatusCode::NOT_FOUND if text == HIDDEN => forbidden(call, "it hides what it refuses".to_owned()),
        // It says so of a manager that is not registered, or not heard for long.
        StatusCode::BAD_REQUEST if text.to_lowercase().contains("composer") => Failure::UnknownManager { text },
        StatusCode::BAD_REQUEST if of_manager && text.is_empty() => unknown(text),
        status => Failure::Refused { code: status.as_u16().to_string(), text: said(text, status) },
    })
}

fn said(text: String, status: StatusCode) -> String {
    if text.is_empty() { format!("HTTP {status}") } else { text }
}

fn forbidden(call: &Call, text: String) -> Failure {
    if call.capability.is_empty() {
        Failure::Unauthorized(text)
    } else {
        Failure::Forbidden { capability: call.capability, text }
    }
}

fn not_json(reply: &Reply) -> Failure {
    Failure::NotJson { status: reply.status.as_u16(), content_type: words(&reply.content_type, 80) }
}
