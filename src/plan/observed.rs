//! What runs: the containers that carry our owner label, and nothing else.

use std::{collections::BTreeMap, fmt};

use crate::model::InstanceName;

/// The labels of everything we create; a part of the outside interface.
#[derive(Debug, Clone, Copy)]
pub struct Labels {
    /// Who manages the container.
    pub owner: &'static str,
    /// The instance's name.
    pub instance: &'static str,
    /// The platform's name in the settings.
    pub platform: &'static str,
    /// The connector's id at the platform.
    pub id: &'static str,
    /// The keyed digest of the effective spec, secrets included.
    pub digest: &'static str,
    /// The plain digest of the effective spec, secrets sealed.
    pub source: &'static str,
    /// The revision that the container was created from.
    pub revision: &'static str,
    /// The names of the environment variables whose values may be shown to nobody, joined by commas; after `=`, a digest of
    /// the value as it was sealed.
    pub sealed: &'static str,
    /// The engine's id of the image that the container was created from.
    pub image: &'static str,
    /// Which Lockstep made the container: others of the same owner are noticed by it.
    pub maker: &'static str,
    /// The prefix under which a manifest's own labels stand.
    pub own_prefix: &'static str,
}

/// The names of our labels.
pub const LABELS: Labels = Labels {
    owner: "dev.lockstep.owner",
    instance: "dev.lockstep.instance",
    platform: "dev.lockstep.platform",
    id: "dev.lockstep.id",
    digest: "dev.lockstep.digest",
    source: "dev.lockstep.source",
    revision: "dev.lockstep.revision",
    sealed: "dev.lockstep.sealed",
    image: "dev.lockstep.image",
    maker: "dev.lockstep.maker",
    own_prefix: "label.dev.lockstep/",
};

/// What the revision label begins with where people at a platform, not the source, ask for the instance.
pub(super) const OF_PLATFORM: &str = "platform:";

/// The engine's id of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub String);

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A keyed digest over an effective spec, opened secrets included: `KEYID:HEX`, see `secrets`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpecDigest(pub String);

impl SpecDigest {
    /// The eight digits that end a container's name.
    pub fn name_suffix(&self) -> &str {
        let hex = self.0.rsplit(':').next().unwrap_or(&self.0);
        hex.get(..8).unwrap_or(hex)
    }
}

/// The source label: the digest of the sealed spec, and a keyed fingerprint of the settings' token where one is used.
///
/// Written as `DIGEST`, or `DIGEST+FINGERPRINT`. Where only one side knows a fingerprint, the digests alone decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMark {
    /// The digest of the sealed spec.
    pub digest: String,
    /// The fingerprint of the connector token.
    pub token: Option<String>,
}

impl SourceMark {
    /// Reads a label's value.
    pub fn parse(label: &str) -> Self {
        match label.split_once('+') {
            Some((digest, token)) => Self { digest: digest.to_owned(), token: Some(token.to_owned()) },
            None => Self { digest: label.to_owned(), token: None },
        }
    }

    /// Whether both mark the same spec, as far as can be told.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let tokens_agree = match (&self.token, &other.token) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, None) | (None, Some(_)) => true,
        };
        self.digest == other.digest && tokens_agree
    }
}

impl fmt::Display for SourceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest)?;
        self.token.as_ref().map_or(Ok(()), |token| write!(f, "+{token}"))
    }
}

/// The engine's word for what a container does; each variant says what we do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// Never started; starting it is safe.
    Created,
    /// Running; nothing to do.
    Running,
    /// Running but frozen by hand; it is replaced by a restart.
    Paused,
    /// Between two runs, by the engine's restart policy; it counts as running.
    Restarting,
    /// Ended with this exit code.
    Exited(i64),
    /// The engine can't handle it any more; it is removed and created again.
    Dead,
    /// Being removed by the engine.
    Removing,
    /// A word we do not know; nothing is done with the container and the status says so.
    Unknown(String),
}

/// One container of ours, from the engine's list call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// The engine's id.
    pub id: ContainerId,
    /// The container's name.
    pub name: String,
    /// The instance it belongs to.
    pub instance: InstanceName,
    /// The platform label.
    pub platform: Option<String>,
    /// The connector id label.
    pub connector_id: Option<String>,
    /// The digest label.
    pub digest: Option<SpecDigest>,
    /// The source digest label.
    pub source: Option<String>,
    /// The revision label.
    pub revision: Option<String>,
    /// What it does.
    pub state: ContainerState,
    /// Seconds since the Unix epoch at which it was created.
    pub created: i64,
    /// Seconds since the Unix epoch at which it last ended; only known for containers that were inspected.
    pub finished: Option<i64>,
    /// Whether it ended since it was stopped for good, and not by itself; only known for containers that were inspected.
    pub was_stopped: bool,
    /// The image reference it was created from.
    pub image: String,
    /// The names of the environment variables we set, with the values of those that are not sensitive, and the other
    /// fields by the names that the plan shows; only filled for containers about to change.
    pub fields: Option<BTreeMap<String, String>>,
    /// For sensitive fields, whether the value equals the wanted one; only filled for containers about to change.
    pub sensitive_equal: BTreeMap<String, bool>,
    /// What its image's reference names now, where that is another image than it was made from; only filled where it was
    /// looked at for its own sake.
    pub moved_image: Option<MovedImage>,
    /// Whether it was looked at although nothing about it is to change: what differs then was changed by something else.
    pub refreshed: bool,
}

/// A reference that names another image than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedImage {
    /// The engine's id of the image that the container was made from.
    pub from: String,
    /// The engine's id of the image that the reference names now.
    pub to: String,
    /// Seconds since the Unix epoch at which that came about, where the engine knows.
    pub since: Option<i64>,
}

/// What a close look has shown of a container, without anything secret, for plans that are made where no engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its fields by the names that the plan shows.
    pub fields: BTreeMap<String, String>,
    /// Those that its image brought: a wanted value equal to one of these is no change.
    pub brought: BTreeMap<String, String>,
    /// The variables that hold secrets, with the digest of each as it was sealed, where it was.
    pub sealed: BTreeMap<String, Option<String>>,
    /// Seconds since the Unix epoch at which it last ended.
    pub finished: Option<i64>,
    /// Whether it ended since it was stopped for good.
    pub was_stopped: bool,
}

/// Every container of ours at one moment, sorted by instance and then by creation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The containers.
    pub containers: Vec<ObservedContainer>,
    /// The name of one that another Lockstep of the same owner made while this one worked.
    pub company: Option<String>,
    /// What was seen of them before, where they were observed elsewhere.
    pub seen: BTreeMap<ContainerId, Seen>,
}

impl ObservedContainer {
    /// Whether people at its platform, not the source, asked for it.
    pub fn is_of_platform(&self) -> bool {
        self.revision.as_ref().is_some_and(|revision| revision.starts_with(OF_PLATFORM))
    }

    /// Whether it runs, or is between two runs.
    pub fn runs(&self) -> bool {
        match self.state {
            ContainerState::Running | ContainerState::Restarting | ContainerState::Paused => true,
            ContainerState::Created
            | ContainerState::Exited(_)
            | ContainerState::Dead
            | ContainerState::Removing
            | ContainerState::Unknown(_) => false,
        }
    }
}

impl ContainerState {
    /// What is said about it.
    pub fn describe(&self) -> String {
        match self {
            Self::Created => "created".to_owned(),
            Self::Running => "running".to_owned(),
            Self::Paused => "paused".to_owned(),
            Self::Restarting => "restarting".to_owned(),
            Self::Exited(code) => format!("exited ({code})"),
            Self::Dead => "dead".to_owned(),
            Self::Removing => "removing".to_owned(),
            Self::Unknown(word) => format!("`{}`", word.escape_debug()),
        }
    }
}

impl Observed {
    /// The containers of one instance, by creation.
    pub fn of<'a>(&'a self, instance: &'a InstanceName) -> impl Iterator<Item = &'a ObservedContainer> {
        let first = self.containers.partition_point(|container| container.instance < *instance);
        self.containers[first..].iter().take_while(move |container| &container.instance == instance)
    }
}
