//! Walks through compose files, service by service.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    choose::{Choice, Image, choose, looks_like_a_connector},
    compose::{Compose, RESOLVE, Service},
    container, convert,
    draft::{Draft, Part},
    environment::{self, Item},
    interpolate,
    log::Log,
    scalar,
    types::{Imported, ImportedService, Outcome, Request},
    verify::{self, Places},
};
use crate::{
    catalog::Contract,
    manifest,
    model::{Code, Finding, InstanceName, Place, Policy, Severity},
    yaml::{Node, shown},
};

/// Imports every connector service; never fails, it finds.
pub fn run(request: &Request<'_>) -> Imported {
    let mut imported = Imported::default();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for file in request.files {
        match Compose::read(file) {
            Ok(compose) => of_file(request, &compose, &mut taken, &mut imported),
            Err(findings) => imported.findings.extend(findings),
        }
    }
    imported.findings.extend(together(&imported.services));
    Finding::sort(&mut imported.findings);
    imported.findings.dedup();
    imported
}

/// What a service is.
enum Kind<'a> {
    Connector(&'a Contract, InstanceName),
    /// It looks like a connector; findings say why it is none that can be imported.
    Refused,
    Other,
}

fn of_file(request: &Request<'_>, compose: &Compose<'_>, taken: &mut BTreeSet<String>, imported: &mut Imported) {
    imported.findings.extend(compose.findings.iter().cloned());
    let mut kinds = Vec::new();
    for service in &compose.services {
        let mut log = Log::default();
        let kind = classify(request, compose, service, taken, &mut log);
        kinds.push((service, kind, log));
    }
    let names: BTreeMap<&str, InstanceName> = kinds
        .iter()
        .filter_map(|(service, kind, _)| match kind {
            Kind::Connector(_, name) => Some((service.name.as_str(), name.clone())),
            Kind::Refused | Kind::Other => None,
        })
        .collect();
    for (service, kind, mut log) in kinds {
        let outcome = match kind {
            Kind::Connector(contract, instance) => {
                log = Log::of(&instance);
                let text = manifest_of(request, compose, service, contract, &instance, &names, &mut log);
                Outcome::Manifest { instance, contract: contract.slug.clone(), text }
            }
            Kind::Refused => Outcome::Refused,
            Kind::Other => Outcome::LeftAlone,
        };
        let Log { mut notes, findings, .. } = log;
        notes.sort();
        imported.findings.extend(findings);
        imported.services.push(ImportedService {
            name: service.name.clone(),
            place: service.place.clone(),
            outcome,
            notes,
        });
    }
}

/// The text of the image, and whether all of it is known.
fn image_of(request: &Request<'_>, service: &Service) -> Option<(String, Vec<String>)> {
    let raw = &service.node.get("image")?.scalar()?.text;
    let expanded = interpolate::expand(raw, request.variables);
    if expanded.broken || !expanded.unknown.is_empty() {
        let names = if expanded.unknown.is_empty() { vec!["?".to_owned()] } else { expanded.unknown };
        return Some((raw.clone(), names));
    }
    Some((expanded.text, Vec::new()))
}

fn classify<'a>(
    request: &Request<'a>,
    compose: &Compose<'_>,
    service: &Service,
    taken: &mut BTreeSet<String>,
    log: &mut Log,
) -> Kind<'a> {
    let items = environment::read(compose, service, request.variables, &mut Log::default());
    let variable = |key: &str| {
        items.iter().find_map(|item| match item {
            Item::Variable(variable) if variable.key == key => Some(variable),
            Item::Variable(_) | Item::Commented(_) | Item::Remark(_) => None,
        })
    };
    let has_id = ["CONNECTOR_ID", "COLLECTOR_ID", "INJECTOR_ID"].iter().any(|key| variable(key).is_some());
    let image = image_of(request, service);
    let parsed = image.as_ref().map(|(text, _)| Image::parse(text));
    let looks = has_id || parsed.as_ref().is_some_and(looks_like_a_connector);
    let kind = variable("CONNECTOR_TYPE").and_then(|variable| variable.raw.as_deref());
    let kind = kind.map(|raw| interpolate::expand(raw, request.variables).text);
    let choice = if parsed.is_some() || has_id {
        choose(request.catalogs, parsed.as_ref(), &service.name, kind.as_deref())
    } else {
        Choice::None(None)
    };
    let known = !matches!(choice, Choice::None(_));
    if !service.refused.is_empty() && (known || looks || image.is_none()) {
        for finding in &service.refused {
            let message = format!("service `{}`: {}", shown(&service.name), finding.message);
            log.need(finding.code, &finding.place, message, RESOLVE);
        }
        unread(service, &items, log);
        return Kind::Refused;
    }
    match choice {
        Choice::Contract(contract) => Kind::Connector(contract, name_of(service, contract, taken)),
        Choice::OtherKind(contract) => {
            let message = format!(
                "service `{}` is a connector of another type than contract `{}`, which has its image",
                shown(&service.name),
                contract.slug
            );
            let help = "name a catalog with a contract of that type, or mend `CONNECTOR_TYPE` in the compose file";
            log.need(Code::UnknownContract, &service.place, message, help);
            unread(service, &items, log);
            Kind::Refused
        }
        Choice::None(near) if looks => {
            let what =
                parsed.as_ref().map_or_else(|| "its name".to_owned(), |image| format!("image `{}`", shown(image.name)));
            let message = format!("no catalog has a contract for service `{}`, by {what}", shown(&service.name));
            let help = match near {
                Some(near) => format!("if it is contract `{near}`, write its manifest by hand, with `spec.image`"),
                None => "name a catalog that has it with `--catalog`, or leave the service in compose".to_owned(),
            };
            log.need(Code::UnknownContract, &service.place, message, help);
            unread(service, &items, log);
            Kind::Refused
        }
        Choice::None(_) if is_part(service) => {
            let message =
                format!("service `{}` has no image: what it says belongs to another file", shown(&service.name));
            log.need(Code::MissingField, &service.place, message, RESOLVE);
            unread(service, &items, log);
            Kind::Refused
        }
        Choice::None(_) => Kind::Other,
    }
}

/// Whether a service is whole only together with that of another file, as in an override.
fn is_part(service: &Service) -> bool {
    ["image", "build"].iter().all(|key| service.node.get(key).is_none())
}

/// Names the variables of a service that is not imported.
fn unread(service: &Service, items: &[Item], log: &mut Log) {
    let keys: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            Item::Variable(variable) => Some(shown(&variable.key)),
            Item::Commented(variable) => Some(format!("# {}", shown(&variable.key))),
            Item::Remark(_) => None,
        })
        .collect();
    if !keys.is_empty() {
        log.note(&service.place, format!("its variables are not imported: {}", keys.join(", ")));
    }
}

/// The service's name as that of an instance, unlike every other.
fn name_of(service: &Service, contract: &Contract, taken: &mut BTreeSet<String>) -> InstanceName {
    let normal = |text: &str| {
        let letters: String = text
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
            .take(55)
            .collect();
        letters.trim_matches('-').to_owned()
    };
    let base = [normal(&service.name), normal(contract.slug.as_str()), "instance".to_owned()];
    let base = base.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let mut number = 1_usize;
    loop {
        let text = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        if let (Ok(name), true) = (InstanceName::try_from(text.as_str()), taken.insert(text.clone())) {
            return name;
        }
        number += 1;
    }
}

fn manifest_of(
    request: &Request<'_>,
    compose: &Compose<'_>,
    service: &Service,
    contract: &Contract,
    instance: &InstanceName,
    names: &BTreeMap<&str, InstanceName>,
    log: &mut Log,
) -> String {
    let items = environment::read(compose, service, request.variables, log);
    let converted = convert::environment(request, contract, instance, items, log);
    let mut carried = container::carry(request, compose, service, log);
    for part in carried.labels.iter_mut().chain(&mut carried.container) {
        withhold(part, &converted.hidden, log);
    }
    let mut head = converted.head;
    head.extend(image(request, service, contract, log));
    head.sort_by_key(|part| ["id", "version", "image", "token"].iter().position(|field| *field == part.key));
    let file = compose.name.rsplit('/').next().unwrap_or(&compose.name);
    let mut draft = Draft {
        origin: format!("Imported from service {} of {}.", shown(&service.name), shown(file)),
        name: instance.clone(),
        labels: carried.labels,
        platform: request.platform.cloned(),
        contract: contract.slug.clone(),
        head,
        config: converted.config,
        container: carried.container,
        depends_on: depends_on(service, names, log),
    };
    draft.sort();
    let place = |key: &str| {
        let entries = service.node.entries().unwrap_or_default();
        entries.iter().find(|(entry, _)| entry.text == key).map(|(entry, _)| entry.place.clone())
    };
    let environment = place("environment").unwrap_or_else(|| service.place.clone());
    verify::verify(&mut draft, contract, &Places { service: service.place.clone(), environment }, log)
}

/// The shortest secret that is looked for outside the environment, in bytes; shorter ones are words as well.
const SHORTEST_SECRET: usize = 8;

/// Takes out a part that repeats a secret of the environment.
fn withhold(part: &mut Part, hidden: &[String], log: &mut Log) {
    let repeats = |line: &String| hidden.iter().any(|secret| secret.len() >= SHORTEST_SECRET && line.contains(secret));
    if part.lines.iter().any(repeats) {
        part.fallback = format!("{}: fill in, it held a secret", part.key);
        part.switch_off();
        let message = format!("`{}` repeats a secret of the environment and is left out", shown(&part.key));
        log.need(Code::PlaintextSecret, &part.place, message, "write it so that it needs no secret in clear");
    }
}

/// `version` or `image`, where it is not the contract's own.
fn image(request: &Request<'_>, service: &Service, contract: &Contract, log: &mut Log) -> Option<Part> {
    let (text, unknown) = image_of(request, service)?;
    let place = service.node.get("image").map_or(&service.place, |node| &node.place);
    let image = Image::parse(&text);
    let own = contract.image.as_deref() == Some(image.name);
    let field = if own { "version" } else { "image" };
    if !unknown.is_empty() {
        let names = unknown.iter().map(|name| format!("${{{name}}}")).collect::<Vec<_>>().join(", ");
        let help = format!("fill in `spec.{field}`, or delete the line for the contract's own");
        log.need(Code::MissingField, place, format!("`image` uses {names}, which has no value"), help);
        return Some(Part::comment(field, format!("{field}: fill in, was {names}"), place));
    }
    if own {
        let tag =
            image.tag.filter(|tag| !matches!(*tag, "latest" | "rolling") && contract.version.as_deref() != Some(*tag));
        let digest = image.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
        let version = format!("{}{digest}", tag.unwrap_or_default());
        if version.is_empty() {
            return None;
        }
        return Some(Part::active(field, vec![format!("version: {}", scalar::string(&version))], place));
    }
    if !Policy::default().allows_image(&text) {
        log.need(
            Code::Policy,
            place,
            format!("the image `{}` needs the operator's policy", shown(image.name)),
            "ask the operator for `policy.images` in the settings, or take the contract's own image",
        );
    }
    Some(Part::active(field, vec![format!("image: {}", scalar::string(&text))], place))
}

/// The connectors of the same file that a service waits for.
fn depends_on(service: &Service, names: &BTreeMap<&str, InstanceName>, log: &mut Log) -> Vec<InstanceName> {
    let Some(node) = service.node.get("depends_on") else { return Vec::new() };
    let mut found: Vec<(&str, &Place)> = Vec::new();
    for (key, _) in node.entries().unwrap_or_default() {
        found.push((key.text.as_str(), &key.place));
    }
    for item in node.items().unwrap_or_default() {
        found.extend(Node::scalar(item).map(|name| (name.text.as_str(), &item.place)));
    }
    let mut instances: Vec<InstanceName> = Vec::new();
    for (name, place) in found {
        match names.get(name) {
            Some(instance) if !instances.contains(instance) => instances.push(instance.clone()),
            Some(_) => {}
            None => log.note(place, format!("`depends_on: {}` is left out: it is no imported connector", shown(name))),
        }
    }
    instances
}

/// What is wrong between the manifests of an import, such as one id for two.
fn together(services: &[ImportedService]) -> Vec<Finding> {
    let made = services.iter().filter_map(|service| match &service.outcome {
        Outcome::Manifest { instance, text, .. } => Some((instance, text, &service.place)),
        Outcome::LeftAlone | Outcome::Refused => None,
    });
    let made: Vec<_> = made.collect();
    let reading = manifest::read(&verify::snapshot(made.iter().map(|(name, text, _)| (name.as_str(), text.as_str()))));
    let between =
        |finding: &Finding| finding.severity == Severity::Error && matches!(finding.code, Code::BadId | Code::Cycle);
    let place = |finding: &Finding| {
        let owner = made.iter().find(|(name, ..)| *finding.place.file == format!("{name}.yaml"));
        owner.map_or_else(|| finding.place.clone(), |(_, _, place)| (*place).clone())
    };
    reading
        .findings
        .iter()
        .filter(|finding| between(finding))
        .map(|finding| Finding { place: place(finding), ..finding.clone() })
        .collect()
}
