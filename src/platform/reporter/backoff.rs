//! How long to wait after a failure.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::Intervals;
use crate::platform::Failure;

/// Growing waits with jitter, from the first failure in a row on.
///
/// They end at a bound that is short whatever the failure: what is asked then is the version, and the return of a platform
/// is to be noticed soon.
pub(super) struct Backoff {
    intervals: Intervals,
    waits: ExponentialBackoff,
}

impl Backoff {
    pub(super) fn new(intervals: Intervals) -> Self {
        // Up to the whole wait is added as jitter.
        let waits = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(intervals.first_retry / 2)
            .with_max_delay(intervals.longest_retry / 2)
            .without_max_times()
            .with_jitter()
            .build();
        Self { waits, intervals }
    }

    /// The wait after one more failure.
    pub(super) fn after(&mut self, failure: &Failure) -> Duration {
        let wait = self.waits.next().unwrap_or(self.intervals.longest_retry);
        failure.retry_after().map_or(wait, |asked| asked.max(wait))
    }

    /// Begins again with the shortest wait.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.intervals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let mut backoff = Backoff::new(Intervals::default());
        let longest = Intervals::default().longest_retry;
        for failure in [Failure::Unreachable(String::new()), Failure::Server { status: 500 }] {
            assert!(backoff.after(&failure) <= Duration::from_millis(500));
            let waits: Vec<_> = (0..20).map(|_| backoff.after(&failure)).collect();
            assert!(waits.iter().all(|wait| *wait <= longest), "{waits:?}");
            assert!(waits[19] >= longest / 2, "{waits:?}");
            backoff.reset();
        }
    }

    #[test]
    fn the_platform_can_ask_for_a_longer_wait() {
        let mut backoff = Backoff::new(Intervals::default());
        let asked = Duration::from_secs(70);
        assert_eq!(backoff.after(&Failure::RateLimited { retry_after: Some(asked) }), asked);
    }
}
