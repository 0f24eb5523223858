//! Serves the stand-in's GraphQL, what it has been told, and switches for faults.

mod bent;
mod fault;
mod managed;
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
    /// Whether it has an enterprise licence.
    pub(crate) licence: bool,
    /// The version of the envelopes it makes; none for that of its release: 1 for older ones, 2 for newer ones.
    pub(crate) envelope: Option<u8>,
    /// Its catalogs, in the format that connectors are published in.
    pub(crate) catalogs: Vec<Value>,
    /// Whether one of its groups is the default one of accounts that it makes for connectors.
    pub(crate) ingestion_group: bool,
    /// Whether it keeps only the first of several texts for one value, as some older releases do.
    pub(crate) first_texts: bool,
}

/// Fields that older releases do not have.
const NEWER_FIELDS: [&str; 9] = [
    "last_seen_at",
    "jwks",
    "s3",
    "dead_letter_routing",
    "title",
    "user_id",
    "automatic_user",
    "confidence_level",
    "connectorMigrateToManaged",
];

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
        .route("/managers.json", get(async |State(server): State<Arc<Server>>| Json(server.platform.managers())))
        .route("/confidence.json", get(async |State(server): State<Arc<Server>>| Json(server.platform.confidence())))
        .route("/requests.json", get(async |State(server): State<Arc<Server>>| Json(server.platform.requests())))
        .route("/_fault", post(set_fault))
        .route("/_version", post(set_version))
        .route("/_tokens", post(set_tokens))
        .route("/_catalog", post(set_catalog))
        .with_state(server);
    axum::serve(listener, router).await
}

async fn set_fault(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> Response {
    let Some(fault) = body.get("kind").and_then(Value::as_str).and_then(Fault::from_word) else {
        let kinds = [&Fault::WORDS[..], &bent::WORDS].concat().join(", ");
        return (StatusCode::BAD_REQUEST, format!("`kind` must be one of {kinds}\n")).into_response();
    };
    match body.get("operation").and_then(Value::as_str) {
        Some(operation) => {
            server.platform.set_fault_of(operation, fault, body.get("times").and_then(Value::as_u64));
        }
        None => server.platform.set_fault(fault),
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn set_version(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> Response {
    match body.get("version").and_then(Value::as_str) {
        Some(version) => {
            server.platform.set_version(version);
            StatusCode::NO_CONTENT.into_response()
        }
        None => (StatusCode::BAD_REQUEST, "`version` must be a text\n").into_response(),
    }
}

/// Takes other tokens than before.
async fn set_tokens(State(server): State<Arc<Server>>, Json(tokens): Json<Vec<String>>) -> StatusCode {
    server.platform.set_tokens(tokens);
    StatusCode::NO_CONTENT
}

/// Takes a catalog in today's format; its contracts are published from then on.
async fn set_catalog(State(server): State<Arc<Server>>, Json(body): Json<Value>) -> StatusCode {
    let contracts = body.get("contracts").and_then(Value::as_array);
    server.platform.set_contracts(contracts.into_iter().flatten().map(Value::to_string).collect());
    StatusCode::NO_CONTENT
}

async fn graphql(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let whole = server.platform.fault();
    if let Some(answer) = failing(&server.platform, whole).await {
        return answer;
    }
    let Ok(mut request) = serde_json::from_slice::<Request>(&body) else {
        return (StatusCode::BAD_REQUEST, Json(error("the body is no GraphQL request", "BAD_REQUEST", 400)))
            .into_response();
    };
    let asks = |field: &str| request.query.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == field);
    let fault = server.platform.fault_of(asks);
    if let Some(answer) = failing(&server.platform, fault).await {
        return answer;
    }
    if server.platform.is_older() {
        if let Some(refused) = refusal_of_older(&request, asks) {
            return refused;
        }
        mark_lists(&mut request);
    }
    let token =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    if !token.is_some_and(|token| server.platform.takes(token)) {
        server.platform.note("(unauthorized)", "");
        return Json(error("You must be logged in to do this.", "AUTH_REQUIRED", 401)).into_response();
    }
    let mut response = server.schema.execute(request.data(fault)).await;
    if fault == Fault::Lost {
        return fault::cut();
    }
    let invalid = response.errors.iter().any(|error| error.path.is_empty());
    response.errors.iter_mut().for_each(complete);
    let status = if invalid { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let word =
        [fault, whole].into_iter().find_map(|fault| if let Fault::Bent(word) = fault { Some(word) } else { None });
    let (Some(word), Ok(mut answer)) = (word, serde_json::to_value(&response)) else {
        return (status, Json(response)).into_response();
    };
    bent::bend(word, &mut answer);
    bent::dated(word, (status, Json(answer)).into_response())
}

/// The answer of a platform that fails, which is noted before it is given: some never are.
async fn failing(platform: &Platform, fault: Fault) -> Option<Response> {
    if !matches!(fault, Fault::None | Fault::Lost | Fault::Empty) {
        platform.note("(fault)", "");
    }
    fault::answer(fault).await
}

/// Turns values into texts that say the lists which they are in older releases: the schema is that of newer ones.
fn mark_lists(request: &mut Request) {
    use async_graphql::Value as Given;
    request.query = request.query.replace("value: [\"one\", \"two\"]", "value: \"one\"");
    let Some(Given::Object(input)) = request.variables.get_mut("input") else { return };
    let Some(Given::List(entries)) = input.get_mut("manager_contract_configuration") else { return };
    for entry in entries {
        let Given::Object(entry) = entry else { continue };
        let Some(value) = entry.get_mut("value") else { continue };
        let list = if let Given::List(items) = &*value { json!(items) } else { json!([value]) };
        *value = Given::from(format!("{}{list}", managed::LIST));
    }
}

/// What an older release answers to a request that only newer ones understand.
fn refusal_of_older(request: &Request, asks: impl Fn(&str) -> bool) -> Option<Response> {
    // They take the public key of a manager, and don't tell it.
    let tells_key = ["active public_key", "{ public_key }"].iter().any(|selection| request.query.contains(selection));
    let field = NEWER_FIELDS.into_iter().find(|field| asks(field)).or(tells_key.then_some("public_key"));
    if let Some(field) = field {
        let message = format!("Cannot query field \"{field}\".");
        return Some(
            (StatusCode::BAD_REQUEST, Json(error(&message, "GRAPHQL_VALIDATION_FAILED", 400))).into_response(),
        );
    }
    let input = match request.variables.get("input") {
        Some(async_graphql::Value::Object(input)) => input,
        Some(_) | None => return None,
    };
    let field = input.keys().find(|key| NEWER_FIELDS.contains(&key.as_str()))?;
    let message = format!("Variable \"$input\" got an invalid value; Field \"{field}\" is not defined.");
    Some((StatusCode::BAD_REQUEST, Json(error(&message, "BAD_USER_INPUT", 400))).into_response())
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
