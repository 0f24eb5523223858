//! Why an instance changes, field by field.

use std::collections::BTreeSet;

use super::{Cause, ObservedContainer, Reason};
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
    Reason {
        field: "instance".to_owned(),
        before: None,
        after: Some(wanted.image.clone()),
        sensitive: false,
        cause: cause_of(wanted).0,
        place: cause_of(wanted).1,
        commit: None,
    }
}

/// Why an instance as a whole is as it is wanted: its manifest says so, or people at its platform.
fn cause_of(wanted: &Wanted) -> (Cause, Option<Place>) {
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
    Reason {
        field: "replacement".to_owned(),
        before: Some(names(old)),
        after: Some(current.name.clone()),
        sensitive: false,
        cause: Cause::Drift,
        place: None,
        commit: None,
    }
}

/// Every field in which the newest container differs from what is wanted; at least one reason.
pub(super) fn of_change(old: &[&ObservedContainer], wanted: &Wanted) -> Vec<Reason> {
    let newest = old.iter().max_by_key(|container| (container.runs(), container.created));
    let fields = newest.map(|container| changed_fields(container, wanted)).unwrap_or_default();
    if !fields.is_empty() {
        return fields;
    }
    let before = newest.and_then(|container| container.source.clone()).map(|mark| short(&mark));
    let reset = wanted.management.as_ref().is_some_and(|management| management.reset.is_some());
    let (field, (cause, place)) =
        if reset { ("state.reset", (Cause::Platform, None)) } else { ("spec", cause_of(wanted)) };
    vec![Reason {
        field: field.to_owned(),
        before,
        after: Some(short(&wanted.source_digest.0)),
        sensitive: false,
        cause,
        place,
        commit: None,
    }]
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn changed_fields(container: &ObservedContainer, wanted: &Wanted) -> Vec<Reason> {
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
    let (cause, place) = match origin {
        Some(Origin::Manifest(place)) => (Cause::Manifest, Some(place.clone())),
        Some(Origin::Catalog) if field == "image" => (Cause::Image, None),
        Some(Origin::Catalog) => (Cause::Catalog, None),
        Some(Origin::Platform) => (Cause::Platform, None),
        Some(Origin::Lockstep) | None => (Cause::Manifest, Some(wanted.place.clone())),
    };
    Reason { field: field.to_owned(), before, after, sensitive, cause, place, commit: None }
}

/// The origin of a field, or of the nearest field that it is a part of or that is a part of it.
fn origin_of<'a>(wanted: &'a Wanted, field: &str) -> Option<&'a Origin> {
    let exact = |name: &str| wanted.origins.get(name);
    let parents = field.match_indices('.').rev().map(|(dot, _)| &field[..dot]);
    let below = || {
        let prefix = format!("{field}.");
        wanted.origins.iter().find(|(name, _)| name.starts_with(&prefix)).map(|(_, origin)| origin)
    };
    exact(field).or_else(below).or_else(|| parents.filter(|parent| *parent != "env").find_map(exact))
}
