//! One connector's entry in a catalog.

use std::fmt;

use super::{property::Property, reserved, schema::Schema, support::Support};
use crate::model::{ConnectorKind, PlatformKind, Registration, Slug};

/// One connector's entry in a catalog: what it is, which image it runs and which configuration it takes.
#[derive(Debug)]
pub struct Contract {
    /// Its key in the catalog.
    pub slug: Slug,
    /// What the platform knows its catalog by, where the catalog says so.
    pub catalog: Option<String>,
    /// What the platform shows as its name.
    pub title: String,
    /// What it does, in one sentence.
    pub short_description: String,
    /// What it does for its platform; none where the catalog's word is not known.
    pub kind: Option<ConnectorKind>,
    /// The catalog's own word for `kind`.
    pub kind_word: String,
    /// Its image without a tag; none where there is nothing to run as a container.
    pub image: Option<String>,
    /// The tag of its image.
    pub version: Option<String>,
    /// Whether the platform can manage it.
    pub manager_supported: bool,
    /// Whether the platform's vendor has verified it.
    pub verified: bool,
    /// Whether it can be a step of a playbook.
    pub playbook_supported: bool,
    /// Where its source code is.
    pub source_code: Option<String>,
    /// The class inside the platform that it is; such a connector never is a container.
    pub class_name: Option<String>,
    /// With which versions of its platform it works.
    pub support: Support,
    pub(super) schema: Option<Schema>,
}

impl Contract {
    /// The platform it belongs to; none where its kind is not known.
    pub fn platform(&self) -> Option<PlatformKind> {
        self.kind.map(ConnectorKind::platform)
    }

    /// Whether the catalog says which configuration it takes.
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// The keys of its configuration, sorted; empty where it has no schema.
    pub fn properties(&self) -> &[Property] {
        self.schema.as_ref().map_or(&[], Schema::properties)
    }

    /// What one key takes.
    pub fn property(&self, key: &str) -> Option<&Property> {
        self.schema.as_ref()?.property(key)
    }

    /// What to use instead of a key that Lockstep sets itself; none for a key that a manifest may set.
    pub fn instead_of(&self, key: &str) -> Option<&'static str> {
        reserved::instead_of(key, self.platform().unwrap_or(PlatformKind::OpenCti))
    }

    /// Says why it can't run as a container, if it can't; `own_image` is whether the manifest names an image.
    pub fn deployable(&self, registration: Registration, own_image: bool) -> Result<(), NotDeployable> {
        if self.kind.is_none() {
            return Err(NotDeployable::UnknownKind);
        }
        if self.class_name.is_some() {
            return Err(NotDeployable::InProcess);
        }
        if self.image.is_none() && !own_image {
            return Err(NotDeployable::NoImage);
        }
        match registration {
            Registration::Managed if !self.manager_supported => Err(NotDeployable::NotManaged),
            Registration::Managed | Registration::Itself => Ok(()),
        }
    }
}

/// Why a contract can't run as a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDeployable {
    /// The catalog's word for its kind is not known.
    UnknownKind,
    /// It belongs to another platform than the instance.
    OtherPlatform {
        /// The platform it belongs to.
        contract: PlatformKind,
        /// The platform the instance serves.
        instance: PlatformKind,
    },
    /// It runs inside the platform.
    InProcess,
    /// Neither the catalog nor the manifest names an image.
    NoImage,
    /// The platform can't manage it, and the settings ask for that.
    NotManaged,
    /// Its schema can't be turned into a check.
    BadSchema,
}

impl fmt::Display for NotDeployable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind => f.write_str("is of a kind that Lockstep does not know"),
            Self::OtherPlatform { contract, instance } => {
                write!(f, "is one of {}, and the instance serves {}", contract.as_str(), instance.as_str())
            }
            Self::InProcess => f.write_str("runs inside the platform, not as a container"),
            Self::NoImage => f.write_str("has no image"),
            Self::NotManaged => f.write_str("can't be managed by the platform"),
            Self::BadSchema => f.write_str("has a schema that can't be used"),
        }
    }
}
