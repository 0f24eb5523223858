//! What a platform says of the instances it has us manage, in plain values.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::model::{Condition, ConnectorId, ConnectorKind, PlatformName};

/// Whether a start or stop asked for in the platform's pages counts for an instance of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UiControl {
    /// It does, until the manifest says something else than before.
    #[default]
    Honour,
    /// It does not: the manifest's state is put back.
    Override,
}

/// What becomes of instances that people make in the platform's pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UiInstances {
    /// They are run.
    #[default]
    Run,
    /// They are left to somebody else.
    Ignore,
}

/// A platform that has us manage its connectors.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name in the settings.
    pub name: PlatformName,
    /// Whether people there start and stop instances of the source.
    pub control: UiControl,
    /// What becomes of instances that people make there.
    pub instances: UiInstances,
    /// The last listing that could be read; none where there never was one.
    pub listing: Option<Listing>,
    /// Why it can't be asked now; none where it can.
    pub away: Option<Away>,
}

/// Why a platform can't be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// In one word.
    pub condition: Condition,
    /// In a sentence.
    pub why: String,
}

/// Every instance of a platform at one moment.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Those that it has managed.
    pub instances: Vec<Listed>,
    /// Those of them that make no sense: what runs of them stays as it is.
    pub unreadable: Vec<Unreadable>,
    /// The connectors that registered themselves, as far as it was asked for them.
    pub standalone: BTreeSet<ConnectorId>,
    /// Whether its release can't make managed ones of those.
    pub standalone_stay: bool,
    /// The managed ones of the listing before; none where this is the first.
    pub before: Option<BTreeSet<ConnectorId>>,
}

impl Listing {
    /// The ids of all that it has managed.
    pub fn ids(&self) -> BTreeSet<ConnectorId> {
        let unreadable = self.unreadable.iter().map(|one| one.id);
        self.instances.iter().map(|listed| listed.id).chain(unreadable).collect()
    }

    /// Whether it has nothing managed.
    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.unreadable.is_empty()
    }

    /// Whether another one, which came next, says nothing new.
    pub fn says_the_same(&self, next: &Self) -> bool {
        let Self { instances, unreadable, standalone, standalone_stay, before: _ } = self;
        *instances == next.instances
            && *unreadable == next.unreadable
            && *standalone == next.standalone
            && *standalone_stay == next.standalone_stay
    }
}

/// An instance that a platform lists in a way that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id.
    pub id: ConnectorId,
    /// The platform's name of it; empty where that is what is missing.
    pub name: String,
    /// What makes no sense.
    pub why: String,
}

impl Unreadable {
    /// What people can find it by.
    pub(super) fn shown(&self) -> String {
        if self.name.is_empty() { self.id.to_string() } else { self.name.clone() }
    }
}

/// What people want of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// That it runs.
    Started,
    /// That it does not run.
    Stopped,
    /// Nothing yet: the state of a new instance, whose container does not run.
    Nothing,
    /// Something that we do not understand: what runs stays as it is.
    Unknown(String),
}

/// One value of an instance's configuration at its platform.
#[derive(Clone, PartialEq, Eq)]
pub enum ListedValue {
    /// In clear, secrets of older platforms among them.
    Clear(String),
    /// An envelope for the manager's key, in base64.
    Envelope(Arc<str>),
}

impl fmt::Debug for ListedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear(…)",
            Self::Envelope(_) => "Envelope(…)",
        })
    }
}

/// One instance as its platform lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: ConnectorId,
    /// The platform's unique name of it.
    pub name: String,
    /// The name that people gave it; where the platform keeps only one, the same.
    pub title: String,
    /// Its image with the tag.
    pub image: String,
    /// What it does, where the platform says so.
    pub kind: Option<ConnectorKind>,
    /// Changes with its image, its configuration and every reset of its state.
    pub hash: String,
    /// What people want of it.
    pub requested: Requested,
    /// What the platform says of its container, where that is no word we know.
    pub odd_status: Option<String>,
    /// Its environment as the platform keeps it.
    pub configuration: BTreeMap<String, ListedValue>,
}

impl Listed {
    /// A value in clear.
    pub(super) fn clear(&self, key: &str) -> Option<&str> {
        match self.configuration.get(key)? {
            ListedValue::Clear(text) => Some(text),
            ListedValue::Envelope(_) => None,
        }
    }
}
