//! The platforms that have Lockstep manage their connectors, and the keys that open what they seal.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;

use super::{
    credentials::{Identities, file},
    parts::opencti_client,
};
use crate::{
    cli::{CliError, Exit, output, render},
    desired::OpensEnvelopes,
    model::{PlatformKind, PlatformName, Registration},
    platform::{KeyError, ManagedPlatform, ManagerIdentity, ManagerKey},
    reconcile::{ManagedLink, Managers},
    settings::{Manager, PlatformSettings, Settings},
};

/// The largest file of a key that is read, in bytes.
const MAX_KEY: usize = 64 * 1024;

/// The manager's key of every platform that has one.
pub(super) type Keys = BTreeMap<PlatformName, Arc<ManagerKey>>;

struct Opener(Arc<ManagerKey>);

impl OpensEnvelopes for Opener {
    fn open(&self, envelope: &str) -> Result<SecretString, (String, String)> {
        self.0.open(envelope).map_err(|error| (error.to_string(), error.help().to_owned()))
    }
}

/// The keys as what secrets are opened with.
pub(super) fn openers(keys: &Keys) -> BTreeMap<PlatformName, Arc<dyn OpensEnvelopes>> {
    let opener = |(name, key): (&PlatformName, &Arc<ManagerKey>)| {
        let opener: Arc<dyn OpensEnvelopes> = Arc::new(Opener(Arc::clone(key)));
        (name.clone(), opener)
    };
    keys.iter().map(opener).collect()
}

/// Reads the manager's key of every platform that has one; what can't be read is left out where a command can do without.
///
/// # Errors
/// Where one can't be read or is no such key.
pub(super) fn keys(settings: &Settings, identities: Identities) -> Result<Keys, CliError> {
    let mut keys = Keys::new();
    for (name, platform) in &settings.platforms {
        let Some(manager) = &platform.manager else { continue };
        match key(name, manager) {
            Ok(key) => {
                keys.insert(name.clone(), Arc::new(key));
            }
            Err(_) if identities == Identities::Optional => {}
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

fn key(name: &PlatformName, manager: &Manager) -> Result<ManagerKey, CliError> {
    let setting = format!("platforms.{name}.manager.key");
    let read = file(&manager.key, &setting, MAX_KEY)?;
    if let Some(warning) = read.warning {
        output::note(&format!("{} `{setting}`: {warning}\n", render::yellow("warning:")))?;
    }
    let unusable = |error: KeyError| {
        let message = format!("`{setting}`: `{}` can't be used: {error}", manager.key.display());
        CliError::new(Exit::Secret, message).with_help(error.help())
    };
    let text = std::str::from_utf8(&read.content).map_err(|_| unusable(KeyError::NotPem))?;
    ManagerKey::from_pem(&SecretString::from(text)).map_err(unusable)
}

/// Every platform that has us manage its connectors.
///
/// # Errors
/// Where a token or certificates can't be read, or for a kind of platform that can't be managed.
pub(super) fn managers(settings: &Settings, keys: &Keys) -> Result<Managers, CliError> {
    let mut links = Vec::new();
    for (name, platform) in &settings.platforms {
        let (Registration::Managed, Some(manager)) = (platform.registration, &platform.manager) else { continue };
        // Without the key nothing is registered, and reading needs only the id.
        let identity = keys.get(name).map_or_else(
            || ManagerIdentity {
                id: manager.id.clone(),
                name: manager.name.clone(),
                public_pkcs1: String::new(),
                public_spki: String::new(),
            },
            |key| key.identity(&manager.id, &manager.name),
        );
        links.push(ManagedLink {
            name: name.clone(),
            client: managed_client(name, platform)?,
            identity: Arc::new(identity),
            control: platform.ui_control,
            instances: platform.ui_instances,
        });
    }
    Ok(Managers { links, allow_empty: settings.prune.allow_empty, state: settings.state.clone() })
}

/// The client of a platform that has us manage its connectors.
///
/// # Errors
/// Where its token or certificates can't be read, or for a kind of platform that can't be managed.
pub(crate) fn managed_client(
    name: &PlatformName,
    platform: &PlatformSettings,
) -> Result<Arc<dyn ManagedPlatform>, CliError> {
    match platform.kind {
        PlatformKind::OpenCti => Ok(Arc::new(opencti_client(name, platform)?)),
        PlatformKind::OpenAev => {
            let message =
                format!("`platforms.{name}.registration`: `managed` is not supported for OpenAEV by this version");
            Err(CliError::new(Exit::Invalid, message).with_help("use `registration: self`"))
        }
    }
}
