//! The health and status pages of a running Lockstep.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::report::{StatusReport, wire::StatusJson};

/// When the loop last finished a pass; shared between the loop and the health page.
#[derive(Debug, Clone)]
pub struct Health {
    last_pass: Arc<Mutex<(Instant, Option<String>)>>,
    interval: Duration,
}

impl Health {
    /// Health of a loop that means to finish a pass in every interval.
    pub fn new(interval: Duration) -> Self {
        Self { last_pass: Arc::new(Mutex::new((Instant::now(), None))), interval }
    }

    /// Notes a pass that finished.
    pub fn pass_finished(&self) {
        *self.last_pass.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), None);
    }

    /// Notes why a pass did not finish; the time of the last one that did stays.
    pub fn pass_failed(&self, why: String) {
        self.last_pass.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(why);
    }

    /// How long ago a pass finished, and whether that is within three intervals.
    pub fn check(&self) -> (Duration, bool, Option<String>) {
        let (last, why) = self.last_pass.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let age = last.elapsed();
        (age, age < self.interval * 3, why)
    }
}

#[derive(Clone)]
struct Shared {
    health: Health,
    status: watch::Receiver<StatusReport>,
}

/// Serves `/healthz` and `/status` until cancelled, in the background.
///
/// # Errors
/// Where the address can't be listened on.
pub async fn serve(
    address: SocketAddr,
    health: Health,
    status: watch::Receiver<StatusReport>,
    cancel: CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/status", get(show_status))
        .with_state(Shared { health, status });
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(cancel.cancelled_owned()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the health page ended");
        }
    }))
}

async fn healthz(State(shared): State<Shared>) -> impl IntoResponse {
    let (age, healthy, why) = shared.health.check();
    let code = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "healthy": healthy, "secondsSinceLastPass": age.as_secs(), "lastError": why });
    (code, Json(body))
}

async fn show_status(State(shared): State<Shared>) -> impl IntoResponse {
    Json(StatusJson::from(&*shared.status.borrow()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_ends_after_three_intervals_without_a_pass() {
        let health = Health::new(Duration::from_secs(60));
        assert!(health.check().1);
        health.pass_failed("engine away".to_owned());
        assert_eq!(health.check().2.as_deref(), Some("engine away"));
        let stuck = Health::new(Duration::ZERO);
        assert!(!stuck.check().1);
        stuck.pass_finished();
        assert!(!stuck.check().1);
    }
}
