//! Reads what the settings only refer to: identities, tokens, passwords.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::managers::{self, ManagerKeys};
use crate::{
    cli::{CliError, Exit, commands::Session, output, render},
    desired::Openers,
    model::PlatformName,
    platform::{KeyError, ManagerKey},
    reconcile::{Managers, Secrets},
    secrets::{BindingPolicy, Keyring},
    settings::{self, BindingSetting, Manager, SecretRef, Settings},
    telemetry,
};

/// The largest file of identities or of a key that is read, in bytes.
const MAX_IDENTITY: usize = 1024 * 1024;
/// Whether a command can do without identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identities {
    /// It changes containers: a secret that can't be opened holds its instance.
    Required,
    /// It only shows: without any identity, sealed values are compared as they are.
    Optional,
}

/// Reads a secret that the settings refer to.
pub(super) fn resolve(secret: &SecretRef, setting: &str) -> Result<SecretString, CliError> {
    let (value, warning) = secret.resolve().map_err(|error| unreadable(setting, &error))?;
    if let Some(warning) = warning {
        output::note(&format!("{} `{setting}`: {warning}\n", render::yellow("warning:")))?;
    }
    Ok(value)
}

fn unreadable(setting: &str, error: &settings::ResolveError) -> CliError {
    CliError::new(Exit::Invalid, format!("`{setting}`: {}", telemetry::chain(error)))
        .with_help(format!("check `{setting}` in the settings"))
}

pub(super) fn file(path: &std::path::Path, setting: &str, limit: usize) -> Result<settings::SecretFile, CliError> {
    settings::read_secret_file(path, limit).map_err(|error| unreadable(setting, &error))
}

/// Reads the key of a connector manager, and the one that it takes the place of.
///
/// # Errors
/// Where one can't be read or is no such key.
pub(crate) fn manager_keys(name: &PlatformName, manager: &Manager) -> Result<ManagerKeys, CliError> {
    let key = manager_key(&format!("platforms.{name}.manager.key"), &manager.key)?;
    let former = manager.former_key.as_ref();
    let former = former.map(|path| manager_key(&format!("platforms.{name}.manager.formerKey"), path)).transpose()?;
    Ok(ManagerKeys { key, former })
}

fn manager_key(setting: &str, path: &std::path::Path) -> Result<ManagerKey, CliError> {
    let file = file(path, setting, MAX_IDENTITY)?;
    if let Some(warning) = file.warning {
        output::note(&format!("{} `{setting}`: {warning}\n", render::yellow("warning:")))?;
    }
    let text = std::str::from_utf8(&file.content).map_err(|_| KeyError::NotPem).map(SecretString::from);
    text.and_then(|text| ManagerKey::from_pem(&text)).map_err(|error| {
        let message = format!("`{setting}`: `{}` can't be used: {error}", path.display());
        CliError::new(Exit::Secret, message).with_help(error.help())
    })
}

/// Reads every identity of the settings.
///
/// # Errors
/// Where one can't be read or is none.
pub(crate) fn keyring(settings: &Settings) -> Result<Keyring, CliError> {
    keyring_of(settings, Identities::Required).map(|(keyring, _)| keyring)
}

/// The identities, and whether one of them is not on this machine, which only [`Identities::Optional`] allows.
fn keyring_of(settings: &Settings, identities: Identities) -> Result<(Keyring, bool), CliError> {
    let (mut keyring, mut missing) = (Keyring::default(), false);
    for path in &settings.secrets.identities {
        if identities == Identities::Optional && matches!(path.try_exists(), Ok(false)) {
            missing = true;
            let text = "is not on this machine: sealed values are compared as they are sealed";
            output::note(&format!("{} the identity `{}` {text}\n", render::yellow("note:"), path.display()))?;
            continue;
        }
        let name = path.display().to_string();
        let file = file(path, "secrets.identities", MAX_IDENTITY)?;
        if let Some(warning) = file.warning {
            output::note(&format!("{} {warning}\n", render::yellow("warning:")))?;
        }
        keyring
            .add(&name, &file.content)
            .map_err(|error| CliError::new(Exit::Secret, telemetry::chain(&error)).with_help(error.help()))?;
    }
    Ok((keyring, missing))
}

pub(super) fn openers(
    settings: &Settings,
    session: &Session,
    identities: Identities,
) -> Result<(Openers, Secrets, Managers), CliError> {
    let (keyring, missing) = keyring_of(settings, identities)?;
    let mut connector_tokens = BTreeMap::new();
    for (name, platform) in &settings.platforms {
        let (token, setting) = match &platform.connector_token {
            Some(token) => (token, "connectorToken"),
            None => (&platform.token, "token"),
        };
        match resolve(token, &format!("platforms.{name}.{setting}")) {
            Ok(token) => {
                connector_tokens.insert(name.clone(), token);
            }
            // A plan can be made without it; what uses it is then compared by what stands in the settings.
            Err(_) if identities == Identities::Optional => {}
            Err(error) => return Err(error),
        }
    }
    let known = session.scrubber.set(connector_tokens.values());
    known.map_err(|error| CliError::new(Exit::Internal, telemetry::chain(&error)))?;
    let keys = managers::keys(settings, identities)?;
    let managed = settings.platforms.values().filter(|platform| platform.manager.is_some()).count();
    let tokens_missing = connector_tokens.len() < settings.platforms.len() || keys.len() < managed;
    let without_keys = identities == Identities::Optional && (keyring.is_empty() || missing || tokens_missing);
    let secrets = if without_keys { Secrets::Sealed } else { Secrets::Opened };
    let binding = match settings.secrets.binding {
        BindingSetting::Optional => BindingPolicy::Optional,
        BindingSetting::Required => BindingPolicy::Required,
    };
    let openers = Openers { keyring, binding, connector_tokens, managers: managers::openers(&keys) };
    Ok((openers, secrets, managers::managers(settings, &keys)?))
}
