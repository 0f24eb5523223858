//! Turns what a service says besides its environment into the fields of a manifest.

use super::{
    compose::{Compose, EngineName, Service, Used},
    container_fields as fields,
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

/// Carries over what can be, and says what can't.
pub(super) fn carry(request: &Request<'_>, compose: &Compose, service: &Service, log: &mut Log) -> Carried {
    let mut carrier = Carrier { request, compose, log, carried: Carried::default(), resources: Vec::new() };
    for (key, node) in service.node.entries().unwrap_or_default() {
        carrier.field(key, node);
    }
    carrier.resources();
    carrier.carried
}

pub(super) struct Carrier<'a> {
    request: &'a Request<'a>,
    pub(super) compose: &'a Compose,
    pub(super) log: &'a mut Log,
    pub(super) carried: Carried,
    /// Fields of `resources`, written.
    resources: Vec<(&'static str, String, Place)>,
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

    fn flag(&mut self, field: &str, node: &Node) -> bool {
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

    fn size(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let size = units::size(&text);
        if size.is_none() {
            self.lost(&node.place, "is no size");
        }
        size
    }

    fn field(&mut self, key: &Key, node: &Node) {
        let place = &key.place;
        match key.text.as_str() {
            // Looked at elsewhere.
            "environment" | "image" | "depends_on" => {}
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
            "command" | "entrypoint" | "env_file" | "secrets" | "configs" | "extends" => {
                let help = match key.text.as_str() {
                    "env_file" => "write its variables below `spec.config`, its secrets sealed",
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

    fn resource(&mut self, field: &'static str, text: Option<String>, place: &Place) {
        let Some(text) = text else { return };
        if let Some((_, former, _)) = self.resources.iter().find(|(other, ..)| *other == field) {
            if *former != text {
                self.lost(place, "says the same bound in two ways");
            }
            return;
        }
        self.resources.push((field, text, place.clone()));
    }

    fn resources(&mut self) {
        let mut resources = std::mem::take(&mut self.resources);
        let Some((_, _, place)) = resources.first().cloned() else { return };
        resources.sort_by_key(|(field, ..)| *field);
        let written = resources.iter().map(|(field, text, _)| format!("  {field}: {}", scalar::bare(text)));
        let lines = std::iter::once("resources:".to_owned()).chain(written).collect();
        self.put("resources", lines, &place);
    }

    fn deploy(&mut self, node: &Node) {
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
