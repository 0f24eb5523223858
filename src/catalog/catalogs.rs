//! Several catalogs in the order of the settings.

use super::{contract::Contract, read::Catalog};
use std::sync::Arc;

use crate::model::{PlatformKind, Slug, closest};

/// Several catalogs; where two have the same slug for one platform, the first counts.
#[derive(Debug, Default)]
pub struct Catalogs(Vec<Arc<Catalog>>);

impl Catalogs {
    /// Puts catalogs in the order in which they are searched.
    pub fn new(catalogs: Vec<Arc<Catalog>>) -> Self {
        Self(catalogs)
    }

    /// The catalogs, in order.
    pub fn catalogs(&self) -> &[Arc<Catalog>] {
        &self.0
    }

    /// Every contract that can be found, in the order of the catalogs, then by slug; a contract is left out where an
    /// earlier catalog has one of the same slug for the same platform.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        let shadowed = |contract: &Contract, before: usize| {
            let earlier = self.0[..before].iter().filter_map(|catalog| catalog.contract(&contract.slug));
            earlier.into_iter().any(|other| other.platform() == contract.platform())
        };
        let numbered = self.0.iter().enumerate();
        numbered.flat_map(move |(number, catalog)| {
            catalog.contracts().iter().filter(move |contract| !shadowed(contract, number))
        })
    }

    /// The contract of a slug: one of the platform asked for before any other.
    ///
    /// A contract of another platform is given rather than none, since `check` says what is wrong with it.
    pub fn find(&self, slug: &Slug, platform: Option<PlatformKind>) -> Option<&Contract> {
        let all = || self.0.iter().filter_map(|catalog| catalog.contract(slug));
        let fitting = platform.and_then(|platform| all().find(|contract| contract.platform() == Some(platform)));
        fitting.or_else(|| all().next())
    }

    /// What the platform knows the catalog of a contract by, where the catalog says so.
    pub fn id_of(&self, contract: &Contract) -> Option<&str> {
        let has = |catalog: &&Arc<Catalog>| catalog.contracts().iter().any(|other| std::ptr::eq(other, contract));
        self.catalogs().iter().find(has).and_then(|catalog| catalog.id())
    }

    /// The slug that a misspelt one was probably meant to be; one of the platform asked for, where one is.
    pub fn closest(&self, slug: &str, platform: Option<PlatformKind>) -> Option<&Slug> {
        let asked = |contract: &&Contract| platform.is_none() || contract.platform() == platform;
        let slugs = || self.contracts().filter(asked).map(|contract| &contract.slug);
        let name = closest(slug, slugs().map(Slug::as_str))?;
        slugs().find(|candidate| candidate.as_str() == name)
    }
}
