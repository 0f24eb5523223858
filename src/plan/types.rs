//! The plan and its steps: complete enough that carrying one out reads nothing else.

use super::{Known, NewContainer, Reason, Work};
use crate::{
    desired::Held,
    model::{InstanceName, Revision},
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
