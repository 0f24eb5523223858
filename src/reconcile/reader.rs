//! Reads the source beside the loop, so that a slow server never keeps what runs from being kept right.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{model::Snapshot, source::Source};

/// The first and the longest wait after a reading that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// The newest news of the source.
#[derive(Debug, Clone, Default)]
pub(super) struct News {
    /// Counts the attempts.
    pub(super) attempts: u64,
    /// The last revision that was read whole.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// Why the last attempt failed; none where it did not.
    pub(super) error: Option<String>,
}

/// The loop's end of the reader.
pub(super) struct Reader {
    news: watch::Receiver<News>,
    again: Arc<Notify>,
}

impl Reader {
    /// Begins to read, at once and after every change.
    pub(super) fn begin<S: Source + 'static>(source: Arc<S>, tasks: &TaskTracker, cancel: CancellationToken) -> Self {
        let (sender, news) = watch::channel(News::default());
        let again = Arc::new(Notify::new());
        let asked = Arc::clone(&again);
        tasks.spawn(async move {
            // Dropping the reading at any point is safe: it only reads, and its child process ends with it.
            tokio::select! {
                () = cancel.cancelled() => {}
                () = read_on(source.as_ref(), &sender, &asked) => {}
            }
        });
        Self { news, again }
    }

    /// The newest news, marked as seen.
    pub(super) fn newest(&mut self) -> News {
        self.news.borrow_and_update().clone()
    }

    /// Resolves when there are news that were not seen. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.news.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Asks for another reading now.
    pub(super) fn ask(&self) {
        self.again.notify_one();
    }
}

async fn read_on<S: Source>(source: &S, sender: &watch::Sender<News>, asked: &Notify) {
    let mut wait = RETRY.0;
    loop {
        let begun = Instant::now();
        let result = source.snapshot().await;
        let mut news = sender.borrow().clone();
        news.attempts += 1;
        let failed = result.is_err();
        match result {
            Ok(snapshot) => {
                news.snapshot = Some(Arc::new(snapshot));
                news.error = None;
                wait = RETRY.0;
            }
            Err(error) => {
                let error = crate::telemetry::chain(&error);
                tracing::warn!(
                    source = source.describe(),
                    error,
                    "the source can't be read; the last good revision is in force"
                );
                news.error = Some(error);
                if news.snapshot.is_none() {
                    news.snapshot = kept(source).await;
                }
            }
        }
        tracing::debug!(milliseconds = begun.elapsed().as_millis(), failed, "read the source");
        sender.send_replace(news);
        let retry = async {
            if failed {
                tokio::time::sleep(wait).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = source.changed() => {}
            () = asked.notified() => {}
            () = retry => wait = (wait * 2).min(RETRY.1),
        }
    }
}

/// What was kept of the last good revision, for a start while the server is away.
async fn kept<S: Source>(source: &S) -> Option<Arc<Snapshot>> {
    match source.cached().await {
        Ok(snapshot) => snapshot.map(Arc::new),
        Err(error) => {
            tracing::warn!(error = crate::telemetry::chain(&error), "what was kept of the source can't be read either");
            None
        }
    }
}
