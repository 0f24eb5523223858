//! Why a field changes, and what says so.

use std::sync::Arc;

use crate::model::{Commit, Place};

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
    /// Lockstep itself: it stands in no line of the source, where another value may have stood before.
    Lockstep,
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
