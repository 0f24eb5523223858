//! How long to wait after a failure.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::Intervals;
use crate::platform::Failure;

/// Growing waits with jitter, from the first failure in a row on.
pub(super) struct Backoff {
    intervals: Intervals,
    unreachable: ExponentialBackoff,
    other: ExponentialBackoff,
}

impl Backoff {
    pub(super) fn new(intervals: Intervals) -> Self {
        let waits = |longest: Duration| {
            // Up to the whole wait is added as jitter.
            ExponentialBuilder::new()
                .with_factor(2.0)
                .with_min_delay(intervals.first_retry / 2)
                .with_max_delay(longest / 2)
                .without_max_times()
                .with_jitter()
                .build()
        };
        let unreachable = waits(intervals.longest_retry_unreachable);
        Self { unreachable, other: waits(intervals.longest_retry), intervals }
    }

    /// The wait after one more failure.
    pub(super) fn after(&mut self, failure: &Failure) -> Duration {
        let longest = self.intervals.longest_retry;
        let wait = match failure {
            Failure::Unauthorized(_)
            | Failure::Forbidden { .. }
            | Failure::Settings(_)
            | Failure::NoLicence { .. }
            | Failure::OtherManager { .. }
            | Failure::OtherKey { .. }
            | Failure::ProxyRefused
            | Failure::Unsupported(_) => Some(longest),
            Failure::Unreachable(_) => self.unreachable.next(),
            Failure::Timeout(_)
            | Failure::Tls(_)
            | Failure::Refused { .. }
            | Failure::UnknownManager { .. }
            | Failure::Redirected { .. }
            | Failure::NotGraphQl { .. }
            | Failure::NotJson { .. }
            | Failure::Answer(_)
            | Failure::TooLarge { .. }
            | Failure::RateLimited { .. }
            | Failure::Server { .. } => self.other.next(),
        };
        let wait = wait.unwrap_or(longest);
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
    fn waits_grow_to_a_bound_that_depends_on_the_failure() {
        let mut backoff = Backoff::new(Intervals::default());
        let down = Failure::Unreachable(String::new());
        assert!(backoff.after(&down) <= Duration::from_millis(500));
        let bound = Duration::from_secs(5);
        let waits: Vec<_> = (0..20).map(|_| backoff.after(&down)).collect();
        assert!(waits.iter().all(|wait| *wait <= bound), "{waits:?}");
        assert!(waits[19] >= bound / 2, "{waits:?}");

        let broken = Failure::Server { status: 500, retry_after: None };
        let waits: Vec<_> = (0..20).map(|_| backoff.after(&broken)).collect();
        assert!(waits[19] >= Duration::from_secs(30) && waits[19] <= Duration::from_secs(60), "{waits:?}");
        backoff.reset();
        assert!(backoff.after(&broken) <= Duration::from_millis(500));
    }

    #[test]
    fn the_platform_can_ask_for_a_longer_wait() {
        let mut backoff = Backoff::new(Intervals::default());
        let asked = Duration::from_secs(7);
        assert_eq!(backoff.after(&Failure::RateLimited { retry_after: Some(asked) }), asked);
    }

    #[test]
    fn a_refused_token_is_not_hammered() {
        let mut backoff = Backoff::new(Intervals::default());
        assert_eq!(backoff.after(&Failure::Unauthorized(String::new())), Duration::from_secs(60));
    }
}
