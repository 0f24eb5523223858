//! Opens what must be opened to tell whether an instance has changed.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Pipeline, Secrets};
use crate::{
    desired::{DesiredState, EnvValue, Held, OpenedEnv, PlatformContent, Wanted},
    engine::Engine,
    model::{Finding, InstanceName},
    plan::{self, Digests, Observed, SpecDigest},
    secrets::DigestKey,
    source::Source,
};

/// The environments that were opened in one pass; none for an instance that is compared with its secrets sealed.
pub(super) type Opened = BTreeMap<InstanceName, Option<OpenedEnv>>;

impl<S: Source, E: Engine> Pipeline<S, E> {
    pub(super) fn open_changed(&self, desired: &mut DesiredState, observed: &Observed) -> (Digests, Opened) {
        let mut digests = Digests { specs: BTreeMap::new(), tokens: self.token_marks(desired) };
        let mut opened = Opened::new();
        for wanted in plan::needs_digest(desired, observed, &digests) {
            match self.open(&wanted) {
                Ok((digest, env)) => {
                    digests.specs.insert(wanted.name.clone(), digest);
                    opened.insert(wanted.name.clone(), env);
                }
                Err(findings) => hold(desired, &wanted, findings),
            }
        }
        (digests, opened)
    }

    /// The fingerprint of what settings and platform hold for each instance, where all of it is known.
    fn token_marks(&self, desired: &DesiredState) -> BTreeMap<InstanceName, String> {
        desired.wanted.values().filter_map(|wanted| Some((wanted.name.clone(), self.token_mark(wanted)?))).collect()
    }

    fn token_mark(&self, wanted: &Wanted) -> Option<String> {
        let key = self.openers.keyring.digest_key();
        let mark = |digest: String| digest.replace(':', "-").chars().take(25).collect::<String>();
        let of_platform = platform_digest(wanted, key.clone())?;
        let secrets = self.settings_secrets(wanted)?;
        let [first, rest @ ..] = &secrets[..] else { return of_platform.map(mark) };
        let key = key.unwrap_or_else(|| DigestKey::from_token(first));
        if let (None, []) = (&of_platform, rest) {
            return Some(mark(key.digest(first.expose_secret().as_bytes())));
        }
        let mut all = Zeroizing::new(Vec::new());
        for text in secrets.iter().map(|secret| secret.expose_secret()).chain(of_platform.as_deref()) {
            all.extend_from_slice(&(text.len() as u64).to_be_bytes());
            all.extend_from_slice(text.as_bytes());
        }
        Some(mark(key.digest(&all)))
    }

    /// What the settings hold for the variables of an instance; none where not all of it could be read.
    fn settings_secrets(&self, wanted: &Wanted) -> Option<Vec<&SecretString>> {
        let held = |(_, value): &(&String, &EnvValue)| {
            matches!(value, EnvValue::ConnectorToken(_) | EnvValue::ConnectorProxy(_))
        };
        wanted.env.iter().filter(held).map(|(key, value)| self.openers.settings.of(key, value)).collect()
    }

    /// The secret of the settings that can key a digest, where there is no other key.
    pub(super) fn settings_token(&self, wanted: &Wanted) -> Option<&SecretString> {
        let token = |(key, value): (&String, &EnvValue)| match value {
            EnvValue::ConnectorToken(_) => self.openers.settings.of(key, value),
            EnvValue::Plain(_)
            | EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => None,
        };
        wanted.env.iter().find_map(token)
    }

    fn open(&self, wanted: &Wanted) -> Result<(SpecDigest, Option<OpenedEnv>), Vec<Finding>> {
        if wanted.awaits_platform() {
            // What is there already must be openable before the platform is told of the instance.
            if self.secrets == Secrets::Opened {
                wanted.without_awaited().open(&self.openers)?;
            }
            return Ok((SpecDigest(format!("awaited:{}", wanted.source_digest.0)), None));
        }
        let env = match (wanted.open(&self.openers), self.secrets) {
            (Ok(env), _) => env,
            (Err(_), Secrets::Sealed) => return Ok((SpecDigest(format!("sealed:{}", wanted.source_digest.0)), None)),
            (Err(findings), Secrets::Opened) => return Err(findings),
        };
        let key = self
            .openers
            .keyring
            .digest_key()
            .or_else(|| self.settings_token(wanted).map(DigestKey::from_token))
            .or_else(|| platform_token(wanted, &env).map(DigestKey::from_token))
            .unwrap_or_else(DigestKey::unkeyed);
        Ok((SpecDigest(key.digest(&wanted.canonical_opened(&env))), Some(env)))
    }
}

/// The secret of a platform's own that can key a digest, where there is no other key.
fn platform_token<'a>(wanted: &Wanted, env: &'a OpenedEnv) -> Option<&'a SecretString> {
    let given = |(key, value): (&String, &EnvValue)| matches!(value, EnvValue::FromPlatform(_)).then(|| env.get(key));
    wanted.env.iter().filter_map(given).flatten().next()
}

/// The digest of what a platform gave for an instance, where it gives something; none at all where not all of that is known.
fn platform_digest(wanted: &Wanted, key: Option<DigestKey>) -> Option<Option<String>> {
    let mut given = Zeroizing::new(Vec::new());
    let mut clear = None;
    for (name, value) in &wanted.env {
        let EnvValue::FromPlatform(secret) = value else { continue };
        let text = match &secret.content {
            PlatformContent::Envelope(envelope) => envelope.as_bytes(),
            PlatformContent::Clear(value) => clear.insert(value).expose_secret().as_bytes(),
            PlatformContent::Awaited | PlatformContent::Unknown => return None,
        };
        for part in [name.as_bytes(), text] {
            given.extend_from_slice(&(part.len() as u64).to_be_bytes());
            given.extend_from_slice(part);
        }
    }
    let key = key.or_else(|| clear.map(|value| DigestKey::from_token(value))).unwrap_or_else(DigestKey::unkeyed);
    Some((!given.is_empty()).then(|| key.digest(&given)))
}

/// Moves an instance from the wanted to the held ones.
fn hold(desired: &mut DesiredState, wanted: &Wanted, findings: Vec<Finding>) {
    desired.wanted.remove(&wanted.name);
    desired.findings.extend(findings.iter().cloned());
    Finding::sort(&mut desired.findings);
    desired.held.insert(wanted.name.clone(), Held { instance: wanted.name.clone(), findings });
}
