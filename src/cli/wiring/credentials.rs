//! Reads what the settings only refer to: identities, tokens, passwords.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::managers::{self, ManagerKeys};
use crate::{
    cli::{CliError, Exit, commands::Session, output, render},
    desired::{Openers, SettingsSecrets},
    model::{Credential, PlatformName},
    platform::{KeyError, ManagerKey},
    reconcile::{Credentials, Managers, Secrets},
    secrets::{BindingPolicy, Keyring},
    settings::{self, BindingSetting, Manager, PlatformSettings, SecretRef, Settings},
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
        output::note_once(format!("{} `{setting}`: {warning}\n", render::yellow("warning:")))?;
    }
    Ok(value)
}

/// A secret that the settings refer to, read anew whenever it is used.
///
/// # Errors
/// Where it can't be read now.
pub(super) fn credential(secret: &SecretRef, setting: &str) -> Result<Credential, CliError> {
    resolve(secret, setting)?;
    Ok(read_later(secret))
}

/// The same for one that may be missing now: whoever uses it says so.
pub(super) fn credential_or_none(secret: &SecretRef, setting: &str) -> Result<Credential, CliError> {
    if secret.resolve().is_ok() { credential(secret, setting) } else { Ok(read_later(secret)) }
}

fn read_later(secret: &SecretRef) -> Credential {
    let secret = secret.clone();
    Credential::read_by(move || secret.resolve().map(|(value, _)| value).map_err(|error| telemetry::chain(&error)))
}

/// The proxies with a password that connectors of a platform get, by variable.
fn connector_proxies(platform: &PlatformSettings) -> BTreeMap<String, Credential> {
    let (Some(proxies), Some(auth)) = (&platform.connector_proxy, &platform.connector_proxy_auth) else {
        return BTreeMap::new();
    };
    let with_password = |url: &Url| {
        let (url, username, password) = (url.clone(), auth.username.clone(), read_later(&auth.password));
        Credential::read_by(move || {
            let password = password.read()?;
            let url = with_user(&url, &username, &password).ok_or("the proxy takes no user")?;
            Ok(SecretString::from(String::from(url)))
        })
    };
    let of = |(key, url): (&str, &Url)| (key.to_owned(), with_password(url));
    proxies.by_variable().map(of).collect()
}

/// An address with a user's name and password in it; none where it can have none.
pub(super) fn with_user(url: &Url, username: &str, password: &SecretString) -> Option<Url> {
    let mut url = url.clone();
    url.set_username(username).ok()?;
    url.set_password(Some(password.expose_secret())).ok()?;
    Some(url)
}

/// Where the operator keeps what connectors get, and what is read where it is used.
fn credentials(settings: &Settings) -> Credentials {
    let platforms = || settings.platforms.iter();
    let token = |platform: &PlatformSettings| platform.connector_token.as_ref().unwrap_or(&platform.token).clone();
    let registries = settings.engine.registries.iter().map(|registry| &registry.password);
    let own = settings.platforms.values().map(|platform| &platform.token);
    Credentials {
        tokens: platforms().map(|(name, platform)| (name.clone(), read_later(&token(platform)))).collect(),
        proxies: platforms().map(|(name, platform)| (name.clone(), connector_proxies(platform))).collect(),
        others: registries.chain(own).map(read_later).collect(),
    }
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
        output::note_once(format!("{} `{setting}`: {warning}\n", render::yellow("warning:")))?;
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
            output::note_once(format!("{} {warning}\n", render::yellow("warning:")))?;
        }
        keyring
            .add(&name, &file.content)
            .map_err(|error| CliError::new(Exit::Secret, telemetry::chain(&error)).with_help(error.help()))?;
    }
    Ok((keyring, missing))
}

/// Everything that secrets are opened with, and where it comes from.
pub(super) struct Opening {
    pub(super) openers: Openers,
    pub(super) secrets: Secrets,
    pub(super) managers: Managers,
    pub(super) credentials: Credentials,
}

/// Reads everything that secrets are opened with.
///
/// # Errors
/// Where an identity or a key can't be read.
pub(super) fn openers(settings: &Settings, session: &Session, identities: Identities) -> Result<Opening, CliError> {
    let (keyring, missing) = keyring_of(settings, identities)?;
    let credentials = credentials(settings);
    // A plan can be made without them; what uses one is then compared by what stands in the settings, or held.
    let secrets = credentials.read();
    for (name, why) in &secrets.unreadable {
        let text = "what connectors of this platform get can't be read";
        output::note(&format!("{} platform `{name}`: {text}: {why}\n", render::yellow("warning:")))?;
    }
    let known = session.scrubber.set(secrets.all());
    known.map_err(|error| CliError::new(Exit::Internal, telemetry::chain(&error)))?;
    let keys = managers::keys(settings, identities)?;
    let managed = settings.platforms.values().filter(|platform| platform.manager.is_some()).count();
    let tokens_missing = !secrets.unreadable.is_empty() || keys.len() < managed;
    let without_keys = identities == Identities::Optional && (keyring.is_empty() || missing || tokens_missing);
    let how = if without_keys { Secrets::Sealed } else { Secrets::Opened };
    let binding = match settings.secrets.binding {
        BindingSetting::Optional => BindingPolicy::Optional,
        BindingSetting::Required => BindingPolicy::Required,
    };
    // Their fingerprints are keyed by the first identity: without it they would all seem to have changed.
    let known = if missing { SettingsSecrets::default() } else { secrets };
    let openers = Openers { keyring, binding, settings: known, managers: managers::openers(&keys) };
    Ok(Opening { openers, secrets: how, managers: managers::managers(settings, &keys)?, credentials })
}
