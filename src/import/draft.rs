//! A manifest in the making: its lines in a readable order, each knowing what it came from.

use crate::model::{InstanceName, Place, PlatformName, Slug};

/// What a line of the manifest came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nothing that could be left out.
    Frame,
    /// A part of `metadata.labels`, by index.
    Label(usize),
    /// A line of `spec` before the configuration, by index.
    Head(usize),
    /// A line of the configuration, by index.
    Config(usize),
    /// A field of the container, by index.
    Container(usize),
}

/// Something written into the manifest, or left there as a comment.
pub(super) struct Part {
    /// The field or key.
    pub(super) key: String,
    /// Its lines, from the key on, without the indentation of what is around it.
    pub(super) lines: Vec<String>,
    /// What it came from.
    pub(super) place: Place,
    /// What stands in its place where it is refused, without `#`.
    pub(super) fallback: String,
    /// Whether it is a comment.
    pub(super) off: bool,
    /// Whether its author left it empty, so that nothing is lost without it.
    pub(super) empty: bool,
}

impl Part {
    /// A part that counts.
    pub(super) fn active(key: &str, lines: Vec<String>, place: &Place) -> Self {
        let fallback = lines.first().cloned().unwrap_or_default();
        Self { key: key.to_owned(), lines, place: place.clone(), fallback, off: false, empty: false }
    }

    /// A comment.
    pub(super) fn comment(key: &str, text: impl Into<String>, place: &Place) -> Self {
        let lines = vec![text.into()];
        Self { key: key.to_owned(), lines, place: place.clone(), fallback: String::new(), off: true, empty: false }
    }

    /// Makes a comment of it.
    pub(super) fn switch_off(&mut self) {
        self.lines = vec![std::mem::take(&mut self.fallback)];
        self.off = true;
    }
}

/// A manifest in the making.
pub(super) struct Draft {
    /// What the first line says about where it came from.
    pub(super) origin: String,
    pub(super) name: InstanceName,
    pub(super) labels: Vec<Part>,
    pub(super) platform: Option<PlatformName>,
    pub(super) contract: Slug,
    /// `id`, `version` or `image`, `token`.
    pub(super) head: Vec<Part>,
    pub(super) config: Vec<Part>,
    pub(super) container: Vec<Part>,
    pub(super) depends_on: Vec<InstanceName>,
}

/// The fields of a container in the order in which they are written.
const ORDER: &[&str] = &[
    "resources",
    "networks",
    "volumes",
    "tmpfs",
    "extraHosts",
    "dns",
    "user",
    "readOnly",
    "capDrop",
    "capAdd",
    "ulimits",
    "shmSize",
    "stopGrace",
    "healthcheck",
    "logs",
    "pull",
    "privileged",
    "devices",
    "hostNamespaces",
];

/// A manifest as text.
pub(super) struct Rendered {
    pub(super) text: String,
    owners: Vec<Owner>,
}

impl Rendered {
    /// What a line, counted from 1, came from.
    pub(super) fn owner(&self, line: u32) -> Owner {
        (line as usize).checked_sub(1).and_then(|index| self.owners.get(index)).copied().unwrap_or(Owner::Frame)
    }

    fn line(&mut self, indent: usize, text: &str, owner: Owner) {
        if !text.is_empty() {
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(text);
        }
        self.text.push('\n');
        self.owners.push(owner);
    }

    fn part(&mut self, indent: usize, part: &Part, inside_comment: bool, owner: Owner) {
        for line in &part.lines {
            match (inside_comment, part.off) {
                (false, false) => self.line(indent, line, owner),
                (false, true) => self.line(indent, format!("# {line}").trim_end(), owner),
                // The map around it is a comment as well, so that what is inside shows where it belongs.
                (true, _) => self.line(indent - 2, format!("#   {line}").trim_end(), owner),
            }
        }
    }

    fn block(&mut self, indent: usize, key: &str, parts: &[Part], owner: impl Fn(usize) -> Owner) {
        if parts.is_empty() {
            return;
        }
        let all_off = parts.iter().all(|part| part.off);
        let mark = if all_off { "# " } else { "" };
        self.line(indent, &format!("{mark}{key}:"), Owner::Frame);
        for (index, part) in parts.iter().enumerate() {
            self.part(indent + 2, part, all_off, owner(index));
        }
    }
}

impl Draft {
    /// Puts the fields of the container in order.
    pub(super) fn sort(&mut self) {
        let rank = |part: &Part| ORDER.iter().position(|field| *field == part.key).unwrap_or(ORDER.len());
        self.container.sort_by_key(rank);
    }

    /// The part that a line came from.
    pub(super) fn part(&mut self, owner: Owner) -> Option<&mut Part> {
        match owner {
            Owner::Frame => None,
            Owner::Label(index) => self.labels.get_mut(index),
            Owner::Head(index) => self.head.get_mut(index),
            Owner::Config(index) => self.config.get_mut(index),
            Owner::Container(index) => self.container.get_mut(index),
        }
    }

    /// Writes it out.
    pub(super) fn render(&self) -> Rendered {
        let mut out = Rendered { text: String::new(), owners: Vec::new() };
        out.line(0, &format!("# {}", self.origin), Owner::Frame);
        out.line(0, "apiVersion: lockstep/v1", Owner::Frame);
        out.line(0, "kind: ConnectorInstance", Owner::Frame);
        out.line(0, "metadata:", Owner::Frame);
        out.line(2, &format!("name: {}", super::scalar::string(self.name.as_str())), Owner::Frame);
        out.block(2, "labels", &self.labels, Owner::Label);
        out.line(0, "spec:", Owner::Frame);
        if let Some(platform) = &self.platform {
            out.line(2, &format!("platform: {}", super::scalar::string(platform.as_str())), Owner::Frame);
        }
        out.line(2, &format!("contract: {}", super::scalar::string(self.contract.as_str())), Owner::Frame);
        for (index, part) in self.head.iter().enumerate() {
            out.part(2, part, false, Owner::Head(index));
        }
        out.block(2, "config", &self.config, Owner::Config);
        out.block(2, "container", &self.container, Owner::Container);
        if !self.depends_on.is_empty() {
            let names: Vec<String> = self.depends_on.iter().map(|name| super::scalar::string(name.as_str())).collect();
            out.line(2, &format!("dependsOn: {}", super::scalar::flow(&names)), Owner::Frame);
        }
        out
    }
}
