//! Builds the parts of Lockstep from the settings.

mod checkout;
mod connection;
mod credentials;
mod maker;
mod managers;
pub(super) mod offline;
mod once;
mod openaev;
mod others;
mod parts;
mod publish;
mod pulls;
pub(super) mod repository;
mod resealed;
mod saved;
mod sealed;
mod signals;
mod snapshot;
mod step;

pub(super) use checkout::{LocalCheckout, Which};
pub(super) use credentials::{Identities, keyring, manager_keys};
pub(super) use managers::{ManagerKeys, managed_client};
pub(super) use once::{register, status_once, tell_once};
pub(super) use openaev::openaev_client;
pub(super) use others::refuse_what_others_run;
pub(super) use parts::{
    Parts, Whole, concurrency, desired, engine, engine_host, lock_folder, opencti_client, pipeline, pipeline_with,
    platforms, settings, state_folder, whole,
};
pub(super) use publish::Publisher;
pub(super) use pulls::{fresh_catalogs, left_out, subscription, subscriptions, watch_catalogs};
pub(super) use saved::{bound, check_seal, read_saved, seal_key, write_saved};
pub(super) use sealed::opens;
pub(super) use signals::{cancel_on_signals, force_on_hangup};
pub(super) use snapshot::{observed_file, write_snapshot};
pub(super) use step::StepFiles;

use super::{CliError, Exit};
use crate::{desired::DesiredState, model::InstanceName};

/// Leaves what a command has read, and holds no secret, to the end of the process, which frees it much faster than piece
/// by piece.
pub(super) fn left_to_the_end<T>(value: T) {
    std::mem::forget(value);
}

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
