//! One plan with everything that a plan can have.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lockstep::{
    desired::{EnvValue, Held, Origin, SourceDigest, Wanted},
    manifest::{Health, Rollback, WantedState},
    model::{
        Code, Commit, ConnectorId, ConnectorKind, ContainerSpec, Finding, InstanceName, Place, PlatformName,
        PullPolicy, Revision, Slug,
    },
    plan::{
        Action, AtPlatform, Cause, ContainerId, ContainerState, Given, Known, Layer, NewContainer, Observed,
        ObservedContainer, Plan, PlatformWork, Pulled, Reason, Refusal, Rename, Replacement, SpecDigest, Step, Timings,
        Work,
    },
};

/// What no format may ever show.
pub(super) const SECRET: &str = "hunter2-never-shown";

pub(super) fn name(text: &str) -> InstanceName {
    InstanceName::try_from(text).unwrap()
}

pub(super) fn place(file: &str, line: u32) -> Place {
    Place { file: file.into(), line, column: 3 }
}

pub(super) fn wanted(text: &str) -> Wanted {
    let platform = PlatformName::try_from("opencti").unwrap();
    let id = ConnectorId::derived(&platform, &name(text));
    let env = [
        ("CONNECTOR_ID", EnvValue::Plain(id.to_string()), Origin::Lockstep),
        ("CONNECTOR_NAME", EnvValue::Plain(text.to_owned()), Origin::Lockstep),
        ("MISP_URL", EnvValue::Plain("https://misp.example".to_owned()), Origin::Manifest(place("misp.yaml", 9))),
        ("OPENCTI_TOKEN", EnvValue::ConnectorToken(platform.clone()), Origin::Platform),
    ];
    let origins = env.iter().map(|(key, _, origin)| (format!("env.{key}"), origin.clone())).collect();
    let mut wanted = Wanted {
        name: name(text),
        platform: Some(platform),
        kind: ConnectorKind::ExternalImport,
        contract: Slug::try_from("misp").unwrap(),
        title: text.to_owned(),
        scope: Vec::new(),
        id,
        state: WantedState::Started,
        suspend: false,
        image: "opencti/connector-misp:7.1".to_owned(),
        pull: PullPolicy::IfNotPresent,
        env: env.into_iter().map(|(key, value, _)| (key.to_owned(), value)).collect(),
        container: ContainerSpec::default(),
        labels: BTreeMap::new(),
        health: Health::default(),
        rollback: Rollback::None,
        depends_on: Vec::new(),
        origins,
        place: place("misp.yaml", 1),
        management: None,
        source_digest: SourceDigest(String::new()),
    };
    wanted.source_digest = wanted.digest_of_source();
    wanted
}

pub(super) fn new(wanted: Wanted) -> Box<NewContainer> {
    Box::new(NewContainer {
        name: format!("{}-01234567", wanted.name),
        wanted: Arc::new(wanted),
        digest: SpecDigest("key:0123456789".to_owned()),
        labels: BTreeMap::new(),
        start: true,
    })
}

pub(super) fn reason(field: &str, before: Option<&str>, after: Option<&str>) -> Reason {
    let reason = Reason::of(field, before.map(str::to_owned), after.map(str::to_owned), Cause::Manifest);
    Reason { place: Some(place("misp.yaml", 12)), ..reason }
}

pub(super) fn step(text: &str, action: Action, reasons: Vec<Reason>) -> Step {
    let container = ContainerId(format!("id-{text}"));
    let work = match action {
        Action::Create => Work::Create(new(wanted(text))),
        Action::Replace => {
            Work::Replace(Box::new(Replacement { new: *new(wanted(text)), existing: None, old: vec![container] }))
        }
        Action::Update => Work::Recreate { broken: container, new: new(wanted(text)) },
        Action::Start => Work::Start { container, unpause: false, restarts: true },
        Action::Stop => Work::Stop { container, grace: None },
        Action::Destroy => Work::Remove { containers: vec![container] },
        Action::Register | Action::Edit | Action::Migrate | Action::Unregister => {
            let id = wanted(text).id;
            let platform = PlatformName::try_from("opencti").unwrap();
            Work::AtPlatform(Box::new(AtPlatform { platform, work: PlatformWork::Delete { id } }))
        }
    };
    Step { instance: name(text), action, reasons, work }
}

pub(super) fn plan_of(steps: Vec<Step>) -> Plan {
    Plan { steps, ..Plan::empty(Revision::Commit("c0ffee".repeat(6))) }
}

/// The findings of the sample, a held instance's first.
pub(super) fn findings() -> Vec<Finding> {
    vec![
        Finding::error(Code::WrongType, place("broken.yaml", 4), "`config.MISP_URL` must be a text, not a number")
            .with_help("put it in quotation marks")
            .of_instance(&name("broken")),
        Finding::error(Code::BadYaml, place("odd, name: 100%.yaml", 1), "the text ends\nin the middle of a list"),
        Finding::warning(Code::DeprecatedKey, place("misp.yaml", 9), "`MISP_KEY` is deprecated")
            .of_instance(&name("create")),
    ]
}

/// Every action, a rename, something held, something refused, and values that are long or shown to nobody.
pub(super) fn sample() -> (Plan, Vec<Rename>) {
    let scopes = |last: &str| {
        let items = (1..12).map(|number| format!("scope-{number}")).chain([last.to_owned()]);
        items.collect::<Vec<_>>().join(",")
    };
    let sensitive = Reason {
        before: Some(SECRET.to_owned()),
        after: Some(SECRET.to_owned()),
        sensitive: true,
        cause: Cause::Platform,
        place: None,
        ..reason("env.OPENCTI_TOKEN", None, None)
    };
    let drift = |field, before, after| Reason {
        cause: Cause::Drift,
        place: None,
        since: Some(1_700_000_000),
        ..reason(field, before, after)
    };
    // Nobody need be called what a commit says.
    let author = "Mallory `@team` | <!-- \u{202e}\n::error::";
    let by = |reason| Reason { commit: Commit::new(&"0ddba11c".repeat(5), author), ..reason };
    let replaced = vec![
        Reason {
            cause: Cause::Image,
            place: None,
            given: Some(Given::Catalog("catalog/opencti.json".into())),
            ..by(reason("image", Some("misp:7.0"), Some("misp:7.1")))
        },
        reason("env.RULES", Some("a\nb\nc\nd\ne\nf\ng"), Some("a\nb\nc\nd\nE\nf\ng")),
        reason("env.SCOPES", Some(&scopes("last")), Some(&scopes("new"))),
        by(reason("env.ADDED", None, Some("yes"))),
        Reason { given: Some(Given::Defaults), ..reason("env.GONE", Some("no"), None) },
        sensitive,
    ];
    let mut plan = plan_of(vec![
        step("create", Action::Create, vec![reason("instance", None, Some("misp"))]),
        step("destroy", Action::Destroy, vec![drift("instance", Some("stopped"), Some("removed"))]),
        step("new-name", Action::Create, vec![reason("instance", None, Some("misp"))]),
        step("old-name", Action::Destroy, vec![drift("instance", Some("running"), Some("removed"))]),
        step("replace", Action::Replace, replaced),
        step("start", Action::Start, vec![drift("state", Some("exited (137)"), Some("running"))]),
        step("stop", Action::Stop, vec![reason("state", Some("running"), Some("stopped"))]),
        step("update", Action::Update, vec![drift("state", Some("dead"), Some("running"))]),
    ]);
    plan.held.push(Held { instance: name("broken"), findings: findings().drain(..1).collect() });
    plan.refused.push(Refusal {
        instances: vec![name("gone-1"), name("gone-2")],
        guard: "prune.maxPercent",
        message: "2 of 9 instances would be removed, more than `prune.maxPercent` (20 %) allows at once".to_owned(),
        help: "if that is meant, run `lockstep apply --allow-removals 2`".to_owned(),
    });
    plan.known = known();
    (plan, vec![Rename { from: name("old-name"), to: name("new-name") }])
}

/// What is known of the costs of the sample: an image that is pulled, and what one instance took in the past.
fn known() -> Known {
    let layer = |digest: &str, bytes| Layer { digest: digest.to_owned(), bytes };
    let layers = Some(vec![layer("sha256:aa", 45_000_000), layer("sha256:bb", 290_000)]);
    let time = |milliseconds| Some(Duration::from_millis(milliseconds));
    let timings = Timings { create: None, stop: time(1_240), start: time(870), healthy: time(10_300) };
    Known {
        timings: [(name("replace"), timings)].into(),
        pulls: Some([(wanted("create").image, Pulled { is_missing: true, layers })].into()),
    }
}

/// The container of an instance as it was before a change.
pub(super) fn container(wanted: &Wanted) -> ObservedContainer {
    ObservedContainer {
        id: ContainerId(format!("id-{}", wanted.name)),
        name: format!("{}-01234567", wanted.name),
        instance: wanted.name.clone(),
        platform: Some("opencti".to_owned()),
        connector_id: Some(wanted.id.to_string()),
        digest: None,
        source: Some(wanted.source_digest.0.clone()),
        revision: None,
        state: ContainerState::Running,
        created: 0,
        finished: None,
        was_stopped: false,
        image: wanted.image.clone(),
        fields: None,
        sensitive_equal: BTreeMap::new(),
        moved_image: None,
        refreshed: false,
    }
}

pub(super) fn observed(wanted: &[&Wanted]) -> Observed {
    let containers = wanted.iter().map(|wanted| container(wanted)).collect();
    Observed { containers, ..Observed::default() }
}
