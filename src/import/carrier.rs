//! What carrying over the fields of a service has at hand: reading a value, writing a line, saying what is lost.

use super::{
    compose::{Compose, EngineName, Used},
    draft::Part,
    interpolate,
    log::Log,
    placeholder::has_credentials,
    scalar,
    types::Request,
    units,
};
use crate::{
    model::{Code, Place},
    yaml::{Key, Node, shown},
};

/// What a service says besides its environment, its image and what it depends on.
#[derive(Default)]
pub(super) struct Carried {
    /// The labels.
    pub(super) labels: Vec<Part>,
    /// The fields of the container.
    pub(super) container: Vec<Part>,
}

pub(super) struct Carrier<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) compose: &'a Compose<'a>,
    pub(super) log: &'a mut Log,
    pub(super) carried: Carried,
    /// Fields of `resources`, written.
    pub(super) resources: Vec<(&'static str, String, Place)>,
}

impl Carrier<'_> {
    /// The text of a scalar after interpolation; what can't be read is a finding.
    pub(super) fn text(&mut self, node: &Node) -> Option<String> {
        let Some(scalar) = node.scalar() else {
            self.lost(&node.place, "is no single value");
            return None;
        };
        let expanded = interpolate::expand(&scalar.text, self.request.variables);
        if expanded.broken || !expanded.unknown.is_empty() {
            let names = expanded.unknown.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let why = if names.is_empty() {
                "has a `$` that begins no variable".to_owned()
            } else {
                format!("uses {names}, which has no value")
            };
            self.lost(&node.place, &why);
            return None;
        }
        if expanded.secret || has_credentials(&expanded.text) {
            self.log.need(
                Code::PlaintextSecret,
                &node.place,
                "what stands here holds a secret and is not carried over",
                "give secrets in `spec.config`, sealed",
            );
            return None;
        }
        Some(expanded.text)
    }

    /// The texts of a list, or of a single value.
    pub(super) fn texts(&mut self, node: &Node) -> Vec<(String, Place)> {
        let nodes = node.items().map_or_else(|| vec![node], |items| items.iter().collect());
        nodes.into_iter().filter_map(|node| self.text(node).map(|text| (text, node.place.clone()))).collect()
    }

    /// Something of the service that its author must write into the manifest by hand.
    pub(super) fn lost(&mut self, place: &Place, why: &str) {
        self.log.need(
            Code::UnknownField,
            place,
            format!("what stands here {why} and is not carried over"),
            "write it into the manifest by hand",
        );
    }

    pub(super) fn put(&mut self, field: &str, lines: Vec<String>, place: &Place) {
        if let Some(first) = lines.first() {
            let fallback = if lines.len() > 1 { format!("{first} (see the compose file)") } else { first.clone() };
            self.carried.container.push(Part { fallback, ..Part::active(field, lines, place) });
        }
    }

    /// A field that is only a comment.
    pub(super) fn put_off(&mut self, field: &str, lines: Vec<String>, place: &Place) {
        self.carried.container.push(Part { off: true, ..Part::active(field, lines, place) });
    }

    /// Something that validation refuses until the operator's settings allow it.
    pub(super) fn policy(&mut self, place: &Place, what: &str, setting: &str) {
        self.log.need(
            Code::Policy,
            place,
            format!("{what} needs the operator's policy"),
            format!("ask the operator for `{setting}` in the settings, or take it out of the manifest"),
        );
    }

    pub(super) fn list(&mut self, field: &str, items: &[String], place: &Place) {
        if !items.is_empty() {
            let written: Vec<String> = items.iter().map(|item| scalar::flow_item(item)).collect();
            self.put(field, vec![format!("{field}: {}", scalar::flow(&written))], place);
        }
    }

    pub(super) fn flag(&mut self, field: &str, node: &Node) -> bool {
        match self.text(node).as_deref() {
            Some("true") => {
                self.put(field, vec![format!("{field}: true")], &node.place);
                true
            }
            Some("false") | None => false,
            Some(_) => {
                self.lost(&node.place, "is neither `true` nor `false`");
                false
            }
        }
    }

    pub(super) fn size(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let size = units::size(&text);
        if size.is_none() {
            self.lost(&node.place, "is no size");
        }
        size
    }

    /// Something that has no counterpart.
    pub(super) fn left(&mut self, key: &Key, below: &str) {
        self.log.warn(
            Code::UnknownField,
            &key.place,
            format!("`{below}.{}` is not carried over", shown(&key.text)),
            "nothing, unless the connector depends on it",
        );
    }

    /// The name on the engine of a volume or network.
    pub(super) fn engine_name(&mut self, used: Used, what: &str, place: &Place) -> String {
        if used.special {
            self.log.warn(
                Code::UnknownField,
                place,
                format!("the {what} has a driver or options of its own, which are not carried over"),
                format!("make the {what} on the engine beforehand"),
            );
        }
        match used.name {
            EngineName::Known(name) => name,
            EngineName::Prefixed(name) => {
                self.log.warn(
                    Code::BadName,
                    place,
                    format!("compose calls the {what} `PROJECT_{}` on the engine", shown(&name)),
                    format!("write the project's name before it where the {what} of compose is to be used"),
                );
                name
            }
        }
    }
}
