//! Checks the configuration of a manifest against its contract, and says what environment the two make together.

mod coerce;
mod deploy;
mod free;
mod typed;
mod verdict;

use std::collections::BTreeMap;

use super::{contract::Contract, quote};
use crate::{
    manifest::Manifest,
    model::{Code, Finding, Place, PlatformKind, Registration, SecretValue, closest},
};

/// What one key of the environment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text in clear, as connectors read it: `true`, `5`, `a,b`.
    Plain(String),
    /// A secret, still sealed.
    Secret(SecretValue),
}

/// Where a value of the environment came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckedOrigin {
    /// Written in the source, at this place.
    Manifest(Place),
    /// A default of the contract.
    Default,
}

/// One value of the environment that a configuration makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedValue {
    /// What it is.
    pub value: Content,
    /// Where it came from.
    pub origin: CheckedOrigin,
}

/// The outcome of a check; checking never fails, it finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Every value of the manifest that is right and every default of the contract, by key; without the keys that
    /// Lockstep sets itself.
    pub values: BTreeMap<String, CheckedValue>,
    /// Everything wrong or doubtful, attributed to the instance, in the order of `Finding::sort`.
    pub findings: Vec<Finding>,
}

/// Checks a manifest's configuration against its contract, for the platform that the instance serves.
///
/// It does what the platform does with a configuration, and finds what the platform hides: unknown keys, secrets in
/// clear, deprecated keys, list items with a comma. A sealed value is taken as it is; no secret is ever looked at.
pub fn check(contract: &Contract, manifest: &Manifest, platform: PlatformKind, registration: Registration) -> Checked {
    let mut checked = Checked::default();
    let goes_on = deploy::check(contract, manifest, platform, registration, &mut checked.findings);
    if goes_on {
        match &contract.schema {
            Some(schema) => typed::check(contract, schema, manifest, platform, &mut checked),
            None => free::check(contract, manifest, platform, &mut checked),
        }
    }
    let name = &manifest.name.value;
    checked.findings = checked.findings.into_iter().map(|finding| finding.of_instance(name)).collect();
    Finding::sort(&mut checked.findings);
    checked
}

/// Where a key of the configuration stands.
fn key_place<'a>(manifest: &'a Manifest, key: &str) -> &'a Place {
    manifest.config_keys.get(key).unwrap_or(&manifest.config_place)
}

/// The finding for a key that Lockstep sets itself, with what to use instead.
fn reserved_key(manifest: &Manifest, key: &str, instead: &str) -> Finding {
    let message = format!("{} is set by Lockstep", quote::quoted(key));
    Finding::error(Code::ReservedKey, key_place(manifest, key).clone(), message).with_help(instead)
}

/// The finding for a secret that stands in clear.
fn plaintext_secret(key: &str, place: &Place) -> Finding {
    let message = format!("{} is a secret and stands in clear", quote::quoted(key));
    Finding::error(Code::PlaintextSecret, place.clone(), message).with_help(
        "seal it with `lockstep secret seal`, or use `fromSecret`; then change the secret, since it was readable here",
    )
}

/// The finding for a key that the contract does not have, and the key that was probably meant.
fn unknown_key<'a>(
    contract: &Contract,
    manifest: &Manifest,
    key: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> (Finding, Option<&'a str>) {
    let meant = closest(key, known);
    let message = format!("contract `{}` has no key {}", contract.slug, quote::quoted(key));
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("`lockstep catalog show {}` lists its keys", contract.slug),
    };
    (Finding::error(Code::UnknownKey, key_place(manifest, key).clone(), message).with_help(help), meant)
}

#[cfg(test)]
mod tests;
