//! Instances as Deployments of Kubernetes, each with the claims on volumes that it needs.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use sha2::{Digest, Sha256};

use super::{
    kubernetes_pod::pod,
    types::{Blank, Cluster, Exported, Lost, lost_everywhere},
    yaml::Yaml,
};
use crate::{
    desired::Wanted,
    manifest::{Rollback, WantedState},
    model::{InstanceName, MountSource},
};

/// What the label of our objects is called, besides the instance's name.
const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label that holds the instance's name.
const NAME: &str = "app.kubernetes.io/name";
/// How large a volume is asked for where nobody says; a manifest does not.
const CLAIM: &str = "1Gi";
/// How long a Deployment may take at least, since pulling an image counts there.
const PROGRESS: Duration = Duration::from_secs(600);

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
pub fn kubernetes<'a>(instances: impl IntoIterator<Item = &'a Wanted>, cluster: &Cluster) -> Exported {
    let size = cluster.storage.as_deref().unwrap_or(CLAIM);
    let (mut documents, mut claims, mut collected) = (Vec::new(), BTreeSet::new(), Collected::default());
    for wanted in instances {
        lost_everywhere(wanted, &mut collected.lost);
        if wanted.rollback == Rollback::Auto {
            let what = "`rollback: auto` is not carried over: `kubectl rollout undo` is for a person to run";
            collected.lose(&wanted.name, what);
        }
        for volume in &wanted.container.volumes {
            if let MountSource::Volume(name) = &volume.source
                && claims.insert(claim_name(name))
            {
                let mend = if cluster.storage.is_some() { "class" } else { "size (or give `--storage`) and class" };
                let what =
                    format!("volume `{name}` became a claim of {size} for one node, and is empty: mend its {mend}");
                collected.lose(&wanted.name, what);
                documents.push(claim(name, size));
            }
        }
        documents.push(deployment(wanted, cluster, &mut collected));
    }
    let mut text = "# Written by `lockstep export kubernetes`. No secret is in it.\n".to_owned();
    for Blank { name, what } in &collected.blanks {
        writeln!(text, "# Make {name}: {what}").expect("a String takes whatever is written to it");
    }
    let documents: Vec<String> = documents.iter().map(Yaml::document).collect();
    text.push_str(&documents.join("---\n"));
    Exported { text, blanks: collected.blanks.into_iter().collect(), lost: collected.lost }
}

/// A volume's name as that of an object: one that has to be changed for it is told from others by a part of its hash.
pub(super) fn claim_name(volume: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = volume.chars().map(letter).collect();
    if name == volume && !name.ends_with('-') {
        return name;
    }
    let hash = hex::encode(Sha256::digest(volume));
    format!("{name}-{}", hash.get(..8).unwrap_or_default())
}

fn claim(volume: &str, size: &str) -> Yaml {
    let request = Yaml::map([("storage", Yaml::text(size))]);
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

/// Keys and values of an object's metadata.
type Entries = Vec<(String, Yaml)>;

/// The labels of a manifest as those of an object, or as annotations where their values are too free for that.
fn labels(wanted: &Wanted, collected: &mut Collected) -> (Entries, Entries) {
    let (mut labels, mut annotations) = (Vec::new(), Vec::new());
    for (key, value) in &wanted.labels {
        let entry = (key.clone(), Yaml::text(value.clone()));
        let is_theirs = key
            .split_once('/')
            .is_some_and(|(prefix, _)| prefix.ends_with("kubernetes.io") || prefix.ends_with("k8s.io"));
        if is_theirs || !is_label_key(key) {
            collected
                .lose(&wanted.name, format!("label `{key}` is not carried over: it can't be the key of a label there"));
        } else if value.is_empty() || is_label_part(value) {
            labels.push(entry);
        } else {
            collected.lose(&wanted.name, format!("label `{key}` became an annotation: labels are shorter and plainer"));
            annotations.push(entry);
        }
    }
    (labels, annotations)
}

/// Whether a text is a qualified name: a name, and a DNS subdomain and a `/` before it or not.
fn is_label_key(key: &str) -> bool {
    let is_label = |part: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || c == '-')
    };
    match key.split_once('/') {
        Some((prefix, name)) => prefix.split('.').all(is_label) && is_label_part(name),
        None => is_label_part(key),
    }
}

/// Whether a text is 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_label_part(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len())
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || matches!(c, '-' | '_' | '.'))
}

fn deployment(wanted: &Wanted, cluster: &Cluster, collected: &mut Collected) -> Yaml {
    let name = wanted.name.to_string();
    let own = || vec![(NAME.to_owned(), Yaml::text(name.clone())), (PART_OF.to_owned(), Yaml::text("lockstep"))];
    let (theirs, annotations) = labels(wanted, collected);
    let all = Yaml::Map(own().into_iter().chain(theirs).collect());
    let mut metadata = vec![("name", Yaml::text(name.clone())), ("labels", all)];
    if !annotations.is_empty() {
        metadata.push(("annotations", Yaml::Map(annotations)));
    }
    let replicas = match wanted.state {
        WantedState::Started => 1,
        WantedState::Stopped => 0,
    };
    let template =
        Yaml::map([("metadata", Yaml::map([("labels", Yaml::Map(own()))])), ("spec", pod(wanted, cluster, collected))]);
    let seconds = |time: Duration| Yaml::Number(i64::from(i32::try_from(time.as_secs()).unwrap_or(i32::MAX)));
    let settle = wanted.health.settle;
    let selector = Yaml::map([("matchLabels", Yaml::map([(NAME, Yaml::text(name.clone()))]))]);
    Yaml::map([
        ("apiVersion", Yaml::text("apps/v1")),
        ("kind", Yaml::text("Deployment")),
        ("metadata", Yaml::map(metadata)),
        (
            "spec",
            Yaml::map([
                ("replicas", Yaml::Number(replicas)),
                ("minReadySeconds", seconds(settle)),
                ("progressDeadlineSeconds", seconds(wanted.health.within.max(PROGRESS).saturating_add(settle))),
                // Two containers of one instance would carry the same connector id.
                ("strategy", Yaml::map([("type", Yaml::text("Recreate"))])),
                ("revisionHistoryLimit", Yaml::Number(2)),
                ("selector", selector),
                ("template", template),
            ]),
        ),
    ])
}
