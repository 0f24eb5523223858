//! Why an instance changes, field by field.

use std::{collections::BTreeSet, sync::Arc};

use super::{Cause, Given, ObservedContainer, Reason};
use crate::{
    desired::{EnvValue, Keeper, Origin, Wanted},
    model::Place,
};

/// Whether a close look has shown that a container is what is wanted in every field.
pub(super) fn equal(container: &ObservedContainer, wanted: &Wanted) -> bool {
    let looked = container.fields.is_some();
    let id_agrees = container.connector_id.as_deref() == Some(wanted.id.to_string().as_str());
    looked && id_agrees && changed_fields(container, wanted).is_empty()
}

/// The reason of a creation: the manifest is there.
pub(super) fn of_creation(wanted: &Wanted) -> Reason {
    let (cause, place) = cause_of(wanted);
    Reason { place, ..Reason::of("instance", None, Some(wanted.image.clone()), cause) }
}

/// Why an instance as a whole is as it is wanted: its manifest says so, or people at its platform.
pub(super) fn cause_of(wanted: &Wanted) -> (Cause, Option<Place>) {
    match wanted.keeper() {
        Some(Keeper::Platform) => (Cause::Platform, None),
        Some(Keeper::Source) | None => (Cause::Manifest, Some(wanted.place.clone())),
    }
}

/// The reason of a replacement that was begun by an earlier attempt.
pub(super) fn unfinished(current: &ObservedContainer, old: &[&ObservedContainer]) -> Reason {
    let names = |containers: &[&ObservedContainer]| {
        containers.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    Reason::of("replacement", Some(names(old)), Some(current.name.clone()), Cause::Drift)
}

/// Every field in which the newest container differs from what is wanted; at least one reason.
pub(super) fn of_change(old: &[&ObservedContainer], wanted: &Wanted) -> Vec<Reason> {
    let newest = old.iter().max_by_key(|container| (container.runs(), container.created));
    let mut fields = newest.map(|container| changed_fields(container, wanted)).unwrap_or_default();
    if newest.is_some_and(|container| container.source.is_none()) {
        // It does not carry our marks: somebody else made it.
        fields.iter_mut().for_each(|reason| reason.cause = Cause::Drift);
    }
    if !fields.is_empty() {
        return fields;
    }
    let before = newest.and_then(|container| container.source.clone()).map(|mark| short(&mark));
    let reset = wanted.management.as_ref().is_some_and(|management| management.reset.is_some());
    let (field, (cause, place)) =
        if reset { ("state.reset", (Cause::Platform, None)) } else { ("spec", cause_of(wanted)) };
    let reason = Reason::of(field, before, Some(short(&wanted.source_digest.0)), cause);
    vec![Reason { place, ..reason }]
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// Every field in which a close look at a container has shown something else than what is wanted.
pub(super) fn changed_fields(container: &ObservedContainer, wanted: &Wanted) -> Vec<Reason> {
    let Some(live) = &container.fields else { return Vec::new() };
    let visible = wanted.visible_fields();
    let mut reasons = Vec::new();
    let sensitive = |field: &str| {
        let key = field.strip_prefix("env.");
        key.is_some_and(|key| wanted.env.get(key).is_some_and(EnvValue::is_sensitive))
    };
    let names: BTreeSet<&String> = live.keys().chain(visible.keys()).chain(container.sensitive_equal.keys()).collect();
    for field in names {
        if let Some(equal) = container.sensitive_equal.get(field) {
            if !equal {
                reasons.push(reason(wanted, field, None, None, true));
            }
        } else if !sensitive(field) && live.get(field) != visible.get(field) {
            reasons.push(reason(wanted, field, live.get(field).cloned(), visible.get(field).cloned(), false));
        }
    }
    if let Some(id) = container.connector_id.as_ref().filter(|id| **id != wanted.id.to_string()) {
        reasons.push(reason(wanted, "id", Some(id.clone()), Some(wanted.id.to_string()), false));
    }
    reasons
}

fn reason(wanted: &Wanted, field: &str, before: Option<String>, after: Option<String>, sensitive: bool) -> Reason {
    let origin = origin_of(wanted, field);
    let (cause, place, given) = match origin {
        Some(Origin::Manifest(place)) => (Cause::Manifest, Some(place.clone()), None),
        Some(Origin::Defaults(place)) => (Cause::Manifest, Some(place.clone()), Some(Given::Defaults)),
        Some(Origin::Catalog(name)) => {
            let cause = if field == "image" { Cause::Image } else { Cause::Catalog };
            (cause, None, Some(Given::Catalog(Arc::clone(name))))
        }
        Some(Origin::Platform) => (Cause::Platform, None, None),
        Some(Origin::Lockstep) | None => (Cause::Manifest, Some(wanted.place.clone()), Some(Given::Lockstep)),
    };
    Reason { sensitive, place, given, ..Reason::of(field, before, after, cause) }
}

/// The origin of a field, or of the nearest field that it is a part of or that is a part of it.
pub fn origin_of<'a>(wanted: &'a Wanted, field: &str) -> Option<&'a Origin> {
    let exact = |name: &str| wanted.origins.get(name);
    let parents = field.match_indices('.').rev().map(|(dot, _)| &field[..dot]);
    let below = || {
        let prefix = format!("{field}.");
        wanted.origins.iter().find(|(name, _)| name.starts_with(&prefix)).map(|(_, origin)| origin)
    };
    exact(field).or_else(below).or_else(|| parents.filter(|parent| *parent != "env").find_map(exact))
}
