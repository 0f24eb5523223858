//! Answers that refuse, in the platform's forms.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

/// The platform's own refusal.
pub(super) fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

/// The same of an older release, which keeps its reason to itself.
pub(super) fn refused_silently(path: &str) -> Response {
    let body = json!({ "status": 400, "error": "Bad Request", "path": path });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// What it says to somebody who may not know what is there.
pub(super) fn hidden() -> Response {
    refused(StatusCode::NOT_FOUND, "Not Found")
}

/// What its server says where it has no such route.
pub(super) fn unknown_route(path: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "status": 404, "error": "Not Found", "path": path }))).into_response()
}
