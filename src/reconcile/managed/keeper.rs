//! Keeps us known at one platform as its manager, and reads which instances it has us run.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ManagedLink,
    link::{Read, away},
};
use crate::{
    managed::{Listed, Listing, Requested, Site},
    model::ConnectorId,
    platform::{Connection, Failure, PlatformError},
};

/// Between two listings, at least and at most; in between, so that the platform lists for us a tenth of the time at most.
const LIST: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// The same after one in which people had asked for something else than before: more of that is likely to come.
const LIST_BUSY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// How many times as long as a listing took the next one waits.
const LIST_PART: u32 = 9;
/// How many listings that say the same as the one before are still news: a second one confirms what the first lacks.
const CONFIRMING: u32 = 2;
/// Between two signs of life.
pub(super) const PING: Duration = Duration::from_secs(60);
/// Between two looks at the connectors that registered themselves.
const STANDALONE: Duration = Duration::from_secs(60);
/// The first wait after a failure, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// The longest wait where the platform does not take the token, or asks for fewer requests.
const RETRY_REFUSED: Duration = Duration::from_secs(60);

/// The newest news of one platform.
#[derive(Debug, Clone)]
pub(super) struct SiteNews {
    /// The platform as it was last seen.
    pub(super) site: Site,
    /// Counts the listings that could be read.
    pub(super) listings: u64,
    /// When the newest of them was asked for.
    pub(super) asked: Option<Instant>,
}

/// The loop's end of a keeper.
pub(super) struct Keeper {
    pub(super) link: ManagedLink,
    news: watch::Receiver<SiteNews>,
    again: Arc<Notify>,
}

impl Keeper {
    /// Begins to register, to give signs of life and to list.
    /// `connection` says when the platform is there again after it was away.
    pub(super) fn begin(
        link: ManagedLink,
        connection: Option<watch::Receiver<Connection>>,
        tasks: &TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let again = Arc::new(Notify::new());
        let (task, news) = Task::new(link.clone(), Arc::clone(&again));
        tasks.spawn(async move {
            // Dropping a request at any point is safe: the next start registers and lists anew.
            tokio::select! {
                () = cancel.cancelled() => {}
                () = task.run(connection) => {}
            }
        });
        Self { link, news, again }
    }

    /// The newest news, marked as seen.
    pub(super) fn newest(&mut self) -> SiteNews {
        self.news.borrow_and_update().clone()
    }

    /// Resolves when there are news that were not seen. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.news.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Asks for another listing now.
    pub(super) fn ask(&self) {
        self.again.notify_one();
    }
}

/// Us, as the platform knows us.
pub(super) struct Known {
    pub(super) version: String,
    /// When it last heard from us; none where that is to be tried at once.
    pub(super) heard: Option<Instant>,
}

/// What a keeper does beside the loop.
pub(super) struct Task {
    link: ManagedLink,
    sender: watch::Sender<SiteNews>,
    again: Arc<Notify>,
    pub(super) known: Option<Known>,
    /// When the connectors that registered themselves were last asked for.
    standalone: Option<Instant>,
    /// How long the last listing took.
    took: Duration,
    /// Whether the last listing asked for something else than the one before.
    busy: bool,
    /// How many listings since the last one that said something new, or that was asked for.
    same: u32,
}

impl Task {
    pub(super) fn new(link: ManagedLink, again: Arc<Notify>) -> (Self, watch::Receiver<SiteNews>) {
        let (sender, news) = watch::channel(SiteNews { site: link.site(), listings: 0, asked: None });
        (Self { link, sender, again, known: None, standalone: None, took: Duration::ZERO, busy: false, same: 0 }, news)
    }

    async fn run(mut self, mut connection: Option<watch::Receiver<Connection>>) {
        let mut retry = RETRY.0;
        loop {
            let turned = tokio::select! {
                turned = self.turn() => turned,
                // What hangs since before may hang for long. A turn may be dropped anywhere: the next registers anew.
                () = returned(&mut connection) => {
                    self.known = None;
                    continue;
                }
            };
            let wait = match turned {
                Ok(()) => {
                    retry = RETRY.0;
                    pause(self.took, self.busy)
                }
                Err(error) => {
                    self.failed(&error);
                    let wait = retry;
                    // A person has to act first, or it asks for fewer requests; else asking costs it nothing.
                    let refused = matches!(
                        error.failure,
                        Failure::Unauthorized(_)
                            | Failure::Forbidden { .. }
                            | Failure::NoLicence { .. }
                            | Failure::OtherManager { .. }
                            | Failure::OtherKey { .. }
                            | Failure::RateLimited { .. }
                    );
                    retry = (retry * 2).min(if refused { RETRY_REFUSED } else { RETRY.1 });
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.again.notified() => self.same = 0,
                () = returned(&mut connection) => {}
            }
        }
    }

    /// Makes us known or gives a sign of life where that is due, and lists.
    pub(super) async fn turn(&mut self) -> Result<(), PlatformError> {
        let now = Instant::now();
        match &self.known {
            None => self.register(now).await?,
            Some(known) if known.heard.is_none_or(|heard| now.duration_since(heard) >= PING) => {
                let about = self.link.client.ping_manager(&self.link.identity).await?;
                if about.version == known.version {
                    self.known = Some(Known { version: about.version, heard: Some(now) });
                } else {
                    self.register(now).await?;
                }
            }
            Some(_) => {}
        }
        let standalone = self.standalone.is_none_or(|at| now.duration_since(at) >= STANDALONE);
        let asked = Instant::now();
        let read = self.link.read(standalone).await?;
        self.took = asked.elapsed();
        if read.standalone.is_some() {
            self.standalone = Some(now);
        }
        self.sender.send_if_modified(|news| {
            let former = news.site.listing.take();
            let returned = news.site.away.take().is_some();
            if returned {
                tracing::info!(platform = %self.link.name, "the platform answers again");
            }
            let Read { instances, unreadable, standalone, standalone_stay } = read;
            let standalone = standalone.or_else(|| Some(former.as_ref()?.standalone.clone())).unwrap_or_default();
            let before = former.as_ref().map(Listing::ids);
            let listing = Listing { instances, unreadable, standalone, standalone_stay, before };
            let new = returned || !former.as_ref().is_some_and(|former| former.says_the_same(&listing));
            self.busy = former.is_some_and(|former| wishes(&former.instances) != wishes(&listing.instances));
            self.same = if new { 0 } else { self.same.saturating_add(1) };
            news.site.listing = Some(listing);
            news.listings += 1;
            news.asked = Some(asked);
            self.same <= CONFIRMING
        });
        Ok(())
    }

    async fn register(&mut self, now: Instant) -> Result<(), PlatformError> {
        let about = self.link.register().await?;
        tracing::info!(platform = %self.link.name, version = about.version, "registered as the platform's manager");
        self.known = Some(Known { version: about.version, heard: Some(now) });
        self.standalone = None;
        Ok(())
    }

    pub(super) fn failed(&mut self, error: &PlatformError) {
        // A sign of life tells whether it still knows us, and whether it has become another version.
        let forgotten = matches!(
            error.failure,
            Failure::UnknownManager { .. } | Failure::OtherManager { .. } | Failure::OtherKey { .. }
        );
        self.known = self.known.take().filter(|_| !forgotten).map(|known| Known { heard: None, ..known });
        let away = away(error);
        self.sender.send_if_modified(|news| {
            let changed = news.site.away.as_ref() != Some(&away);
            if news.site.away.is_none() {
                tracing::warn!(platform = %self.link.name, error = away.why, "the platform can't be asked; what runs stays as it is");
            }
            news.site.away = Some(away);
            changed
        });
    }
}

/// How long the next listing waits.
pub(super) fn pause(took: Duration, busy: bool) -> Duration {
    let (least, most) = if busy { LIST_BUSY } else { LIST };
    (took * LIST_PART).clamp(least, most)
}

/// What people ask for, of each instance.
fn wishes(listed: &[Listed]) -> BTreeMap<ConnectorId, (Requested, String)> {
    listed.iter().map(|listed| (listed.id, (listed.requested.clone(), listed.hash.clone()))).collect()
}

/// Resolves when the platform is there again after it was away. Cancel-safe: where it was away, it still is at the next call.
async fn returned(connection: &mut Option<watch::Receiver<Connection>>) {
    let Some(connection) = connection else { return std::future::pending().await };
    let is_away = |connection: &Connection| match connection {
        Connection::Down { .. } | Connection::Unauthorized { .. } => true,
        Connection::Connecting | Connection::Up { .. } => false,
    };
    let mut away = is_away(&connection.borrow());
    while connection.changed().await.is_ok() {
        let now = connection.borrow_and_update();
        if away && now.is_up() {
            return;
        }
        away = is_away(&now);
    }
    std::future::pending().await
}
