//! Fetches what platforms publish, before a command reads it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future;
use tokio::task::JoinHandle;

use super::{
    openaev::openaev_client,
    parts::{self, Parts},
    state_folder,
};
use crate::{
    cli::{CliError, Exit, output, render},
    engine::Engine,
    model::{PlatformKind, PlatformName},
    platform::Publisher,
    reconcile::{self, KeptCatalogs, PullError, PullTimes, Pulled, Subscription},
    settings::{CatalogSettings, PlatformSettings, Settings},
    telemetry,
};

/// How long a command waits for what platforms publish, where it can go on with what is kept.
const PATIENCE: Duration = Duration::from_secs(10);

/// The platforms whose catalogs the settings use.
///
/// # Errors
/// Where a token or certificate can't be read.
pub(crate) fn subscriptions(settings: &Settings) -> Result<Vec<Subscription>, CliError> {
    let names: BTreeSet<&PlatformName> = settings.catalogs.iter().filter_map(published_by).collect();
    let used = settings.platforms.iter().filter(|(name, _)| names.contains(name));
    used.map(|(name, platform)| subscription(name, platform)).collect()
}

/// The platform that publishes a catalog, where one does.
fn published_by(catalog: &CatalogSettings) -> Option<&PlatformName> {
    match catalog {
        CatalogSettings::Platform { name } => Some(name),
        CatalogSettings::Source { .. } | CatalogSettings::File { .. } | CatalogSettings::Url { .. } => None,
    }
}

/// What asks one platform for its catalog.
///
/// # Errors
/// Where its token or certificates can't be read.
pub(crate) fn subscription(name: &PlatformName, platform: &PlatformSettings) -> Result<Subscription, CliError> {
    let publisher: Arc<dyn Publisher> = match platform.kind {
        PlatformKind::OpenCti => Arc::new(parts::opencti_client(name, platform)?),
        PlatformKind::OpenAev => Arc::new(openaev_client(name, platform)?),
    };
    Ok(Subscription { platform: name.clone(), publisher })
}

/// Fetches the catalogs of all platforms that the settings use; where one can't be had, the last good one is used, and a
/// warning says so.
///
/// # Errors
/// Where a catalog can't be had and none is kept.
pub(crate) async fn fresh_catalogs(settings: &Settings) -> Result<(), CliError> {
    let kept = KeptCatalogs::new(&state_folder(settings));
    let subscriptions = subscriptions(settings)?;
    for (platform, pulled) in pull_all(&subscriptions, &kept).await {
        match pulled {
            Ok(Some(pulled)) => left_out(&platform, &pulled)?,
            Ok(None) => instead(&kept, &platform, "it did not answer in time", None)?,
            Err(error) => instead(&kept, &platform, &telemetry::chain(&error), Some(error))?,
        }
    }
    Ok(())
}

/// Fetches all at the same time; none for one that did not come in time.
async fn pull_all(
    subscriptions: &[Subscription],
    kept: &KeptCatalogs,
) -> Vec<(PlatformName, Result<Option<Pulled>, PullError>)> {
    let pulls = subscriptions.iter().map(async |subscription| {
        let pulled = tokio::time::timeout(PATIENCE, reconcile::pull(subscription, kept)).await;
        (subscription.platform.clone(), pulled.ok().transpose())
    });
    future::join_all(pulls).await
}

/// Says that what is kept is used, and since when it is kept.
fn instead(kept: &KeptCatalogs, platform: &PlatformName, why: &str, error: Option<PullError>) -> Result<(), CliError> {
    let former = kept.read(platform).ok().flatten();
    let Some(former) = former else {
        let late = || CliError::new(Exit::Platform, format!("platform `{platform}` did not give its catalog"));
        return Err(error.map_or_else(late, CliError::from));
    };
    let since = jiff::Timestamp::from_second(former.fetched).map(|time| time.to_string()).unwrap_or_default();
    output::note(&format!(
        "{} platform `{platform}` did not give its catalog: {}; the one of {since} is used\n",
        render::yellow("warning:"),
        render::printable(why)
    ))
}

/// Says which contracts can't be used, since a platform publishes others of the same slug.
pub(crate) fn left_out(platform: &PlatformName, pulled: &Pulled) -> Result<(), CliError> {
    if pulled.left_out.is_empty() {
        return Ok(());
    }
    output::note(&format!(
        "{} platform `{platform}` publishes several contracts of the same slug; the first of each is used: {}\n",
        render::yellow("warning:"),
        render::printable(&pulled.left_out.join(", "))
    ))
}

/// Keeps what platforms publish fresh as long as the tasks live; waits a while for the first reading of each.
///
/// # Errors
/// Where a token or certificate can't be read; a platform that is away is only logged.
pub(crate) async fn watch_catalogs<E: Engine>(
    settings: &Settings,
    pipeline: &Parts<E>,
) -> Result<Vec<JoinHandle<()>>, CliError> {
    let kept = KeptCatalogs::new(&state_folder(settings));
    let subscriptions = subscriptions(settings)?;
    let mut first = Vec::new();
    for (platform, pulled) in pull_all(&subscriptions, &kept).await {
        let why = match pulled {
            Ok(Some(_)) => None,
            Ok(None) => Some("it did not answer in time".to_owned()),
            Err(error) => Some(telemetry::chain(&error)),
        };
        if let Some(error) = &why {
            tracing::warn!(%platform, error, "the platform's catalog can't be read; the last good one is in force");
        }
        first.push(why.is_none());
    }
    let changes = pipeline.catalogs.changes();
    let watch = |(subscription, is_fresh)| {
        let (kept, changes) = (kept.clone(), Arc::clone(&changes));
        tokio::spawn(reconcile::keep_pulled(subscription, kept, changes, is_fresh, PullTimes::default()))
    };
    Ok(subscriptions.into_iter().zip(first).map(watch).collect())
}
