//! The bounds of a container, which compose files write in two places.

use super::{carrier::Carrier, scalar};
use crate::{model::Place, yaml::Node};

impl Carrier<'_> {
    pub(super) fn resource(&mut self, field: &'static str, text: Option<String>, place: &Place) {
        let Some(text) = text else { return };
        if let Some((_, former, _)) = self.resources.iter().find(|(other, ..)| *other == field) {
            if *former != text {
                self.lost(place, "says the same bound in two ways");
            }
            return;
        }
        self.resources.push((field, text, place.clone()));
    }

    pub(super) fn resources(&mut self) {
        let mut resources = std::mem::take(&mut self.resources);
        let Some((_, _, place)) = resources.first().cloned() else { return };
        resources.sort_by_key(|(field, ..)| *field);
        let written = resources.iter().map(|(field, text, _)| format!("  {field}: {}", scalar::bare(text)));
        let lines = std::iter::once("resources:".to_owned()).chain(written).collect();
        self.put("resources", lines, &place);
    }

    pub(super) fn deploy(&mut self, node: &Node) {
        for (key, node) in node.entries().unwrap_or_default() {
            if key.text != "resources" {
                self.left(key, "deploy");
                continue;
            }
            for (key, node) in node.entries().unwrap_or_default() {
                if key.text != "limits" {
                    self.left(key, "deploy.resources");
                    continue;
                }
                for (key, node) in node.entries().unwrap_or_default() {
                    match key.text.as_str() {
                        "memory" => {
                            let size = self.size(node);
                            self.resource("memory", size, &key.place);
                        }
                        "cpus" | "pids" => {
                            let field = if key.text == "cpus" { "cpus" } else { "pids" };
                            let text = self.text(node);
                            self.resource(field, text, &key.place);
                        }
                        _ => self.left(key, "deploy.resources.limits"),
                    }
                }
            }
        }
    }
}
