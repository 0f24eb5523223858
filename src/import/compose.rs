//! Reads a compose file into its services, each with the lines it takes.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::types::{ComposeFile, EnvFile};
use crate::{
    model::{Code, Finding, Place},
    yaml::{self, Limits, Node},
};

/// A compose file.
pub(super) struct Compose<'a> {
    /// What places call it.
    pub(super) name: Arc<str>,
    /// Its lines; the first is line 1 of places.
    pub(super) lines: Vec<String>,
    /// The project that it names itself.
    pub(super) project: Option<String>,
    /// What its services name with `env_file`.
    pub(super) env_files: &'a BTreeMap<String, EnvFile>,
    /// Its services, in order.
    pub(super) services: Vec<Service>,
    volumes: BTreeMap<String, Shared>,
    networks: BTreeMap<String, Shared>,
    /// What is wrong with the file outside its services.
    pub(super) findings: Vec<Finding>,
}

/// One service.
pub(super) struct Service {
    /// Its name.
    pub(super) name: String,
    /// Where its name stands.
    pub(super) place: Place,
    /// What it says.
    pub(super) node: Node,
    /// The lines it takes, from its name on.
    pub(super) lines: Range<u32>,
    /// What could not be read of it, such as tags.
    pub(super) refused: Vec<Finding>,
}

/// A volume or network that the file declares.
struct Shared {
    /// The name that it has on the engine, if the file says so.
    name: Option<String>,
    /// Whether compose does not make it.
    external: bool,
    /// Whether it has a driver or options of its own.
    special: bool,
}

/// What a volume or network is called on the engine.
pub(super) enum EngineName {
    /// By this name, as the file says.
    Known(String),
    /// By this name behind the name of the project, which the file does not tell.
    Prefixed(String),
}

/// A volume or network that a service uses.
pub(super) struct Used {
    pub(super) name: EngineName,
    /// Whether it was made with a driver or options of its own.
    pub(super) special: bool,
}

impl<'a> Compose<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// Where its text is broken, or it has no services.
    pub(super) fn read(file: &'a ComposeFile) -> Result<Self, Vec<Finding>> {
        let ComposeFile { name, content, env_files } = file;
        let parsed = yaml::parse(name, content, &Limits { references: true, ..Limits::default() });
        let broken = parsed.documents.iter().any(|document| !document.whole);
        let mut findings = parsed.findings;
        let mut documents = parsed.documents.into_iter();
        let first = documents.next();
        if let Some(second) = documents.next() {
            let message = "the file holds more than one document";
            findings.push(
                Finding::error(Code::BadYaml, second.place, message)
                    .with_help("import each document from a file of its own"),
            );
        }
        let Some(document) = first.filter(|_| findings.is_empty()) else {
            if findings.is_empty() {
                findings.push(
                    Finding::error(Code::BadYaml, Place::start_of(Arc::clone(name)), "the file is empty")
                        .with_help("name a compose file"),
                );
            }
            return Err(findings);
        };
        if broken {
            return Err(document.findings);
        }
        let root = document.root;
        let services = root.as_ref().and_then(|root| root.get("services")).and_then(Node::entries);
        let (Some(root), Some(services)) = (&root, services) else {
            let finding = Finding::error(Code::MissingField, document.place, "the file has no `services`");
            return Err(vec![finding.with_help("name a compose file; the old form without `services` is not read")]);
        };
        let text = String::from_utf8_lossy(content);
        let lines: Vec<String> = text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect();
        let mut refused = document.findings;
        let services = services
            .iter()
            .map(|(key, node)| {
                let range = extent(&lines, key.place.line);
                let (own, others) = refused.drain(..).partition(|finding| range.contains(&finding.place.line));
                refused = others;
                Service {
                    name: key.text.clone(),
                    place: key.place.clone(),
                    node: node.clone(),
                    lines: range,
                    refused: own,
                }
            })
            .collect();
        findings.extend(
            refused
                .into_iter()
                .map(|finding| Finding::warning(finding.code, finding.place, finding.message).with_help(RESOLVE)),
        );
        findings.extend(others(root));
        Ok(Self {
            name: Arc::clone(name),
            env_files,
            project: root.get("name").and_then(Node::scalar).map(|name| name.text.clone()),
            services,
            volumes: shared(root.get("volumes")),
            networks: shared(root.get("networks")),
            findings,
            lines,
        })
    }

    /// What a volume is called on the engine.
    pub(super) fn volume(&self, name: &str) -> Used {
        self.used(&self.volumes, name)
    }

    /// What a network is called on the engine.
    pub(super) fn network(&self, name: &str) -> Used {
        self.used(&self.networks, name)
    }

    fn used(&self, among: &BTreeMap<String, Shared>, name: &str) -> Used {
        let shared = among.get(name);
        let named = shared.and_then(|shared| shared.name.clone());
        let external = shared.is_some_and(|shared| shared.external);
        let engine = match (named, &self.project) {
            (Some(named), _) => EngineName::Known(named),
            (None, _) if external => EngineName::Known(name.to_owned()),
            (None, Some(project)) => EngineName::Known(format!("{project}_{name}")),
            (None, None) => EngineName::Prefixed(name.to_owned()),
        };
        Used { name: engine, special: shared.is_some_and(|shared| shared.special) }
    }
}

/// How to get rid of what is not read.
pub(super) const RESOLVE: &str = "import the output of `docker compose config --no-interpolate`";

fn shared(node: Option<&Node>) -> BTreeMap<String, Shared> {
    let entries = node.and_then(Node::entries).unwrap_or_default();
    let one = |node: &Node| {
        let text = |key: &str| node.get(key).and_then(Node::scalar).map(|scalar| scalar.text.clone());
        // Before version 3.4 the name stood below `external`.
        let old = node.get("external").and_then(|external| external.get("name")).and_then(Node::scalar);
        let external =
            node.get("external").is_some_and(|external| external.scalar().is_none_or(|word| word.text == "true"));
        let special = ["driver_opts", "ipam"].iter().any(|key| node.get(key).is_some())
            || text("driver").is_some_and(|driver| driver != "local" && driver != "bridge");
        Shared { name: text("name").or_else(|| old.map(|name| name.text.clone())), external, special }
    };
    entries.iter().map(|(key, node)| (key.text.clone(), one(node))).collect()
}

/// What the file says besides services, volumes and networks.
fn others(root: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, _) in root.entries().unwrap_or_default() {
        match key.text.as_str() {
            "services" | "volumes" | "networks" | "version" | "name" => {}
            // Compose reads these only where something refers to them, and that has been followed.
            extension if extension.starts_with("x-") => {}
            "include" => findings.push(
                Finding::error(Code::UnknownField, key.place.clone(), "`include` is not followed")
                    .with_help("import the files named there as well"),
            ),
            "secrets" | "configs" => findings.push(
                Finding::warning(Code::UnknownField, key.place.clone(), format!("`{}` is not carried over", key.text))
                    .with_help("seal the values that connectors need, with `lockstep secret seal`"),
            ),
            other => findings.push(
                Finding::warning(
                    Code::UnknownField,
                    key.place.clone(),
                    format!("`{}` is not carried over", yaml::shown(other)),
                )
                .with_help("nothing, unless a connector depends on it"),
            ),
        }
    }
    findings
}

/// The lines of what begins on a line: up to the next one that is not further in, blank lines and comments apart.
pub(super) fn extent(lines: &[String], first: u32) -> Range<u32> {
    let index = (first as usize).saturating_sub(1);
    let indent = lines.get(index).map_or(0, |line| indent_of(line));
    let mut end = index + 1;
    for (offset, line) in lines.iter().enumerate().skip(index + 1) {
        let blank = line.trim().is_empty();
        if !blank && indent_of(line) <= indent {
            if !line.trim_start().starts_with('#') {
                break;
            }
            continue;
        }
        if !blank {
            end = offset + 1;
        }
    }
    first..u32::try_from(end + 1).unwrap_or(u32::MAX)
}

/// The number of blanks before a line's text.
pub(super) fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
