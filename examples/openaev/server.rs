//! Serves the stand-in's REST interface, what it has been told, and switches for faults.

mod answers;
#[path = "../opencti/bent.rs"]
mod bent;
mod fault;
mod managed;
mod multipart;
mod state;

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::{
    answers::{hidden, refused},
    state::{KINDS, Platform},
};

/// How the stand-in behaves.
pub(crate) struct Options {
    /// The tokens that are taken.
    pub(crate) tokens: Vec<String>,
    /// What they allow.
    pub(crate) capabilities: Vec<String>,
    /// The version it says it has.
    pub(crate) version: String,
    /// Whether it speaks and behaves like an older release.
    pub(crate) older: bool,
    /// The only tenant it has; none where it takes any.
    pub(crate) tenant: Option<String>,
    /// Whether the enterprise licence is there.
    pub(crate) licence: bool,
    /// The catalog that it publishes.
    pub(crate) catalog: Value,
}

/// What reading collectors, injectors, instances and the catalog needs, and what changing them does.
pub(super) const READ: &str = "ACCESS_TENANT_SETTINGS";
pub(super) const WRITE: &str = "MANAGE_TENANT_SETTINGS";
pub(super) const DELETE: &str = "DELETE_TENANT_SETTINGS";

/// A request as the routes see it.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    let platform = Arc::new(Platform::new(options));
    let router = Router::new()
        .route("/connectors.json", get(async |State(platform): State<Arc<Platform>>| Json(platform.connectors())))
        .route("/instances.json", get(async |State(platform): State<Arc<Platform>>| Json(platform.instances())))
        .route("/requests.json", get(async |State(platform): State<Arc<Platform>>| Json(platform.requests())))
        .route("/_fault", post(set_fault))
        .route("/_tokens", post(set_tokens))
        .fallback(api)
        .with_state(platform);
    axum::serve(listener, router).await
}

async fn set_fault(State(platform): State<Arc<Platform>>, Json(body): Json<Value>) -> Response {
    let mut words = fault::WORDS.into_iter().chain(bent::WORDS);
    match body.get("kind").and_then(Value::as_str).and_then(|kind| words.find(|word| *word == kind)) {
        Some(kind) => {
            // `POST /api/connector-instances`: that call alone, as often as is said.
            match body.get("call").and_then(Value::as_str) {
                Some(call) => platform.set_fault_of(call, kind, body.get("times").and_then(Value::as_u64).unwrap_or(1)),
                None => platform.set_fault(kind),
            }
            StatusCode::NO_CONTENT.into_response()
        }
        None => {
            let words = [&fault::WORDS[..], &bent::WORDS].concat().join(", ");
            (StatusCode::BAD_REQUEST, format!("`kind` must be one of {words}\n")).into_response()
        }
    }
}

/// Takes other tokens than before.
async fn set_tokens(State(platform): State<Arc<Platform>>, Json(tokens): Json<Vec<String>>) -> StatusCode {
    platform.set_tokens(tokens);
    StatusCode::NO_CONTENT
}

async fn api(
    State(platform): State<Arc<Platform>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    platform.note(&method, uri.path());
    let word = match platform.fault() {
        "" | "none" => platform.fault_of(&format!("{method} {}", uri.path())),
        word => word,
    };
    if let Some(answer) = fault::answer(word).await {
        return answer;
    }
    let token =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    if !token.is_some_and(|token| platform.takes(token)) {
        return refused(StatusCode::UNAUTHORIZED, "Full authentication is required to access this resource");
    }
    let answer = answer_to(&platform, &uri, &Asked { method, headers, body });
    if word == fault::LOST { fault::cut() } else { bent(word, answer).await }
}

fn answer_to(platform: &Platform, uri: &Uri, asked: &Asked) -> Response {
    let segments: Vec<&str> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
    match &segments[..] {
        ["api", "tenants", tenant, ..] if !platform.has_tenant(tenant) => {
            refused(StatusCode::FORBIDDEN, "TENANT_ACCESS_DENIED")
        }
        ["api", "tenants", _, route @ ..] | ["api", route @ ..] => of(platform, asked, route),
        _ => answers::unknown_route(uri.path()),
    }
}

/// An answer, bent where the fault says so.
async fn bent(word: &str, answer: Response) -> Response {
    if !bent::WORDS.contains(&word) {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Ok(mut value) = serde_json::from_slice(&bytes) else {
        return bent::dated(word, Response::from_parts(parts, bytes.into()));
    };
    bent::bend(word, &mut value);
    bent::dated(word, (parts.status, Json(value)).into_response())
}

/// What a route answers.
fn of(platform: &Platform, asked: &Asked, route: &[&str]) -> Response {
    let is = |method: Method| asked.method == method;
    match route {
        ["settings", "version"] => platform.version().to_owned().into_response(),
        ["settings"] => {
            Json(json!({ "platform_license": { "license_is_validated": platform.options.licence } })).into_response()
        }
        ["me"] => Json(me(platform)).into_response(),
        ["documents", "upsert"] => {
            Json(json!({ "document_id": "d0c00000-0000-4000-8000-000000000001" })).into_response()
        }
        [list] if KINDS.iter().any(|kind| *list == format!("{kind}s")) => {
            let kind = list.trim_end_matches('s');
            let (read, write) = if kind == "executor" { ("ACCESS_ASSETS", "MANAGE_ASSETS") } else { (READ, WRITE) };
            match () {
                () if !platform.allows(if is(Method::GET) { read } else { write }) => hidden(),
                () if is(Method::GET) => Json(platform.list(kind)).into_response(),
                () => register(platform, kind, asked),
            }
        }
        _ => managed::of(platform, asked, route),
    }
}

fn me(platform: &Platform) -> Value {
    let capabilities = platform.capabilities();
    json!({
        "user_id": "88ec0c6a-13ce-4e39-b486-354fe4a7084f",
        "user_email": "lockstep@example.org",
        "user_capabilities": capabilities,
        "user_is_admin_or_bypass": capabilities.iter().any(|word| word == "BYPASS"),
    })
}

/// A connector says what it is; it says so again as a sign of life.
fn register(platform: &Platform, kind: &str, asked: &Asked) -> Response {
    let Some(input) = multipart::json(&asked.headers, &asked.body, "input") else {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the part `input` is missing");
    };
    let of = |field: &str| input.get(format!("{kind}_{field}")).and_then(Value::as_str).map(str::to_owned);
    let (Some(id), Some(name), Some(word)) = (of("id"), of("name"), of("type")) else {
        return refused(StatusCode::BAD_REQUEST, "the id, the name and the type must be there");
    };
    let own = platform.register(kind, &id, &name, &word);
    if kind == "injector" {
        let connection = json!({
            "host": "127.0.0.1", "vhost": "/", "use_ssl": false, "port": 5672, "user": "guest", "pass": "guest",
        });
        return Json(json!({ "connection": connection, "listen": format!("openaev_injector_queue_{word}") }))
            .into_response();
    }
    Json(own).into_response()
}
