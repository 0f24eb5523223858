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
#[derive(Default)]
pub struct Openers {
    /// The identities.
    pub keyring: Keyring,
    /// Whether a value must be sealed for its instance and key.
    pub binding: BindingPolicy,
    /// The connector token of each platform, as far as it could be read.
    pub connector_tokens: BTreeMap<PlatformName, SecretString>,
    /// The manager's key of each platform whose connectors we manage, as far as it could be read.
    pub managers: BTreeMap<PlatformName, Arc<dyn OpensEnvelopes>>,
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
            EnvValue::ConnectorToken(platform) => openers.connector_tokens.get(platform).cloned().ok_or_else(|| {
                bad(
                    format!("the connector token of platform `{platform}` could not be read"),
                    "see `platforms` in the settings, or give the instance a token of its own in `spec.token`"
                        .to_owned(),
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
