//! Catalogs with several versions of a contract, and which one an instance gets.

use std::{collections::BTreeMap, sync::Arc};

use lockstep::{
    catalog::{Catalog, Catalogs, Doubt, Fit, For},
    desired::{self, Context, DesiredState, PlatformFacts},
    manifest,
    model::{PlatformKind, PlatformName, Policy, PullPolicy, Registration, Revision, Snapshot, SourceFile},
};
use serde_json::{Value, json};

use super::support::slug;

fn version(version: &str, min: Option<&str>, max: Option<&str>, keys: &Value) -> Value {
    json!({
        "id": format!("feed-{version}"), "slug": "feed", "title": "Feed", "version": version, "min_version": min,
        "max_version": max, "image_name": "example/feed", "image_type": "EXTERNAL_IMPORT", "platform": "OpenCTI",
        "integration_type": "connector", "manager_supported": true, "verified": null,
        "additional_properties": {"playbook_supported": true, "max_confidence_level": 80},
        "config_schema": {"type": "object", "properties": keys, "required": []},
    })
}

fn catalog(contracts: &[Value]) -> Catalog {
    let text = json!({
        "id": "x", "name": "X", "manifest_schema_version": "1", "manifest_version": "42", "product_version": "7.2.0",
        "contracts": contracts,
    });
    Catalog::read("v1.json", text.to_string().as_bytes()).unwrap()
}

fn several() -> Catalog {
    catalog(&[
        version("6.9.0", Some("6.0.0"), Some("6.999.0"), &json!({"OLD_NAME": {"type": "string"}})),
        version("7.10.0", Some("7.10.0"), None, &json!({"NEW_NAME": {"type": "string"}})),
        version("7.9.0", Some("7.0"), None, &json!({"FEED_NAME": {"type": "string"}})),
    ])
}

fn platform() -> PlatformName {
    PlatformName::try_from("opencti").unwrap()
}

fn catalogs(catalog: Catalog, platform_version: Option<&str>) -> Catalogs {
    let versions = platform_version.map(|version| (platform(), version.to_owned()));
    Catalogs::published(vec![(Arc::new(catalog), None)], versions.into_iter().collect())
}

#[test]
fn every_version_of_a_contract_is_read() {
    let catalog = several();
    assert_eq!((catalog.version(), catalog.contracts().len()), (Some("42"), 3));
    let versions: Vec<_> = catalog.versions(&slug("feed")).iter().filter_map(|one| one.version.as_deref()).collect();
    assert_eq!(versions, ["7.10.0", "7.9.0", "6.9.0"]);
    let newest = catalog.contract(&slug("feed")).unwrap();
    assert_eq!(newest.version.as_deref(), Some("7.10.0"));
    assert_eq!(newest.image.as_deref(), Some("example/feed"));
    assert_eq!(newest.platform(), Some(PlatformKind::OpenCti));
    assert!(newest.manager_supported && newest.playbook_supported && !newest.verified);
    assert_eq!(newest.support.fits("7.9.9"), Fit::Outside);
    assert!(catalog.versions(&slug("other")).is_empty());
    let catalogs = catalogs(catalog, None);
    assert_eq!(catalogs.contracts().count(), 1, "each contract is listed once");
}

#[test]
fn what_is_not_whole_is_refused() {
    let fails = |contracts: Value| {
        let text = json!({"manifest_schema_version": "1", "contracts": contracts}).to_string();
        Catalog::read("v1.json", text.as_bytes()).unwrap_err().to_string()
    };
    let twice = [version("1.0.0", None, None, &json!({})), version("1.0.0", None, None, &json!({}))];
    assert_eq!(fails(json!(twice)), "catalog `v1.json` has version `1.0.0` of contract `feed` twice");
    assert!(fails(json!([{"slug": "feed"}])).contains("missing field `version`"));
    assert!(fails(json!([version("1.0.0", None, None, &json!({"A B": {}}))])).contains("`A B` can't be the name"));
    let text = json!({"manifest_schema_version": 7, "contracts": []}).to_string();
    assert!(Catalog::read("v", text.as_bytes()).unwrap_err().to_string().contains("does not read"));
}

#[test]
fn the_newest_version_that_works_with_the_platform_is_taken() {
    let check = |platform_version: Option<&str>, asked: Option<&str>, expected: &str, doubtful: bool| {
        let catalogs = catalogs(several(), platform_version);
        let name = platform();
        let asker = For { platform: Some(&name), version: asked, ..For::default() };
        let chosen = catalogs.choose(&slug("feed"), asker).unwrap();
        let case = format!("{platform_version:?} {asked:?}");
        assert_eq!(chosen.contract.version.as_deref(), Some(expected), "{case}");
        assert_eq!(chosen.doubt.is_some(), doubtful, "{case}: {:?}", chosen.doubt);
    };
    check(None, None, "7.10.0", false);
    check(Some("7.260901.0"), None, "7.10.0", false);
    check(Some("7.9.1-rc2"), None, "7.9.0", false);
    check(Some("6.8.0"), None, "6.9.0", false);
    check(Some("7.9.1"), Some("6.9.0"), "6.9.0", true);
    check(None, Some("6.9.0"), "6.9.0", false);
    check(Some("7.9.1"), Some("7.8.5"), "7.9.0", true);
    check(Some("5.0.0"), None, "7.10.0", true);
}

#[test]
fn every_version_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let contracts = [
        version("6.9.0", Some("6.0.0"), Some("6.999.0"), &json!({"OLD_NAME": {"type": "string"}})),
        version("7.10.0", Some("7.10.0"), None, &json!({"NEW_NAME": {"type": "string"}})),
    ];
    let text = json!({"manifest_schema_version": "1", "contracts": contracts}).to_string();
    std::fs::write(folder.path().join("v1.json"), text).unwrap();
    let show = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.env_clear().current_dir(folder.path()).args(["catalog", "show", "--catalog", "v1.json", "feed"]);
        let output = command.args(words).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, newest) = show(&[]);
    assert_eq!(code, 0, "{newest}");
    assert!(newest.contains("image    example/feed:7.10.0") && newest.contains("NEW_NAME"), "{newest}");
    let listed = "versions 7.10.0       platform 7.10.0 or newer\n         6.9.0        platform 6.0.0 to 6.999.0\n";
    assert!(newest.contains(listed), "{newest}");
    let (code, old) = show(&["--version", "6.9.0"]);
    assert_eq!(code, 0, "{old}");
    assert!(old.contains("image    example/feed:6.9.0") && old.contains("OLD_NAME") && old.contains(listed), "{old}");
    assert!(!old.contains("NEW_NAME"), "{old}");
    let (code, none) = show(&["--version", "6.9.1"]);
    assert_eq!(code, 64, "{none}");
    assert!(none.contains("no version `6.9.1` of contract `feed`") && none.contains("it has 7.10.0, 6.9.0"), "{none}");
    let json: Value = serde_json::from_str(&show(&["--version", "6.9.0", "--format", "json"]).1).unwrap();
    assert_eq!(json["version"], "6.9.0");
    assert_eq!(json["versions"][0], json!({"version": "7.10.0", "worksWith": "7.10.0 or newer"}));
}

#[test]
fn rolling_ranks_highest() {
    let rolling = version("rolling", None, None, &json!({}));
    let catalogs = catalogs(catalog(&[version("99.0.0", None, None, &json!({})), rolling]), Some("7.1.0"));
    assert_eq!(catalogs.find(&slug("feed"), None).unwrap().version.as_deref(), Some("rolling"));
}

#[test]
fn an_own_image_is_ones_own_affair() {
    let catalogs = catalogs(several(), Some("5.0.0"));
    let name = platform();
    let asker = For { platform: Some(&name), own_image: true, ..For::default() };
    assert_eq!(catalogs.choose(&slug("feed"), asker).unwrap().doubt, None);
}

#[test]
fn an_instance_uses_what_its_own_platform_publishes() {
    let of = |title: &str| {
        let text = json!({"contracts": [{"slug": "feed", "title": title, "container_type": "STREAM"}]}).to_string();
        Arc::new(Catalog::read(title, text.as_bytes()).unwrap())
    };
    let name = |text: &str| PlatformName::try_from(text).unwrap();
    let both = vec![(of("one"), Some(name("one"))), (of("two"), Some(name("two")))];
    let catalogs = Catalogs::published(both, BTreeMap::new());
    for platform in ["one", "two"] {
        let asked = name(platform);
        let asker = For { platform: Some(&asked), ..For::default() };
        assert_eq!(catalogs.choose(&slug("feed"), asker).unwrap().contract.title, platform);
    }
}

/// What one manifest makes of a catalog at a platform of a version.
fn assembled(catalog: Catalog, platform_version: &str, spec: &str) -> DesiredState {
    let text = format!(
        "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: a}}\nspec:\n  contract: feed\n{spec}"
    );
    let file = SourceFile { path: "a.yaml".into(), content: text.into_bytes().into() };
    let snapshot = Snapshot { revision: Revision::Directory("x".to_owned()), files: vec![file] };
    let facts = PlatformFacts {
        kind: PlatformKind::OpenCti,
        registration: Registration::Itself,
        connector_url: "http://opencti:8080".to_owned(),
        has_connector_token: true,
        env: BTreeMap::new(),
        secret_env: std::collections::BTreeSet::new(),
        ca: None,
        tenant: None,
    };
    let context = Context {
        platforms: BTreeMap::from([(platform(), facts)]),
        any_platform: false,
        policy: Policy { images: vec!["example/*".to_owned()], ..Policy::default() },
        network: None,
        pull: PullPolicy::IfNotPresent,
    };
    desired::assemble(manifest::read(&snapshot), &snapshot, &catalogs(catalog, Some(platform_version)), &context)
}

fn told(state: &DesiredState) -> Vec<String> {
    let line = |finding: &lockstep::model::Finding| {
        format!("{} {} {}: {}", finding.severity.as_str(), finding.code, finding.place, finding.message)
    };
    state.findings.iter().map(line).collect()
}

#[test]
fn the_image_of_the_chosen_version_is_deployed() {
    let state = assembled(several(), "7.9.5", "  config: {FEED_NAME: x}\n");
    assert_eq!(told(&state), Vec::<String>::new());
    assert_eq!(state.wanted.values().next().unwrap().image, "example/feed:7.9.0");
}

#[test]
fn no_version_for_the_platform_holds_the_instance_and_names_what_there_is() {
    let state = assembled(several(), "5.12.0", "  config: {}\n");
    assert_eq!(
        told(&state),
        [
            "error not-deployable a.yaml:5:13: no version of contract `feed` works with the platform's version 5.12.0; the \
          catalog has 7.10.0 (for 7.10.0 or newer), 7.9.0 (for 7.0 or newer), 6.9.0 (for 6.0.0 to 6.999.0)"
        ]
    );
    assert!(state.wanted.is_empty() && state.held.len() == 1);
}

#[test]
fn a_version_that_was_asked_for_is_held_to_the_platform() {
    let state = assembled(several(), "7.9.5", "  version: 6.9.0\n  config: {OLD_NAME: x}\n");
    assert_eq!(
        told(&state),
        [
            "error not-deployable a.yaml:6:12: version 6.9.0 of contract `feed` is for 6.0.0 to 6.999.0, and the platform's \
          version is 7.9.5"
        ]
    );
    let state = assembled(several(), "7.9.5", "  version: 7.8.5\n  config: {FEED_NAME: x}\n");
    assert_eq!(
        told(&state),
        ["warning not-deployable a.yaml:6:12: the catalog has no version 7.8.5 of contract `feed`"]
    );
    assert_eq!(state.wanted.values().next().unwrap().image, "example/feed:7.8.5");
}

#[test]
fn todays_support_version_is_a_warning() {
    let today = |support: &str| {
        let text = json!({"contracts": [{
            "slug": "feed", "container_type": "EXTERNAL_IMPORT", "container_image": "example/feed",
            "container_version": "1.0", "support_version": support,
        }]});
        Catalog::read("today.json", text.to_string().as_bytes()).unwrap()
    };
    assert_eq!(told(&assembled(today(">= 7.1.0"), "7.1.0", "")), Vec::<String>::new());
    assert_eq!(told(&assembled(today(""), "7.1.0", "")), Vec::<String>::new());
    let state = assembled(today(">= 7.1.0"), "7.0.9", "");
    assert_eq!(
        told(&state),
        ["warning not-deployable a.yaml:5:13: contract `feed` is for >= 7.1.0, and the platform's version is 7.0.9"]
    );
    assert_eq!(state.wanted.len(), 1, "a warning holds nothing");
    assert_eq!(told(&assembled(today(">= 7.1.0"), "7.0.9", "  version: 0.9.0\n")), Vec::<String>::new());
    let unclear = assembled(today("the newest"), "7.0.9", "");
    assert!(told(&unclear)[0].contains("is not clear: its catalog says `the newest`"), "{:?}", told(&unclear));
    let doubt = Doubt::Outside { support: ">= 7\u{1b}".to_owned(), platform: "7\n".to_owned() };
    let finding = doubt.finding("feed", &super::support::at(1, 1), None);
    assert!(!finding.message.contains(['\u{1b}', '\n']), "{}", finding.message);
}
