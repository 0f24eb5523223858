//! Opens the environment of one instance, at the moment its container is created or compared.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;

use super::{EnvValue, Origin, PlatformContent, PlatformSecret, Wanted};
use crate::{
    model::{Code, Finding, Place, PlatformName},
    secrets::{Binding, BindingPolicy, Keyring},
};

/// Environment variables with every secret opened; lives only while a container is created or compared.
pub type OpenedEnv = BTreeMap<String, SecretString>;

/// Opens what one platform has sealed for its manager.
pub trait OpensEnvelopes: Send + Sync {
    /// Opens an envelope in base64.
    ///
    /// # Errors
    /// Why it stays shut, and what to do about it; neither holds anything of its content.
    fn open(&self, envelope: &str) -> Result<SecretString, (String, String)>;

    /// Whether only a former key opens it, so that it has to be sealed anew before that key goes.
    fn is_of_former(&self, envelope: &str) -> bool;

    /// Names the key that is sealed for today.
    fn key(&self) -> &str;
}

/// What secrets are opened with.
#[derive(Clone, Default)]
pub struct Openers {
    /// The identities.
    pub keyring: Keyring,
    /// Whether a value must be sealed for its instance and key.
    pub binding: BindingPolicy,
    /// What the settings hold for connectors.
    pub settings: SettingsSecrets,
    /// The manager's key of each platform whose connectors we manage, as far as it could be read.
    pub managers: BTreeMap<PlatformName, Arc<dyn OpensEnvelopes>>,
}

/// The secrets that the settings hold for connectors, as far as they could be read.
#[derive(Clone, Default)]
pub struct SettingsSecrets {
    /// The connector token of each platform.
    pub tokens: BTreeMap<PlatformName, SecretString>,
    /// The addresses of the proxies that connectors of each platform get, with a user's name and password, by variable.
    pub proxies: BTreeMap<PlatformName, BTreeMap<String, SecretString>>,
    /// Why something could not be read, by platform.
    pub unreadable: BTreeMap<PlatformName, String>,
}

impl SettingsSecrets {
    /// Every secret, to be taken out of what is written.
    pub fn all(&self) -> impl Iterator<Item = &SecretString> {
        self.tokens.values().chain(self.proxies.values().flat_map(BTreeMap::values))
    }

    /// What they hold for one variable.
    pub fn of(&self, key: &str, value: &EnvValue) -> Option<&SecretString> {
        match value {
            EnvValue::ConnectorToken(platform) => self.tokens.get(platform),
            EnvValue::ConnectorProxy(platform) => self.proxies.get(platform)?.get(key),
            EnvValue::Plain(_) | EnvValue::Sealed(_) | EnvValue::FromFile { .. } | EnvValue::FromPlatform(_) => None,
        }
    }
}

impl Wanted {
    /// Opens every value of the environment.
    ///
    /// # Errors
    /// One `bad-secret` finding for each value that can't be opened; nothing is opened in part.
    pub fn open(&self, openers: &Openers) -> Result<OpenedEnv, Vec<Finding>> {
        let mut opened = OpenedEnv::new();
        let mut findings = Vec::new();
        for (key, value) in &self.env {
            match self.open_value(key, value, openers) {
                Ok(secret) => {
                    opened.insert(key.clone(), secret);
                }
                Err(finding) => findings.push(finding.of_instance(&self.name)),
            }
        }
        if findings.is_empty() { Ok(opened) } else { Err(findings) }
    }

    /// Opens one value of the environment, as far as there is one of this name.
    ///
    /// # Errors
    /// The `bad-secret` finding of a value that can't be opened.
    pub fn open_one(&self, key: &str, openers: &Openers) -> Result<Option<SecretString>, Finding> {
        self.env.get(key).map(|value| self.open_value(key, value, openers)).transpose()
    }

    fn open_value(&self, key: &str, value: &EnvValue, openers: &Openers) -> Result<SecretString, Finding> {
        let bad = |message: String, help: String| {
            Finding::error(Code::BadSecret, self.place_of_env(key), message).with_help(help)
        };
        match value {
            EnvValue::Plain(text) => Ok(SecretString::from(text.as_str())),
            EnvValue::Sealed(sealed) => openers
                .keyring
                .open(sealed, &self.binding(key), openers.binding)
                .map_err(|error| bad(format!("failed to open the sealed value of `{key}`: {error}"), error.help())),
            EnvValue::FromFile { file, key: name } => {
                let failed = |error: crate::secrets::OpenError| {
                    bad(format!("failed to open `{}` for `{key}`: {error}", file.path), error.help())
                };
                let map = openers.keyring.open_file(&file.content, &file.path).map_err(failed)?;
                map.open(name, &self.binding(key), openers.binding).map_err(failed)
            }
            EnvValue::ConnectorToken(platform) => openers.settings.of(key, value).cloned().ok_or_else(|| {
                let why = openers.settings.unreadable.get(platform).map(|why| format!(": {why}")).unwrap_or_default();
                bad(
                    format!("the connector token of platform `{platform}` could not be read{why}"),
                    "see `platforms` in the settings, or give the instance a token of its own in `spec.token`"
                        .to_owned(),
                )
            }),
            EnvValue::ConnectorProxy(platform) => openers.settings.of(key, value).cloned().ok_or_else(|| {
                let why = openers.settings.unreadable.get(platform).map(|why| format!(": {why}")).unwrap_or_default();
                bad(
                    format!("the password for `{key}` could not be read{why}"),
                    format!("see `platforms.{platform}.connectorProxyAuth` in the settings"),
                )
            }),
            EnvValue::FromPlatform(PlatformSecret { platform, content }) => match content {
                PlatformContent::Clear(value) => Ok(SecretString::clone(value)),
                PlatformContent::Envelope(envelope) => {
                    let Some(manager) = openers.managers.get(platform) else {
                        let message = format!(
                            "`{key}` is sealed for the manager of platform `{platform}`, whose key is not here"
                        );
                        return Err(bad(message, format!("see `platforms.{platform}.manager.key` in the settings")));
                    };
                    let shut = |(why, help)| {
                        bad(format!("failed to open what platform `{platform}` keeps as `{key}`: {why}"), help)
                    };
                    manager.open(envelope).map_err(shut)
                }
                PlatformContent::Unknown => {
                    let message = format!("platform `{platform}` can't be asked for `{key}`, which it gives");
                    let help = "the instance is left as it is until the platform answers";
                    Err(Finding::error(Code::Platform, self.place_of_env(key), message).with_help(help))
                }
                PlatformContent::Awaited => {
                    let message = format!("platform `{platform}` has not given `{key}` yet");
                    Err(bad(message, "it comes with the instance's registration there".to_owned()))
                }
            },
        }
    }

    /// What a sealed value is bound to: the key is `token` for the connector's own token, else its configuration key.
    fn binding(&self, env_key: &str) -> Binding {
        let key = if matches!(env_key, "OPENCTI_TOKEN" | "OPENAEV_TOKEN") { "token" } else { env_key };
        Binding { instance: self.name.clone(), key: key.to_owned() }
    }

    fn place_of_env(&self, key: &str) -> Place {
        self.origins.get(&format!("env.{key}")).and_then(Origin::place).unwrap_or(&self.place).clone()
    }
}
