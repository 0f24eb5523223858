//! Reads every document of some files, lays defaults under instances, and says which instances are held.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    Reading,
    document::{self, DEFAULTS, INSTANCE, read_document},
    instance::{self, Instance},
    legible::{self, Role},
    merge,
    parsed::ParsedFile,
};
use crate::{
    model::{Code, Finding, InstanceName, Place, Severity},
    yaml::{self, Checker, Document, Node},
};

/// How many values and keys all defaults together may add to instances, so that a large `Defaults` document above many
/// instances can't fill the memory.
const MAX_INHERITED: usize = 1_000_000;

/// Reads every document of some files; none where there is no checker.
pub(super) fn read(files: &[ParsedFile], checker: Option<&Checker>) -> Reading {
    let Some(checker) = checker else {
        return Reading { findings: vec![unusable_schema()], ..Reading::default() };
    };
    let mut reader = Reader::default();
    for file in files {
        reader.file(file);
    }
    reader.read_defaults(checker);
    reader.read_instances(checker);
    reader.find_duplicates();
    reader.find_cycles();
    reader.finish()
}

fn unusable_schema() -> Finding {
    let message = "the schema of manifests can't be used, so that none was read";
    Finding::error(Code::BadYaml, Place::start_of(""), message).with_help("report this: it is a defect of Lockstep")
}

/// The folder of a file; empty for the root.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// A document whose tree is there, with what parsing refused in it.
pub(super) struct Found<'a> {
    file: &'a Arc<str>,
    root: &'a Node,
    findings: Vec<Finding>,
}

/// An instance by name, good or broken.
pub(super) struct Candidate<'a> {
    pub(super) name: InstanceName,
    pub(super) place: Place,
    pub(super) file: &'a str,
    /// What could be read; none where the text is broken.
    pub(super) instance: Option<Instance>,
}

#[derive(Default)]
pub(super) struct Reader<'a> {
    pub(super) instances: Vec<Found<'a>>,
    pub(super) defaults: Vec<Found<'a>>,
    pub(super) candidates: Vec<Candidate<'a>>,
    /// The merged defaults by folder.
    pub(super) specs: BTreeMap<String, Node>,
    /// Folders whose defaults are broken, and the first error in them.
    pub(super) broken_folders: BTreeMap<String, Option<Finding>>,
    pub(super) findings: Vec<Finding>,
    pub(super) held: BTreeSet<InstanceName>,
    /// Whether something is wrong that belongs to no named instance.
    pub(super) hidden: bool,
}

impl<'a> Reader<'a> {
    fn file(&mut self, read: &'a ParsedFile) {
        let ParsedFile { file, parsed } = read;
        self.hidden |= has_error(&parsed.findings);
        self.findings.extend(parsed.findings.iter().cloned());
        for document in &parsed.documents {
            if document.whole {
                self.whole_document(&file.path, document);
            } else {
                self.broken_document(&file.path, document, &file.content);
            }
        }
    }

    fn whole_document(&mut self, path: &'a Arc<str>, document: &'a Document) {
        let Some(root) = &document.root else { return };
        let found = Found { file: path, root, findings: document.findings.clone() };
        match legible::role(root) {
            Role::Instance => self.instances.push(found),
            Role::Defaults => self.defaults.push(found),
            Role::Settings => {}
            Role::Unknown => {
                self.hidden = true;
                self.findings.extend(found.findings);
                self.findings.extend(strange(root));
            }
        }
    }

    fn broken_document(&mut self, path: &'a Arc<str>, document: &Document, content: &[u8]) {
        let (role, name) = legible::of_broken(document, content);
        let mut findings = document.findings.clone();
        match (role, name) {
            (Role::Settings, _) => return,
            (Role::Defaults, _) => {
                self.break_folder(folder(path), &findings);
            }
            (Role::Instance | Role::Unknown, Some(name)) => {
                // Of unknown kind, it may as well have been the defaults of others.
                self.hidden |= role == Role::Unknown;
                findings = findings.into_iter().map(|finding| finding.of_instance(&name)).collect();
                let place = document.place.clone();
                self.held.insert(name.clone());
                self.candidates.push(Candidate { name, place, file: path, instance: None });
            }
            (Role::Instance | Role::Unknown, None) => self.hidden = true,
        }
        self.findings.extend(findings);
    }

    /// Checks every `Defaults` document and merges those above each folder.
    fn read_defaults(&mut self, checker: &Checker) {
        let mut by_folder: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for found in std::mem::take(&mut self.defaults) {
            by_folder.entry(folder(found.file).to_owned()).or_default().push(found);
        }
        // Sorted by name, a folder comes after those above it.
        for (folder, documents) in by_folder {
            let several = documents.len() > 1;
            for (index, found) in documents.into_iter().enumerate() {
                let mut findings = found.findings;
                let refused = findings.len();
                let mut read = Vec::new();
                read_document::<document::Defaults>(found.root, &mut read);
                instance::add_shape_findings(&mut read, checker.check_as(DEFAULTS, found.root));
                findings.extend(unsaid(read, &findings[..refused]));
                if several {
                    let message = "another `Defaults` document stands in the same folder";
                    let finding = Finding::error(Code::NotAllowed, found.root.place.clone(), message);
                    findings.push(finding.with_help("keep one `Defaults` document in a folder"));
                }
                if has_error(&findings) {
                    self.break_folder(&folder, &findings);
                }
                self.findings.extend(findings);
                if let (0, Some(spec)) = (index, found.root.get("spec").filter(|spec| spec.entries().is_some())) {
                    let above = nearest(&self.specs, &folder);
                    let merged = above.map_or_else(|| spec.clone(), |(_, above)| merge::merge_specs(above, spec));
                    self.specs.insert(folder.clone(), merged);
                }
            }
        }
    }

    fn read_instances(&mut self, checker: &Checker) {
        let reported: BTreeSet<(Place, Code)> =
            self.findings.iter().map(|finding| (finding.place.clone(), finding.code)).collect();
        let sizes: BTreeMap<&str, usize> =
            self.specs.iter().map(|(folder, spec)| (folder.as_str(), spec.count())).collect();
        let mut left = MAX_INHERITED;
        let documents = std::mem::take(&mut self.instances);
        let above = |found: &Found<'_>| {
            let above = nearest(&self.specs, folder(found.file));
            let size = above.and_then(|(folder, _)| sizes.get(folder)).copied().unwrap_or_default();
            let too_many = left < size;
            left = left.saturating_sub(size);
            (above.map(|(_, spec)| spec).filter(|_| !too_many), too_many)
        };
        let (defaults, too_many): (Vec<Option<&Node>>, Vec<bool>) = documents.iter().map(above).unzip();
        let one = |(found, defaults): (&Found<'_>, Option<&Node>)| instance::read(found.root, defaults, checker);
        let instances: Vec<Instance> = documents.par_iter().zip(defaults).map(one).collect();
        for ((found, mut instance), too_many) in documents.into_iter().zip(instances).zip(too_many) {
            let mut findings = found.findings;
            let refused = findings.len();
            let read = std::mem::take(&mut instance.findings);
            findings.extend(unsaid(read, &findings[..refused]));
            if too_many {
                let message = "the `Defaults` documents above the instances are too large all together";
                let finding = Finding::error(Code::TooLarge, found.root.place.clone(), message);
                findings.push(finding.with_help("move what only some instances need into their own documents"));
            }
            if instance.name.is_some() && found.root.get("spec").is_some() && self.below_broken_defaults(found.file) {
                // What is missing may be what the defaults would have given.
                findings.retain(|finding| finding.code != Code::MissingField);
            }
            findings.retain(|finding| !reported.contains(&(finding.place.clone(), finding.code)));
            let Some(name) = instance.name.clone() else {
                self.hidden = true;
                self.findings.extend(findings);
                continue;
            };
            if has_error(&findings) {
                self.held.insert(name.value.clone());
            }
            self.findings.extend(findings.into_iter().map(|finding| finding.of_instance(&name.value)));
            let candidate =
                Candidate { name: name.value, place: name.place, file: found.file, instance: Some(instance) };
            self.candidates.push(candidate);
        }
    }

    fn break_folder(&mut self, folder: &str, findings: &[Finding]) {
        let first = || findings.iter().find(|finding| finding.severity == Severity::Error).cloned();
        self.broken_folders.entry(folder.to_owned()).or_insert_with(first);
    }

    fn below_broken_defaults(&self, file: &str) -> bool {
        self.broken_folders.keys().any(|folder| is_below(file, folder))
    }

    fn finish(mut self) -> Reading {
        let mut inherited: BTreeMap<InstanceName, Vec<Finding>> = BTreeMap::new();
        for candidate in &self.candidates {
            for (_, finding) in self.broken_folders.iter().filter(|(folder, _)| is_below(candidate.file, folder)) {
                self.held.insert(candidate.name.clone());
                inherited.entry(candidate.name.clone()).or_default().extend(finding.clone());
            }
        }
        let manifests = self.candidates.into_iter().filter_map(|candidate| candidate.instance?.manifest);
        let mut manifests: Vec<_> = manifests.filter(|manifest| !self.held.contains(&manifest.name.value)).collect();
        manifests.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        Finding::sort(&mut self.findings);
        self.findings.dedup();
        let (held, complete) = (self.held.into_iter().collect(), !self.hidden);
        Reading { manifests, findings: self.findings, held, inherited, complete }
    }
}

/// The nearest folder that has defaults, with its merged ones.
fn nearest<'a, 'f>(specs: &'a BTreeMap<String, Node>, mut folder: &'f str) -> Option<(&'f str, &'a Node)> {
    loop {
        match (specs.get(folder), folder.rsplit_once('/')) {
            (Some(spec), _) => return Some((folder, spec)),
            (None, Some((above, _))) => folder = above,
            (None, None) if folder.is_empty() => return None,
            (None, None) => folder = "",
        }
    }
}

/// What reading found and parsing had not said about the same place.
fn unsaid(read: Vec<Finding>, refused: &[Finding]) -> Vec<Finding> {
    let said: BTreeSet<&Place> = refused.iter().map(|finding| &finding.place).collect();
    read.into_iter().filter(|finding| !said.contains(&finding.place)).collect()
}

/// What is wrong with a document that is none of ours.
fn strange(root: &Node) -> Vec<Finding> {
    let Some(entries) = root.entries() else {
        let message = format!("the document is {}, must be a map", root.what());
        let finding = Finding::error(Code::WrongType, root.place.clone(), message);
        return vec![
            finding.with_help("write a `ConnectorInstance` or `Defaults` document, or move the file elsewhere"),
        ];
    };
    let mut findings = Vec::new();
    let fields = [
        ("apiVersion", &[document::API_VERSION] as &[&str], "write `apiVersion: lockstep/v1`"),
        ("kind", &[INSTANCE, DEFAULTS, document::SETTINGS], "write `kind: ConnectorInstance` or `kind: Defaults`"),
    ];
    for (field, allowed, help) in fields {
        let Some((_, value)) = entries.iter().find(|(key, _)| key.text == field) else {
            let message = format!("the document lacks `{field}`");
            let finding = Finding::error(Code::MissingField, root.place.clone(), message);
            findings.push(finding.with_help(format!("{help}; files of other tools belong elsewhere")));
            continue;
        };
        let word = value.scalar().map(|scalar| scalar.text.as_str()).unwrap_or_default();
        if !allowed.contains(&word) {
            let help = match yaml::nearest(word, allowed) {
                Some(near) if allowed.len() > 1 => format!("did you mean `{near}`?"),
                Some(_) | None => format!("{help}; files of other tools belong elsewhere"),
            };
            let message = format!("`{field}` has a value that is not allowed");
            findings.push(Finding::error(Code::NotAllowed, value.place.clone(), message).with_help(help));
        }
    }
    findings
}
