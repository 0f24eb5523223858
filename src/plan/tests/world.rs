//! What is wanted and what is observed, put together by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    desired::{DesiredState, EnvValue, SourceDigest, Wanted},
    manifest::{Health, Rollback, WantedState},
    model::{
        ConnectorId, ConnectorKind, ContainerSpec, InstanceName, OwnerName, Place, PlatformName, PullPolicy, Revision,
        Slug,
    },
    plan::{
        ContainerId, ContainerState, Digests, Observed, ObservedContainer, Plan, PruneRules, Pruning, SpecDigest, diff,
        needs_digest,
    },
};

pub(super) fn name(text: &str) -> InstanceName {
    InstanceName::try_from(text).unwrap()
}

pub(super) fn owner() -> OwnerName {
    OwnerName::try_from("edge-1").unwrap()
}

/// An instance whose spec is told apart by one visible value.
pub(super) fn wanted(text: &str, value: &str, state: WantedState) -> Arc<Wanted> {
    let platform = PlatformName::try_from("opencti").unwrap();
    let mut wanted = Wanted {
        name: name(text),
        platform: Some(platform.clone()),
        kind: ConnectorKind::ExternalImport,
        contract: Slug::try_from("misp").unwrap(),
        title: text.to_owned(),
        scope: Vec::new(),
        id: ConnectorId::derived(&platform, &name(text)),
        state,
        suspend: false,
        image: "opencti/connector-misp:1".to_owned(),
        pull: PullPolicy::IfNotPresent,
        env: BTreeMap::from([("MISP_URL".to_owned(), EnvValue::Plain(value.to_owned()))]),
        container: ContainerSpec::default(),
        labels: BTreeMap::new(),
        health: Health::default(),
        rollback: Rollback::None,
        depends_on: Vec::new(),
        origins: BTreeMap::new(),
        place: Place::start_of("a.yaml"),
        management: None,
        source_digest: SourceDigest(String::new()),
    };
    wanted.source_digest = wanted.digest_of_source();
    Arc::new(wanted)
}

pub(super) fn desired(instances: impl IntoIterator<Item = Arc<Wanted>>) -> DesiredState {
    DesiredState {
        revision: Revision::Commit("c".repeat(40)),
        wanted: instances.into_iter().map(|wanted| (wanted.name.clone(), wanted)).collect(),
        held: BTreeMap::new(),
        findings: Vec::new(),
        complete: true,
    }
}

/// The digest that opening would give: here simply derived from the sealed one.
pub(super) fn digest(wanted: &Wanted) -> SpecDigest {
    SpecDigest(format!("key:{}", wanted.source_digest.0))
}

pub(super) fn container(wanted: &Wanted, number: usize, state: ContainerState) -> ObservedContainer {
    ObservedContainer {
        id: ContainerId(format!("id-{}-{number}", wanted.name)),
        name: format!("{}-{}", wanted.name, digest(wanted).name_suffix()),
        instance: wanted.name.clone(),
        platform: Some("opencti".to_owned()),
        connector_id: Some(wanted.id.to_string()),
        digest: Some(digest(wanted)),
        source: Some(wanted.source_digest.0.clone()),
        revision: None,
        state,
        created: i64::try_from(number).unwrap(),
        finished: None,
        was_stopped: false,
        image: wanted.image.clone(),
        fields: None,
        sensitive_equal: BTreeMap::new(),
        moved_image: None,
        refreshed: false,
    }
}

pub(super) fn observed(containers: impl IntoIterator<Item = ObservedContainer>) -> Observed {
    let mut containers: Vec<_> = containers.into_iter().collect();
    containers.sort_by(|a, b| (&a.instance, a.created).cmp(&(&b.instance, b.created)));
    Observed { containers, ..Observed::default() }
}

pub(super) fn digests(desired: &DesiredState, observed: &Observed) -> Digests {
    let needed = needs_digest(desired, observed, &Digests::default());
    Digests { specs: needed.iter().map(|w| (w.name.clone(), digest(w))).collect(), tokens: BTreeMap::new() }
}

/// Rules under which every removal is due at once.
pub(super) fn eager() -> PruneRules {
    PruneRules { max_percent: 100, retain: Duration::ZERO, ..PruneRules::default() }
}

pub(super) fn plan_with(desired: &DesiredState, observed: &Observed, rules: &PruneRules) -> Plan {
    let pruning = Pruning { now: 1_000_000, absent_before: Pruning::absent(desired, observed), ..Pruning::default() };
    diff(&owner(), desired, observed, &digests(desired, observed), rules, &pruning)
}

pub(super) fn plan(desired: &DesiredState, observed: &Observed) -> Plan {
    plan_with(desired, observed, &PruneRules::default())
}

/// The plan in one line: `a create; b replace`.
pub(super) fn line(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("{} {}", step.instance, step.action.as_str()));
    steps.collect::<Vec<_>>().join("; ")
}
