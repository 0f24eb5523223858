//! Ways in which a platform can fail, on request.

use std::{future, io};

use axum::{
    body::Body,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{Html, IntoResponse as _, Response},
};
use futures_util::stream;

use super::bent;

/// The words for ways to fail.
pub(super) const WORDS: [&str; 9] = ["none", "500", "html", "hang", "401", "429", "cut", "lost", "endless"];
/// The way in which something is carried out and its answer lost.
pub(super) const LOST: &str = "lost";

/// The answer of a platform that fails in the way of this word; none where it does not fail.
pub(super) async fn answer(word: &str) -> Option<Response> {
    match word {
        "500" => Some((StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()),
        "html" => Some(Html("<!doctype html><title>Log in</title>").into_response()),
        "hang" => future::pending().await,
        "401" => Some((StatusCode::UNAUTHORIZED, "Unauthorized").into_response()),
        "429" => Some((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], "").into_response()),
        "cut" => Some(cut()),
        "endless" => Some(bent::endless()),
        _ => None,
    }
}

/// Half of an answer.
pub(super) fn cut() -> Response {
    let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let body = Body::from_stream(stream::iter([Ok("[{"), broken]));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
