//! Why an engine did not do what it was asked.

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine could not be reached, or broke off.
    #[error("failed to reach the engine at `{host}`")]
    Unreachable {
        /// Its address.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine answered, and refused.
    #[error("the engine refused to {what}: {message}")]
    Refused {
        /// What it was asked for.
        what: String,
        /// The HTTP status of its answer.
        status: u16,
        /// Its words.
        message: String,
    },
    /// There is no such container.
    #[error("there is no container `{0}`")]
    NoSuchContainer(String),
    /// A container that is not ours has the name.
    #[error("a container that is not ours has the name `{name}` (id {id})")]
    ForeignContainer {
        /// The name.
        name: String,
        /// The container's id.
        id: String,
    },
    /// A container of another manager runs the same connector.
    #[error("the container `{container}` of another manager runs this connector, which must not run twice")]
    AnotherManager {
        /// Its name and id.
        container: String,
    },
    /// A network that a container is to join is not there.
    #[error("there is no network `{0}`")]
    MissingNetwork(String),
    /// An image is not there and can't be pulled.
    #[error("failed to get image `{image}`: {why}")]
    Image {
        /// The reference.
        image: String,
        /// Why.
        why: String,
        /// Whether trying again without a change can help.
        transient: bool,
    },
    /// A call took longer than its deadline.
    #[error("the engine did not answer within {seconds} s when asked to {what}")]
    Deadline {
        /// What it was asked for.
        what: String,
        /// The deadline, in seconds.
        seconds: u64,
    },
    /// The engine's answer makes no sense.
    #[error("the engine's answer to {what} can't be understood: {why}")]
    Answer {
        /// What it was asked for.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The settings of the engine can't work.
    #[error("bad engine settings: {0}")]
    Settings(String),
    /// Something that is never done, whatever a manifest says.
    #[error("refused to {what}: {why}")]
    Forbidden {
        /// What was asked for.
        what: String,
        /// Why it is not done.
        why: String,
    },
    /// A container that can never start again, and was removed; the next pass makes it anew.
    #[error("container `{name}` could not be started any more and was removed, to be made again: {message}")]
    Wedged {
        /// Its name.
        name: String,
        /// What the engine says.
        message: String,
    },
    /// The new container failed, and the former one could not be started again.
    #[error("neither the new nor the former container `{former}` could be started ({restore})")]
    Down {
        /// The id of the former container.
        former: String,
        /// Why the former one did not start.
        restore: Box<EngineError>,
        /// Why the new one did not start.
        #[source]
        source: Box<EngineError>,
    },
}

impl EngineError {
    /// Whether trying again without a change can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } | Self::Wedged { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Image { transient, .. } => *transient,
            Self::Down { source, .. } => source.is_transient(),
            Self::NoSuchContainer(_) => true,
            Self::ForeignContainer { .. }
            | Self::AnotherManager { .. }
            | Self::MissingNetwork(_)
            | Self::Answer { .. }
            | Self::Settings(_)
            | Self::Forbidden { .. } => false,
        }
    }
}
