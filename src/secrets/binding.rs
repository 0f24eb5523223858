//! Ties a sealed value to the one instance and key it was sealed for.

use crate::model::InstanceName;

use super::OpenErrorKind;

/// What every header begins with, whatever its version.
const PREFIX: &str = "lockstep-binding:";
/// What the header of this version begins with.
const PREFIX_V1: &str = "lockstep-binding: v1 ";

/// The instance and key that a value belongs to.
///
/// It is written in front of the value, inside the ciphertext, as the line `lockstep-binding: v1 INSTANCE KEY`. So a
/// ciphertext that is copied into the manifest of another instance, whose image may be hostile, does not open there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The instance.
    pub instance: InstanceName,
    /// The key of its configuration, or `token` for the token of the instance itself.
    pub key: String,
}

impl Binding {
    /// The header line, with its line break; none where the key holds characters that can't stand in it.
    pub(super) fn header(&self) -> Option<String> {
        let fits =
            (1..=256).contains(&self.key.len()) && self.key.chars().all(|c| !c.is_whitespace() && !c.is_control());
        fits.then(|| format!("{PREFIX_V1}{} {}\n", self.instance, self.key))
    }
}

/// Whether a value must say which instance and key it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BindingPolicy {
    /// A value without a binding opens anywhere; one with a binding opens only where it belongs.
    #[default]
    Optional,
    /// Only values with a binding open.
    Required,
}

/// Whether a text begins as if it were bound.
pub(super) fn looks_bound(plaintext: &str) -> bool {
    plaintext.starts_with(PREFIX)
}

/// Checks the header, if there is one, and returns the value behind it.
pub(super) fn unbind<'a>(plaintext: &'a str, whom: &Binding, policy: BindingPolicy) -> Result<&'a str, OpenErrorKind> {
    if !looks_bound(plaintext) {
        return match policy {
            BindingPolicy::Optional => Ok(plaintext),
            BindingPolicy::Required => Err(OpenErrorKind::Unbound),
        };
    }
    if !plaintext.starts_with(PREFIX_V1) {
        return Err(OpenErrorKind::UnknownBinding);
    }
    let expected = whom.header().ok_or(OpenErrorKind::WrongBinding)?;
    plaintext.strip_prefix(&expected).ok_or(OpenErrorKind::WrongBinding)
}
