//! `lockstep run`.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Session;
use crate::{
    cli::{CliError, Exit, progress::Quiet, wiring},
    reconcile::{self, Health, RunOptions, Wires},
    report::StatusReport,
};

/// Watch the source and the engine, and keep what runs in lockstep.
///
/// SIGHUP asks for a pass in which nothing waits; SIGTERM and SIGINT end it within eight seconds, and whatever was in
/// hand is resumed by the next start.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Steps at a time; without it, what serves the engine best.
    #[arg(long, value_name = "NUMBER")]
    concurrency: Option<usize>,
    /// How often everything is looked at anew, whatever events said; without it, `intervals.pass` of the settings.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    resync: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = crate::model::units::duration(text).filter(|duration| !duration.is_zero());
    read.ok_or_else(|| "must be a duration such as 30s or 5m".to_owned())
}

impl Run {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let wiring::Whole { settings, state, pipeline, platforms, _lock } = wiring::whole(session).await?;
        let pulls = wiring::watch_catalogs(&settings, &pipeline).await?;
        let cancel = CancellationToken::new();
        let signals = wiring::cancel_on_signals(cancel.clone())?;
        let (force_sender, force) = mpsc::channel(1);
        let hangups = wiring::force_on_hangup(force_sender)?;
        let (status, status_reader) = watch::channel(StatusReport::default());
        let resync = self.resync.unwrap_or(settings.intervals.pass);
        let health = Health::new(resync);
        let server = match settings.listen {
            Some(address) => {
                let served = reconcile::serve(address, health.clone(), status_reader, cancel.clone()).await;
                Some(served.map_err(|error| {
                    CliError::new(Exit::Internal, format!("failed to listen on `{address}`: {error}"))
                        .with_help("see `listen` in the settings")
                })?)
            }
            None => None,
        };
        let (observed, observed_reader) = watch::channel(None);
        let publisher = wiring::Publisher::of(&settings)?
            .map(|one| tokio::spawn(one.publish(observed_reader, Arc::clone(&pipeline.engine))));
        let options = RunOptions {
            concurrency: self.concurrency.unwrap_or_else(|| wiring::concurrency(&settings)),
            resync,
            state,
            scrubber: session.scrubber.clone(),
            watcher: Arc::new(Quiet),
            observed,
        };
        let wires = Wires { platforms, health, status, force, cancel };
        reconcile::run(pipeline, options, wires).await;
        signals.abort();
        hangups.abort();
        for task in server.into_iter().chain(publisher).chain(pulls) {
            task.abort();
        }
        Ok(Exit::Done)
    }
}
