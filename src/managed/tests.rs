//! What a manifest and a listing make together, case by case.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::{
    catalog::{Catalog, Catalogs},
    desired::{
        Context, DesiredState, EnvValue, Keeper, Openers, OpensEnvelopes, PlatformContent, PlatformFacts,
        PlatformSecret, Wanted, assemble,
    },
    manifest::{self, WantedState},
    model::{
        Code, Condition, ConnectorId, InstanceName, PlatformKind, PlatformName, Policy, PullPolicy, Registration,
        Revision, Snapshot, SourceFile,
    },
    plan::{
        Action, Cause, ContainerId, ContainerState, Observed, ObservedContainer, Plan, PlatformWork, PruneRules, Step,
        Work,
    },
    secrets::{Keyring, keygen, seal},
};

const CATALOG: &str = r#"{"id": "cat", "contracts": [{"slug": "misp", "title": "MISP", "manager_supported": true,
    "container_image": "opencti/connector-misp", "container_version": "1", "container_type": "EXTERNAL_IMPORT",
    "config_schema": {"type": "object", "properties": {
        "CONNECTOR_NAME": {"type": "string", "default": "MISP"},
        "MISP_URL": {"type": "string"},
        "MISP_TAGS": {"type": "array", "items": {"type": "string"}, "default": []},
        "MISP_NOTE": {"type": "string"},
        "MISP_COUNT": {"type": "integer", "default": 10},
        "MISP_KEY": {"type": "string", "format": "password"}}, "required": ["MISP_URL"]}}]}"#;
const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11";
const OTHER: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b12";

/// Opens what is written as `sealed:VALUE`.
struct Opener;

impl OpensEnvelopes for Opener {
    fn open(&self, envelope: &str) -> Result<SecretString, (String, String)> {
        let value = envelope.strip_prefix("sealed:").ok_or(("shut".to_owned(), "help".to_owned()))?;
        Ok(SecretString::from(value.split('#').next().unwrap()))
    }

    fn is_of_former(&self, envelope: &str) -> bool {
        envelope.ends_with("#former")
    }

    fn key(&self) -> &str {
        "ours"
    }
}

struct World {
    files: BTreeMap<String, String>,
    site: Site,
    observed: Observed,
    memory: Memory,
    openers: Openers,
    allow_empty: bool,
    registration: Registration,
    recipient: crate::secrets::Recipients,
}

fn at() -> PlatformName {
    PlatformName::try_from("opencti").unwrap()
}

fn id(text: &str) -> ConnectorId {
    ConnectorId::try_from(text).unwrap()
}

fn name(text: &str) -> InstanceName {
    InstanceName::try_from(text).unwrap()
}

impl World {
    fn new() -> Self {
        let (identity, _) = keygen();
        let mut keyring = Keyring::default();
        keyring.add("key", identity.expose_secret().as_bytes()).unwrap();
        let mut openers = Openers::default();
        let recipient = keyring.recipients();
        openers.keyring = keyring;
        openers.managers.insert(at(), Arc::new(Opener));
        let site = Site {
            name: at(),
            control: UiControl::Honour,
            instances: UiInstances::Run,
            listing: Some(Listing { before: Some(BTreeSet::new()), ..Listing::default() }),
            away: None,
        };
        Self {
            files: BTreeMap::new(),
            site,
            observed: Observed::default(),
            memory: Memory::default(),
            openers,
            allow_empty: false,
            registration: Registration::Managed,
            recipient,
        }
    }

    fn declare(mut self, text: &str, spec: &str, config: &str) -> Self {
        let manifest = format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {text}}}\nspec:\n  contract: misp\n{spec}  config:\n    MISP_URL: https://a.example.org\n{config}"
        );
        self.files.insert(format!("{text}.yaml"), manifest);
        self
    }

    fn sealed(&self, value: &str) -> String {
        let sealed = seal(&SecretString::from(value), &self.recipient, None).unwrap();
        let lines: String = sealed.lines().map(|line| format!("      {line}\n")).collect();
        format!("    MISP_KEY: |\n{lines}")
    }

    fn list(mut self, listed: Vec<Listed>) -> Self {
        self.site.listing.as_mut().unwrap().instances = listed;
        self
    }

    fn context(&self) -> Context {
        let facts = PlatformFacts {
            kind: PlatformKind::OpenCti,
            registration: self.registration,
            connector_url: "http://opencti".to_owned(),
            has_connector_token: true,
            env: BTreeMap::new(),
            secret_env: BTreeSet::new(),
            ca: None,
            tenant: None,
        };
        Context {
            platforms: BTreeMap::from([(at(), facts)]),
            any_platform: false,
            policy: Policy::default(),
            network: Some("net".to_owned()),
            pull: PullPolicy::IfNotPresent,
        }
    }

    fn desired(&self) -> DesiredState {
        let file = |(path, text): (&String, &String)| SourceFile {
            path: path.as_str().into(),
            content: text.as_bytes().into(),
        };
        let snapshot =
            Snapshot { revision: Revision::Directory("r".to_owned()), files: self.files.iter().map(file).collect() };
        let catalogs = Catalogs::new(vec![Arc::new(Catalog::read("c", CATALOG.as_bytes()).unwrap())]);
        assemble(manifest::read(&snapshot), &snapshot, &catalogs, &self.context())
    }

    fn overlay(&self) -> Overlaid {
        let desired = self.desired();
        let errors: Vec<_> = desired.findings.iter().map(|finding| &finding.message).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let given = Given {
            observed: &self.observed,
            memory: &self.memory,
            context: &self.context(),
            openers: &self.openers,
            allow_empty: self.allow_empty,
        };
        overlay(desired, std::slice::from_ref(&self.site), &given)
    }

    /// Goes on with what an overlay remembers.
    fn then(mut self) -> Self {
        self.memory = self.overlay().memory;
        self
    }

    fn container(mut self, instance: &str, connector: &str, revision: &str) -> Self {
        self.observed.containers.push(ObservedContainer {
            id: ContainerId(format!("container-{instance}")),
            name: instance.to_owned(),
            instance: name(instance),
            platform: Some("opencti".to_owned()),
            connector_id: Some(connector.to_owned()),
            digest: None,
            source: None,
            revision: Some(revision.to_owned()),
            state: ContainerState::Running,
            created: 1,
            finished: None,
            was_stopped: false,
            image: "opencti/connector-misp:1".to_owned(),
            fields: None,
            sensitive_equal: BTreeMap::new(),
            moved_image: None,
            refreshed: false,
        });
        self.observed.containers.sort_by(|a, b| a.instance.cmp(&b.instance));
        self
    }
}

/// The instance `a` as a platform lists it that has taken everything its manifest says.
fn listed(identity: &str) -> Listed {
    let clear = |key: &str, value: &str| (key.to_owned(), ListedValue::Clear(value.to_owned()));
    Listed {
        id: id(identity),
        name: "a".to_owned(),
        title: "a".to_owned(),
        image: "opencti/connector-misp:1".to_owned(),
        kind: None,
        hash: "h1".to_owned(),
        requested: Requested::Started,
        configuration: BTreeMap::from([
            clear("CONNECTOR_ID", identity),
            clear("CONNECTOR_NAME", "a"),
            clear("CONNECTOR_TYPE", "EXTERNAL_IMPORT"),
            clear("MISP_URL", "https://a.example.org"),
            clear("MISP_TAGS", ""),
            clear("MISP_COUNT", "10"),
            ("OPENCTI_TOKEN".to_owned(), ListedValue::Envelope("sealed:token".into())),
        ]),
    }
}

fn with(mut listed: Listed, key: &str, value: ListedValue) -> Listed {
    listed.configuration.insert(key.to_owned(), value);
    listed
}

fn clear(text: &str) -> ListedValue {
    ListedValue::Clear(text.to_owned())
}

fn actions(overlaid: &Overlaid) -> Vec<String> {
    let word = |step: &Step| format!("{} {}", step.instance, step.action.as_str());
    overlaid.steps.iter().map(word).collect()
}

fn fields(step: &Step) -> Vec<&str> {
    step.reasons.iter().map(|reason| reason.field.as_str()).collect()
}

fn work(step: &Step) -> &PlatformWork {
    let Work::AtPlatform(work) = &step.work else { panic!("{:?}", step.work) };
    &work.work
}

fn wanted<'a>(overlaid: &'a Overlaid, text: &str) -> &'a Wanted {
    &overlaid.desired.wanted[&name(text)]
}

fn token(wanted: &Wanted) -> &PlatformContent {
    let value = &wanted.env["OPENCTI_TOKEN"];
    let EnvValue::FromPlatform(PlatformSecret { content, .. }) = value else { panic!("{value:?}") };
    content
}

#[test]
fn a_new_instance_is_registered_first_and_awaits_its_token() {
    let overlaid = World::new().declare("a", "", "").overlay();
    assert_eq!(actions(&overlaid), ["a register"]);
    assert!(wanted(&overlaid, "a").awaits_platform());
    assert!(wanted(&overlaid, "a").open(&Openers::default()).is_err(), "no container can be made of it");
}

#[test]
fn an_instance_that_is_there_has_its_id_and_token() {
    let overlaid = World::new().declare("a", "", "").list(vec![listed(ID)]).overlay();
    let a = wanted(&overlaid, "a");
    assert_eq!(actions(&overlaid), Vec::<String>::new());
    assert_eq!(a.id, id(ID));
    assert_eq!(a.env["CONNECTOR_ID"], EnvValue::Plain(ID.to_owned()));
    assert_eq!(*token(a), PlatformContent::Envelope("sealed:token".into()));
    assert_eq!(overlaid.memory.instances[&(at(), name("a"))].id, id(ID));
    let again = World::new().declare("a", "", "").list(vec![listed(ID)]).overlay();
    assert_eq!(wanted(&again, "a").source_digest, a.source_digest);
}

#[test]
fn an_instance_is_found_by_its_label_before_its_name() {
    let moved = Listed { name: "other".to_owned(), title: "Other".to_owned(), ..listed(ID) };
    let world = World::new().declare("a", "", "").container("a", ID, "r").list(vec![moved, listed(OTHER)]);
    let overlaid = world.overlay();
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
    assert_eq!(actions(&overlaid), ["a edit"], "its title is put back");
    assert_eq!(overlaid.desired.wanted.len(), 2, "the other one is somebody's");
}

#[test]
fn a_name_that_has_another_contract_is_not_taken_over() {
    let other = Listed { image: "opencti/connector-mispx:1".to_owned(), ..listed(ID) };
    let overlaid = World::new().declare("a", "", "").list(vec![other]).overlay();
    assert_eq!(overlaid.desired.held[&name("a")].findings[0].code, Code::Platform);
    assert_eq!(actions(&overlaid), Vec::<String>::new());
    assert!(overlaid.desired.wanted.is_empty(), "it is not run as somebody else's either");
}

#[test]
fn what_was_changed_in_the_platform_is_put_back_and_said_to_be_drift() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let changed = with(with(listed(ID), "MISP_COUNT", clear("11")), "MISP_NOTE", clear("by hand"));
    let overlaid = world.list(vec![changed]).overlay();
    let step = &overlaid.steps[0];
    assert_eq!((step.action, fields(step)), (Action::Edit, vec!["env.MISP_COUNT", "env.MISP_NOTE"]));
    assert_eq!(step.reasons[0].cause, Cause::Drift);
    assert_eq!((step.reasons[0].before.as_deref(), step.reasons[0].after.as_deref()), (Some("11"), Some("10")));
    assert_eq!((step.reasons[1].before.as_deref(), step.reasons[1].after.as_deref()), (Some("by hand"), None));
    assert_eq!(wanted(&overlaid, "a").env["MISP_COUNT"], EnvValue::Plain("10".to_owned()), "the source wins");
}

#[test]
fn what_was_changed_in_the_source_is_said_to_be_of_the_manifest() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let overlaid = world.declare("a", "", "    MISP_COUNT: 12\n").overlay();
    let reason = &overlaid.steps[0].reasons[0];
    assert_eq!((reason.cause, reason.after.as_deref()), (Cause::Manifest, Some("12")));
    assert_eq!(reason.place.as_ref().map(|place| place.line), Some(8));
}

#[test]
fn a_secret_that_is_there_is_not_sent_again() {
    let world = World::new();
    let sealed = world.sealed("k3y-of-misp");
    let same = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp".into()));
    let world = world.declare("a", "", &sealed).list(vec![with(same.clone(), "MISP_COUNT", clear("3"))]);
    let overlaid = world.overlay();
    let PlatformWork::Edit { entry: Some(entry), .. } = work(&overlaid.steps[0]) else { panic!() };
    assert_eq!(fields(&overlaid.steps[0]), ["env.MISP_COUNT"]);
    assert_eq!(entry.kept, BTreeSet::from(["MISP_KEY".to_owned()]));

    let world = world.list(vec![same]).then();
    assert_eq!(actions(&world.overlay()), Vec::<String>::new());
    let other = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:by-hand".into()));
    let world = world.list(vec![other]);
    let overlaid = world.overlay();
    let PlatformWork::Edit { entry: Some(entry), .. } = work(&overlaid.steps[0]) else { panic!() };
    assert_eq!((fields(&overlaid.steps[0]), entry.kept.len()), (vec!["env.MISP_KEY"], 0));
    assert!(!format!("{:?}", overlaid.steps).contains("by-hand"));
    let shut = with(listed(ID), "MISP_KEY", ListedValue::Envelope("for another key".into()));
    assert_eq!(actions(&world.list(vec![shut]).overlay()), ["a edit"], "ours is put in its place");
}

#[test]
fn without_a_key_secrets_count_as_unchanged() {
    let world = World::new();
    let sealed = world.sealed("k3y-of-misp");
    let other = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:by-hand".into()));
    let mut world = world.declare("a", "", &sealed).list(vec![other]);
    world.openers = Openers::default();
    assert_eq!(actions(&world.overlay()), Vec::<String>::new());
}

#[test]
fn a_secret_sealed_anew_on_both_sides_is_the_same() {
    let world = World::new();
    let (one, two) = (world.sealed("k3y-of-misp"), world.sealed("k3y-of-misp"));
    let first = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp".into()));
    let world = world.declare("a", "", &one).list(vec![first]).then();
    let again = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp#2".into()));
    assert_eq!(actions(&world.declare("a", "", &two).list(vec![again]).overlay()), Vec::<String>::new());
}

#[test]
fn a_stop_in_the_platform_counts_until_the_manifest_says_something_else() {
    let stopped = Listed { requested: Requested::Stopped, ..listed(ID) };
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then().list(vec![stopped.clone()]).then();
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid).len()), (WantedState::Stopped, 0));
    let world = world.declare("a", "  state: stopped\n", "").then();
    assert_eq!(actions(&world.overlay()).len(), 0);
    let overlaid = world.declare("a", "  state: started\n", "").overlay();
    assert_eq!(actions(&overlaid), ["a edit"]);
    assert_eq!(overlaid.steps[0].reasons[0].cause, Cause::Manifest);
    assert_eq!(wanted(&overlaid, "a").state, WantedState::Started);
    assert!(matches!(
        work(&overlaid.steps[0]),
        PlatformWork::Edit { entry: None, state: Some(WantedState::Started), .. }
    ));
}

#[test]
fn a_stop_in_the_platform_is_put_back_where_the_settings_say_so() {
    let stopped = Listed { requested: Requested::Stopped, ..listed(ID) };
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then().list(vec![stopped]);
    world.site.control = UiControl::Override;
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid)), (WantedState::Started, vec!["a edit".to_owned()]));
    assert_eq!(overlaid.steps[0].reasons[0].cause, Cause::Drift);
}

#[test]
fn what_is_only_made_and_not_yet_started_was_stopped_by_nobody() {
    // The process ended between the two calls: the platform has it, in the state of one that people stopped.
    let stopped = Listed { requested: Requested::Stopped, ..listed(ID) };
    let world = World::new().declare("a", "", "").list(Vec::new()).then();
    assert_eq!(world.memory.begun.len(), 1);
    let world = world.list(vec![stopped.clone()]);
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid)), (WantedState::Started, vec!["a edit".to_owned()]));
    // Its start was asked for; from then on a stop is somebody's.
    let world = world.then().list(vec![listed(ID)]).then();
    assert!(world.memory.begun.is_empty());
    assert_eq!(wanted(&world.list(vec![stopped]).overlay(), "a").state, WantedState::Stopped);
}

#[test]
fn a_secret_that_only_the_former_key_opens_is_sent_again() {
    let world = World::new();
    let own = world.sealed("k3y-of-misp");
    let former = with(listed(ID), "MISP_KEY", ListedValue::Envelope("sealed:k3y-of-misp#former".into()));
    let overlaid = world.declare("a", "", &own).list(vec![former]).overlay();
    assert_eq!(actions(&overlaid), ["a edit"]);
    assert!(overlaid.steps[0].reasons[0].sensitive);
    let PlatformWork::Edit { entry: Some(entry), .. } = work(&overlaid.steps[0]) else { panic!("no edit") };
    assert!(entry.kept.is_empty());
}

#[test]
fn where_the_release_can_not_migrate_the_standalone_connector_is_held() {
    let mut world = World::new().declare("a", &format!("  id: {ID}\n"), "").list(Vec::new());
    let listing = world.site.listing.as_mut().unwrap();
    listing.standalone.insert(id(ID));
    assert_eq!(actions(&world.overlay()), ["a migrate"]);
    world.site.listing.as_mut().unwrap().standalone_stay = true;
    let overlaid = world.overlay();
    assert_eq!(actions(&overlaid), Vec::<String>::new());
    assert!(
        overlaid.desired.held.values().next().unwrap().findings[0].message.contains("can't make that a managed one")
    );
}

#[test]
fn an_unknown_word_changes_nothing() {
    let odd = Listed { requested: Requested::Unknown("odd".to_owned()), ..listed(ID) };
    let world = World::new().declare("a", "", "").list(vec![odd.clone()]);
    let overlaid = world.overlay();
    assert_eq!((wanted(&overlaid, "a").state, actions(&overlaid).len()), (WantedState::Stopped, 0));
    let overlaid = world.container("a", ID, "r").overlay();
    assert_eq!(wanted(&overlaid, "a").state, WantedState::Started);
}

#[test]
fn a_reset_of_its_state_asks_for_another_container_and_a_change_does_not() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let digest = wanted(&world.overlay(), "a").source_digest.clone();
    let changed = with(Listed { hash: "h2".to_owned(), ..listed(ID) }, "OPENCTI_TOKEN", clear("another"));
    let world = world.list(vec![changed.clone()]).then();
    assert_eq!(wanted(&world.overlay(), "a").source_digest, digest, "what was changed is told by its own");
    let world = world.list(vec![Listed { hash: "h3".to_owned(), ..changed }]).then();
    let reset = wanted(&world.overlay(), "a").clone();
    assert_ne!(reset.source_digest, digest);
    assert_eq!(wanted(&world.then().overlay(), "a").source_digest, reset.source_digest, "once");
}

#[test]
fn a_platform_that_is_away_holds_new_instances_and_no_others() {
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then().declare("b", "", "");
    world.site.listing = None;
    world.site.away = Some(super::Away { condition: Condition::Unreachable, why: "cut off".to_owned() });
    let overlaid = world.overlay();
    assert_eq!(overlaid.desired.held.keys().collect::<Vec<_>>(), [&name("b")]);
    assert!(overlaid.desired.findings[0].message.contains("cut off"));
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
    assert_eq!(*token(wanted(&overlaid, "a")), PlatformContent::Envelope("sealed:token".into()));
    assert_eq!(overlaid.memory, world.memory);
}

#[test]
fn what_a_platform_gave_a_container_stays_in_it_while_the_platform_is_away() {
    let given = with(with(listed(ID), "NO_PROXY", clear("a.example")), "HTTP_PROXY", clear("http://u:p@proxy:3128"));
    let mut world = World::new().declare("a", "", "").list(vec![given]);
    let there = world.overlay();
    world = world.then();
    world.site.listing = None;
    world.site.away = Some(Away { condition: Condition::Unreachable, why: "cut off".to_owned() });
    let away = world.overlay();
    let of = |overlaid: &Overlaid, key: &str| wanted(overlaid, "a").env[key].clone();
    assert_eq!(of(&away, "NO_PROXY"), of(&there, "NO_PROXY"));
    let EnvValue::FromPlatform(proxy) = of(&away, "HTTP_PROXY") else { panic!("a secret") };
    assert_eq!(proxy.content, PlatformContent::Unknown, "what may hold a password is not written down");
    assert!(!format!("{:?}", away.memory).contains("proxy:3128"));
}

#[test]
fn one_lost_line_of_a_listing_registers_nothing() {
    let mut world = World::new()
        .declare("a", "", "")
        .declare("b", "", "")
        .list(vec![listed(ID), other()])
        .then()
        .list(vec![other()]);
    let before = |world: &mut World, ids: &[&str]| {
        world.site.listing.as_mut().unwrap().before = Some(ids.iter().map(|text| id(text)).collect());
    };
    before(&mut world, &[ID, OTHER]);
    let overlaid = world.overlay();
    assert_eq!((actions(&overlaid).len(), wanted(&overlaid, "a").id), (0, id(ID)));
    before(&mut world, &[OTHER]);
    assert_eq!(actions(&world.overlay()), ["a register"], "gone from two listings");
    let mut world = world.list(vec![]);
    before(&mut world, &[]);
    assert_eq!(actions(&world.overlay()).len(), 0, "a platform that lists nothing at all is not believed");
    world.allow_empty = true;
    assert_eq!(actions(&world.overlay()), ["a register", "b register"]);
}

fn other() -> Listed {
    let other = Listed { name: "b".to_owned(), title: "b".to_owned(), ..listed(OTHER) };
    with(with(other, "CONNECTOR_NAME", clear("b")), "CONNECTOR_ID", clear(OTHER))
}

#[test]
fn instances_of_people_are_run_as_they_are() {
    let overlaid = World::new().declare("a", "", "").list(vec![listed(ID), other()]).overlay();
    let b = wanted(&overlaid, "b");
    assert_eq!((b.keeper(), b.id, b.state), (Some(Keeper::Platform), id(OTHER), WantedState::Started));
    assert_eq!(b.env["OPENCTI_URL"], EnvValue::Plain("http://opencti".to_owned()));
    assert_eq!(b.env["MISP_COUNT"], EnvValue::Plain("10".to_owned()));
    assert_eq!(b.container.networks, ["net"]);
    assert_eq!(actions(&overlaid).len(), 0);
    let mut world = World::new().list(vec![other()]);
    world.site.instances = UiInstances::Ignore;
    assert!(world.overlay().desired.wanted.is_empty());
}

#[test]
fn an_instance_of_people_keeps_its_name_when_it_is_renamed_there() {
    let renamed = Listed { name: "c".to_owned(), title: "C".to_owned(), ..other() };
    let overlaid = World::new().container("b", OTHER, "platform:opencti").list(vec![renamed]).overlay();
    assert_eq!(overlaid.desired.wanted.keys().collect::<Vec<_>>(), [&name("b")]);
}

#[test]
fn an_instance_of_people_never_has_the_name_of_a_manifest() {
    let same = Listed { name: "b".to_owned(), ..other() };
    let mine = Listed { name: "mine".to_owned(), title: "mine".to_owned(), ..listed(ID) };
    let world = World::new().declare("b", "", "    CONNECTOR_NAME: mine\n").list(vec![mine, same]);
    let overlaid = world.overlay();
    assert_eq!(wanted(&overlaid, "b").id, id(ID));
    assert_eq!(wanted(&overlaid, "b-5c1e0b0e").id, id(OTHER));
}

#[test]
fn an_instance_of_people_can_not_ask_for_everything() {
    let check = |listed: Listed, code: Code| {
        let overlaid = World::new().list(vec![listed]).overlay();
        assert_eq!(overlaid.desired.held[&name("b")].findings[0].code, code);
    };
    check(Listed { image: "evil/miner:1".to_owned(), ..other() }, Code::Policy);
    check(with(other(), "LD_PRELOAD", clear("/x")), Code::Policy);
    check(with(other(), "CONNECTOR_TYPE", clear("SOMETHING")), Code::Platform);
}

#[test]
fn a_failed_or_empty_listing_leaves_the_instances_of_people_as_they_are() {
    let world = || World::new().container("b", OTHER, "platform:opencti");
    let empty = world().overlay();
    assert_eq!(empty.desired.held.keys().collect::<Vec<_>>(), [&name("b")]);
    assert_eq!(empty.refused[0].guard, "empty listing");
    let mut failed = world();
    failed.site.listing = None;
    assert_eq!(failed.overlay().desired.held.len(), 1);
    let mut meant = world();
    meant.allow_empty = true;
    assert_eq!(meant.overlay().desired.held.len(), 0, "it is gone, and goes through the gate of all removals");
    let one_left = world().list(vec![listed(ID)]).overlay();
    assert!(!one_left.desired.held.contains_key(&name("b")) && !one_left.desired.wanted.contains_key(&name("b")));
}

#[test]
fn an_instance_whose_manifest_is_gone_is_nobodys_and_goes_with_its_container() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let mut world = world.container("a", ID, "r");
    world.files.clear();
    let overlaid = world.overlay();
    assert!(overlaid.desired.wanted.is_empty(), "it is not run as one of people's");
    assert_eq!(overlaid.gone.len(), 1);
    let mut plan = Plan::empty(Revision::Directory(String::new()));
    let rules = PruneRules { allow_empty: true, ..PruneRules::default() };
    let removals = |plan: &Plan, observed: &Observed, rules: &PruneRules| {
        super::removals(&overlaid.gone, plan, &overlaid.desired, observed, rules).len()
    };
    assert_eq!(removals(&plan, &world.observed, &rules), 0, "its container is only stopped");
    plan.steps.push(Step {
        instance: name("a"),
        action: Action::Destroy,
        reasons: Vec::new(),
        work: Work::Remove { containers: Vec::new() },
    });
    assert_eq!(removals(&plan, &world.observed, &rules), 1);
    plan.steps.clear();
    let nothing = Observed::default();
    assert_eq!(removals(&plan, &nothing, &rules), 1, "its container is gone already");
    assert_eq!(removals(&plan, &nothing, &PruneRules::default()), 0, "an empty source removes nothing");
    assert_eq!(removals(&plan, &nothing, &PruneRules { enabled: false, ..rules }), 0);
}

#[test]
fn a_connector_that_registered_itself_is_migrated_under_its_id() {
    let mut world = World::new().declare("a", "", "").list(vec![other()]).container("a", ID, "r");
    world.site.listing.as_mut().unwrap().standalone = BTreeSet::from([id(ID)]);
    let overlaid = world.overlay();
    assert_eq!(actions(&overlaid), ["a migrate"]);
    assert!(matches!(work(&overlaid.steps[0]), PlatformWork::Migrate { id: at, .. } if *at == id(ID)));
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
}

#[test]
fn an_instance_that_was_managed_keeps_its_id_when_it_registers_itself() {
    let mut world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    world.registration = Registration::Itself;
    let given = Given {
        observed: &world.observed,
        memory: &world.memory,
        context: &world.context(),
        openers: &world.openers,
        allow_empty: false,
    };
    let overlaid = overlay(world.desired(), &[], &given);
    assert_eq!(wanted(&overlaid, "a").id, id(ID));
    assert_eq!(wanted(&overlaid, "a").env["CONNECTOR_ID"], EnvValue::Plain(ID.to_owned()));
    assert_eq!(overlaid.memory, world.memory);
}

#[test]
fn what_is_put_back_is_no_reset() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]).then();
    let digest = wanted(&world.overlay(), "a").source_digest.clone();
    let changed = with(Listed { hash: "h2".to_owned(), ..listed(ID) }, "MISP_COUNT", clear("11"));
    let world = world.list(vec![changed]).then().list(vec![listed(ID)]).then();
    assert_eq!(wanted(&world.overlay(), "a").source_digest, digest);
}

#[test]
fn an_instance_under_another_name_waits_until_the_former_one_is_stopped() {
    let world = World::new().declare("a", "", "").list(vec![listed(ID)]);
    let running = world.container("b", ID, "platform:opencti");
    assert_eq!(running.overlay().desired.held[&name("a")].findings[0].code, Code::Platform);
    let mut stopped = running;
    stopped.observed.containers[0].state = ContainerState::Exited(0);
    assert_eq!(wanted(&stopped.overlay(), "a").id, id(ID));
}
