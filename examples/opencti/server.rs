//! Serves the stand-in's GraphQL, what it has been told, and switches for faults.

mod fault;
mod schema;
mod state;
mod types;

use std::{io, sync::Arc};

use async_graphql::{Request, ServerError};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::{fault::Fault, schema::Schema, state::Platform};

/// How the stand-in behaves.
pub(crate) struct Options {
    /// The tokens that are taken.
    pub(crate) tokens: Vec<String>,
    /// What they allow.
    pub(crate) capabilities: Vec<String>,
    /// The version it says it has.
    pub(crate) version: String,
    /// Whether it speaks like an older release.
    pub(crate) older: bool,
}

/// Fields that older releases do not have.
const NEWER_FIELDS: [&str; 4] = ["last_seen_at", "jwks", "s3", "dead_letter_routing"];

struct Server {
    platform: Arc<Platform>,
    schema: Schema,
}

/// Serves until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    let platform = Arc::new(Platform::new(options));
    let schema = schema::schema(Arc::clone(&platform));
    let server = Arc::new(Server { platform, schema });
    let router = Router::new()
        .route("/graphql", post(graphql))
        .route("/schema.graphql", get(async |State(server): State<Arc<Server>>| server.schema.sdl()))
        .route("/connectors.json", get(async |State(server): State<Arc<Server>>| Json(server.platform.connectors())))
        .route("/requests.json", get(async |State(server): State<Arc<Server>>| Json(server.platform.requests())))
        .route("/_fault", post(set_fault))
        .route("/_catalog", post(set_catalog))
        .with_state(server);
    axum::serve(listener, router).await
}

async fn set_fault(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> Response {
    match body.get("kind").and_then(Value::as_str).and_then(Fault::from_word) {
        Some(fault) => {
            server.platform.set_fault(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        None => {
            (StatusCode::BAD_REQUEST, format!("`kind` must be one of {}\n", Fault::WORDS.join(", "))).into_response()
        }
    }
}

/// Takes a catalog in today's format; its contracts are published from then on.
async fn set_catalog(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> StatusCode {
    let contracts = body.get("contracts").and_then(Value::as_array);
    server.platform.set_contracts(contracts.into_iter().flatten().map(Value::to_string).collect());
    StatusCode::NO_CONTENT
}

async fn graphql(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = server.platform.fault();
    if let Some(answer) = fault::answer(fault).await {
        server.platform.note("(fault)", "");
        return answer;
    }
    let Ok(request) = serde_json::from_slice::<Request>(&body) else {
        return (StatusCode::BAD_REQUEST, Json(error("the body is no GraphQL request", "BAD_REQUEST", 400)))
            .into_response();
    };
    if server.platform.is_older() {
        let asks =
            |field: &&&str| request.query.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == **field);
        if let Some(field) = NEWER_FIELDS.iter().find(asks) {
            let message = format!("Cannot query field \"{field}\".");
            return (StatusCode::BAD_REQUEST, Json(error(&message, "GRAPHQL_VALIDATION_FAILED", 400))).into_response();
        }
    }
    let token =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    if !token.is_some_and(|token| server.platform.takes(token)) {
        server.platform.note("(unauthorized)", "");
        return Json(error("You must be logged in to do this.", "AUTH_REQUIRED", 401)).into_response();
    }
    let mut response = server.schema.execute(request).await;
    let invalid = response.errors.iter().any(|error| error.path.is_empty());
    response.errors.iter_mut().for_each(complete);
    let status = if invalid { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    (status, Json(response)).into_response()
}

/// The platform's servers name what is wrong with a document; the library that is used here does not.
fn complete(error: &mut ServerError) {
    if error.path.is_empty() {
        error.extensions.get_or_insert_default().set("code", "GRAPHQL_VALIDATION_FAILED");
    }
}

fn error(message: &str, code: &str, status: u16) -> Value {
    let data = json!({ "http_status": status, "genre": "TECHNICAL" });
    let error = json!({ "message": message, "name": code, "extensions": { "code": code, "data": data } });
    json!({ "errors": [error], "data": null })
}
