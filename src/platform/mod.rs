//! Tells a platform where its instances stand, and asks what it has heard from them.

mod envelope;
mod error;
mod fields;
mod http;
mod managed;
mod openaev;
mod opencti;
mod published;
mod reporter;
mod types;

pub use crate::model::printable as words;
pub use envelope::{EnvelopeError, KEY_BITS, KeyError, ManagerKey};
pub use error::{Failure, PlatformError};
use futures_util::future::BoxFuture;
pub use http::{HttpConfig, HttpConfig as OpenCtiConfig};
use managed::is_shut_out;
pub use managed::{
    AccountOf, ListedManager, ManagedInstance, ManagedListing, ManagedPlatform, ManagedValue, ManagerIdentity,
    OutgoingInstance, OutgoingValue, RequestedStatus, RequestedWord, UnreadableInstance,
};
pub use openaev::{OpenAevClient, OpenAevConfig, OpenAevLicence, openaev_lacks};
pub use opencti::{Document, Licence, OpenCtiClient, documents, managed_documents};
pub use published::{Published, Publisher};
pub use reporter::{ChangeMarks, Connection, Heard, Heartbeat, Intervals, LOG_LINES, Reporter, ReporterHandle};
pub use types::{
    About, CurrentStatus, HealthReport, KindWord, ListedConnector, Listing, Queue, Standing, StatusWord, Takes, WhoAmI,
};

use crate::model::{ConnectorId, PlatformName};

/// What Lockstep asks of a platform, whichever it is; every call has a deadline of its own.
///
/// # Errors
/// Every call gives [`PlatformError`]; an answer that could not be read is never an empty one.
pub trait Platform: Send + Sync + 'static {
    /// The platform's key in the settings.
    fn name(&self) -> &PlatformName;

    /// What it can be told about an instance.
    fn takes(&self) -> Takes {
        Takes::Everything
    }

    /// The platform's version; any token that is taken may ask.
    fn about(&self) -> BoxFuture<'_, Result<About, PlatformError>>;

    /// Who the token belongs to and what it may do.
    fn who_am_i(&self) -> BoxFuture<'_, Result<WhoAmI, PlatformError>>;

    /// Every connector that the platform knows; the state of their queues only where `queues` is set, since asking for it
    /// costs the platform a call a connector.
    fn connectors(&self, queues: bool) -> BoxFuture<'_, Result<Listing, PlatformError>>;

    /// Makes a connector known, so that it shows before its first start.
    ///
    /// The platform takes this for a sign of life of the connector.
    fn register<'a>(&'a self, standing: &'a Standing) -> BoxFuture<'a, Result<(), PlatformError>>;

    /// Says whether a connector's container runs.
    fn send_status(&self, id: ConnectorId, status: CurrentStatus) -> BoxFuture<'_, Result<(), PlatformError>>;

    /// Says how a connector's container is; the platform forgets it after five minutes.
    fn send_health(&self, id: ConnectorId, health: HealthReport) -> BoxFuture<'_, Result<(), PlatformError>>;

    /// Replaces the log lines that the platform shows for a connector.
    fn send_logs(&self, id: ConnectorId, lines: Vec<String>) -> BoxFuture<'_, Result<(), PlatformError>>;
}
