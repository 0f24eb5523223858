//! Turns what a service says besides its environment into the fields of a manifest.

use super::{
    carrier::{Carried, Carrier},
    compose::{Compose, Service},
    container_fields as fields,
    draft::Part,
    log::Log,
    scalar,
    types::Request,
    units,
};
use crate::{
    model::{Code, Place},
    yaml::{Key, Node, shown},
};

/// Carries over what can be, and says what can't.
pub(super) fn carry(request: &Request<'_>, compose: &Compose<'_>, service: &Service, log: &mut Log) -> Carried {
    let mut carrier = Carrier { request, compose, log, carried: Carried::default(), resources: Vec::new() };
    for (key, node) in service.node.entries().unwrap_or_default() {
        carrier.field(key, node);
    }
    carrier.resources();
    carrier.carried
}

impl Carrier<'_> {
    fn field(&mut self, key: &Key, node: &Node) {
        let place = &key.place;
        match key.text.as_str() {
            // Looked at elsewhere.
            "environment" | "env_file" | "image" | "depends_on" => {}
            "restart" => self.restart(node, place),
            "mem_limit" => {
                let size = self.size(node);
                self.resource("memory", size, place);
            }
            "cpus" => {
                let text = self.text(node);
                self.resource("cpus", text, place);
            }
            "pids_limit" => {
                let text = self.text(node).filter(|text| text != "-1" && text != "0");
                self.resource("pids", text, place);
            }
            "deploy" => self.deploy(node),
            "networks" => self.networks(node, place),
            "network_mode" => self.network_mode(node, place),
            "volumes" => fields::volumes(self, node, place),
            "tmpfs" => fields::tmpfs(self, node, place),
            "extra_hosts" => fields::extra_hosts(self, node, place),
            "ulimits" => fields::ulimits(self, node, place),
            "healthcheck" => fields::healthcheck(self, node, place),
            "logging" => fields::logging(self, node, place),
            "labels" => self.labels(node),
            "dns" => {
                let items: Vec<String> = self.texts(node).into_iter().map(|(text, _)| text).collect();
                self.list("dns", &items, place);
            }
            "user" => {
                if let Some(user) = self.text(node) {
                    self.put("user", vec![format!("user: {}", scalar::string(&user))], place);
                }
            }
            "read_only" => {
                self.flag("readOnly", node);
            }
            "privileged" => {
                if self.flag("privileged", node) {
                    self.policy(place, "`privileged`", "policy.allow: [privileged]");
                }
            }
            "cap_drop" => {
                let items: Vec<String> =
                    self.texts(node).into_iter().map(|(text, _)| text.to_ascii_uppercase()).collect();
                self.list("capDrop", &items, place);
            }
            "cap_add" => {
                let found: Vec<String> =
                    self.texts(node).into_iter().map(|(text, _)| text.to_ascii_uppercase()).collect();
                self.list("capAdd", &found, place);
                for name in found {
                    let name = name.trim_start_matches("CAP_");
                    self.policy(
                        place,
                        &format!("the capability `{}`", shown(name)),
                        &format!("policy.allow: [capAdd:{}]", shown(name)),
                    );
                }
            }
            "devices" => self.devices(node, place),
            "pid" | "ipc" => self.namespace(&key.text, node, place),
            "shm_size" => {
                if let Some(size) = self.size(node) {
                    self.put("shmSize", vec![format!("shmSize: {size}")], place);
                }
            }
            "stop_grace_period" => {
                if let Some(text) = self.text(node) {
                    match units::duration(&text) {
                        Some(time) => self.put("stopGrace", vec![format!("stopGrace: {time}")], place),
                        None => self.lost(place, "is no length of time"),
                    }
                }
            }
            "pull_policy" => self.pull(node, place),
            "container_name" | "hostname" => {
                self.log.note(place, format!("`{}` is left out: the container is called after the instance", key.text));
            }
            "init" => self.log.note(place, "`init` is left out: every container has one"),
            "security_opt" => self.security(node, place),
            "command" | "entrypoint" | "secrets" | "configs" | "extends" => {
                let help = match key.text.as_str() {
                    "secrets" | "configs" => "seal what the connector needs into `spec.config`",
                    "extends" => "import the output of `docker compose config --no-interpolate`",
                    _ => "build an image that has it, and name it with `spec.image`",
                };
                self.log.need(Code::UnknownField, place, format!("`{}` is not carried over", key.text), help);
            }
            "build" => {
                self.log.need(
                    Code::UnknownField,
                    place,
                    "`build` is not carried over: Lockstep builds nothing",
                    "push the image and name it with `spec.image`, or take the contract's own",
                );
            }
            other => {
                self.log.warn(
                    Code::UnknownField,
                    place,
                    format!("`{}` is not carried over", shown(other)),
                    "nothing, unless the connector depends on it",
                );
            }
        }
    }

    fn restart(&mut self, node: &Node, place: &Place) {
        let word = node.scalar().map(|scalar| scalar.text.as_str()).unwrap_or_default();
        if matches!(word, "always" | "unless-stopped") {
            self.log.note(place, format!("`restart: {word}` is left out: Lockstep keeps connectors running"));
        } else {
            self.log.warn(
                Code::UnknownField,
                place,
                "`restart` is left out: Lockstep keeps connectors running",
                "`spec.state: stopped` stops one",
            );
        }
    }

    fn labels(&mut self, node: &Node) {
        let mut found: Vec<(String, String, Place)> = Vec::new();
        for (key, value) in node.entries().unwrap_or_default() {
            let text = if value.scalar().is_some() { self.text(value) } else { Some(String::new()) };
            found.extend(text.map(|text| (key.text.clone(), text, key.place.clone())));
        }
        if node.items().is_some() {
            for (text, place) in self.texts(node) {
                let (key, value) = text.split_once('=').unwrap_or((&text, ""));
                found.push((key.to_owned(), value.to_owned(), place));
            }
        }
        for (key, value, place) in found {
            if crate::model::looks_secret(&key) {
                self.lost(&place, "is called like a secret, and a label is no place for one");
                continue;
            }
            let line = format!("{}: {}", scalar::string(&key), scalar::string(&value));
            self.carried.labels.push(Part::active(&key, vec![line], &place));
        }
    }
}
