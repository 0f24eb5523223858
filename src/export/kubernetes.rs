//! Instances as Deployments of Kubernetes, each with the claims on volumes that it needs.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    kubernetes_pod::pod,
    types::{Blank, Exported, Lost, lost_everywhere},
    yaml::Yaml,
};
use crate::{
    desired::Wanted,
    manifest::WantedState,
    model::{InstanceName, MountSource},
};

/// What the label of our objects is called, besides the instance's name.
const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label that holds the instance's name.
const NAME: &str = "app.kubernetes.io/name";
/// How large a volume is asked for; a manifest does not say.
const CLAIM: &str = "1Gi";

/// What is collected while instances are written.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) blanks: BTreeSet<Blank>,
    pub(super) lost: Vec<Lost>,
}

impl Collected {
    pub(super) fn lose(&mut self, instance: &InstanceName, what: impl Into<String>) {
        self.lost.push(Lost { instance: instance.clone(), what: what.into() });
    }
}

/// Documents of Kubernetes for the instances; secrets are keys of Secrets that are made by hand.
pub fn kubernetes<'a>(instances: impl IntoIterator<Item = &'a Wanted>) -> Exported {
    let (mut documents, mut claims, mut collected) = (Vec::new(), BTreeSet::new(), Collected::default());
    for wanted in instances {
        lost_everywhere(wanted, &mut collected.lost);
        for volume in &wanted.container.volumes {
            if let MountSource::Volume(name) = &volume.source
                && claims.insert(claim_name(name))
            {
                let what = format!(
                    "volume `{name}` became a claim of {CLAIM} for one node, and is empty: mend its size and class"
                );
                collected.lose(&wanted.name, what);
                documents.push(claim(name));
            }
        }
        documents.push(deployment(wanted, &mut collected));
    }
    let mut text = "# Written by `lockstep export kubernetes`. No secret is in it.\n".to_owned();
    for Blank { name, what } in &collected.blanks {
        writeln!(text, "# Make {name}: {what}").expect("a String takes whatever is written to it");
    }
    let documents: Vec<String> = documents.iter().map(Yaml::document).collect();
    text.push_str(&documents.join("---\n"));
    Exported { text, blanks: collected.blanks.into_iter().collect(), lost: collected.lost }
}

/// A volume's name as that of an object.
pub(super) fn claim_name(volume: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    volume.chars().map(letter).collect::<String>().trim_matches('-').to_owned()
}

fn claim(volume: &str) -> Yaml {
    let request = Yaml::map([("storage", Yaml::text(CLAIM))]);
    Yaml::map([
        ("apiVersion", Yaml::text("v1")),
        ("kind", Yaml::text("PersistentVolumeClaim")),
        ("metadata", Yaml::map([("name", Yaml::text(claim_name(volume)))])),
        (
            "spec",
            Yaml::map([
                ("accessModes", Yaml::texts(["ReadWriteOnce"])),
                ("resources", Yaml::map([("requests", request)])),
            ]),
        ),
    ])
}

fn deployment(wanted: &Wanted, collected: &mut Collected) -> Yaml {
    let name = wanted.name.to_string();
    let labels = || Yaml::map([(NAME, Yaml::text(name.clone())), (PART_OF, Yaml::text("lockstep"))]);
    let mut metadata = vec![("name", Yaml::text(name.clone())), ("labels", labels())];
    if !wanted.labels.is_empty() {
        let own = |(key, value): (&String, &String)| (format!("label.dev.lockstep/{key}"), Yaml::text(value.clone()));
        metadata.push(("annotations", Yaml::Map(wanted.labels.iter().map(own).collect())));
    }
    let replicas = match wanted.state {
        WantedState::Started => 1,
        WantedState::Stopped => 0,
    };
    let template = Yaml::map([("metadata", Yaml::map([("labels", labels())])), ("spec", pod(wanted, collected))]);
    let selector = Yaml::map([("matchLabels", Yaml::map([(NAME, Yaml::text(name.clone()))]))]);
    Yaml::map([
        ("apiVersion", Yaml::text("apps/v1")),
        ("kind", Yaml::text("Deployment")),
        ("metadata", Yaml::map(metadata)),
        (
            "spec",
            Yaml::map([
                ("replicas", Yaml::Number(replicas)),
                // Two containers of one instance would carry the same connector id.
                ("strategy", Yaml::map([("type", Yaml::text("Recreate"))])),
                ("revisionHistoryLimit", Yaml::Number(2)),
                ("selector", selector),
                ("template", template),
            ]),
        ),
    ])
}
