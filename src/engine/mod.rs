//! Runs containers: observes those of one owner and carries out the steps of a plan.

mod adopted;
mod docker;
mod error;
mod gate;
mod none;

use std::{collections::BTreeMap, future::Future, time::Duration};

pub use adopted::{Adopted, ForeignManaged, read_adopted, write_adopted};
pub use docker::{Deadlines, DockerConfig, DockerEngine, RECOMMENDED_CONCURRENCY, RegistryAuth};
pub use error::EngineError;
use futures_util::stream::BoxStream;
pub use gate::{Gate, Proof};
pub use none::NoEngine;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::{
    model::{InstanceName, OwnerName},
    plan::{ContainerId, Layer, Observed, Plan, Step},
};

pub use crate::desired::OpenedEnv;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything the step says is done.
    Done,
    /// A replacement was made, its health is not known since waiting for it was cancelled; the next pass goes on.
    Unfinished,
    /// The new container did not become healthy; the old one is kept beside it.
    Unhealthy {
        /// What was seen.
        why: String,
    },
}

/// What an engine does at this moment for a step, for people who watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The image is being pulled: bytes so far and in all, where known.
    Pulling(u64, Option<u64>),
    /// The container is being created.
    Creating,
    /// A container that runs is being stopped, in a replacement the former one.
    StoppingOld,
    /// The container is being started.
    Starting,
    /// The container runs and has to prove its health.
    Settling,
    /// What is no longer needed is being removed.
    Removing,
}

/// Something that must be mended before a plan can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A container that is not ours has a name that we need.
    ForeignContainer {
        /// The instance that needs the name.
        instance: InstanceName,
        /// The container's name and id.
        container: String,
    },
    /// A container of another manager runs the same connector.
    AnotherManager {
        /// The instance whose connector it is.
        instance: InstanceName,
        /// The container's name and id.
        container: String,
    },
    /// A network is not there.
    MissingNetwork {
        /// The instance that needs it.
        instance: InstanceName,
        /// The network.
        network: String,
    },
    /// An image is neither on the engine nor to be had.
    MissingImage {
        /// The instance that needs it.
        instance: InstanceName,
        /// The reference.
        image: String,
        /// Why it can't be pulled.
        why: String,
    },
}

impl Problem {
    /// The problem as the error that carrying out the step would have ended with.
    pub fn to_error(&self) -> EngineError {
        match self {
            Self::ForeignContainer { container, .. } => {
                EngineError::ForeignContainer { name: container.clone(), id: String::new() }
            }
            Self::AnotherManager { container, .. } => EngineError::AnotherManager { container: container.clone() },
            Self::MissingNetwork { network, .. } => EngineError::MissingNetwork(network.clone()),
            Self::MissingImage { image, why, .. } => {
                EngineError::Image { image: image.clone(), why: why.clone(), transient: false }
            }
        }
    }

    /// The instance that can't be brought about.
    pub fn instance(&self) -> &InstanceName {
        match self {
            Self::ForeignContainer { instance, .. }
            | Self::AnotherManager { instance, .. }
            | Self::MissingNetwork { instance, .. }
            | Self::MissingImage { instance, .. } => instance,
        }
    }
}

/// A container as one inspect call shows it; `env` holds secrets.
#[derive(Debug)]
pub struct Inspected {
    /// Restarts by the engine since the last start by hand.
    pub restarts: u64,
    /// Seconds since the Unix epoch at which it was last started; none if it never was.
    pub started: Option<i64>,
    /// Seconds since the Unix epoch at which it last ended; none if it never did.
    pub finished: Option<i64>,
    /// Whether it runs now.
    pub running: bool,
    /// Whether the engine will start it again by itself.
    pub restarting: bool,
    /// The exit code of the last run.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// What its health check says: `starting`, `healthy`, `unhealthy`; none without a check.
    pub health: Option<String>,
    /// The image reference it was made from, as written.
    pub image: String,
    /// The engine's id of what its image reference named when it was made, where that was noted.
    pub image_noted: Option<String>,
    /// Whether the engine still has that image, so that what it brings is told apart from what was set.
    pub image_known: bool,
    /// Whether Lockstep made it, rather than took it over as another manager had made it.
    pub made_here: bool,
    /// The environment without what its image brings.
    pub env: BTreeMap<String, SecretString>,
    /// The variables whose values were secrets when it was made, with the digest of each as it was sealed, where it was.
    pub sealed: BTreeMap<String, Option<String>>,
    /// What its image brings to the environment and was left as it is: a wanted value equal to one of these is no change.
    pub image_env: BTreeMap<String, String>,
    /// The other fields, by the names that the plan shows, without what its image brings.
    pub fields: BTreeMap<String, String>,
    /// The fields that have the image's own value: a wanted value equal to one of these is no change.
    pub image_fields: BTreeMap<String, String>,
}

/// An image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// The engine's id of it.
    pub id: String,
    /// Seconds since the Unix epoch at which a reference last came to name it, where the engine knows.
    pub tagged: Option<i64>,
}

/// One change of a container that was there already, by whomever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The container.
    pub container: ContainerId,
    /// What was changed.
    pub what: Touched,
    /// Seconds since the Unix epoch, by the engine's clock.
    pub time: i64,
}

/// What can be changed about a container that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// Its limits or its restart policy.
    Limits,
    /// Its name.
    Name,
    /// It was frozen.
    Pause,
    /// It joined or left this network.
    Network(String),
}

/// Something that happened to a container of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// The instance.
    pub instance: InstanceName,
    /// Its container.
    pub container: ContainerId,
    /// The engine's word: `die`, `start`, `destroy`, `oom`, `health_status: …`.
    pub action: String,
    /// The exit code of a `die`.
    pub exit_code: Option<i64>,
    /// Seconds since the Unix epoch at which it happened, by the engine's clock.
    pub time: Option<i64>,
}

/// One line of a container's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whether it came from the error stream.
    pub stderr: bool,
    /// The text without its end of line.
    pub text: String,
}

/// What runs containers.
pub trait Engine: Send + Sync + 'static {
    /// Lists every container of an owner in one call.
    ///
    /// # Errors
    /// Where the engine can't be reached or its answer not understood; never an empty list instead.
    fn observe(&self, owner: &OwnerName) -> impl Future<Output = Result<Observed, EngineError>> + Send;

    /// Looks at one container closely.
    ///
    /// # Errors
    /// [`EngineError::NoSuchContainer`] where it is gone, and what [`Engine::observe`] gives.
    fn inspect(&self, container: &ContainerId) -> impl Future<Output = Result<Inspected, EngineError>> + Send;

    /// Looks for everything that would make a plan fail, before anything is touched.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    fn preflight(
        &self,
        owner: &OwnerName,
        plan: &Plan,
    ) -> impl Future<Output = Result<Vec<Problem>, EngineError>> + Send;

    /// Carries out one step, and finishes what an earlier attempt at it left. `env` is given for steps that create.
    ///
    /// `cancel` ends waiting, never a call in hand: what was begun is left in a state that the next pass resumes from.
    ///
    /// # Errors
    /// Whatever the engine refuses; the container that ran before still runs, or is started again.
    fn apply(
        &self,
        step: &Step,
        env: Option<&OpenedEnv>,
        progress: &(dyn Fn(Progress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> impl Future<Output = Result<Outcome, EngineError>> + Send;

    /// The newest lines of a container's output, and what comes after them where `follow` is set.
    fn logs(
        &self,
        container: &ContainerId,
        tail: u32,
        follow: bool,
    ) -> BoxStream<'static, Result<LogLine, EngineError>>;

    /// What happens to the containers of an owner from now on; ends with an error when the engine goes away.
    fn events(&self, owner: &OwnerName) -> BoxStream<'static, Result<EngineEvent, EngineError>>;

    /// Sets whether the engine may start a container again by itself.
    ///
    /// # Errors
    /// What [`Engine::inspect`] gives.
    fn set_restarts(
        &self,
        container: &ContainerId,
        allowed: bool,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// What an image reference names on the engine; none where it has no such image.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    fn image(&self, image: &str) -> impl Future<Output = Result<Option<LocalImage>, EngineError>> + Send;

    /// How containers were changed while they were there, since a moment in seconds since the Unix epoch, the oldest first,
    /// as far as the engine remembers.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    fn touches(&self, since: i64) -> impl Future<Output = Result<Vec<Touch>, EngineError>> + Send;

    /// What pulling images would fetch: of each the layers that the engine lacks, as far as its registry tells in a second
    /// or two. Nothing is pulled, and what can't be told is left out.
    fn missing_layers(&self, images: &[String]) -> impl Future<Output = BTreeMap<String, Vec<Layer>>> + Send;

    /// The engine's name, version and address for `doctor`, and how long the answer took.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    fn about(&self) -> impl Future<Output = Result<(String, Duration), EngineError>> + Send;
}
