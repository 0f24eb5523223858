//! Notices that a platform is silent, and when it is not any more.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{self, Instant};

use super::{handle::Newest, task::Task};
use crate::platform::{About, Failure, PlatformError};

/// How many requests for the version may hang at a time.
const PROBES: u32 = 8;

impl Task {
    /// A pass that ends where the platform does not answer anything any more: its requests may hang for long, and its
    /// return would not be noticed.
    pub(super) async fn pass_or_silence(&mut self, newest: &Newest) -> Result<(), PlatformError> {
        let shared = Arc::clone(&self.shared);
        shared.listen();
        let patience = self.patience;
        // What was told in a pass that is dropped is told again; the platform has been away in between.
        let ended = tokio::select! {
            ended = self.pass(newest) => ended,
            () = shared.silent_for(patience) => {
                self.patience = patience * 2;
                return Err(self.silence(patience));
            }
        };
        if ended.is_ok() && shared.longest() < self.intervals.patience {
            self.patience = self.intervals.patience;
        }
        ended
    }

    fn silence(&self, patience: Duration) -> PlatformError {
        let platform = self.platform.name().clone();
        PlatformError { platform, what: "get any answer", failure: Failure::Timeout(patience) }
    }

    /// Asks for the version until it comes. A request that hangs keeps no further one from being sent.
    pub(super) async fn wait_for_return(&mut self) {
        let platform = Arc::clone(&self.platform);
        let lasting = self.intervals.longest_retry * PROBES;
        let mut probes = FuturesUnordered::new();
        let mut next = Instant::now();
        loop {
            // Both arms are cancel-safe: probes stay in their set, and a timer holds nothing.
            tokio::select! {
                Some(answer) = probes.next(), if !probes.is_empty() => {
                    let answer: Result<Result<About, PlatformError>, _> = answer;
                    match answer {
                        Ok(Ok(_)) => return,
                        Ok(Err(error)) => next = Instant::now() + self.failed(&error),
                        Err(_) => {
                            self.failed(&self.silence(lasting));
                        }
                    }
                }
                () = time::sleep_until(next) => {
                    probes.push(time::timeout(lasting, platform.about()));
                    next = Instant::now() + self.intervals.longest_retry;
                }
            }
        }
    }
}
