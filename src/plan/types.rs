//! The plan and its steps: complete enough that carrying one out reads nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{ContainerId, SpecDigest};
use crate::{
    desired::{Held, Wanted},
    manifest::WantedState,
    model::{ConnectorId, InstanceName, Place, PlatformName, Revision},
};

/// What happens to an instance, in the words of the outside interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A container is made where there is none.
    Create,
    /// A new container takes the place of another.
    Replace,
    /// Something is changed without a new container.
    Update,
    /// A container that exists is started.
    Start,
    /// A container that runs is stopped.
    Stop,
    /// A container is stopped, or removed where it was stopped long enough ago.
    Destroy,
    /// The instance is made at its platform.
    Register,
    /// The instance is changed at its platform.
    Edit,
    /// A connector that registered itself becomes one that its platform has managed.
    Migrate,
    /// The instance is removed from its platform.
    Unregister,
}

impl Action {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Destroy => "destroy",
            Self::Register => "register",
            Self::Edit => "edit",
            Self::Migrate => "migrate",
            Self::Unregister => "unregister",
        }
    }

    /// Whether it happens at the platform rather than on the engine.
    pub fn is_at_platform(self) -> bool {
        match self {
            Self::Create | Self::Replace | Self::Update | Self::Start | Self::Stop | Self::Destroy => false,
            Self::Register | Self::Edit | Self::Migrate | Self::Unregister => true,
        }
    }
}

/// Why a field changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The source says something else than before.
    Manifest,
    /// The engine was changed by something else than Lockstep.
    Drift,
    /// The catalog gives another default.
    Catalog,
    /// Another image.
    Image,
    /// The settings of the platform, or the platform itself, say something else.
    Platform,
    /// Someone asked for it.
    Request,
}

impl Cause {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Drift => "drift",
            Self::Catalog => "catalog",
            Self::Image => "image",
            Self::Platform => "platform",
            Self::Request => "request",
        }
    }
}

/// One field that changes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The field's name: `image`, `env.KEY`, `container.resources.memory`, `state`.
    pub field: String,
    /// What it is; none where it is not there, or sensitive.
    pub before: Option<String>,
    /// What it becomes; none where it goes, or sensitive.
    pub after: Option<String>,
    /// Whether the values may be shown to nobody.
    pub sensitive: bool,
    /// Why it changes.
    pub cause: Cause,
    /// Where the new value was written.
    pub place: Option<Place>,
    /// The commit that wrote it.
    pub commit: Option<String>,
}

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
    /// Start a container.
    Start {
        /// Which.
        container: ContainerId,
        /// What counts as healthy; only the status needs it.
        unpause: bool,
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

/// One thing to do for one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The instance.
    pub instance: InstanceName,
    /// What happens, for people and scripts.
    pub action: Action,
    /// Why, at least one.
    pub reasons: Vec<Reason>,
    /// What is done.
    pub work: Work,
}

/// Something the plan does not do since a guard forbids it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The instances concerned.
    pub instances: Vec<InstanceName>,
    /// The setting or rule that forbids it.
    pub guard: &'static str,
    /// What is refused and why.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// The ordered steps from observed to desired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The revision that is brought about.
    pub revision: Revision,
    /// The steps, at most one an instance on the engine and one at its platform, sorted by instance.
    pub steps: Vec<Step>,
    /// Instances that are as they should be.
    pub untouched: Vec<InstanceName>,
    /// Instances that get no step since something is wrong with them.
    pub held: Vec<Held>,
    /// What guards forbid.
    pub refused: Vec<Refusal>,
}
