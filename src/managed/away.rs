//! Keeps what people at a platform asked for as it is while the platform can't be believed.

use std::collections::BTreeSet;

use super::{Listing, Site, UiInstances, overlay::Work};
use crate::{
    desired::{DesiredState, Held},
    model::{Code, Finding, InstanceName, Place},
    plan::Refusal,
};

/// Whether a platform that had instances lists none at all, and nobody said that this can be.
pub(super) fn is_suspicious(work: &mut Work<'_>, site: &Site, listing: &Listing) -> bool {
    let instances = of_people(work, site);
    let suspicious = listing.is_empty() && !instances.is_empty() && !work.given.allow_empty;
    if suspicious && site.instances == UiInstances::Run {
        work.refused.push(Refusal {
            instances: instances.into_iter().collect(),
            guard: "empty listing",
            message: format!(
                "platform `{}` lists no instance any more, though containers of some are there",
                site.name
            ),
            help: "nothing is removed; if that is meant, set `prune.allowEmpty` in the settings".to_owned(),
        });
    }
    suspicious
}

/// What is said of a platform that can't be asked.
pub(super) fn silent(site: &Site, why: &str) -> Finding {
    let place = Place::start_of(format!("platform {}", site.name));
    Finding::warning(Code::Platform, place, format!("platform `{}` can't be asked: {why}", site.name))
        .with_help("what it was told last counts until it answers; `lockstep doctor` shows what it says")
}

/// The instances of people at a platform that have a container.
fn of_people(work: &Work<'_>, site: &Site) -> BTreeSet<InstanceName> {
    let containers = work.given.observed.containers.iter();
    let here = containers.filter(|container| container.platform.as_deref() == Some(site.name.as_str()));
    here.filter(|container| container.is_of_platform()).map(|container| container.instance.clone()).collect()
}

/// Holds every instance of people at a platform, so that its container stays as it is.
pub(super) fn protect(work: &mut Work<'_>, site: &Site, desired: &mut DesiredState, why: &str) {
    let own = |desired: &DesiredState, name: &InstanceName| {
        desired.wanted.contains_key(name) || desired.held.contains_key(name)
    };
    for name in of_people(work, site) {
        if own(desired, &name) {
            continue;
        }
        let place = Place::start_of(format!("platform {}", site.name));
        let message = format!("platform `{}`, where people asked for it, {why}", site.name);
        let help = "its container is left as it is until the platform answers";
        let finding = Finding::error(Code::Platform, place.clone(), message.clone()).with_help(help);
        desired.findings.push(Finding::warning(Code::Platform, place, message).with_help(help).of_instance(&name));
        let held = Held { instance: name.clone(), findings: vec![finding.of_instance(&name)] };
        desired.held.insert(name, held);
    }
}
