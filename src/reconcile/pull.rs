//! Fetches the catalogs that platforms publish, and keeps them.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{KeptCatalogs, KeptError, memory::epoch_seconds};
use crate::{
    catalog::{Catalog, CatalogError},
    model::PlatformName,
    platform::{PlatformError, Publisher},
};

/// How often a platform's catalog is read.
#[derive(Debug, Clone, Copy)]
pub struct PullTimes {
    /// Between two readings.
    pub every: Duration,
    /// The first wait after a reading that failed; it doubles with each further one.
    pub first_retry: Duration,
    /// The longest of these waits.
    pub longest_retry: Duration,
}

impl Default for PullTimes {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(600),
            first_retry: Duration::from_secs(2),
            longest_retry: Duration::from_secs(120),
        }
    }
}

/// A platform whose catalog is used.
pub struct Subscription {
    /// Its name in the settings.
    pub platform: PlatformName,
    /// What asks it.
    pub publisher: Arc<dyn Publisher>,
}

/// Why a platform's catalog was not fetched; what was kept before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The platform did not give it.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// What it gave is no catalog that can be used.
    #[error("platform `{platform}` publishes what can't be used")]
    Content {
        /// The platform.
        platform: PlatformName,
        /// Why.
        #[source]
        source: CatalogError,
    },
    /// It could not be kept.
    #[error(transparent)]
    Keep(#[from] KeptError),
}

/// A catalog that was fetched and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The catalog, in today's format.
    pub content: Vec<u8>,
    /// Its SHA-256, as 64 hexadecimal digits.
    pub sha256: String,
    /// How many contracts it has.
    pub contracts: usize,
    /// The version of the platform.
    pub version: String,
    /// Contracts that were left out, since others of the platform have the same slug.
    pub left_out: Vec<String>,
    /// Whether it, or the platform's version, differs from what was kept before.
    pub changed: bool,
}

/// Fetches the catalog of a platform and keeps it.
///
/// # Errors
/// Where the platform does not give one that can be used, or it can't be kept.
pub async fn pull(subscription: &Subscription, kept: &KeptCatalogs) -> Result<Pulled, PullError> {
    let platform = &subscription.platform;
    let published = subscription.publisher.catalog().await?;
    let read = Catalog::read(&format!("of platform {platform}"), &published.content);
    let catalog = read.map_err(|source| PullError::Content { platform: platform.clone(), source })?;
    let other_version = kept.note_version(platform, &published.version)?;
    let former = match kept.read(platform) {
        Ok(former) => former.map(|former| former.sha256),
        // What is damaged is written anew.
        Err(KeptError::Damaged(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let sha256 = kept.write(platform, &published.content, epoch_seconds())?;
    Ok(Pulled {
        changed: other_version || former.as_ref() != Some(&sha256),
        contracts: catalog.contracts().len(),
        content: published.content,
        version: published.version,
        left_out: published.left_out,
        sha256,
    })
}

/// Fetches a platform's catalog again and again, and announces every change; ends only when it is dropped. `is_fresh` says
/// that it was fetched just now.
pub async fn keep_pulled(
    subscription: Subscription,
    kept: KeptCatalogs,
    changes: Arc<watch::Sender<u64>>,
    is_fresh: bool,
    times: PullTimes,
) {
    let platform = &subscription.platform;
    let mut wait = times.first_retry;
    tokio::time::sleep(if is_fresh { times.every } else { wait }).await;
    loop {
        match pull(&subscription, &kept).await {
            Ok(pulled) => {
                if pulled.changed {
                    tracing::info!(%platform, contracts = pulled.contracts, version = pulled.version, "read the platform's catalog");
                    changes.send_modify(|count| *count += 1);
                }
                wait = times.first_retry;
                tokio::time::sleep(times.every).await;
            }
            Err(error) => {
                let cause = crate::telemetry::chain(&error);
                tracing::warn!(%platform, error = cause, "the platform's catalog can't be read; the last good one is in force");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(times.longest_retry);
            }
        }
    }
}
