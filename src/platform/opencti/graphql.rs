//! Sends one GraphQL document and reads its answer.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    documents::Document,
    wire::{Envelope, GraphQlError},
};
use crate::platform::{
    Failure,
    http::{Http, HttpConfig, Reply},
    words,
};

/// Codes that say that the token itself is not taken, in today's words and those of releases before 5.12.
const NOT_LOGGED_IN: [&str; 10] = [
    "AUTH_REQUIRED",
    "AUTH_FAILURE",
    "OTP_REQUIRED",
    "OTP_REQUIRED_ACTIVATION",
    "PASSWORD_CHANGE_REQUIRED",
    "LTS_REQUIRED_ACTIVATION",
    "UNAUTHENTICATED",
    "AuthRequired",
    "AuthFailure",
    "AuthenticationFailure",
];
/// Codes that say that the token does not allow the operation.
const FORBIDDEN: [&str; 3] = ["FORBIDDEN_ACCESS", "FORBIDDEN", "ForbiddenAccess"];

/// The way to one platform.
pub(super) struct Transport {
    http: Http,
}

/// The data of an answer, and by how many milliseconds the platform's clock is ahead.
pub(super) struct Answer {
    pub(super) data: Value,
    pub(super) clock_ahead: i64,
}

impl Transport {
    pub(super) fn new(config: HttpConfig) -> Result<Self, Failure> {
        Ok(Self { http: Http::new(config)? })
    }

    /// Sends a document; the deadline is the platform's usual one, or longer where `longer` says so.
    pub(super) async fn send(
        &self,
        document: Document,
        variables: &Value,
        longer: Option<Duration>,
    ) -> Result<Answer, Failure> {
        let body = json!({ "query": document.text, "variables": variables });
        let reply = self.http.send(self.http.request(Method::POST, &["graphql"]).json(&body), longer).await?;
        let status = reply.status;
        // Something before the platform may say it, or the platform, of a right that the token lacks.
        let has_words = serde_json::from_slice::<Envelope>(&reply.body).is_ok_and(|envelope| envelope.errors.is_some());
        if status == StatusCode::FORBIDDEN && !has_words {
            return Err(Failure::Unauthorized(format!("HTTP {status}")));
        }
        let not_graphql = || Failure::NotGraphQl { status: status.as_u16(), content_type: reply.content_type.clone() };
        let envelope: Envelope = serde_json::from_slice(&reply.body).map_err(|_| not_graphql())?;
        if let Some(error) = envelope.errors.unwrap_or_default().first() {
            return Err(of_error(document, error, &reply));
        }
        match envelope.data {
            Some(data @ Value::Object(_)) if status.is_success() => Ok(Answer { data, clock_ahead: reply.clock_ahead }),
            Some(_) | None => Err(not_graphql()),
        }
    }
}

fn of_error(document: Document, error: &GraphQlError, reply: &Reply) -> Failure {
    let code = error.code();
    let text = reply.scrubbed(if error.message.is_empty() { code } else { &error.message });
    if NOT_LOGGED_IN.contains(&code) {
        Failure::Unauthorized(text)
    } else if FORBIDDEN.contains(&code) {
        Failure::Forbidden { capability: document.capability, text }
    } else {
        Failure::Refused { code: words(code, 80), text }
    }
}
