//! What all manifests of one revision ask for, put together.

use std::{collections::BTreeMap, sync::Arc};

use rayon::prelude::*;

use super::{Context, DesiredState, EnvValue, Held, Origin, Wanted, assemble::assemble_one};
use crate::{
    catalog::Catalogs,
    manifest::{Manifest, Reading},
    model::{Code, ConnectorId, Finding, InstanceName, Revision, Severity, Snapshot},
};

/// A reading with what became of each of its manifests.
#[derive(Debug)]
pub struct Assembled {
    revision: Revision,
    reading: Reading,
    /// In the order of the manifests.
    outcomes: Vec<Outcome>,
    catalogs: Catalogs,
}

/// What became of one manifest.
#[derive(Debug, Clone)]
struct Outcome {
    /// None where it can't be brought about.
    wanted: Option<Arc<Wanted>>,
    findings: Vec<Finding>,
}

impl Assembled {
    /// Puts a reading together with the contracts and the settings.
    pub fn of(reading: Reading, snapshot: &Snapshot, catalogs: &Catalogs, context: &Context) -> Self {
        Self::made(reading, snapshot, catalogs, context, |_| None)
    }

    /// The same for a revision that is much like another one: what is the same in both is taken from there.
    pub fn beside(reading: Reading, snapshot: &Snapshot, catalogs: &Catalogs, context: &Context, other: &Self) -> Self {
        let alike = catalogs.is_same(&other.catalogs);
        let known = |manifest: &Manifest| alike.then(|| other.outcome(manifest, snapshot)).flatten().cloned();
        Self::made(reading, snapshot, catalogs, context, known)
    }

    fn made(
        reading: Reading,
        snapshot: &Snapshot,
        catalogs: &Catalogs,
        context: &Context,
        known: impl Fn(&Manifest) -> Option<Outcome> + Sync,
    ) -> Self {
        let made = |manifest: &Manifest| {
            known(manifest).unwrap_or_else(|| {
                let (wanted, findings) = assemble_one(manifest, snapshot, catalogs, context);
                let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
                Outcome { wanted: wanted.filter(|_| !broken).map(Arc::new), findings }
            })
        };
        let outcomes = reading.manifests.par_iter().map(made).collect();
        Self { revision: snapshot.revision.clone(), reading, outcomes, catalogs: catalogs.clone() }
    }

    /// What became of the same manifest here, where the files that it names are the same too.
    fn outcome(&self, manifest: &Manifest, snapshot: &Snapshot) -> Option<&Outcome> {
        let same_name = |known: &Manifest| known.name.value.cmp(&manifest.name.value);
        let index = self.reading.manifests.binary_search_by(same_name).ok()?;
        let outcome = Some(&self.outcomes[index]).filter(|_| self.reading.manifests[index] == *manifest)?;
        let same_file = |value: &EnvValue| match value {
            EnvValue::FromFile { file, .. } => snapshot.file(&file.path).is_some_and(|now| now.content == file.content),
            EnvValue::Plain(_)
            | EnvValue::Sealed(_)
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => true,
        };
        outcome.wanted.as_ref()?.env.values().all(same_file).then_some(outcome)
    }

    /// What the revision wants.
    pub fn into_desired(self) -> DesiredState {
        let Reading { manifests, mut findings, held, inherited, complete } = self.reading;
        let mut wanted = BTreeMap::new();
        for (manifest, outcome) in manifests.iter().zip(self.outcomes) {
            findings.extend(outcome.findings);
            wanted.extend(outcome.wanted.map(|instance| (manifest.name.value.clone(), instance)));
        }
        hold_shared_ids(&mut wanted, &mut findings);
        Finding::sort(&mut findings);
        let names = held.iter().chain(manifests.iter().map(|manifest| &manifest.name.value));
        let held = names
            .filter(|name| !wanted.contains_key(*name))
            .map(|name| {
                let own = findings.iter().filter(|finding| finding.instance.as_ref() == Some(name));
                let inherited = inherited.get(name).into_iter().flatten();
                (name.clone(), Held { instance: name.clone(), findings: own.chain(inherited).cloned().collect() })
            })
            .collect();
        DesiredState { revision: self.revision, wanted, held, findings, complete }
    }
}

/// Holds every instance whose id, derived or given, another instance at the same platform has too.
fn hold_shared_ids(wanted: &mut BTreeMap<InstanceName, Arc<Wanted>>, findings: &mut Vec<Finding>) {
    let mut holders: BTreeMap<ConnectorId, Vec<Arc<Wanted>>> = BTreeMap::new();
    for instance in wanted.values() {
        holders.entry(instance.id).or_default().push(Arc::clone(instance));
    }
    for (id, instances) in holders.into_iter().filter(|(_, instances)| instances.len() > 1) {
        for instance in instances {
            let place = instance.origins.get("id").and_then(Origin::place).unwrap_or(&instance.place).clone();
            let finding = Finding::error(Code::BadId, place, format!("the id `{id}` belongs to another instance too"))
                .with_help("give each instance an id of its own, or leave `spec.id` out")
                .of_instance(&instance.name);
            findings.push(finding);
            wanted.remove(&instance.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        manifest::Parsed,
        model::{Policy, PullPolicy, SourceFile},
    };

    fn catalogs(default: &str) -> Catalogs {
        let catalog = serde_json::json!({"id": "c", "name": "c", "version": "1", "contracts": [{
            "title": "MISP", "slug": "misp", "manager_supported": true, "container_version": "1",
            "container_image": "opencti/connector-misp", "container_type": "EXTERNAL_IMPORT",
            "config_schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                "properties": {
                    "MISP_URL": {"type": "string", "default": default},
                    "MISP_OLD": {"type": "string", "deprecated": true},
                    "MISP_KEY": {"type": "string", "format": "password"},
                },
            },
        }]});
        Catalogs::new(vec![Arc::new(Catalog::read("c", catalog.to_string().as_bytes()).unwrap())])
    }

    fn context() -> Context {
        Context {
            platforms: BTreeMap::new(),
            any_platform: false,
            policy: Policy::default(),
            network: None,
            pull: PullPolicy::IfNotPresent,
        }
    }

    fn instance(name: &str, config: &str) -> (String, String) {
        let head = format!("apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {name}}}\nspec:\n");
        (format!("{name}.yaml"), format!("{head}  contract: misp\n  config: {{{config}}}\n"))
    }

    fn snapshot(files: &[(String, String)]) -> Snapshot {
        let file = |(path, text): &(String, String)| SourceFile {
            path: path.as_str().into(),
            content: text.as_bytes().into(),
        };
        let mut files: Vec<_> = files.iter().map(file).collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Snapshot { revision: Revision::Directory("r".to_owned()), files }
    }

    /// Reads a second state beside a first one, and holds it against the same state read for itself; which instances
    /// the two states share.
    fn shared(first: (&[(String, String)], &Catalogs), second: (&[(String, String)], &Catalogs)) -> Vec<String> {
        let (before, now) = (snapshot(first.0), snapshot(second.0));
        let parsed = Parsed::of(&before);
        let former = Assembled::of(parsed.read(), &before, first.1, &context());
        let beside = Parsed::beside(&now, &parsed).read();
        let beside = Assembled::beside(beside, &now, second.1, &context(), &former).into_desired();
        let alone = Assembled::of(Parsed::of(&now).read(), &now, second.1, &context()).into_desired();
        assert_eq!(beside.wanted, alone.wanted);
        assert_eq!(beside.held, alone.held);
        assert_eq!(beside.findings, alone.findings);
        assert_eq!(beside.complete, alone.complete);
        let former = former.into_desired();
        let same = |(name, wanted): &(&InstanceName, &Arc<Wanted>)| {
            former.wanted.get(*name).is_some_and(|before| Arc::ptr_eq(before, wanted))
        };
        beside.wanted.iter().filter(same).map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn what_two_revisions_have_alike_is_made_once_and_nothing_else() {
        let secret = |text: &str| ("secrets/a.age".to_owned(), text.to_owned());
        let files = |value: &str, sealed: &str| {
            let sealed_in_a_file = "MISP_KEY: {fromSecret: secrets/a.age, key: a}";
            [
                instance("changed", value),
                instance("old", "MISP_OLD: x"),
                instance("plain", "MISP_URL: same"),
                instance("sealed", sealed_in_a_file),
                instance("wrong", "MISP_URL: [1, 2]"),
                secret(sealed),
            ]
        };
        let usual = catalogs("usual");
        let (before, after) = (files("MISP_URL: a", "one"), files("MISP_URL: b", "one"));
        assert_eq!(shared((&before, &usual), (&before, &usual)), ["changed", "old", "plain", "sealed"]);
        assert_eq!(shared((&before, &usual), (&after, &usual)), ["old", "plain", "sealed"]);
        // The manifest is the same, and the file that it names is not, or is gone.
        assert_eq!(shared((&before, &usual), (&files("", "two"), &usual)), ["old", "plain"]);
        assert_eq!(shared((&before, &usual), (&files("", "two")[..5], &usual)), ["old", "plain"]);
        // With another catalog, no manifest means the same.
        assert_eq!(shared((&before, &usual), (&before, &catalogs("other"))), [""; 0]);
        // Below other defaults neither.
        let defaults = |value: &str| {
            let text = format!("apiVersion: lockstep/v1\nkind: Defaults\nspec:\n  config: {{MISP_URL: {value}}}\n");
            ("defaults.yaml".to_owned(), text)
        };
        let below = |value: &str| [files("", "one").to_vec(), vec![defaults(value)]].concat();
        assert_eq!(shared((&below("a"), &usual), (&below("b"), &usual)), ["plain"]);
    }
}
