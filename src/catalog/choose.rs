//! Chooses, of several versions of a contract, the one that an instance deploys.

use super::{
    contract::Contract,
    quote,
    support::{Fit, Support},
};
use crate::model::{Code, Finding, Place};

/// The most versions that a message names.
const NAMED: usize = 8;

/// For whom a contract is chosen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// The version of the platform, where it is known.
    pub(super) platform: Option<&'a str>,
    /// The version of the contract that the manifest asks for: a tag, without a digest.
    pub(super) version: Option<&'a str>,
    /// Whether the manifest names a whole image of its own, so that the catalog's version does not matter.
    pub(super) own_image: bool,
}

/// The version of a contract that an instance deploys.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    /// It.
    pub contract: &'a Contract,
    /// What speaks against it.
    pub doubt: Option<Doubt>,
}

/// What speaks against the version that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// No version of the catalog works with the platform's version.
    NoneFits {
        /// The version of the platform.
        platform: String,
        /// The versions there are, newest first, each with what it works with.
        versions: Vec<(String, String)>,
    },
    /// The version that the manifest asks for does not work with the platform's version.
    AskedForDoesNotFit {
        /// The version asked for.
        version: String,
        /// What it works with.
        support: String,
        /// The version of the platform.
        platform: String,
    },
    /// The catalog has versions, and not the one that the manifest asks for.
    NotListed {
        /// The version asked for.
        version: String,
        /// The version that its configuration is checked against.
        instead: String,
    },
    /// Today's catalog says that it is for other versions of the platform.
    Outside {
        /// For which ones.
        support: String,
        /// The version of the platform.
        platform: String,
    },
    /// Today's catalog says something about the platform's version that can't be understood.
    Unclear {
        /// What it says.
        support: String,
        /// The version of the platform.
        platform: String,
    },
}

/// Chooses among the versions of one contract, newest first; none where there are none.
pub(super) fn choose<'a>(versions: &'a [Contract], asked: Asked<'_>) -> Option<Chosen<'a>> {
    let newest = versions.first()?;
    if versions.iter().all(|contract| !matches!(contract.support, Support::Between { .. })) && versions.len() == 1 {
        return Some(Chosen { contract: newest, doubt: doubt_today(newest, asked) });
    }
    let fits = |contract: &Contract| match asked.platform {
        Some(platform) if !asked.own_image => contract.support.fits(platform) == Fit::Fits,
        Some(_) | None => true,
    };
    let named = |contract: &Contract| contract.version.clone().unwrap_or_default();
    let pinned = asked.version.map(|version| (version, versions.iter().find(|contract| named(contract) == version)));
    if let Some((version, Some(contract))) = pinned {
        let doubt = (!fits(contract)).then(|| Doubt::AskedForDoesNotFit {
            version: version.to_owned(),
            support: contract.support.to_string(),
            platform: asked.platform.unwrap_or_default().to_owned(),
        });
        return Some(Chosen { contract, doubt });
    }
    let Some(contract) = versions.iter().find(|contract| fits(contract)) else {
        let versions = versions.iter().map(|contract| (named(contract), contract.support.to_string())).collect();
        let platform = asked.platform.unwrap_or_default().to_owned();
        return Some(Chosen { contract: newest, doubt: Some(Doubt::NoneFits { platform, versions }) });
    };
    let not_listed =
        |(version, _): (&str, _)| Doubt::NotListed { version: version.to_owned(), instead: named(contract) };
    Some(Chosen { contract, doubt: pinned.map(not_listed) })
}

/// Today's catalogs have one version of a contract, and say for which platforms it is; an image of one's own is one's own
/// affair.
fn doubt_today(contract: &Contract, asked: Asked<'_>) -> Option<Doubt> {
    let own = asked.own_image || asked.version.is_some_and(|version| contract.version.as_deref() != Some(version));
    let platform = asked.platform.filter(|_| !own)?;
    let said = || (contract.support.to_string(), platform.to_owned());
    match contract.support.fits(platform) {
        Fit::Fits => None,
        Fit::Outside => {
            let (support, platform) = said();
            Some(Doubt::Outside { support, platform })
        }
        Fit::Unclear => {
            let (support, platform) = said();
            Some(Doubt::Unclear { support, platform })
        }
    }
}

impl Doubt {
    /// What is said of it to the author of a manifest; `contract` is where the manifest names the contract, and `version`
    /// where it names a version.
    pub fn finding(&self, slug: &str, contract: &Place, version: Option<&Place>) -> Finding {
        let error = |message: String| Finding::error(Code::NotDeployable, contract.clone(), message);
        let warning = |message: String| Finding::warning(Code::NotDeployable, contract.clone(), message);
        match self {
            Self::NoneFits { platform, versions } => {
                let named = |(version, support): &(String, String)| {
                    format!("{} (for {})", quote::printable(version), quote::printable(support))
                };
                let mut list: Vec<_> = versions.iter().take(NAMED).map(named).collect();
                if versions.len() > NAMED {
                    list.push(format!("{} more", versions.len() - NAMED));
                }
                error(format!(
                    "no version of contract `{slug}` works with the platform's version {}; the catalog has {}",
                    quote::printable(platform),
                    list.join(", ")
                ))
                .with_help(
                    "bring the platform to a version that one of them is for, or name an image with `spec.image`",
                )
            }
            Self::AskedForDoesNotFit { version: asked, support, platform } => {
                let place = version.unwrap_or(contract).clone();
                let message = format!(
                    "version {} of contract `{slug}` is for {}, and the platform's version is {}",
                    quote::printable(asked),
                    quote::printable(support),
                    quote::printable(platform)
                );
                Finding::error(Code::NotDeployable, place, message)
                    .with_help("leave `spec.version` out for the newest version that works with the platform")
            }
            Self::NotListed { version: asked, instead } => {
                let place = version.unwrap_or(contract).clone();
                let message = format!("the catalog has no version {} of contract `{slug}`", quote::printable(asked));
                Finding::warning(Code::NotDeployable, place, message)
                    .with_help(format!("its configuration was checked against version {}", quote::printable(instead)))
            }
            Self::Outside { support, platform } => warning(format!(
                "contract `{slug}` is for {}, and the platform's version is {}",
                quote::printable(support),
                quote::printable(platform)
            ))
            .with_help("use the catalog of the platform's release, or another `spec.version`"),
            Self::Unclear { support, platform } => warning(format!(
                "whether contract `{slug}` works with the platform's version {} is not clear: its catalog says {}",
                quote::printable(platform),
                quote::quoted(support)
            ))
            .with_help("look it up in the connector's documentation"),
        }
    }
}
