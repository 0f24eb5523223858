//! Finds the instance of a manifest at its platform, so that a lost answer makes no second one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Listed, Listing, Memory, Unreadable, platform_name};
use crate::{
    desired::Wanted,
    model::{ConnectorId, InstanceName, PlatformName},
    plan::Observed,
};

/// What containers say about ids.
pub(super) struct Labels<'a> {
    observed: &'a Observed,
    memory: &'a Memory,
}

impl<'a> Labels<'a> {
    pub(super) fn new(observed: &'a Observed, memory: &'a Memory) -> Self {
        Self { observed, memory }
    }

    /// The id that an instance had at a platform when its newest container was made, or else when it was last listed.
    pub(super) fn id_of(&self, platform: &PlatformName, instance: &InstanceName) -> Option<ConnectorId> {
        let here =
            |container: &&crate::plan::ObservedContainer| container.platform.as_deref() == Some(platform.as_str());
        let newest = self.observed.of(instance).filter(here).max_by_key(|container| container.created);
        let label = newest.and_then(|container| ConnectorId::try_from(container.connector_id.as_deref()?).ok());
        label.or_else(|| self.memory.of(platform, instance).map(|entry| entry.id))
    }

    /// Every instance of a platform that a container or the memory knows an id of, by id; the flag says whether it was of
    /// the source.
    pub(super) fn at(&self, platform: &PlatformName) -> BTreeMap<ConnectorId, (InstanceName, bool)> {
        let remembered = self.memory.at(platform).map(|(name, entry)| (entry.id, (name.clone(), entry.of_source)));
        let mut known: BTreeMap<_, _> = remembered.collect();
        for container in &self.observed.containers {
            let id = container.connector_id.as_deref().and_then(|id| ConnectorId::try_from(id).ok());
            if let Some(id) = id
                && container.platform.as_deref() == Some(platform.as_str())
            {
                known.insert(id, (container.instance.clone(), !container.is_of_platform()));
            }
        }
        known
    }
}

/// An instance in a listing.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// One that can be read.
    Whole(&'a Listed),
    /// One that can't.
    Unreadable(&'a Unreadable),
}

impl<'a> Found<'a> {
    /// Its id.
    pub(super) fn id(self) -> ConnectorId {
        match self {
            Self::Whole(listed) => listed.id,
            Self::Unreadable(listed) => listed.id,
        }
    }

    /// The platform's name of it.
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Whole(listed) => &listed.name,
            Self::Unreadable(listed) => &listed.name,
        }
    }

    fn is_titled(self, title: &str) -> bool {
        matches!(self, Self::Whole(listed) if listed.title == title)
    }
}

impl Listing {
    /// Everything that it has managed.
    pub(super) fn each(&self) -> impl Iterator<Item = Found<'_>> {
        self.instances.iter().map(Found::Whole).chain(self.unreadable.iter().map(Found::Unreadable))
    }
}

/// The instance of a manifest in a listing: by the id of its manifest, else by the id it had, by the one that follows from
/// its name, or by its name.
pub(super) fn find<'a>(wanted: &Wanted, known: Option<ConnectorId>, listing: &'a Listing) -> Option<Found<'a>> {
    let by_id = |id: ConnectorId| listing.each().find(|found| found.id() == id);
    let given = wanted.management.as_ref().is_some_and(|management| management.id.is_some());
    if given {
        return by_id(wanted.id);
    }
    let name = platform_name(&wanted.title);
    let by_name = || listing.each().find(|found| found.name() == name || found.is_titled(&wanted.title));
    known.and_then(by_id).or_else(|| by_id(wanted.id)).or_else(by_name)
}

/// The ids of all instances of a platform that a container or the memory knows.
pub fn known_ids(platform: &PlatformName, observed: &Observed, memory: &Memory) -> BTreeSet<ConnectorId> {
    Labels::new(observed, memory).at(platform).into_keys().collect()
}
