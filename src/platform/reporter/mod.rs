//! Keeps a platform told, in the background: whatever is newest is sent as soon as the platform takes it.

mod backoff;
mod beats;
mod connection;
mod handle;
mod ledger;
mod lines;
mod odd;
mod silence;
mod task;
mod teller;

pub use beats::{Heard, Heartbeat};
pub use connection::Connection;
pub use handle::{ChangeMarks, Reporter, ReporterHandle};
pub use lines::LOG_LINES;

use std::time::Duration;

/// How often what is said and asked, and the clock.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    /// Between two reports of health; the platform forgets one after five minutes.
    pub health: Duration,
    /// Between two batches of log lines of one instance, at least.
    pub logs: Duration,
    /// Between two readings of what the platform has heard.
    pub list: Duration,
    /// The same while an instance that was started lately has not been heard.
    pub list_waiting: Duration,
    /// How long an instance counts as started lately.
    pub waiting: Duration,
    /// The first wait after a failure; it doubles with each further one.
    pub first_retry: Duration,
    /// The longest wait after a failure, unless the platform asks for a longer one; then it is asked for its version, which
    /// costs it next to nothing, beside requests that it has not answered.
    pub longest_retry: Duration,
    /// How long a request may go without any answer before the platform counts as away; longer where it proves to be slow.
    pub patience: Duration,
    /// How many requests are under way at once.
    pub requests: usize,
    /// Seconds since the Unix epoch.
    pub now: fn() -> i64,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            health: Duration::from_secs(30),
            logs: Duration::from_secs(10),
            list: Duration::from_secs(30),
            list_waiting: Duration::from_secs(2),
            waiting: Duration::from_secs(300),
            first_retry: Duration::from_millis(500),
            longest_retry: Duration::from_secs(4),
            patience: Duration::from_secs(8),
            requests: 8,
            now: || jiff::Timestamp::now().as_second(),
        }
    }
}
