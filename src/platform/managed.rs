//! What a connector manager asks of a platform that has it run its connectors.

use std::{collections::BTreeMap, fmt};

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::{About, Platform, PlatformError, StatusWord, envelope::is_envelope};
use crate::model::{ConnectorId, ConnectorKind, Slug};

/// Who we are at a platform whose connectors we run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerIdentity {
    /// Our id there: any string, since managers of other makes choose freely.
    pub id: String,
    /// The name the platform shows, at least two characters.
    pub name: String,
    /// Our RSA public key as PEM in the form PKCS#1 (`BEGIN RSA PUBLIC KEY`), which OpenCTI takes.
    pub public_pkcs1: String,
    /// The same key as PEM in the form SPKI (`BEGIN PUBLIC KEY`), which OpenAEV takes.
    pub public_spki: String,
    /// Both forms of the key that we had before, where ours takes its place.
    pub former: Option<[String; 2]>,
}

impl ManagerIdentity {
    /// Whether a public key in PEM, of either form, is ours or the one that we had before.
    pub fn has(&self, pem: &str) -> bool {
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        let former = self.former.iter().flatten();
        [&self.public_pkcs1, &self.public_spki].into_iter().chain(former).any(|own| bare(own) == bare(pem))
    }
}

/// A manager as the platform lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedManager {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the platform has heard from it lately; none where the platform does not say.
    pub active: Option<bool>,
    /// The public key in PEM that the platform seals for; none where it does not say.
    pub public_key: Option<String>,
}

/// What the platform wants of a container of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedWord {
    /// That it runs.
    Starting,
    /// That it does not run.
    Stopping,
    /// Nothing was asked for yet: the state of a new instance, whose container does not run.
    Initial,
    /// A word we do not know, bounded and escaped; what runs stays as it is.
    Unknown(String),
}

/// What we ask the platform to want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedStatus {
    /// That it runs.
    Starting,
    /// That it does not run.
    Stopping,
}

/// One value of an instance's configuration at the platform.
#[derive(Clone, PartialEq, Eq)]
pub enum ManagedValue {
    /// In clear, which older platforms send even the connector's token in.
    Clear(String),
    /// An envelope for the manager's key, in base64.
    Sealed(String),
}

impl ManagedValue {
    /// A value as the platform lists it. What has the form of an envelope is one also where the platform does not say so:
    /// no connector can do anything with it.
    pub(super) fn of(said_sealed: bool, text: String) -> Self {
        if said_sealed || is_envelope(&text) { Self::Sealed(text) } else { Self::Clear(text) }
    }
}

impl fmt::Debug for ManagedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear(…)",
            Self::Sealed(_) => "Sealed(…)",
        })
    }
}

/// An instance that the platform has its manager run.
#[derive(Debug, Clone)]
pub struct ManagedInstance {
    /// Its id, which the platform chose.
    pub id: ConnectorId,
    /// The platform's name of it: lower case, digits and hyphens.
    pub name: String,
    /// The name that people gave it; where the platform keeps only one, the same.
    pub title: String,
    /// The image with its tag.
    pub image: String,
    /// What it does, where the platform says so.
    pub kind: Option<ConnectorKind>,
    /// Changes whenever its container has to be made anew; opaque.
    pub hash: String,
    /// What was last said of its container.
    pub current: Option<StatusWord>,
    /// What people want of it.
    pub requested: RequestedWord,
    /// Its environment as the platform keeps it, by key.
    pub configuration: BTreeMap<String, ManagedValue>,
}

/// Everything that a platform has its manager run, at one moment.
#[derive(Debug, Clone, Default)]
pub struct ManagedListing {
    /// Those that can be read.
    pub instances: Vec<ManagedInstance>,
    /// Those that lack what is promised; they are there nevertheless.
    pub unreadable: Vec<UnreadableInstance>,
}

/// An instance of which the platform says what makes no sense.
#[derive(Debug, Clone)]
pub struct UnreadableInstance {
    /// Its id.
    pub id: ConnectorId,
    /// The platform's name of it; empty where that is what is missing.
    pub name: String,
    /// What makes no sense, in words that show no value.
    pub why: String,
}

/// Whom the platform runs a connector as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOf {
    /// The account's name or id; left out where the platform chooses.
    pub name: Option<String>,
    /// Whether it is made where it is not there.
    pub create: bool,
    /// The confidence that an account made for it has, from 0 to 100.
    pub confidence: Option<u8>,
}

/// A value on its way to the platform.
#[derive(Debug, Clone)]
pub enum OutgoingValue {
    /// One that may be shown.
    Clear(String),
    /// The items of a list, joined by commas, which none of them has.
    List(String),
    /// One that may be shown to nobody; the platform seals it for the manager.
    Secret(SecretString),
    /// The secret that the platform has already, which is not sent again: it would be sealed anew and the container made
    /// anew.
    Kept,
}

/// An instance to make or to change at the platform.
#[derive(Debug, Clone)]
pub struct OutgoingInstance {
    /// The name people see.
    pub title: String,
    /// The contract's slug.
    pub contract: Slug,
    /// The contract's image, without its tag.
    pub image: String,
    /// The id of the catalog that has the contract, as OpenCTI knows it; OpenAEV needs none.
    pub catalog: Option<String>,
    /// What it does.
    pub kind: ConnectorKind,
    /// An id to keep, where the platform allows to choose it (OpenAEV).
    pub id: Option<ConnectorId>,
    /// Whom it runs as.
    pub account: AccountOf,
    /// Its configuration, by key of the contract's schema.
    pub configuration: BTreeMap<String, OutgoingValue>,
}

/// What a connector manager asks of a platform; every call has a deadline of its own.
///
/// # Errors
/// Every call gives [`PlatformError`]; an answer that could not be read is never an empty one.
pub trait ManagedPlatform: Platform {
    /// Refuses where the platform knows our id with another key than ours: it seals nothing anew for a key that is
    /// registered over another. `opens` says whether we can open an envelope, where the platform does not tell the key.
    fn check_key<'a>(
        &'a self,
        manager: &'a ManagerIdentity,
        opens: &'a (dyn Fn(&str) -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<(), PlatformError>>;

    /// Makes us known as the manager, or known anew after the platform changed its version.
    fn register_manager<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>>;

    /// Says that we live; gives the platform's version, whose change asks for another registration.
    fn ping_manager<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>>;

    /// The managers that the platform knows.
    fn managers(&self) -> BoxFuture<'_, Result<Vec<ListedManager>, PlatformError>>;

    /// Every instance that a manager is to run.
    fn managed<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<ManagedListing, PlatformError>>;

    /// Makes an instance and gives the id that the platform chose. A lost answer does not mean that it was not made.
    fn add<'a>(&'a self, instance: &'a OutgoingInstance) -> BoxFuture<'a, Result<ConnectorId, PlatformError>>;

    /// Changes an instance's title and configuration.
    fn edit<'a>(&'a self, id: ConnectorId, instance: &'a OutgoingInstance) -> BoxFuture<'a, Result<(), PlatformError>>;

    /// Says what is wanted of an instance, as a person in the platform's pages does.
    fn request(&self, id: ConnectorId, status: RequestedStatus) -> BoxFuture<'_, Result<(), PlatformError>>;

    /// Removes an instance, with its queues and what it was working on.
    fn delete(&self, id: ConnectorId) -> BoxFuture<'_, Result<(), PlatformError>>;

    /// Whether the platform's release can make managed ones of connectors that registered themselves.
    fn migrates(&self) -> BoxFuture<'_, Result<bool, PlatformError>>;

    /// Makes a connector that registered itself a managed one, under the id it has; refused where the platform can't.
    fn migrate<'a>(
        &'a self,
        id: ConnectorId,
        instance: &'a OutgoingInstance,
    ) -> BoxFuture<'a, Result<(), PlatformError>>;
}

/// Whether there are secrets that were sealed for a manager, and none of them opens. What is no envelope at all was sealed
/// for nobody.
pub(super) fn is_shut_out(listing: &ManagedListing, opens: &(dyn Fn(&str) -> bool + Send + Sync)) -> bool {
    let sealed =
        listing.instances.iter().flat_map(|instance| instance.configuration.values()).filter_map(|value| match value {
            ManagedValue::Sealed(envelope) => Some(envelope.as_str()),
            ManagedValue::Clear(_) => None,
        });
    let mut sealed = sealed.filter(|envelope| is_envelope(envelope)).peekable();
    sealed.peek().is_some() && !sealed.any(opens)
}
