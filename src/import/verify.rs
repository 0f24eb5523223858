//! Reads a draft as validation would, and makes comments of what would be refused.

use std::sync::Arc;

use super::{
    draft::{Draft, Owner, Part},
    log::Log,
};
use crate::{
    catalog::{self, Contract, Property},
    manifest,
    model::{Code, Finding, Place, PlatformKind, Registration, Revision, Severity, Snapshot, SourceFile},
};

/// Where the parts of a service stand.
pub(super) struct Places {
    /// Its name.
    pub(super) service: Place,
    /// Its environment, or its name where it has none.
    pub(super) environment: Place,
}

/// Makes the draft valid, apart from what its author must fill in, and writes it out.
pub(super) fn verify(draft: &mut Draft, contract: &Contract, places: &Places, log: &mut Log) -> String {
    // Other manifests are not at hand here; what instances depend on is looked at when all are made.
    let depends_on = std::mem::take(&mut draft.depends_on);
    let findings = loop {
        let rendered = draft.render();
        let findings = findings(&draft.name.to_string(), &rendered.text, contract);
        let mut changed = false;
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
            let owner = rendered.owner(finding.place.line);
            if let Some(part) = draft.part(owner).filter(|part| !part.off) {
                refuse(part, finding, owner, log);
                changed = true;
            }
        }
        if !changed {
            let owned: Vec<(Finding, Place)> = findings
                .into_iter()
                .map(|finding| {
                    let part = draft.part(rendered.owner(finding.place.line)).map(|part| part.place.clone());
                    let place = part.unwrap_or_else(|| places.service.clone());
                    (finding, place)
                })
                .collect();
            break owned;
        }
    };
    let missing = missing(draft, contract);
    for (finding, place) in findings {
        let told = missing.iter().any(|property| finding.message.ends_with(&format!("requires `{}`", property.key)));
        if finding.code == Code::MissingKey && told {
            continue;
        }
        log.push(Finding { place, instance: None, ..finding });
    }
    for property in missing {
        ask(draft, property, contract, places, log);
    }
    draft.depends_on = depends_on;
    draft.render().text
}

/// What validation says about one manifest by itself.
fn findings(name: &str, text: &str, contract: &Contract) -> Vec<Finding> {
    let reading = manifest::read(&snapshot([(name, text)]));
    let mut findings = reading.findings;
    if let Some(manifest) = reading.manifests.first() {
        let platform = contract.platform().unwrap_or(PlatformKind::OpenCti);
        findings.extend(catalog::check(contract, manifest, platform, Registration::Itself).findings);
    }
    findings
}

/// Manifests as a source would hold them.
pub(super) fn snapshot<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Snapshot {
    let file = |(name, text): (&str, &str)| SourceFile {
        path: format!("{name}.yaml").into(),
        content: Arc::from(text.as_bytes()),
    };
    let mut files: Vec<SourceFile> = texts.into_iter().map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Snapshot { revision: Revision::Directory(String::new()), files }
}

fn refuse(part: &mut Part, finding: &Finding, owner: Owner, log: &mut Log) {
    part.switch_off();
    if part.empty {
        log.note(&part.place, format!("`{}` is empty and stays a comment", part.key));
        return;
    }
    let help = finding.help.clone().unwrap_or_else(|| "mend it in the manifest".to_owned());
    let what = match owner {
        Owner::Config(_) => "it is a comment now",
        Owner::Frame | Owner::Label(_) | Owner::Head(_) | Owner::Container(_) => "it is left out",
    };
    log.need(finding.code, &part.place, format!("{}; {what}", finding.message), help);
}

/// The keys that the contract requires and the draft does not set.
fn missing<'a>(draft: &Draft, contract: &'a Contract) -> Vec<&'a Property> {
    let given = |key: &str| draft.config.iter().any(|part| part.key == key && !part.off);
    let asked = |property: &&Property| {
        property.required
            && property.default.is_none()
            && contract.instead_of(&property.key).is_none()
            && !given(&property.key)
    };
    contract.properties().iter().filter(asked).collect()
}

/// Leaves a blank for a key that is missing, and says so where nothing was said yet.
fn ask(draft: &mut Draft, property: &Property, contract: &Contract, places: &Places, log: &mut Log) {
    let key = &property.key;
    let what = if property.secret { "a sealed value".to_owned() } else { property.type_words() };
    let written = draft.config.iter().find(|part| part.key == *key).map(|part| part.place.clone());
    if let Some(place) = &written {
        let told = |finding: &Finding| finding.severity == Severity::Error && finding.place == *place;
        if log.findings.iter().any(told) {
            return;
        }
    } else {
        draft.config.push(Part::comment(key, format!("{key}: fill in ({what})"), &places.environment));
    }
    let about: String = property.description.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let help = if about.is_empty() {
        format!("add it below `spec.config` ({what})")
    } else {
        format!("add it below `spec.config` ({what}): {about}")
    };
    let place = written.unwrap_or_else(|| places.environment.clone());
    log.need(Code::MissingKey, &place, format!("contract `{}` requires `{key}`", contract.slug), help);
}
