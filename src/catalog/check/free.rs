//! Checks a configuration whose contract has no schema: names, secrets and lists are all there is to check.

use super::{Checked, CheckedOrigin, CheckedValue, Content, coerce, plaintext_secret, reserved_key, unknown_key};
use crate::{
    catalog::{contract::Contract, reserved},
    manifest::Manifest,
    model::{ConfigValue, PlatformKind, looks_secret},
};

/// Takes every key that can be an environment variable, as text.
pub(super) fn check(contract: &Contract, manifest: &Manifest, platform: PlatformKind, checked: &mut Checked) {
    for (key, placed) in &manifest.config {
        if let Some(instead) = reserved::instead_of(key, platform) {
            checked.findings.push(reserved_key(manifest, key, instead));
            continue;
        }
        if !is_variable(key) {
            let upper = key.to_ascii_uppercase();
            let (finding, _) = unknown_key(contract, manifest, key, is_variable(&upper).then_some(upper.as_str()));
            let help = finding.help.clone().filter(|help| help.starts_with("did you mean"));
            let help = help.unwrap_or_else(|| "keys are made of A-Z, 0-9 and `_`, and start with a letter".to_owned());
            checked.findings.push(finding.with_help(help));
            continue;
        }
        let value = match &placed.value {
            ConfigValue::Secret(secret) => Ok(Content::Secret(secret.clone())),
            ConfigValue::Scalar(_) | ConfigValue::List(_) if looks_secret(key) => {
                Err(vec![plaintext_secret(key, &placed.place)])
            }
            ConfigValue::Scalar(scalar) => coerce::text(key, scalar, &placed.place).map(Content::Plain),
            ConfigValue::List(items) => coerce::texts(key, items).map(Content::Plain),
        };
        match value {
            Ok(value) => {
                let origin = CheckedOrigin::Manifest(placed.place.clone());
                checked.values.insert(key.clone(), CheckedValue { value, origin });
            }
            Err(findings) => checked.findings.extend(findings),
        }
    }
}

fn is_variable(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
