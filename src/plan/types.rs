//! The plan and its steps: complete enough that carrying one out reads nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{ContainerId, Known, SpecDigest};
use crate::{
    desired::{Held, Wanted},
    manifest::WantedState,
    model::{Commit, ConnectorId, InstanceName, Place, PlatformName, Revision},
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
    /// What besides a manifest gives the new value.
    pub given: Option<Given>,
    /// The commit that wrote it, where the source knows.
    pub commit: Option<Commit>,
    /// Seconds since the Unix epoch at which the engine was found, or told, to be otherwise.
    pub since: Option<i64>,
}

/// What gives a value that no manifest gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A `Defaults` document.
    Defaults,
    /// A default of the contract, in the catalog of this name: a path or a URL.
    Catalog(Arc<str>),
}

impl Reason {
    /// A reason that a field changes from one value to another, before anything is known of where and when.
    pub fn of(field: &str, before: Option<String>, after: Option<String>, cause: Cause) -> Self {
        let field = field.to_owned();
        Self { field, before, after, sensitive: false, cause, place: None, given: None, commit: None, since: None }
    }
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

impl Plan {
    /// A plan without steps.
    pub fn empty(revision: Revision) -> Self {
        let (steps, untouched, held, refused) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { revision, steps, untouched, held, refused, known: Known::default() }
    }
}

impl Step {
    /// The container that carrying it out creates; none where it creates none, or an earlier attempt has done so.
    pub fn creates(&self) -> Option<&NewContainer> {
        match &self.work {
            Work::Create(new) | Work::Recreate { new, .. } => Some(new),
            Work::Replace(replacement) => replacement.existing.is_none().then_some(&replacement.new),
            Work::Update { .. }
            | Work::Start { .. }
            | Work::Stop { .. }
            | Work::Remove { .. }
            | Work::AtPlatform(_) => None,
        }
    }
}

/// The guard that keeps a change which was rolled back from being tried again.
pub const ROLLBACK: &str = "rollback";

/// The guard that keeps two Locksteps of one owner from working against each other.
pub const COMPANY: &str = "owner";

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
    /// What is known of what the steps cost; only shown.
    pub known: Known,
}

impl Plan {
    /// Whether another Lockstep of the same owner is at work, so that nothing is done.
    pub fn has_company(&self) -> bool {
        self.refused.iter().any(|refusal| refusal.guard == COMPANY)
    }
}
