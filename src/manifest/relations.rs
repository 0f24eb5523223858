//! Finds what instances of one source may not be to one another: of one name, of one id, or waiting for each other.

use std::collections::BTreeMap;

use super::{
    graph,
    reading::{Candidate, Reader},
};
use crate::{
    model::{Code, Finding, InstanceName, Place},
    yaml,
};

/// How many wrong names get a suggestion; each costs a comparison with every name.
const MAX_SUGGESTIONS: usize = 50;

impl<'a> Reader<'a> {
    pub(super) fn find_duplicates(&mut self) {
        let mut names: BTreeMap<&InstanceName, Vec<&Candidate>> = BTreeMap::new();
        let mut ids: BTreeMap<_, Vec<(&Candidate, &Place)>> = BTreeMap::new();
        for candidate in &self.candidates {
            names.entry(&candidate.name).or_default().push(candidate);
            let manifest = candidate.instance.as_ref().and_then(|instance| instance.manifest.as_ref());
            if let Some(id) = manifest.and_then(|manifest| manifest.id.as_ref()) {
                ids.entry(id.value).or_default().push((candidate, &id.place));
            }
        }
        let mut findings = Vec::new();
        for (name, same) in names.into_iter().filter(|(_, same)| same.len() > 1) {
            for (index, candidate) in same.iter().enumerate() {
                let other = &same[usize::from(index == 0)].place;
                let message = format!("there is another instance named `{name}`");
                let finding = Finding::error(Code::DuplicateInstance, candidate.place.clone(), message);
                findings.push(
                    finding.with_help(format!("rename one of the two; the other is at {other}")).of_instance(name),
                );
            }
        }
        for same in ids.into_values() {
            for (index, (candidate, place)) in same.iter().enumerate() {
                let Some((other, _)) = same
                    .iter()
                    .enumerate()
                    .find(|(at, (other, _))| *at != index && other.name != candidate.name)
                    .map(|(_, other)| other)
                else {
                    continue;
                };
                let message = format!("`spec.id` is also the id of `{}`", other.name);
                let finding = Finding::error(Code::BadId, (*place).clone(), message);
                let help = "give each instance an id of its own, or leave `id` out";
                findings.push(finding.with_help(help).of_instance(&candidate.name));
            }
        }
        self.held.extend(findings.iter().filter_map(|finding| finding.instance.clone()));
        self.findings.extend(findings);
    }

    pub(super) fn find_cycles(&mut self) {
        let mut index = BTreeMap::new();
        for candidate in &self.candidates {
            let next = index.len();
            index.entry(&candidate.name).or_insert(next);
        }
        let known: Vec<&str> = index.keys().map(|name| name.as_str()).collect();
        let mut edges = vec![Vec::new(); index.len()];
        let mut findings = Vec::new();
        for candidate in &self.candidates {
            for wanted in candidate.instance.iter().flat_map(|instance| &instance.depends_on) {
                match index.get(&wanted.value) {
                    Some(&target) => edges[index[&candidate.name]].push(target),
                    None => {
                        let message = format!("`spec.dependsOn` names `{}`, which is no instance", wanted.value);
                        let near = (findings.len() < MAX_SUGGESTIONS)
                            .then(|| yaml::nearest(wanted.value.as_str(), &known))
                            .flatten();
                        let help = near.map_or_else(
                            || "name an instance of this source".to_owned(),
                            |near| format!("did you mean `{near}`?"),
                        );
                        let finding = Finding::error(Code::NotAllowed, wanted.place.clone(), message);
                        findings.push(finding.with_help(help).of_instance(&candidate.name));
                    }
                }
            }
        }
        let group = graph::groups(&edges);
        for candidate in &self.candidates {
            for wanted in candidate.instance.iter().flat_map(|instance| &instance.depends_on) {
                let same = index.get(&wanted.value).map(|&target| group[target]);
                if same == Some(group[index[&candidate.name]]) {
                    let message = if wanted.value == candidate.name {
                        format!("`{}` depends on itself", candidate.name)
                    } else {
                        format!("`{}` depends on itself through `{}`", candidate.name, wanted.value)
                    };
                    let finding = Finding::error(Code::Cycle, wanted.place.clone(), message);
                    findings
                        .push(finding.with_help("remove one `dependsOn` of the circle").of_instance(&candidate.name));
                }
            }
        }
        self.held.extend(findings.iter().filter_map(|finding| finding.instance.clone()));
        self.findings.extend(findings);
    }
}
