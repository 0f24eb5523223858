//! Notices another Lockstep of the same owner by the containers that it makes while this one works.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use bollard::models::ContainerSummary;

use super::observe::name;
use crate::plan::LABELS;

/// The containers that were there when this Lockstep first looked: whoever made those may be gone.
#[derive(Debug)]
pub(super) struct Company {
    maker: String,
    first: Mutex<Option<BTreeSet<String>>>,
}

impl Company {
    /// For a Lockstep that marks its containers as made by `maker`.
    pub(super) fn new(maker: String) -> Self {
        Self { maker, first: Mutex::new(None) }
    }

    /// What our containers are marked with.
    pub(super) fn maker(&self) -> &str {
        &self.maker
    }

    /// The name of a container that another one made since the first look, as long as it is there.
    pub(super) fn noticed(&self, listed: &[ContainerSummary]) -> Option<String> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = || listed.iter().filter_map(|container| container.id.clone()).collect();
        let first = first.get_or_insert_with(ids);
        let by_another = |container: &&ContainerSummary| {
            let maker = container.labels.as_ref().and_then(|labels| labels.get(LABELS.maker));
            maker.is_some_and(|maker| *maker != self.maker)
                && container.id.as_ref().is_some_and(|id| !first.contains(id))
        };
        let noticed = listed.iter().find(by_another)?;
        name(noticed.names.clone()).or_else(|| noticed.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn listed(id: &str, maker: Option<&str>) -> ContainerSummary {
        let labels = maker.map(|maker| HashMap::from([(LABELS.maker.to_owned(), maker.to_owned())]));
        ContainerSummary {
            id: Some(id.to_owned()),
            names: Some(vec![format!("/name-{id}")]),
            labels,
            ..ContainerSummary::default()
        }
    }

    #[test]
    fn only_what_another_one_made_since_the_first_look_is_noticed() {
        let company = Company::new("we".to_owned());
        let former = listed("1", Some("another"));
        assert_eq!(company.noticed(std::slice::from_ref(&former)), None, "it was there before");
        let ours = [former.clone(), listed("2", Some("we")), listed("3", None)];
        assert_eq!(company.noticed(&ours), None);
        let theirs = [former.clone(), listed("4", Some("another"))];
        assert_eq!(company.noticed(&theirs).as_deref(), Some("name-4"));
        assert_eq!(company.noticed(&[former]), None, "it is gone again");
    }
}
