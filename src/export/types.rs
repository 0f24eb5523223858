//! What an export gives.

use crate::{
    desired::{EnvValue, Wanted},
    model::{InstanceName, PlatformName},
};

/// Something that a person has to give before the file can be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blank {
    /// What it is called in the file.
    pub name: String,
    /// What it is, such as `the value of FEED_API_KEY of instance feed`.
    pub what: String,
}

/// Something of an instance that the file does not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// The instance.
    pub instance: InstanceName,
    /// What is lost, and what that means.
    pub what: String,
}

/// What of a cluster no manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// How large a volume is asked for, as Kubernetes writes sizes (`10Gi`); none asks for 1Gi.
    pub storage: Option<String>,
    /// The Secrets with which images are pulled, by name.
    pub image_pull_secrets: Vec<String>,
}

/// A file, and what has to be done about it by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The text of the file, without any secret.
    pub text: String,
    /// What is to be filled in, sorted, each once.
    pub blanks: Vec<Blank>,
    /// What is not carried over, by instance.
    pub lost: Vec<Lost>,
}

/// What a value that may be shown to nobody is.
pub(super) enum Secret<'a> {
    /// A value of one instance.
    Own,
    /// The token that connectors of a platform share.
    Shared(&'a PlatformName),
}

impl<'a> Secret<'a> {
    /// The secret in a variable; none in one that stands in clear.
    pub(super) fn of(value: &'a EnvValue) -> Option<Self> {
        match value {
            EnvValue::Plain(_) => None,
            EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => Some(Self::Own),
            EnvValue::ConnectorToken(platform) => Some(Self::Shared(platform)),
        }
    }

    /// What a person has to give for it.
    pub(super) fn what(&self, wanted: &Wanted, key: &str) -> String {
        match self {
            Self::Own => format!("the value of {key} of instance {}", wanted.name),
            Self::Shared(platform) => format!("the token of the connectors of platform {platform}"),
        }
    }
}

/// What no other tool does for an instance.
pub(super) fn lost_everywhere(wanted: &Wanted, lost: &mut Vec<Lost>) {
    let mut lose = |what: &str| lost.push(Lost { instance: wanted.name.clone(), what: what.to_owned() });
    if wanted.suspend {
        lose("`suspend` is not carried over: the instance is brought about like any other");
    }
    if wanted.management.is_some() {
        lose(
            "the managed registration is not carried over: the connector registers itself, with a token that you give",
        );
    }
    if wanted.health.require_platform {
        lose("`health.requirePlatform` is not carried over: nobody asks the platform whether it has heard from it");
    }
}
