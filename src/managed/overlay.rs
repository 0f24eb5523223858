//! Walks through the instances that platforms have us manage: those of the source first, then those of people there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Gone, Listing, Memory, Requested, Site,
    adopt::{self, Adoption},
    away,
    find::{Found, Labels, known_ids},
    people, spec,
};
use crate::{
    desired::{Context, DesiredState, Held, Keeper, Openers, Wanted},
    model::{Condition, ConnectorId, Finding, InstanceName, PlatformName},
    plan::{Observed, Refusal, Step},
};

/// What an overlay depends on besides the desired state and the platforms.
pub struct Given<'a> {
    /// What runs.
    pub observed: &'a Observed,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The settings, as far as containers are concerned.
    pub context: &'a Context,
    /// What secrets are opened with, where they are compared.
    pub openers: &'a Openers,
    /// Whether a platform that lists nothing any more is believed.
    pub allow_empty: bool,
}

/// A desired state with what the platforms keep laid over it.
#[derive(Debug)]
pub struct Overlaid {
    /// What is wanted: with the platforms' ids and tokens, and with the instances that people made there.
    pub desired: DesiredState,
    /// What has to happen at the platforms.
    pub steps: Vec<Step>,
    /// What guards forbid.
    pub refused: Vec<Refusal>,
    /// Instances at a platform whose manifest is gone.
    pub gone: Vec<Gone>,
    /// What is wrong with the platforms, or with what they list.
    pub conditions: Conditions,
    /// What is to be remembered.
    pub memory: Memory,
}

/// What is wrong with each platform, in a word and a sentence.
pub type Conditions = BTreeMap<PlatformName, BTreeMap<Condition, String>>;

/// Lays what platforms keep over what the source wants.
pub fn overlay(mut desired: DesiredState, sites: &[Site], given: &Given<'_>) -> Overlaid {
    if sites.is_empty() && *given.memory == Memory::default() {
        let memory = Memory::default();
        let (steps, refused, gone) = (Vec::new(), Vec::new(), Vec::new());
        return Overlaid { desired, steps, refused, gone, conditions: Conditions::new(), memory };
    }
    let names: Vec<_> = desired.wanted.keys().cloned().collect();
    let mut work = Work {
        steps: Vec::new(),
        refused: Vec::new(),
        findings: Vec::new(),
        gone: Vec::new(),
        memory: given.memory.clone(),
        labels: Labels::new(given.observed, given.memory),
        given,
    };
    work.memory.begun.retain(|(_, name)| desired.wanted.contains_key(name) || desired.held.contains_key(name));
    for name in names {
        let Some(wanted) = desired.wanted.get(&name).cloned() else { continue };
        if let Some(kept) = work.kept_id(&wanted) {
            desired.wanted.insert(name, Arc::new(kept));
        }
    }
    for site in sites {
        work.one(site, &mut desired);
    }
    let Work { steps, refused, findings, gone, memory, .. } = work;
    desired.findings.extend(findings);
    Finding::sort(&mut desired.findings);
    let conditions = sites.iter().map(|site| (site.name.clone(), conditions(site, given))).collect();
    Overlaid { desired, steps, refused, gone, conditions, memory }
}

/// How many instances a condition names at most.
const MOST_NAMED: usize = 3;

/// What is wrong with one platform, or with what it lists.
fn conditions(site: &Site, given: &Given<'_>) -> BTreeMap<Condition, String> {
    let mut conditions = BTreeMap::new();
    if let Some(away) = &site.away {
        conditions.insert(away.condition, away.why.clone());
    }
    if site.listing.as_ref().is_some_and(Listing::is_empty) {
        let before = known_ids(&site.name, given.observed, given.memory).len();
        if before > 0 {
            let text = format!("it lists no managed instance any more, though there were {before}; nothing is removed");
            conditions.insert(Condition::EmptyListing, text);
        }
    }
    let listed = site.listing.iter().flat_map(|listing| &listing.unreadable);
    let unreadable: Vec<_> = listed.take(MOST_NAMED).map(|one| format!("`{}` ({})", one.shown(), one.why)).collect();
    if !unreadable.is_empty() && site.away.is_none() {
        let text = format!("it lists what makes no sense: {}; what runs of it stays as it is", unreadable.join(", "));
        conditions.insert(Condition::BadAnswer, text);
    }
    let mut listed = site.listing.iter().flat_map(|listing| &listing.instances);
    let unknown = listed.clone().find_map(|listed| match &listed.requested {
        Requested::Unknown(word) => {
            Some(format!("it asks that `{}` be `{word}`, which is no word we know", listed.title))
        }
        Requested::Started | Requested::Stopped | Requested::Nothing => None,
    });
    let odd = listed.find_map(|listed| {
        let word = listed.odd_status.as_ref()?;
        Some(format!("it says `{word}` of `{}`, which is no word we know", listed.title))
    });
    conditions.extend(unknown.or(odd).map(|text| (Condition::UnknownWord, text)));
    conditions
}

/// Everything about one overlay that is under way.
pub(super) struct Work<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) refused: Vec<Refusal>,
    /// What people should know, and that holds nothing.
    pub(super) findings: Vec<Finding>,
    pub(super) gone: Vec<Gone>,
    pub(super) memory: Memory,
    pub(super) labels: Labels<'a>,
    pub(super) given: &'a Given<'a>,
}

/// The instances of a listing that are somebody's.
pub(super) type Taken = BTreeMap<ConnectorId, InstanceName>;

impl Work<'_> {
    /// An instance that registers itself and was managed before keeps the id it had, unless its manifest gives one.
    fn kept_id(&self, wanted: &Wanted) -> Option<Wanted> {
        let platform = wanted.platform.as_ref().filter(|_| wanted.management.is_none())?;
        let remembered = self.given.memory.of(platform, &wanted.name)?;
        let given = wanted.origins.contains_key("id");
        (!given && remembered.id != wanted.id).then(|| spec::with_id(wanted, remembered.id))
    }

    fn one(&mut self, site: &Site, desired: &mut DesiredState) {
        let own: Vec<_> = desired
            .wanted
            .values()
            .filter(|wanted| wanted.platform.as_ref() == Some(&site.name) && wanted.keeper() == Some(Keeper::Source))
            .cloned()
            .collect();
        let nothing = Listing::default();
        let listing = site.listing.as_ref();
        let mut taken = Taken::new();
        self.held_keep_theirs(site, listing.unwrap_or(&nothing), desired, &mut taken);
        // One that is suspended is left as it is, at the platform as well.
        let mut titles = BTreeSet::new();
        for wanted in own {
            let adoption = match listing {
                Some(listing) => adopt::listed(self, site, listing, &wanted, &mut taken, &mut titles),
                None => adopt::unlisted(self, site, &wanted),
            };
            match adoption {
                Adoption::Wanted(wanted) => {
                    desired.wanted.insert(wanted.name.clone(), Arc::new(*wanted));
                }
                Adoption::Held(finding) => hold(desired, &wanted.name, *finding),
            }
        }
        match listing {
            Some(listing) if !away::is_suspicious(self, site, listing) => {
                people::instances(self, site, listing, desired, &mut taken);
            }
            Some(_) => away::protect(self, site, desired, "lists no instance any more, though there were some"),
            None => {
                let why = site.away.as_ref().map_or("has not answered yet", |away| away.why.as_str());
                away::protect(self, site, desired, &format!("can't be asked: {why}"));
                // Where nothing is held for it, it has to be said nevertheless.
                if site.away.is_some() && !desired.findings.iter().any(|finding| finding.message.contains(why)) {
                    self.findings.push(away::silent(site, why));
                }
            }
        }
    }

    /// What belongs to a manifest that is broken is nobody else's.
    fn held_keep_theirs(&self, site: &Site, listing: &Listing, desired: &DesiredState, taken: &mut Taken) {
        for name in desired.held.keys() {
            let known = self.labels.id_of(&site.name, name);
            let by_name = || listing.each().find(|found| found.name() == name.as_str()).map(Found::id);
            if let Some(id) = known.or_else(by_name) {
                taken.insert(id, name.clone());
            }
        }
    }
}

/// Moves an instance from the wanted to the held ones.
pub(super) fn hold(desired: &mut DesiredState, name: &InstanceName, finding: Finding) {
    desired.wanted.remove(name);
    let finding = finding.of_instance(name);
    desired.findings.push(finding.clone());
    desired.held.insert(name.clone(), Held { instance: name.clone(), findings: vec![finding] });
}
