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

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    ServerError,
    Html,
    Hang,
    Unauthorized,
    TooManyRequests,
    Cut,
    /// The operation is carried out, and its answer is lost.
    Lost,
    /// What is listed is not in the list.
    Empty,
    /// The answer never ends.
    Endless,
    /// The answer says what nobody expects; the word for how.
    Bent(&'static str),
}

impl Fault {
    pub(super) const WORDS: [&str; 10] =
        ["none", "500", "html", "hang", "401", "429", "cut", "lost", "empty", "endless"];

    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "500" => Some(Self::ServerError),
            "html" => Some(Self::Html),
            "hang" => Some(Self::Hang),
            "401" => Some(Self::Unauthorized),
            "429" => Some(Self::TooManyRequests),
            "cut" => Some(Self::Cut),
            "lost" => Some(Self::Lost),
            "empty" => Some(Self::Empty),
            "endless" => Some(Self::Endless),
            _ => bent::WORDS.into_iter().find(|known| *known == word).map(Self::Bent),
        }
    }
}

/// The answer of a platform that fails so; none where it does not fail, or not before it has done what it was asked.
pub(super) async fn answer(fault: Fault) -> Option<Response> {
    match fault {
        Fault::None | Fault::Lost | Fault::Empty | Fault::Bent(_) => None,
        Fault::Endless => Some(bent::endless()),
        Fault::ServerError => Some((StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()),
        Fault::Html => Some(Html("<!doctype html><title>Log in</title>").into_response()),
        Fault::Hang => future::pending().await,
        Fault::Unauthorized => Some((StatusCode::UNAUTHORIZED, "Unauthorized").into_response()),
        Fault::TooManyRequests => Some((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], "").into_response()),
        Fault::Cut => Some(cut()),
    }
}

/// Half of an answer.
pub(super) fn cut() -> Response {
    let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let body = Body::from_stream(stream::iter([Ok("{\"data\":{"), broken]));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
