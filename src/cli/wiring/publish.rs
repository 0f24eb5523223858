//! Publishes what `run` observes, beside the loop: signed, without any secret, whenever it changed and before it is old.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{keyring, parts, snapshot::snapshot_of};
use crate::{
    cli::{CliError, Exit},
    durable,
    engine::Engine,
    model::OwnerName,
    plan::{Observed, wire::ObservedJson},
    reconcile,
    secrets::SigningKey,
    settings::Settings,
    source::{AnySource, GitSource},
    telemetry,
};

/// The file on the branch.
const FILE: &str = "observed.json";
/// The shortest time between two publications; what changes meanwhile is told together.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The longest time between two publications, however old a snapshot may be.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Where snapshots go, and who signs them.
pub(crate) struct Publisher {
    owner: OwnerName,
    key: SigningKey,
    file: Option<PathBuf>,
    branch: Option<(GitSource, String)>,
    refresh: Duration,
}

impl Publisher {
    /// The publisher of the settings; none where nothing is published.
    ///
    /// # Errors
    /// Where there is no identity to sign with, or the repository's credentials can't be read.
    pub(crate) fn of(settings: &Settings) -> Result<Option<Self>, CliError> {
        let snapshot = &settings.snapshot;
        if snapshot.file.is_none() && snapshot.branch.is_none() {
            return Ok(None);
        }
        let key = keyring(settings)?.signing_key().ok_or_else(|| {
            CliError::new(Exit::Invalid, "`snapshot.publish` needs an identity to sign with")
                .with_help("name one in `secrets.identities`; `lockstep secret keygen` makes one")
        })?;
        let branch = match (&snapshot.branch, parts::source(settings)?) {
            (Some(branch), AnySource::Git(source)) => Some((source, branch.clone())),
            (Some(_) | None, _) => None,
        };
        let refresh = (snapshot.max_age / 4).min(LONGEST);
        Ok(Some(Self { owner: settings.owner.clone(), key, file: snapshot.file.clone(), branch, refresh }))
    }

    /// Publishes until nobody observes any more. Dropping it at any time leaves what was published last.
    pub(crate) async fn publish<E: Engine>(self, mut observed: watch::Receiver<Option<Observed>>, engine: Arc<E>) {
        let mut last: Option<(Vec<u8>, Instant)> = None;
        let mut failed = false;
        loop {
            let wait = if failed { PAUSE.1 } else { self.refresh };
            let due = last.as_ref().map_or_else(Instant::now, |(_, at)| *at + wait);
            let changed = tokio::select! {
                changed = observed.changed() => changed.is_ok(),
                () = tokio::time::sleep_until(due), if last.is_some() => true,
            };
            if !changed {
                return;
            }
            let Some(mut now) = observed.borrow_and_update().clone() else { continue };
            if let Err(error) = reconcile::see(engine.as_ref(), &mut now).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is observed is published without its fields"
                );
            }
            let content = ObservedJson::published(&now, &self.owner, 0).signed_text();
            let is_old = last.as_ref().is_none_or(|(_, at)| failed || at.elapsed() >= self.refresh);
            if !is_old && last.as_ref().is_some_and(|(before, _)| *before == content) {
                continue;
            }
            let outcome = self.once(&now).await;
            failed = outcome.is_err();
            match outcome {
                Ok(()) => tracing::debug!("published what is observed"),
                Err(why) => tracing::warn!(why, "what is observed is not published; the last snapshot gets older"),
            }
            last = Some((content, Instant::now()));
            tokio::time::sleep(if self.branch.is_some() { PAUSE.1 } else { PAUSE.0 }).await;
        }
    }

    async fn once(&self, observed: &Observed) -> Result<(), String> {
        let text = snapshot_of(observed, &self.owner, Some(&self.key)).map_err(|error| error.to_string())?;
        if let Some(file) = &self.file {
            durable::write(file, &text, 0o644).map_err(|error| format!("`{}`: {error}", file.display()))?;
        }
        if let Some((source, branch)) = &self.branch {
            let published = source.publish(branch, FILE, text).await;
            published.map_err(|error| format!("branch `{branch}`: {}", telemetry::chain(&error)))?;
        }
        Ok(())
    }
}
