//! What carrying out a step does, whole, so that whoever does it reads nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{ContainerId, SpecDigest};
use crate::{
    desired::Wanted,
    manifest::WantedState,
    model::{ConnectorId, PlatformName},
};

/// A container to be created, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContainer {
    /// What it is made from.
    pub wanted: Arc<Wanted>,
    /// Its name: instance, hyphen, first eight digits of the digest.
    pub name: String,
    /// The digest it will carry.
    pub digest: SpecDigest,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is started.
    pub start: bool,
}

/// How far a replacement has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The container that is to be there in the end.
    pub new: NewContainer,
    /// The new container, where an earlier attempt has created it already.
    pub existing: Option<ContainerId>,
    /// The containers it replaces: each is stopped before the new one starts and removed when that is healthy.
    pub old: Vec<ContainerId>,
}

/// What an engine can change about a container without a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InPlace {
    /// Processor time, in thousandths of a core.
    pub milli_cpus: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Number of processes and threads.
    pub pids: Option<u64>,
    /// Whether the engine gets back its own leave to restart the container.
    pub restarts: bool,
    /// The name to take back.
    pub name: Option<String>,
    /// Networks to join.
    pub join: Vec<String>,
    /// Networks to leave.
    pub leave: Vec<String>,
    /// What the container is called on the networks it joins.
    pub alias: String,
}

/// What carrying out a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Make a container.
    Create(Box<NewContainer>),
    /// Make a container in the place of others, or finish doing so.
    Replace(Box<Replacement>),
    /// Remove a container that can't be started any more and make it again.
    Recreate {
        /// The container that is removed.
        broken: ContainerId,
        /// What is made in its place.
        new: Box<NewContainer>,
    },
    /// Change a container while it runs on.
    Update {
        /// Which.
        container: ContainerId,
        /// What is changed; everything else stays.
        change: Box<InPlace>,
        /// What it was made from.
        wanted: Arc<Wanted>,
    },
    /// Start a container.
    Start {
        /// Which.
        container: ContainerId,
        /// Whether it is paused, and goes on rather than starts.
        unpause: bool,
        /// Whether the engine may start it again by itself: every plan says so, and whoever carries it out may think
        /// otherwise of one that keeps ending.
        restarts: bool,
    },
    /// Stop a container and keep it.
    Stop {
        /// Which.
        container: ContainerId,
        /// Time between the request and the kill; none means the container's own.
        grace: Option<Duration>,
    },
    /// Remove stopped containers, never their volumes; one that runs after all is stopped first, within its grace.
    Remove {
        /// Which.
        containers: Vec<ContainerId>,
    },
    /// Do something at the platform; no container is touched.
    AtPlatform(Box<AtPlatform>),
}

impl Work {
    /// The container that it makes, where it makes one.
    pub fn creates(&self) -> Option<&NewContainer> {
        match self {
            Self::Create(new) | Self::Recreate { new, .. } => Some(new),
            Self::Replace(replacement) => Some(&replacement.new),
            Self::Update { .. }
            | Self::Start { .. }
            | Self::Stop { .. }
            | Self::Remove { .. }
            | Self::AtPlatform(_) => None,
        }
    }

    /// Whether a container may run because of it that does not run now.
    pub fn begins_a_run(&self) -> bool {
        self.creates().is_some() || matches!(self, Self::Start { .. })
    }
}

/// What is done at a platform for one instance that it has us manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtPlatform {
    /// The platform.
    pub platform: PlatformName,
    /// What is done there.
    pub work: PlatformWork,
}

/// What is done at a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformWork {
    /// Make the instance, and ask for its start where it is to run.
    Add(Box<Entry>),
    /// Change the instance.
    Edit {
        /// Its id there.
        id: ConnectorId,
        /// Everything about it; none where only its state is asked for.
        entry: Option<Box<Entry>>,
        /// The state to ask for; none where it is asked for already.
        state: Option<WantedState>,
    },
    /// Make a connector that registered itself a managed one, under the id it has.
    Migrate {
        /// Its id there.
        id: ConnectorId,
        /// Everything about it.
        entry: Box<Entry>,
    },
    /// Remove the instance, with its queues and what it was working on.
    Delete {
        /// Its id there.
        id: ConnectorId,
    },
}

/// An instance as its platform is to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is made from; secrets are opened from it when they are sent.
    pub wanted: Arc<Wanted>,
    /// The keys of secrets that the platform has already and that are not sent again.
    pub kept: BTreeSet<String>,
}
