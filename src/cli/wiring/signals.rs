//! Turns signals into what the parts of Lockstep wait for.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::cli::{CliError, Exit};

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal, CliError> {
    signal(kind).map_err(|error| CliError::new(Exit::Internal, format!("failed to listen for signals: {error}")))
}

/// Cancels on the first SIGTERM or SIGINT.
///
/// # Errors
/// Where signals can't be listened for.
pub(crate) fn cancel_on_signals(cancel: CancellationToken) -> Result<JoinHandle<()>, CliError> {
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "told to end; what is in hand is finished as far as its current call");
        cancel.cancel();
    }))
}

/// Asks for a pass at every SIGHUP.
///
/// # Errors
/// Where signals can't be listened for.
pub(crate) fn force_on_hangup(force: mpsc::Sender<()>) -> Result<JoinHandle<()>, CliError> {
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // A full channel means that a pass is asked for already.
            match force.try_send(()) {
                Ok(()) | Err(mpsc::error::TrySendError::Full(())) => {}
                Err(mpsc::error::TrySendError::Closed(())) => return,
            }
        }
    }))
}
