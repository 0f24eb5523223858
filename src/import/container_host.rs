//! What a service wants of the engine and of the host: networks, namespaces, devices.

use super::carrier::Carrier;
use crate::{
    model::{Code, Place},
    yaml::{Node, shown},
};

impl Carrier<'_> {
    pub(super) fn networks(&mut self, node: &Node, place: &Place) {
        let mut names = Vec::new();
        if let Some(entries) = node.entries() {
            for (key, options) in entries {
                for (option, _) in options.entries().unwrap_or_default() {
                    self.left(option, &format!("networks.{}", key.text));
                }
                names.push((key.text.clone(), key.place.clone()));
            }
        } else {
            names = self.texts(node);
        }
        let mut written = Vec::new();
        for (name, place) in names {
            if name == "default" {
                self.log.note(&place, "the network `default` is left out: the settings name the usual network");
                continue;
            }
            let used = self.compose.network(&name);
            written.push(self.engine_name(used, "network", &place));
        }
        self.list("networks", &written, place);
    }

    pub(super) fn network_mode(&mut self, node: &Node, place: &Place) {
        match self.text(node).as_deref() {
            Some("host") => self.host_namespace("network", place),
            Some("bridge") => {
                self.log.note(place, "`network_mode: bridge` is left out: the settings name the usual network")
            }
            Some(_) => self.lost(place, "is a kind of network that a manifest can't name"),
            None => {}
        }
    }

    pub(super) fn namespace(&mut self, field: &str, node: &Node, place: &Place) {
        match self.text(node).as_deref() {
            Some("host") => self.host_namespace(field, place),
            Some(_) => self.lost(place, "is no namespace that a manifest can name"),
            None => {}
        }
    }

    pub(super) fn host_namespace(&mut self, name: &str, place: &Place) {
        let former = self.carried.container.iter_mut().find(|part| part.key == "hostNamespaces");
        if let Some(part) = former {
            for line in &mut part.lines {
                *line = line.replace(']', &format!(", {name}]"));
            }
        } else {
            self.put("hostNamespaces", vec![format!("hostNamespaces: [{name}]")], place);
        }
        self.policy(place, &format!("the host's `{name}` namespace"), &format!("policy.allow: [hostNamespace:{name}]"));
    }

    pub(super) fn devices(&mut self, node: &Node, place: &Place) {
        let mut paths = Vec::new();
        for (text, place) in self.texts(node) {
            let mut parts = text.split(':');
            let (source, target) = (parts.next().unwrap_or_default(), parts.next());
            if target.is_some_and(|target| target != source) || parts.next().is_some() {
                self.lost(&place, "is a device under another path or with fewer rights");
                continue;
            }
            self.policy(
                &place,
                &format!("the device `{}`", shown(source)),
                &format!("policy.allow: [device:{}]", shown(source)),
            );
            paths.push(source.to_owned());
        }
        self.list("devices", &paths, place);
    }

    pub(super) fn pull(&mut self, node: &Node, place: &Place) {
        let word = match self.text(node).as_deref() {
            Some("always") => "Always",
            Some("missing" | "if_not_present") => "IfNotPresent",
            Some("never") => "Never",
            Some(_) => return self.lost(place, "is a way to pull that a manifest can't name"),
            None => return,
        };
        self.put("pull", vec![format!("pull: {word}")], place);
    }

    pub(super) fn security(&mut self, node: &Node, place: &Place) {
        for (text, _) in self.texts(node) {
            if matches!(text.as_str(), "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true") {
                self.log.note(place, "`no-new-privileges` is left out: every container has it");
            } else {
                self.log.warn(
                    Code::UnknownField,
                    place,
                    "`security_opt` is not carried over",
                    "containers run with the engine's own profiles",
                );
            }
        }
    }
}
