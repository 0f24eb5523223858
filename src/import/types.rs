//! What an import is asked for and what it gives.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    catalog::Catalogs,
    model::{Finding, InstanceName, Place, PlatformName, Slug},
    secrets::{Recipients, SecretMap},
};

/// One compose file, read by whoever asks.
pub struct ComposeFile {
    /// What places call it.
    pub name: Arc<str>,
    /// Its text.
    pub content: Vec<u8>,
    /// What its services name with `env_file`, by the path as it stands there after interpolation.
    pub env_files: BTreeMap<String, EnvFile>,
}

/// A file that a service of a compose file names with `env_file`, as far as it may be read.
pub enum EnvFile {
    /// Its text.
    Read(Vec<u8>),
    /// There is none.
    Missing,
    /// It was not read, for this reason: `lies outside of the folder of the compose file`.
    Refused(String),
}

/// What is to be imported, and with what.
pub struct Request<'a> {
    /// The compose files, each for itself.
    pub files: &'a [ComposeFile],
    /// Where contracts are looked for.
    pub catalogs: &'a Catalogs,
    /// The values of `${VAR}`; none means that only defaults are known.
    pub variables: Option<&'a SecretMap>,
    /// Whom secrets are sealed for; none leaves them as blanks.
    pub recipients: Option<&'a Recipients>,
    /// The platform of the settings that every instance serves; none leaves it out.
    pub platform: Option<&'a PlatformName>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Imported {
    /// Every service, in the order of the files.
    pub services: Vec<ImportedService>,
    /// Everything that the author should look at, in the order of `Finding::sort`; an error is something to fill in or
    /// to decide before the manifest is what the service was.
    pub findings: Vec<Finding>,
}

/// What came of one service.
#[derive(Debug)]
pub struct ImportedService {
    /// Its name in the compose file.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What came of it.
    pub outcome: Outcome,
    /// What was left out since Lockstep does it otherwise, or not at all.
    pub notes: Vec<Note>,
}

/// What came of a service.
#[derive(Debug)]
pub enum Outcome {
    /// It is a manifest now.
    Manifest {
        /// The instance's name.
        instance: InstanceName,
        /// The contract it deploys.
        contract: Slug,
        /// The manifest; it holds no secret in clear.
        text: String,
    },
    /// It is no connector.
    LeftAlone,
    /// It looks like a connector and could not be imported; a finding says why.
    Refused,
}

/// Something the author may want to know and need not mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What it is about.
    pub place: Place,
    /// What it says.
    pub text: String,
}
