//! What one instance document means, once the defaults above it are laid under it.

use std::collections::BTreeSet;

use super::{
    Manifest, Rollback, WantedState,
    container::Container,
    document::{ConnectorInstance, INSTANCE, Spec, or_default, read_document},
    merge,
};
use crate::{
    model::{Code, Finding, InstanceName, Place, Placed},
    yaml::{Checker, Key, Kind, Node},
};

/// What could be read of one instance document.
pub(super) struct Instance {
    /// Its name, if it is a good one.
    pub(super) name: Option<Placed<InstanceName>>,
    /// What it depends on, as far as that could be read.
    pub(super) depends_on: Vec<Placed<InstanceName>>,
    /// The manifest; none where a required field could not be read.
    pub(super) manifest: Option<Manifest>,
    /// Everything wrong with it.
    pub(super) findings: Vec<Finding>,
}

/// Reads an instance document; `defaults` is the merged spec of the `Defaults` documents above it.
pub(super) fn read(root: &Node, defaults: Option<&Node>, checker: &Checker) -> Instance {
    let lines = root.lines();
    let merged = defaults.and_then(|defaults| with_defaults(root, defaults));
    let root = merged.as_ref().unwrap_or(root);
    let mut findings = Vec::new();
    let document: ConnectorInstance = read_document(root, &mut findings);
    let metadata = or_default(document.metadata);
    let mut spec = or_default(document.spec);
    check_spec(&spec, root, &mut findings);
    add_shape_findings(&mut findings, checker.check_as(INSTANCE, root));
    let name = metadata.name.map(|name| name.0);
    let labels = metadata.labels.take().map(|labels| labels.0).unwrap_or_default();
    let depends_on = std::mem::take(&mut spec.depends_on).take().map(|list| list.0).unwrap_or_default();
    let depends_on: Vec<_> = depends_on.into_iter().map(|item| Placed::new(item.value.0, item.place)).collect();
    let manifest = name.clone().and_then(|name| {
        let image = spec.image_choice();
        let config = or_default(spec.config);
        let node = root.get("spec")?;
        Some(Manifest {
            name,
            labels,
            platform: spec.platform.map(|platform| platform.0),
            contract: spec.contract.map(|contract| contract.0)?,
            id: spec.id.map(|id| id.0),
            image,
            state: spec.state.take().map_or(WantedState::Started, |word| word.0),
            token: spec.token.map(|token| token.0),
            service_account: spec
                .service_account
                .0
                .and_then(|account| Some(Placed::new(account.value.into_account()?, account.place))),
            config: config.values,
            config_keys: config.keys,
            config_place: config_place(node).unwrap_or_else(|| root.place.clone()),
            container: or_default(spec.container).into_spec(),
            depends_on: depends_on.clone(),
            health: or_default(spec.health).into_health(),
            rollback: spec.rollback.take().map_or(Rollback::Auto, |word| word.0),
            suspend: spec.suspend.take().unwrap_or_default(),
            lines: lines.clone(),
            fields: merge::fields(node),
        })
    });
    Instance { name, depends_on, manifest, findings }
}

/// Adds what the check against the schema found where reading has not said it better.
pub(super) fn add_shape_findings(findings: &mut Vec<Finding>, shape: Vec<Finding>) {
    let said: BTreeSet<Place> = findings
        .iter()
        .filter(|finding| !matches!(finding.code, Code::MissingField))
        .map(|finding| finding.place.clone())
        .collect();
    let about_value = |code| matches!(code, Code::WrongType | Code::NotAllowed | Code::OutOfRange | Code::BadFormat);
    findings.extend(shape.into_iter().filter(|finding| !about_value(finding.code) || !said.contains(&finding.place)));
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a (Key, Node)> {
    node.entries()?.iter().find(|(candidate, _)| candidate.text == key)
}

fn config_place(spec: &Node) -> Option<Place> {
    entry(spec, "config").map(|(key, _)| key.place.clone())
}

/// The document with its spec laid over the defaults; none where it has no map for that.
fn with_defaults(root: &Node, defaults: &Node) -> Option<Node> {
    let mut root = root.clone();
    let Kind::Map(entries) = &mut root.kind else { return None };
    let (_, spec) = entries.iter_mut().find(|(key, _)| key.text == "spec")?;
    *spec = merge::merge_specs(defaults, spec);
    Some(root)
}

/// What no field alone can say.
fn check_spec(spec: &Spec, root: &Node, findings: &mut Vec<Finding>) {
    let missing = |place: Option<&Place>, path: &str, field: &str, help: &str| {
        let place = place.unwrap_or(&root.place).clone();
        Finding::error(Code::MissingField, place, format!("`{path}` lacks `{field}`")).with_help(help)
    };
    let node = root.get("spec");
    let at = |key: &str| node.and_then(|spec| entry(spec, key));
    if let (Some(_), Some((key, _))) = (at("version"), at("image")) {
        let finding =
            Finding::error(Code::NotAllowed, key.place.clone(), "`spec.image` and `spec.version` exclude each other");
        findings.push(
            finding.with_help("keep `version` for another version of the contract's image, `image` for another image"),
        );
    }
    if let Some((key, account)) = at("serviceAccount")
        && account.entries().is_some()
        && account.get("name").is_none()
    {
        let help = "add `name`: the account's name or id";
        findings.push(missing(Some(&key.place), "spec.serviceAccount", "name", help));
    }
    if let Some(container) = spec.container.get() {
        check_container(container, at("container").map(|(_, container)| container), findings);
    }
}

fn check_container(container: &Container, node: Option<&Node>, findings: &mut Vec<Finding>) {
    let place = |key: &str| node.and_then(|node| entry(node, key)).map(|(key, _)| key.place.clone());
    if let (Some(check), Some(place)) = (container.healthcheck.get(), place("healthcheck")) {
        let written = node.and_then(|node| node.get("healthcheck"));
        let has_test = written.is_some_and(|check| check.get("test").is_some());
        if !check.is_clear() && (has_test == (check.disable.get() == Some(&true))) {
            let message = "`spec.container.healthcheck` must have either `test` or `disable: true`";
            let finding = Finding::error(Code::MissingField, place, message);
            findings.push(finding.with_help("write what is to be run as `test`, or `disable: true` alone"));
        }
    }
    let volumes = container.volumes.get().map(|list| list.0.as_slice()).unwrap_or_default();
    let tmpfs = container.tmpfs.get().map(|list| list.0.as_slice()).unwrap_or_default();
    let targets = volumes.iter().map(|item| (&item.value.0.target, &item.place));
    let targets = targets.chain(tmpfs.iter().map(|item| (&item.value.0.target, &item.place)));
    let mut taken = BTreeSet::new();
    for (target, place) in targets {
        if !taken.insert(target.trim_end_matches('/')) {
            let finding =
                Finding::error(Code::NotAllowed, place.clone(), "another mount has the same path in the container");
            findings.push(finding.with_help("give every volume and tmpfs a path of its own"));
        }
    }
}
