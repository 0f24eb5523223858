//! Builds the parts of Lockstep from the settings.

mod credentials;
mod managers;
pub(super) mod offline;
mod once;
mod openaev;
mod parts;
pub(super) mod repository;
mod signals;
mod step;

pub(super) use credentials::{Identities, keyring};
pub(super) use once::{register, status_once, tell_once};
pub(super) use openaev::examine_openaev;
pub(super) use parts::{
    Parts, Whole, concurrency, engine, engine_host, lock_folder, pipeline, pipeline_with, platform_client, platforms,
    settings, state_folder, whole,
};
pub(super) use signals::{cancel_on_signals, force_on_hangup};
pub(super) use step::StepFiles;

use std::{io::Read, path::Path};

use super::{CliError, Exit};
use crate::{
    desired::DesiredState,
    model::InstanceName,
    plan::{Observed, wire},
};

/// The largest file of observed containers that is read, in bytes.
const MAX_OBSERVED: u64 = 64 * 1024 * 1024;

/// Refuses a name from the command line that neither the source nor its findings know.
///
/// # Errors
/// Wrong use, naming the first such name.
pub(super) fn known_instances(names: &[InstanceName], desired: &DesiredState) -> Result<(), CliError> {
    let known = |name: &&InstanceName| desired.wanted.contains_key(*name) || desired.held.contains_key(*name);
    match names.iter().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(CliError::new(Exit::Usage, format!("the source has no instance `{name}`"))
            .with_help("`lockstep status` shows all instances")),
    }
}

/// Reads observed containers from a file that `lockstep observe` wrote.
///
/// # Errors
/// Where the file can't be read or holds something else.
pub(super) fn observed_file(path: &Path) -> Result<Observed, CliError> {
    let failed = |why: String| {
        CliError::new(Exit::Usage, format!("failed to read the observed containers `{}`: {why}", path.display()))
            .with_help("write the file with `lockstep observe`")
    };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MAX_OBSERVED).read_to_end(&mut content).map_err(|error| failed(error.to_string()))?;
    let read: wire::ObservedJson = serde_json::from_slice(&content).map_err(|error| failed(error.to_string()))?;
    Observed::try_from(read).map_err(failed)
}
