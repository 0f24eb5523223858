//! Collects the environment of one instance: its configuration, and what Lockstep owns.

use std::{collections::BTreeMap, sync::Arc};

use super::{EnvValue, Origin, PlatformFacts, PlatformSecret, SealedFile, assemble::CONNECTOR_CA};
use crate::{
    manifest::Manifest,
    model::{
        Code, ConnectorId, ConnectorKind, Finding, Placed, PlatformKind, PlatformName, Registration, SecretValue,
        Snapshot,
    },
};

/// Collects the environment of one instance together with where each variable came from.
pub(super) struct EnvBuilder<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) snapshot: &'a Snapshot,
    pub(super) env: BTreeMap<String, EnvValue>,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) findings: Vec<Finding>,
}

impl EnvBuilder<'_> {
    fn set(&mut self, key: &str, value: EnvValue, origin: Origin) {
        self.env.insert(key.to_owned(), value);
        self.origins.insert(format!("env.{key}"), origin);
    }

    pub(super) fn plain(&mut self, key: &str, text: String, origin: Origin) {
        self.set(key, EnvValue::Plain(text), origin);
    }

    pub(super) fn secret(&mut self, key: &str, secret: &SecretValue, origin: Origin) {
        match secret {
            SecretValue::Sealed(sealed) => self.set(key, EnvValue::Sealed(sealed.clone()), origin),
            SecretValue::FromSecret { file, key: name } => match self.snapshot.file(file) {
                Some(found) => {
                    let file = SealedFile { path: Arc::clone(&found.path), content: Arc::clone(&found.content) };
                    self.set(key, EnvValue::FromFile { file, key: name.clone() }, origin);
                }
                None => {
                    let place = origin.place().unwrap_or(&self.manifest.name.place).clone();
                    let message = format!("`{key}` names the file `{file}`, which the source does not have");
                    let help = "paths of `fromSecret` are relative to the root of the source";
                    let finding = Finding::error(Code::BadSecret, place, message).with_help(help);
                    self.findings.push(finding.of_instance(&self.manifest.name.value));
                }
            },
        }
    }

    /// Names the connector after its instance where the manifest gives no name: the contract's own would be the same for
    /// every instance of it, and the platform wants each name once.
    pub(super) fn own_name(&mut self, kind: ConnectorKind) {
        let name = format!("{}_NAME", kind.env_prefix());
        if !self.manifest.config.contains_key(&name) {
            self.plain(&name, self.manifest.name.value.to_string(), Origin::Lockstep);
        }
    }

    /// Sets what Lockstep owns; nothing of the manifest can stand in its place.
    pub(super) fn own_variables(
        &mut self,
        kind: ConnectorKind,
        platform_kind: PlatformKind,
        id: ConnectorId,
        platform: Option<(&PlatformName, &PlatformFacts)>,
    ) {
        let prefix = kind.env_prefix();
        self.plain(&format!("{prefix}_ID"), id.to_string(), Origin::Lockstep);
        if platform_kind == PlatformKind::OpenCti {
            self.plain("CONNECTOR_TYPE", kind.as_str().to_owned(), Origin::Lockstep);
        }
        let name = format!("{prefix}_NAME");
        if !self.env.contains_key(&name) {
            self.plain(&name, self.manifest.name.value.to_string(), Origin::Lockstep);
        }
        let (url, token) = match platform_kind {
            PlatformKind::OpenCti => ("OPENCTI_URL", "OPENCTI_TOKEN"),
            PlatformKind::OpenAev => ("OPENAEV_URL", "OPENAEV_TOKEN"),
        };
        if let Some(Placed { value, place }) = &self.manifest.token {
            self.secret(token, value, Origin::Manifest(place.clone()));
        }
        let Some((platform, facts)) = platform else { return };
        self.plain(url, facts.connector_url.clone(), Origin::Platform);
        for (key, value) in &facts.env {
            self.plain(key, value.clone(), Origin::Platform);
        }
        for key in &facts.secret_env {
            self.set(key, EnvValue::ConnectorProxy(platform.clone()), Origin::Platform);
        }
        if facts.ca.is_some() {
            for key in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"] {
                self.plain(key, CONNECTOR_CA.to_owned(), Origin::Platform);
            }
        }
        if let Some(tenant) = &facts.tenant {
            self.plain("OPENAEV_TENANT_ID", tenant.clone(), Origin::Platform);
        }
        if self.manifest.token.is_some() {
            return;
        }
        if facts.registration == Registration::Managed {
            self.set(token, EnvValue::FromPlatform(PlatformSecret::awaited(platform)), Origin::Platform);
        } else if facts.has_connector_token {
            self.set(token, EnvValue::ConnectorToken(platform.clone()), Origin::Platform);
        } else {
            let message = format!("`spec.token` is missing and platform `{platform}` has no `connectorToken`");
            let finding = Finding::error(Code::MissingField, self.manifest.name.place.clone(), message)
                .with_help("seal a token for this instance, or set `connectorToken` in the settings")
                .of_instance(&self.manifest.name.value);
            self.findings.push(finding);
        }
    }
}
