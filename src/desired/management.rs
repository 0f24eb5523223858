//! What a platform has to know, and gives, for an instance that it has its manager run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};

use super::{EnvValue, Wanted};
use crate::{
    catalog::{CheckedValue, Content, Contract},
    manifest::{Manifest, ServiceAccount},
    model::{Place, PlatformName},
};

/// A secret that a platform gives its manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformSecret {
    /// The platform.
    pub platform: PlatformName,
    /// What it gave.
    pub content: PlatformContent,
}

/// What a platform gives its manager as a secret; two are equal where they are written alike.
#[derive(Clone)]
pub enum PlatformContent {
    /// An envelope in base64 that the manager's key opens.
    Envelope(Arc<str>),
    /// The secret itself, which older platforms hand out in clear.
    Clear(Arc<SecretString>),
    /// Nothing yet: it comes with the registration.
    Awaited,
    /// Something that is not known here, since the platform can't be asked.
    Unknown,
}

impl PartialEq for PlatformContent {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Envelope(one), Self::Envelope(other)) => one == other,
            (Self::Clear(one), Self::Clear(other)) => one.expose_secret() == other.expose_secret(),
            (Self::Awaited, Self::Awaited) | (Self::Unknown, Self::Unknown) => true,
            (Self::Envelope(_) | Self::Clear(_) | Self::Awaited | Self::Unknown, _) => false,
        }
    }
}

impl Eq for PlatformContent {}

impl fmt::Debug for PlatformContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Envelope(_) => "Envelope(…)",
            Self::Clear(_) => "Clear(…)",
            Self::Awaited => "Awaited",
            Self::Unknown => "Unknown",
        })
    }
}

impl PlatformSecret {
    /// One that the platform has not given yet.
    pub fn awaited(platform: &PlatformName) -> Self {
        Self { platform: platform.clone(), content: PlatformContent::Awaited }
    }
}

/// Who says how a managed instance is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// A manifest of the source.
    Source,
    /// People in the pages of the platform.
    Platform,
}

/// The variable of the tenant, which OpenAEV gives every instance that it has managed.
pub const OPENAEV_TENANT: &str = "OPENAEV_TENANT_ID";

/// How a platform has an instance managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Management {
    /// Who says how it is to be.
    pub keeper: Keeper,
    /// What the platform knows the contract's catalog by; none where the catalog does not say.
    pub catalog: Option<String>,
    /// The contract's image without its tag.
    pub image: String,
    /// The keys of its configuration that the platform is told.
    pub keys: BTreeSet<String>,
    /// Those of them whose values are lists.
    pub lists: BTreeSet<String>,
    /// What OpenCTI takes an empty value for: the contract's default, by key.
    pub emptied: BTreeMap<String, String>,
    /// The keys of the contract that have neither a value nor a default, so that the platform should have none either.
    pub unset: BTreeSet<String>,
    /// Whom the platform runs it as.
    pub account: Option<ServiceAccount>,
    /// Where its manifest gives it an id; none where the platform may choose.
    pub id: Option<Place>,
    /// The platform's name for the last reset of its state, which asks for a container made anew.
    pub reset: Option<String>,
}

impl Management {
    /// What a manifest and its contract say; `values` are those of its configuration.
    pub(super) fn of(
        manifest: &Manifest,
        contract: &Contract,
        catalog: Option<&str>,
        image: &str,
        values: &BTreeMap<String, CheckedValue>,
    ) -> Self {
        let keys: BTreeSet<_> = values.keys().cloned().collect();
        let emptied = |property: &crate::catalog::Property| {
            let empty = matches!(&values.get(&property.key)?.value, Content::Plain(text) if text.is_empty());
            let default = property.default.clone().filter(|default| empty && !default.is_empty())?;
            Some((property.key.clone(), default))
        };
        let unset = |property: &&crate::catalog::Property| {
            !keys.contains(&property.key)
                && property.default.is_none()
                && contract.instead_of(&property.key).is_none()
                && property.key != OPENAEV_TENANT
                && !crate::model::is_owned_env(&property.key)
        };
        let list = |property: &&crate::catalog::Property| property.is_list() && keys.contains(&property.key);
        Self {
            keeper: Keeper::Source,
            lists: contract.properties().iter().filter(list).map(|property| property.key.clone()).collect(),
            emptied: contract.properties().iter().filter_map(emptied).collect(),
            catalog: catalog.map(str::to_owned),
            image: contract.image.clone().unwrap_or_else(|| without_tag(image).to_owned()),
            unset: contract.properties().iter().filter(unset).map(|property| property.key.clone()).collect(),
            account: manifest.service_account.as_ref().map(|account| account.value.clone()),
            id: manifest.id.as_ref().map(|id| id.place.clone()),
            reset: None,
            keys,
        }
    }
}

/// An image reference without its tag and digest.
fn without_tag(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        Some(_) | None => image,
    }
}

impl Wanted {
    /// Whether a manifest or people at the platform say how it is to be; none where it registers itself.
    pub fn keeper(&self) -> Option<Keeper> {
        self.management.as_ref().map(|management| management.keeper)
    }

    /// Whether it has to be registered at its platform before a container can be made.
    pub fn awaits_platform(&self) -> bool {
        self.env.values().any(is_awaited)
    }

    /// The platform's name for the last reset of its state.
    pub(super) fn reset(&self) -> Option<&str> {
        self.management.as_ref().and_then(|management| management.reset.as_deref())
    }

    /// The same without what the platform still has to give.
    #[must_use]
    pub fn without_awaited(&self) -> Self {
        let mut known = self.clone();
        known.env.retain(|_, value| !is_awaited(value));
        known
    }
}

fn is_awaited(value: &EnvValue) -> bool {
    matches!(value, EnvValue::FromPlatform(PlatformSecret { content: PlatformContent::Awaited, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_loses_its_tag_and_digest() {
        for (image, base) in [
            ("opencti/connector-misp:7.1", "opencti/connector-misp"),
            ("ghcr.io:443/a/b", "ghcr.io:443/a/b"),
            ("ghcr.io:443/a/b:1@sha256:00", "ghcr.io:443/a/b"),
            ("a", "a"),
        ] {
            assert_eq!(without_tag(image), base);
        }
    }

    #[test]
    fn what_a_platform_gives_is_shown_to_nobody() {
        let contents = [
            PlatformContent::Envelope("s3cret".into()),
            PlatformContent::Clear(Arc::new(SecretString::from("s3cret"))),
        ];
        assert!(!format!("{contents:?}").contains("s3cret"));
        assert_ne!(contents[0], contents[1]);
    }
}
