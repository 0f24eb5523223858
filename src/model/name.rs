//! Names and ids that can only be built valid.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Why a text is not a name of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text breaks the rule that DNS labels follow (RFC 1123).
    #[error("must be 1 to {max} characters of a-z, 0-9 and `-`, and start and end with a letter or digit")]
    NotALabel {
        /// The longest name allowed, in characters.
        max: usize,
    },
    /// The text is no slug of a catalog.
    #[error("must be 1 to 128 characters of a-z, A-Z, 0-9, `.`, `_` and `-`")]
    NotASlug,
    /// The text is no UUID of version 4.
    #[error("must be a UUID of version 4, written in lower case with hyphens")]
    NotAUuid,
}

fn is_label(text: &str, max: usize) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=max).contains(&text.len())
        && text.chars().all(|c| alphanumeric(c) || c == '-')
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
}

macro_rules! label_name {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                if is_label(text, $max) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName::NotALabel { max: $max })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

label_name!(
    /// The name of one instance: unique across the source, the network alias of its container.
    InstanceName,
    63
);
label_name!(
    /// A key of `platforms` in the settings.
    PlatformName,
    63
);
label_name!(
    /// Who we are on an engine: the label that says which containers are ours.
    OwnerName,
    63
);

/// The key of a contract in a catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Slug {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if (1..=128).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::NotASlug)
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id under which a connector stands at its platform: a UUID of version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectorId(Uuid);

impl ConnectorId {
    /// The id of an instance whose manifest names none: the same for the same platform and name, on every machine.
    pub fn derived(platform: &PlatformName, instance: &InstanceName) -> Self {
        let digest = Sha256::new()
            .chain_update(b"lockstep/connector-id/v1\0")
            .chain_update(platform.as_str())
            .chain_update(b"\0")
            .chain_update(instance.as_str())
            .finalize();
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }
}

impl TryFrom<&str> for ConnectorId {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        let id = Uuid::try_parse(text).map_err(|_| InvalidName::NotAUuid)?;
        if id.get_version_num() == 4 && id.hyphenated().to_string() == text {
            Ok(Self(id))
        } else {
            Err(InvalidName::NotAUuid)
        }
    }
}

impl fmt::Display for ConnectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_dns_label_rule() {
        for good in ["a", "misp-prod", "0x", &"a".repeat(63)] {
            assert!(InstanceName::try_from(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "a\n", "é", &"a".repeat(64)] {
            assert!(InstanceName::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn slugs_of_both_catalogs_are_slugs() {
        for good in ["misp", "Silobreaker", "intel471_v2", "openaev_nmap"] {
            assert!(Slug::try_from(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "a\u{1b}"] {
            assert!(Slug::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_derived_id_is_stable_and_of_version_4() {
        let platform = PlatformName::try_from("opencti").unwrap();
        let id = ConnectorId::derived(&platform, &InstanceName::try_from("misp").unwrap());
        assert_eq!(ConnectorId::try_from(id.to_string().as_str()), Ok(id));
        assert_ne!(id, ConnectorId::derived(&platform, &InstanceName::try_from("misp2").unwrap()));
    }

    #[test]
    fn only_hyphenated_lower_case_version_4_ids_are_ids() {
        assert!(ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").is_ok());
        for bad in [
            "5c1e0b0e-2f0e-1c53-9d0f-0f5d8a0e9b11",
            "5C1E0B0E-2f0e-4c53-9d0f-0f5d8a0e9b11",
            "5c1e0b0e2f0e4c539d0f0f5d8a0e9b11",
            "ChangeMe",
        ] {
            assert!(ConnectorId::try_from(bad).is_err(), "{bad}");
        }
    }
}
