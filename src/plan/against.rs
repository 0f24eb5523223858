//! What would run if a revision had been brought about, so that two revisions can be compared without an engine.

use std::collections::BTreeMap;

use super::{ContainerId, ContainerState, Digests, Observed, ObservedContainer, SpecDigest, needs_digest};
use crate::{
    desired::{DesiredState, Wanted},
    manifest::WantedState,
};

/// The containers of a revision as if it had been brought about, looked at closely for what `new` wants of them.
///
/// Secrets are compared as they are sealed; where that differs, `same` may know whether a variable of the two instances
/// holds the same value, and none counts as changed.
pub fn as_running(
    base: &DesiredState,
    new: &DesiredState,
    same: &dyn Fn(&Wanted, &Wanted, &str) -> Option<bool>,
) -> Observed {
    let container = |wanted: &Wanted| {
        let state = match wanted.state {
            WantedState::Started => ContainerState::Running,
            WantedState::Stopped => ContainerState::Exited(0),
        };
        let now = new.wanted.get(&wanted.name);
        let is_same = now.is_some_and(|now| now.source_digest == wanted.source_digest);
        let sensitive_equal = now.filter(|_| !is_same).map_or_else(BTreeMap::new, |now| compare(wanted, now, same));
        // As with an engine, what does not change is not looked at.
        let fields = (!is_same).then(|| {
            let mut fields = wanted.visible_fields();
            fields.retain(|field, _| !sensitive_equal.contains_key(field));
            fields
        });
        let digest = sealed(wanted);
        ObservedContainer {
            id: ContainerId(format!("{}:{}", base.revision, wanted.name)),
            name: format!("{}-{}", wanted.name, digest.name_suffix()),
            instance: wanted.name.clone(),
            platform: wanted.platform.as_ref().map(ToString::to_string),
            connector_id: Some(wanted.id.to_string()),
            digest: Some(digest),
            source: Some(wanted.source_digest.0.clone()),
            revision: Some(base.revision.full()),
            state,
            created: 0,
            finished: None,
            was_stopped: wanted.state == WantedState::Stopped,
            image: wanted.image.clone(),
            fields,
            sensitive_equal,
            moved_image: None,
            refreshed: false,
        }
    };
    let containers = base.wanted.values().map(|wanted| container(wanted)).collect();
    Observed { containers, ..Observed::default() }
}

/// The digests of everything that may have changed, made of specs with their secrets sealed.
pub fn sealed_digests(desired: &DesiredState, observed: &Observed) -> Digests {
    let mut digests = Digests::default();
    let needed = needs_digest(desired, observed, &digests);
    digests.specs = needed.iter().map(|wanted| (wanted.name.clone(), sealed(wanted))).collect();
    digests
}

fn sealed(wanted: &Wanted) -> SpecDigest {
    SpecDigest(format!("sealed:{}", wanted.source_digest.0))
}

/// For every variable that is sensitive on either side, whether it holds the same value on both.
fn compare(
    base: &Wanted,
    new: &Wanted,
    same: &dyn Fn(&Wanted, &Wanted, &str) -> Option<bool>,
) -> BTreeMap<String, bool> {
    let sensitive = |wanted: &Wanted, key: &String| wanted.env.get(key).is_some_and(|value| value.is_sensitive());
    let keys = base.env.keys().chain(new.env.keys()).filter(|key| sensitive(base, key) || sensitive(new, key));
    let equal = |key: &String| match (base.env.get(key), new.env.get(key)) {
        (Some(before), Some(after)) => before == after || same(base, new, key).unwrap_or(false),
        (None, _) | (_, None) => false,
    };
    keys.map(|key| (format!("env.{key}"), equal(key))).collect()
}
