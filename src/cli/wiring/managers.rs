//! The platforms that have Lockstep manage their connectors, and the keys that open what they seal.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;

use super::{
    credentials::{Identities, manager_keys},
    openaev::openaev_client,
    parts::opencti_client,
};
use crate::{
    cli::CliError,
    desired::OpensEnvelopes,
    model::{PlatformKind, PlatformName, Registration},
    platform::{ManagedPlatform, ManagerIdentity, ManagerKey},
    reconcile::{ManagedLink, Managers},
    settings::{Manager, PlatformSettings, Settings},
};

/// The manager's keys of every platform that has some.
pub(super) type Keys = BTreeMap<PlatformName, Arc<ManagerKeys>>;

/// The key of a manager, and the one that it takes the place of.
pub(crate) struct ManagerKeys {
    pub(crate) key: ManagerKey,
    pub(crate) former: Option<ManagerKey>,
}

impl ManagerKeys {
    /// Who the holder of these keys is at a platform.
    pub(crate) fn identity(&self, manager: &Manager) -> ManagerIdentity {
        let identity = |key: &ManagerKey| key.identity(&manager.id, &manager.name);
        let former = self.former.as_ref().map(identity).map(|former| [former.public_pkcs1, former.public_spki]);
        ManagerIdentity { former, ..identity(&self.key) }
    }
}

impl OpensEnvelopes for ManagerKeys {
    fn open(&self, envelope: &str) -> Result<SecretString, (String, String)> {
        let opened = self.key.open(envelope);
        let opened = match (&self.former, opened) {
            (Some(former), Err(error)) => former.open(envelope).map_err(|_| error),
            (_, opened) => opened,
        };
        opened.map_err(|error| (error.to_string(), error.help().to_owned()))
    }

    fn is_of_former(&self, envelope: &str) -> bool {
        self.former.as_ref().is_some_and(|former| self.key.open(envelope).is_err() && former.open(envelope).is_ok())
    }

    fn key(&self) -> &str {
        self.key.public_spki()
    }
}

/// The keys as what secrets are opened with.
pub(super) fn openers(keys: &Keys) -> BTreeMap<PlatformName, Arc<dyn OpensEnvelopes>> {
    keys.iter().map(|(name, keys)| (name.clone(), opener(keys))).collect()
}

fn opener(keys: &Arc<ManagerKeys>) -> Arc<dyn OpensEnvelopes> {
    Arc::<ManagerKeys>::clone(keys)
}

/// Reads the manager's keys of every platform that has one; what can't be read is left out where a command can do without.
///
/// # Errors
/// Where one can't be read or is no such key.
pub(super) fn keys(settings: &Settings, identities: Identities) -> Result<Keys, CliError> {
    let mut keys = Keys::new();
    for (name, platform) in &settings.platforms {
        let Some(manager) = &platform.manager else { continue };
        match manager_keys(name, manager) {
            Ok(key) => {
                keys.insert(name.clone(), Arc::new(key));
            }
            Err(_) if identities == Identities::Optional => {}
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
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
                former: None,
            },
            |keys| keys.identity(manager),
        );
        links.push(ManagedLink {
            name: name.clone(),
            client: managed_client(name, platform)?,
            identity: Arc::new(identity),
            opener: keys.get(name).map(opener),
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
        PlatformKind::OpenAev => Ok(Arc::new(openaev_client(name, platform)?)),
    }
}
