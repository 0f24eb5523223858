//! The loop that keeps one platform told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream,
};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use super::{
    Connection, Heard, Intervals,
    backoff::Backoff,
    handle::{Newest, Progress, Shared},
    ledger::{Ledger, When},
    odd::odd,
    teller::{Outcome, Teller},
};
use crate::{
    model::{Condition, ConnectorId},
    platform::{Failure, Listing, Platform, PlatformError, Standing},
};

/// Everything the loop needs and remembers.
pub(super) struct Task {
    pub(super) platform: Arc<dyn Platform>,
    pub(super) intervals: Intervals,
    pub(super) shared: Arc<Shared>,
    newest: watch::Receiver<Newest>,
    heard: Arc<watch::Sender<Heard>>,
    connection: watch::Sender<Connection>,
    progress: watch::Sender<Progress>,
    backoff: Backoff,
    /// How long the platform may be silent in a pass.
    pub(super) patience: Duration,
    ledger: Ledger,
    /// The last listing and when it was asked for; none before the first, or where the token does not allow one.
    listing: Option<Listing>,
    listed_at: Option<Instant>,
    /// When the queues were last asked for.
    queues_at: Option<Instant>,
    /// What the token does not allow.
    limited: Option<String>,
    /// Whether the last listing was empty, and is not believed.
    emptied: bool,
    /// What is odd about what it says.
    odd: BTreeMap<Condition, String>,
    /// The platform's version, while it is there.
    version: Option<String>,
    /// Whether the platform was there and went away.
    lost: bool,
    /// Since when an instance, by the start of its container, has been waited for.
    waiting: BTreeMap<(ConnectorId, i64), Instant>,
}

impl Task {
    pub(super) fn new(
        platform: Arc<dyn Platform>,
        intervals: Intervals,
        shared: Arc<Shared>,
        newest: watch::Receiver<Newest>,
        heard: Arc<watch::Sender<Heard>>,
        connection: watch::Sender<Connection>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        Self {
            platform,
            shared,
            newest,
            heard,
            connection,
            progress,
            backoff: Backoff::new(intervals),
            patience: intervals.patience,
            intervals,
            ledger: Ledger::default(),
            listing: None,
            listed_at: None,
            queues_at: None,
            limited: None,
            emptied: false,
            odd: BTreeMap::new(),
            version: None,
            lost: false,
            waiting: BTreeMap::new(),
        }
    }

    /// Runs until the handle is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let newest = self.newest.borrow_and_update().clone();
            match self.pass_or_silence(&newest).await {
                Ok(()) => {
                    let next = self.next(&newest.standings);
                    // Both arms are cancel-safe: a change stays marked until it is borrowed, and a timer holds nothing.
                    tokio::select! {
                        changed = self.newest.changed() => if changed.is_err() { return },
                        () = time::sleep_until(next) => {}
                    }
                }
                Err(error) => {
                    let wait = self.failed(&error);
                    time::sleep(wait).await;
                    if self.version.is_none() {
                        self.wait_for_return().await;
                    }
                }
            }
        }
    }

    /// Tells everything that is due.
    pub(super) async fn pass(&mut self, newest: &Newest) -> Result<(), PlatformError> {
        if self.version.is_none() {
            self.connect().await?;
        }
        if self.listing_is_due(&newest.standings) {
            self.list().await?;
        }
        self.ledger.keep(&newest.standings);
        let at_once = newest.awaited > self.progress.borrow().generation;
        self.tell(&newest.standings, at_once).await?;
        if self.shared.beats().wants_reading() && self.limited.is_none() {
            self.list().await?;
        }
        self.publish();
        let progress = Progress { generation: newest.generation, whole: self.ledger.refusals().is_empty() };
        self.progress.send_if_modified(|last| std::mem::replace(last, progress) != progress);
        self.backoff.reset();
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), PlatformError> {
        let about = self.platform.about().await?;
        self.shared.answered();
        // It may have lost everything while it was away.
        self.listing = None;
        self.listed_at = None;
        self.queues_at = None;
        self.limited = None;
        self.list().await?;
        self.ledger.forget();
        self.version = Some(about.version);
        Ok(())
    }

    /// Asks which connectors the platform knows, unless the token does not allow it.
    async fn list(&mut self) -> Result<(), PlatformError> {
        let now = Instant::now();
        let queues = self.queues_at.is_none_or(|at| at + self.intervals.list <= now);
        let asked = self.shared.reading();
        self.listed_at = Some(now);
        let mut listed = self.platform.connectors(queues).await;
        if queues {
            self.queues_at = Some(now);
            // The platform's message broker may be away while the platform is there.
            if listed.as_ref().is_err_and(|error| matches!(error.failure, Failure::Refused { .. })) {
                listed = self.platform.connectors(false).await;
            }
        }
        self.shared.answered();
        match listed {
            Ok(listing) if self.is_doubtful(&listing) => {
                self.emptied = true;
                let text = "it lists no connector any more, though there were some; it is asked again".to_owned();
                self.odd.insert(Condition::EmptyListing, text);
                Ok(())
            }
            Ok(listing) => {
                self.emptied = false;
                self.shared.note_changes(listing.status_is_heartbeat);
                self.odd = odd(&listing, &self.newest.borrow().standings, (self.intervals.now)().saturating_mul(1_000));
                self.heard.send_if_modified(|heard| {
                    let before = heard.clone();
                    self.shared.beats().read(asked, &listing, heard);
                    *heard != before
                });
                self.listing = Some(listing);
                Ok(())
            }
            Err(error) if matches!(error.failure, Failure::Forbidden { .. }) => {
                tracing::warn!(error = error.line(), "what the platform has heard is not known");
                self.limited = Some(error.line());
                self.listing = None;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a listing is empty that was not before; a second one like it is believed.
    fn is_doubtful(&self, listing: &Listing) -> bool {
        let were_some = self.listing.as_ref().is_some_and(|former| !former.connectors.is_empty());
        listing.connectors.is_empty() && were_some && !self.emptied
    }

    fn listing_is_due(&self, standings: &[Standing]) -> bool {
        let now = Instant::now();
        if self.limited.is_some() {
            return false;
        }
        let unlisted = |standing: &Standing| {
            let listed = self.listing.as_ref().is_some_and(|listing| listing.connectors.contains_key(&standing.id));
            !listed && self.ledger.is_new(standing.id)
        };
        standings.iter().any(unlisted) || self.listed_at.is_none_or(|at| at + self.list_interval() <= now)
    }

    fn list_interval(&self) -> Duration {
        let now = Instant::now();
        let waits = self.waiting.values().any(|&since| since + self.intervals.waiting > now);
        if waits || self.emptied || self.shared.is_closely_listened_to() {
            self.intervals.list_waiting
        } else {
            self.intervals.list
        }
    }

    async fn tell(&mut self, standings: &[Standing], at_once: bool) -> Result<(), PlatformError> {
        let now = Instant::now();
        let when = When { now, intervals: &self.intervals, known: self.listing.is_some(), fresh: !self.lost, at_once };
        let takes = self.platform.takes();
        let mut due = Vec::new();
        for standing in standings {
            let listed = self.listing.as_ref().and_then(|listing| listing.connectors.get(&standing.id));
            let tellings = self.ledger.due(standing, listed, &when);
            let (tellings, left_out): (Vec<_>, Vec<_>) = tellings.into_iter().partition(|it| it.is_taken(takes));
            for telling in left_out {
                // What the platform has no place for counts as told.
                self.ledger.told(standing.id, &telling, now);
            }
            if !tellings.is_empty() {
                due.push((standing, tellings));
            }
        }
        let teller = Teller {
            platform: &*self.platform,
            shared: &self.shared,
            marks_status: self.listing.as_ref().is_some_and(|listing| listing.status_is_heartbeat),
            known: self.listing.is_some(),
        };
        let tellings: Vec<BoxFuture<'_, Outcome<'_>>> =
            due.into_iter().map(|(standing, tellings)| teller.tell(standing, tellings).boxed()).collect();
        let outcomes: Vec<_> = stream::iter(tellings).buffer_unordered(self.intervals.requests.max(1)).collect().await;
        let some_told = outcomes.iter().any(|outcome| !outcome.told.is_empty());
        let mut failure = None;
        for Outcome { standing, told, error } in outcomes {
            for telling in &told {
                self.ledger.told(standing.id, telling, now);
            }
            match error {
                None => self.ledger.settled(standing.id),
                Some(error) if error.failure.is_of_request(some_told) => {
                    tracing::warn!(connector = %standing.id, error = error.line(), "platform refuses an instance");
                    self.ledger.refused(standing, error.line(), now + self.intervals.list);
                }
                Some(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Says that the platform is there, and what it refuses.
    fn publish(&self) {
        let Some(version) = self.version.clone() else { return };
        let (refused, limited, odd) = (self.ledger.refusals(), self.limited.clone(), self.odd.clone());
        self.connection.send_if_modified(|connection| {
            let since = match connection {
                Connection::Up { since, .. } => *since,
                Connection::Connecting | Connection::Down { .. } | Connection::Unauthorized { .. } => {
                    tracing::info!(platform = %self.platform.name(), version, "platform is there");
                    (self.intervals.now)()
                }
            };
            let up = Connection::Up { version, since, limited, refused, odd };
            let changed = *connection != up;
            *connection = up;
            changed
        });
    }

    /// When the next pass is due; notes which instances are waited for.
    fn next(&mut self, standings: &[Standing]) -> Instant {
        let now = Instant::now();
        let heard = self.heard.borrow().clone();
        let unheard = |standing: &Standing| {
            let started_at = standing.started_at.filter(|_| standing.running)?;
            (heard.since(standing.id, started_at) != Some(true)).then_some((standing.id, started_at))
        };
        let unheard: BTreeSet<_> = standings.iter().filter_map(unheard).collect();
        self.waiting.retain(|key, _| unheard.contains(key));
        for key in unheard {
            self.waiting.entry(key).or_insert(now);
        }
        let when =
            When { now, intervals: &self.intervals, known: self.listing.is_some(), fresh: false, at_once: false };
        let telling = standings.iter().filter_map(|standing| self.ledger.next(standing, &when));
        let listing = self.listed_at.unwrap_or(now) + self.list_interval();
        telling.chain([listing]).min().unwrap_or(listing)
    }

    pub(super) fn failed(&mut self, error: &PlatformError) -> Duration {
        let wait = self.backoff.after(&error.failure);
        self.lost |= self.connection.borrow().is_up();
        // One that asks for fewer requests has lost nothing of what it was told.
        if !matches!(error.failure, Failure::RateLimited { .. }) {
            self.version = None;
        }
        let state = self.connection.borrow().failed(error, (self.intervals.now)());
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        if std::mem::discriminant(&state) == std::mem::discriminant(&*self.connection.borrow()) {
            tracing::debug!(error = error.line(), wait_ms, "platform is still not there");
        } else {
            match &state {
                Connection::Unauthorized { .. } => {
                    tracing::error!(error = error.line(), wait_ms, "platform refuses the token");
                }
                Connection::Connecting | Connection::Up { .. } | Connection::Down { .. } => {
                    tracing::warn!(error = error.line(), wait_ms, "platform is not there");
                }
            }
        }
        self.connection.send_if_modified(|last| {
            let changed = *last != state;
            *last = state;
            changed
        });
        wait
    }
}
