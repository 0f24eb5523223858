//! What settings mean.

use std::{path::Path, time::Duration};

use lockstep::{
    managed::{UiControl, UiInstances},
    model::{PlatformKind, Policy, PullPolicy, Registration},
    settings::{
        BindingSetting, CatalogSettings, GitAuth, Intervals, PruneSettings, SecretRef, Settings, SourceSettings, schema,
    },
};

use super::{LEAST, settings};

fn fixture(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn everything_that_is_left_out_has_its_default() {
    let settings = settings(LEAST).unwrap();
    assert_eq!(settings.owner.as_str(), "edge-1");
    let path = Path::new("/etc/lockstep/connectors").to_owned();
    assert_eq!(settings.source, SourceSettings::Directory { path, poll: None });
    assert!(settings.catalogs.is_empty() && settings.platforms.is_empty() && settings.secrets.identities.is_empty());
    assert_eq!(settings.secrets.binding, BindingSetting::Optional);
    assert_eq!(settings.policy, Policy::default());
    assert_eq!(settings.engine.host, "unix:///var/run/docker.sock");
    assert_eq!((settings.engine.network, settings.engine.concurrency), (None, None));
    assert_eq!(settings.engine.pull, PullPolicy::IfNotPresent);
    assert_eq!(settings.prune, PruneSettings::default());
    assert_eq!((settings.prune.max_percent, settings.prune.retain), (20, Duration::from_hours(24)));
    assert!(settings.prune.enabled && !settings.prune.allow_empty);
    assert_eq!(settings.state, Path::new("/var/lib/lockstep"));
    assert_eq!(settings.listen, None);
    assert_eq!(settings.intervals, Intervals::default());
}

#[test]
fn every_field_reaches_its_place() {
    let settings = Settings::load(&fixture("tests/fixtures/settings/full.yaml")).unwrap();
    let here = fixture("tests/fixtures/settings");
    let SourceSettings::Git(git) = &settings.source else { panic!("{:?}", settings.source) };
    assert_eq!((git.url.as_str(), git.reference.as_str()), ("https://git.example.org/cti/connectors.git", "main"));
    assert_eq!((git.path.as_str(), git.interval), ("connectors", Duration::from_secs(45)));
    assert_eq!(git.auth, GitAuth::Token { token: SecretRef::File(here.join("secrets/git-token")) });
    assert_eq!(git.ca.as_deref(), Some(Path::new("/etc/lockstep/ca.pem")));
    let [source, file, url, platform] = &settings.catalogs[..] else { panic!("{:?}", settings.catalogs) };
    assert_eq!(*source, CatalogSettings::Source { path: "catalog/opencti.json".to_owned() });
    assert_eq!(*file, CatalogSettings::File { path: here.join("openaev.json") });
    assert!(matches!(url, CatalogSettings::Url { sha256, ca: None, .. } if *sha256 == "0".repeat(64)));
    assert!(matches!(platform, CatalogSettings::Platform { name } if name.as_str() == "opencti"));
    assert_eq!(settings.secrets.identities, [Path::new("/etc/lockstep/age.key").to_owned(), here.join("old.key")]);
    assert_eq!(settings.secrets.binding, BindingSetting::Required);
    assert_eq!(settings.policy.images, ["opencti/*", "registry.example.org:5000/**"]);
    assert!(settings.policy.allows_bind("/srv/data/x") && settings.policy.allows("capAdd:NET_RAW"));
    let engine = &settings.engine;
    assert_eq!(
        (engine.host.as_str(), engine.network.as_deref()),
        ("unix:///run/podman/podman.sock", Some("opencti_default"))
    );
    assert_eq!((engine.pull, engine.concurrency), (PullPolicy::Always, Some(4)));
    assert_eq!(
        (engine.registries[0].host.as_str(), engine.registries[0].username.as_str()),
        ("registry.example.org:5000", "robot")
    );
    assert_eq!(engine.registries[0].password, SecretRef::Env("REGISTRY_PASSWORD".to_owned()));
    let platforms: Vec<_> = settings.platforms.iter().collect();
    let [(_, openaev), (name, opencti)] = &platforms[..] else { panic!("{platforms:?}") };
    assert_eq!(
        (name.as_str(), opencti.kind, opencti.registration),
        ("opencti", PlatformKind::OpenCti, Registration::Managed)
    );
    assert_eq!(opencti.url.as_str(), "http://opencti:8080/");
    assert_eq!(opencti.token, SecretRef::File("/run/secrets/token".into()));
    assert_eq!(opencti.connector_token, Some(SecretRef::Env("CONNECTOR_TOKEN".to_owned())));
    assert_eq!(opencti.connector_url.as_ref().unwrap().as_str(), "https://opencti.example.org/base");
    let manager = opencti.manager.as_ref().unwrap();
    assert_eq!((manager.name.as_str(), &manager.key), ("edge", &here.join("manager.pem")));
    assert_eq!(manager.id, "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11");
    assert_eq!((opencti.ui_control, opencti.ui_instances), (UiControl::Override, UiInstances::Ignore));
    assert_eq!((openaev.ui_control, openaev.ui_instances), (UiControl::Honour, UiInstances::Run));
    assert_eq!(opencti.proxy.as_ref().unwrap().port(), Some(3128));
    let proxies = opencti.connector_proxy.as_ref().unwrap();
    assert!(proxies.http.is_some() && proxies.https.is_some());
    assert_eq!(proxies.no, ["localhost", ".example.org"]);
    assert_eq!(opencti.ca, Some(here.join("ca.pem")));
    assert_eq!((openaev.kind, openaev.registration), (PlatformKind::OpenAev, Registration::Itself));
    assert!(openaev.manager.is_none() && openaev.tenant.is_some() && openaev.connector_token.is_none());
    let prune = &settings.prune;
    assert_eq!((prune.enabled, prune.allow_empty, prune.max_percent), (false, true, 100));
    assert_eq!(prune.retain, Duration::from_mins(90));
    assert_eq!(settings.state, here.join("state"));
    assert_eq!(settings.listen, Some("127.0.0.1:8085".parse().unwrap()));
    assert_eq!(settings.intervals, Intervals { pass: Duration::from_secs(30), heartbeat: Duration::from_mins(2) });
}

#[test]
fn git_repositories_are_reached_in_every_accepted_way() {
    let git = |fields: &str| {
        let text = LEAST.replace("{directory: connectors}", &format!("{{git: {{{fields}}}}}"));
        match settings(&text).map(|settings| settings.source) {
            Ok(SourceSettings::Git(git)) => git,
            other => panic!("{fields}: {other:?}"),
        }
    };
    let plain = git("url: https://git.example.org/x");
    assert_eq!((plain.reference.as_str(), plain.path.as_str(), plain.interval), ("main", "", Duration::from_secs(30)));
    assert_eq!(plain.auth, GitAuth::None);
    assert_eq!(git("url: ../repository").url, "/etc/lockstep/../repository");
    assert_eq!(git("url: /srv/git/x.git, path: ./a//b/").path, "a/b");
    for url in ["file:///srv/x.git", "http://127.0.0.1:8080/x", "http://localhost/x", "'http://[::1]:80/x'"] {
        git(&format!("url: {url}"));
    }
    let basic = git("url: https://h/x, auth: {username: u, password: {env: P}}");
    assert_eq!(basic.auth, GitAuth::Basic { username: "u".to_owned(), password: SecretRef::Env("P".to_owned()) });
    let ssh = git("url: ssh://git@h:2222/x, auth: {key: id, knownHosts: /k}, ref: v1.2/x");
    assert_eq!(ssh.auth, GitAuth::Ssh { key: "/etc/lockstep/id".into(), known_hosts: "/k".into() });
    assert_eq!(ssh.reference, "v1.2/x");
}

#[test]
fn others_are_listened_to_where_that_is_said() {
    let public = settings(&format!("{LEAST}listen: 0.0.0.0:80\nlistenPublic: true\n")).unwrap();
    assert_eq!(public.listen, Some("0.0.0.0:80".parse().unwrap()));
    assert!(settings(&format!("{LEAST}listen: '[::1]:80'\n")).unwrap().listen.is_some());
    let tcp = settings(&format!("{LEAST}engine: {{docker: {{host: tcp://127.0.0.1:2375}}}}\n")).unwrap();
    assert_eq!(tcp.engine.host, "tcp://127.0.0.1:2375");
    let polled = settings(&LEAST.replace("connectors}", "/c, poll: 5s}")).unwrap();
    assert_eq!(polled.source, SourceSettings::Directory { path: "/c".into(), poll: Some(Duration::from_secs(5)) });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the variable says that the file is to be written anew")]
fn the_schema_file_is_what_the_types_say() {
    let path = fixture("schemas/settings.schema.json");
    let derived = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("LOCKSTEP_UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &derived).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap();
    assert!(file == derived, "run this test with LOCKSTEP_UPDATE_SCHEMAS=1 and commit {}", path.display());
}

#[test]
fn the_schema_itself_accepts_and_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let value = |text: &str| serde_yaml::from_str::<serde_json::Value>(text).unwrap();
    let full = std::fs::read_to_string(fixture("tests/fixtures/settings/full.yaml")).unwrap();
    assert!(validator.is_valid(&value(&full)) && validator.is_valid(&value(LEAST)));
    for bad in
        [LEAST.replace("owner", "ower"), LEAST.replace("edge-1", "Edge"), format!("{LEAST}prune: {{maxPercent: 101}}")]
    {
        assert!(!validator.is_valid(&value(&bad)), "{bad}");
    }
}
