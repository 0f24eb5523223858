//! Several catalogs in the order of the settings.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    choose::{Asked, Chosen, choose},
    contract::Contract,
    read::Catalog,
};
use crate::model::{PlatformKind, PlatformName, Slug, closest};

/// Several catalogs; where two have the same slug for one platform, the first counts.
#[derive(Debug, Clone, Default)]
pub struct Catalogs {
    catalogs: Vec<Arc<Catalog>>,
    /// The platform that published a catalog, for those that were published by one.
    publishers: Vec<Option<PlatformName>>,
    versions: BTreeMap<PlatformName, String>,
}

/// For which instance a contract is searched.
#[derive(Debug, Clone, Copy, Default)]
pub struct For<'a> {
    /// The kind of its platform, where it is known.
    pub kind: Option<PlatformKind>,
    /// Its platform, where it has one.
    pub platform: Option<&'a PlatformName>,
    /// The version that its manifest asks for: a tag, without a digest.
    pub version: Option<&'a str>,
    /// Whether its manifest names a whole image of its own.
    pub own_image: bool,
}

impl Catalogs {
    /// Puts catalogs in the order in which they are searched.
    pub fn new(catalogs: Vec<Arc<Catalog>>) -> Self {
        Self::published(catalogs.into_iter().map(|catalog| (catalog, None)).collect(), BTreeMap::new())
    }

    /// The same, with the platforms that published them, and the versions of platforms as far as they are known.
    pub fn published(
        catalogs: Vec<(Arc<Catalog>, Option<PlatformName>)>,
        versions: BTreeMap<PlatformName, String>,
    ) -> Self {
        let (catalogs, publishers) = catalogs.into_iter().unzip();
        Self { catalogs, publishers, versions }
    }

    /// Whether these are the very same catalogs, so that every search in both ends alike.
    pub fn is_same(&self, other: &Self) -> bool {
        let alike = self.publishers == other.publishers && self.versions == other.versions;
        let pairs = || self.catalogs.iter().zip(&other.catalogs);
        alike && self.catalogs.len() == other.catalogs.len() && pairs().all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The catalogs, in order.
    pub fn catalogs(&self) -> &[Arc<Catalog>] {
        &self.catalogs
    }

    /// The version of a platform, where it is known.
    pub fn platform_version(&self, platform: &PlatformName) -> Option<&str> {
        self.versions.get(platform).map(String::as_str)
    }

    /// Every contract that can be found, in the order of the catalogs, then by slug, in its newest version; a contract is
    /// left out where an earlier catalog has one of the same slug for the same platform.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        let shadowed = |contract: &Contract, before: usize| {
            let earlier = self.catalogs[..before].iter().filter_map(|catalog| catalog.contract(&contract.slug));
            earlier.into_iter().any(|other| other.platform() == contract.platform())
        };
        let numbered = self.catalogs.iter().enumerate();
        numbered.flat_map(move |(number, catalog)| {
            let newest =
                |contract: &&Contract| catalog.contract(&contract.slug).is_some_and(|n| std::ptr::eq(n, *contract));
            let newest: Vec<_> = catalog.contracts().iter().filter(newest).collect();
            newest.into_iter().filter(move |contract| !shadowed(contract, number))
        })
    }

    /// The contract of a slug in its newest version: one of the platform asked for before any other.
    ///
    /// A contract of another platform is given rather than none, since `check` says what is wrong with it.
    pub fn find(&self, slug: &Slug, platform: Option<PlatformKind>) -> Option<&Contract> {
        self.choose(slug, For { kind: platform, ..For::default() }).map(|chosen| chosen.contract)
    }

    /// Every version of a contract in the catalog that it is taken from, the newest first.
    pub fn versions(&self, slug: &Slug) -> &[Contract] {
        let found = self.catalogs.iter().map(|catalog| catalog.versions(slug));
        found.into_iter().find(|versions| !versions.is_empty()).unwrap_or_default()
    }

    /// The contract of a slug for an instance, in the version that its platform and its manifest ask for.
    ///
    /// What another platform publishes is taken only where no other catalog has the contract; one of another kind of
    /// platform only where there is no fitting one at all.
    pub fn choose(&self, slug: &Slug, asker: For<'_>) -> Option<Chosen<'_>> {
        self.choose_at(slug, asker, None)
    }

    /// The same for a platform of another version than the one that is known.
    pub fn choose_at(&self, slug: &Slug, asker: For<'_>, version: Option<&str>) -> Option<Chosen<'_>> {
        let catalogs = || self.catalogs.iter().zip(&self.publishers);
        let of_others = |publisher: &Option<PlatformName>| match (publisher, asker.platform) {
            (Some(publisher), Some(platform)) => publisher != platform,
            (Some(_) | None, _) => false,
        };
        let own = catalogs().filter(|(_, publisher)| !of_others(publisher));
        let others = catalogs().filter(|(_, publisher)| of_others(publisher));
        let found: Vec<_> = own.chain(others).map(|(catalog, _)| catalog.versions(slug)).collect();
        let fitting = |versions: &&&[Contract]| {
            let platform = versions.first().and_then(Contract::platform);
            !versions.is_empty() && asker.kind.is_none_or(|kind| platform == Some(kind))
        };
        let versions = found.iter().find(fitting).or_else(|| found.iter().find(|versions| !versions.is_empty()))?;
        let known = || asker.platform.and_then(|platform| self.platform_version(platform));
        let platform = version.or_else(known);
        choose(versions, Asked { platform, version: asker.version, own_image: asker.own_image })
    }

    /// The name of the catalog that a contract of these stands in.
    pub fn name_of(&self, contract: &Contract) -> Option<&str> {
        let holds = |catalog: &&Arc<Catalog>| {
            catalog.contract(&contract.slug).is_some_and(|candidate| std::ptr::eq(candidate, contract))
        };
        self.catalogs.iter().find(holds).map(|catalog| catalog.name())
    }

    /// The slug that a misspelt one was probably meant to be; one of the platform asked for, where one is.
    pub fn closest(&self, slug: &str, platform: Option<PlatformKind>) -> Option<&Slug> {
        let asked = |contract: &&Contract| platform.is_none() || contract.platform() == platform;
        let slugs = || self.contracts().filter(asked).map(|contract| &contract.slug);
        let name = closest(slug, slugs().map(Slug::as_str))?;
        slugs().find(|candidate| candidate.as_str() == name)
    }
}
