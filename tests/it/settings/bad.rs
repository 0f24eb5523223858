//! What settings are refused for, and where.

use insta::assert_snapshot;

use super::{LEAST, findings};

/// The least settings with a source of these git fields.
pub(super) fn git(fields: &str) -> String {
    findings(&LEAST.replace("source: {directory: connectors}", &format!("source:\n  git: {{{fields}}}")))
}

/// The least settings and more.
pub(super) fn and(more: &str) -> String {
    findings(&format!("{LEAST}{more}\n"))
}

/// The least settings with a platform of these fields besides kind, url and token.
fn platform(fields: &str) -> String {
    let platform = format!("platforms:\n  p: {{kind: opencti, url: 'http://p', token: {{env: T}}, {fields}}}");
    findings(&LEAST.replace("platforms: {}", &platform))
}

#[test]
fn empty_or_foreign_files() {
    assert_snapshot!(findings(""), @r"
    bad-yaml 1:1 the file is empty
        write one YAML document into it
    ");
    assert_snapshot!(findings("{}"), @r"
    missing-field 1:1 the document lacks `apiVersion`
        add `apiVersion`: the version of this format
    missing-field 1:1 the document lacks `kind`
        add `kind`: what this document is
    missing-field 1:1 the document lacks `owner`
        add `owner`: who we are on the engine: containers whose owner label says otherwise are not ours
    missing-field 1:1 the document lacks `platforms`
        add `platforms`: the platforms, by the names that manifests use; `{}` keeps status local
    missing-field 1:1 the document lacks `source`
        add `source`: where manifests come from: `git` or `directory`
    ");
    assert_snapshot!(findings("[]"), @r"
    wrong-type 1:1 `the document` is a list, must be a map
        write it as the reference shows
    ");
    assert_snapshot!(findings("apiVersion: v2\nkind: Config\nowner: Edge\nsource:\nplatforms: []\n"), @r"
    not-allowed 1:13 `apiVersion` has a value that is not allowed
        write `lockstep/v1`
    not-allowed 2:7 `kind` has a value that is not allowed
        write `Settings`
    bad-format 3:8 `owner` does not follow its format
        it must match `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
    wrong-type 4:1 `source` is empty, must be a map
        give it a value, or leave the field out
    wrong-type 5:12 `platforms` is a list, must be a map
        write it as the reference shows
    ");
    assert_snapshot!(findings(&format!("{LEAST}---\n{LEAST}")), @r"
    bad-yaml 7:1 the file holds more than one document
        keep one document in this file
    ");
    assert_snapshot!(and("owner: two"), @r"
    duplicate-key 6:1 the key `owner` stands here a second time
        keep one of the two; the other is on line 3
    ");
}

#[test]
fn unknown_fields_are_suggested() {
    assert_snapshot!(and("prun: {}\nsecrets: {identites: []}\nengine: {docker: {hosts: x}, swarm: {}}"), @r"
    unknown-field 6:1 there is no field `prun`
        did you mean `prune`?
    unknown-field 7:11 there is no field `secrets.identites`
        did you mean `identities`?
    unknown-field 8:19 there is no field `engine.docker.hosts`
        did you mean `host`?
    unknown-field 8:30 there is no field `engine.swarm`
        the fields here are `docker`
    ");
}

#[test]
fn variables_and_secrets_in_clear() {
    assert_snapshot!(and("state: /var/${NAME}/x\nsecrets: {identities: ['${A}', '${no name']}"), @r"
    bad-format 6:8 variables (`${…}`) are not replaced in the settings
        a secret is written `{env: NAME}` or `{file: PATH}`; write anything else out
    bad-format 7:24 variables (`${…}`) are not replaced in the settings
        a secret is written `{env: A}` or `{file: PATH}`; write anything else out
    bad-format 7:32 variables (`${…}`) are not replaced in the settings
        a secret is written `{env: NAME}` or `{file: PATH}`; write anything else out
    ");
    assert_snapshot!(platform("connectorToken: S33D, proxy: 'http://user:S33D@h'"), @r"
    plaintext-secret 6:72 `connectorToken` is a secret written in clear
        write `{file: PATH}` or `{env: NAME}`, and change the secret if it was shared
    plaintext-secret 6:85 `platforms.p.proxy` holds a password
        leave out what stands before `@`, and change the password if it was shared
    ");
    let text =
        LEAST.replace("platforms: {}", "platforms:\n  p: {kind: opencti, url: 'https://${H}', token: '${S33D}'}");
    assert_snapshot!(findings(&text), @r"
    bad-format 6:27 variables (`${…}`) are not replaced in the settings
        a secret is written `{env: H}` or `{file: PATH}`; write anything else out
    bad-format 6:50 variables (`${…}`) are not replaced in the settings
        a secret is written `{env: S33D}` or `{file: PATH}`; write anything else out
    ");
    assert_snapshot!(and("engine: {docker: {registries: [{host: h, username: u, password: 12345}]}}"), @r"
    plaintext-secret 6:65 `password` is a secret written in clear
        write `{file: PATH}` or `{env: NAME}`, and change the secret if it was shared
    ");
    assert_snapshot!(git("url: https://h/x, auth: {username: u, password: S33D}"), @r"
    plaintext-secret 5:57 `password` is a secret written in clear
        write `{file: PATH}` or `{env: NAME}`, and change the secret if it was shared
    ");
}

#[test]
fn policies() {
    assert_snapshot!(and("policy: {images: ['', 'a b'], bindRoots: [data, /a/../b], allow: [root, 'capAdd:', 'device:dev', 'hostNamespace:uts', 'x:y']}"), @r"
    bad-format 6:19 `policy.images[0]` is no pattern of images
        write opencti/*, say
    bad-format 6:23 `policy.images[1]` is no pattern of images
        write opencti/*, say
    bad-format 6:43 `policy.bindRoots[0]` must be an absolute path without `..`
        write /srv/data, say
    bad-format 6:49 `policy.bindRoots[1]` must be an absolute path without `..`
        write /srv/data, say
    not-allowed 6:67 `policy.allow[0]` is no permission
        allowed are `privileged`, `capAdd:NAME`, `device:/dev/NAME`, `hostNamespace:network`, `hostNamespace:pid`, `hostNamespace:ipc`
    not-allowed 6:73 `policy.allow[1]` is no permission
        allowed are `privileged`, `capAdd:NAME`, `device:/dev/NAME`, `hostNamespace:network`, `hostNamespace:pid`, `hostNamespace:ipc`
    not-allowed 6:84 `policy.allow[2]` is no permission
        allowed are `privileged`, `capAdd:NAME`, `device:/dev/NAME`, `hostNamespace:network`, `hostNamespace:pid`, `hostNamespace:ipc`
    not-allowed 6:98 `policy.allow[3]` is no permission
        allowed are `privileged`, `capAdd:NAME`, `device:/dev/NAME`, `hostNamespace:network`, `hostNamespace:pid`, `hostNamespace:ipc`
    not-allowed 6:119 `policy.allow[4]` is no permission
        allowed are `privileged`, `capAdd:NAME`, `device:/dev/NAME`, `hostNamespace:network`, `hostNamespace:pid`, `hostNamespace:ipc`
    ");
}

#[test]
fn engines() {
    for host in [
        "/var/run/docker.sock",
        "unix://docker.sock",
        "tcp://10.0.0.1:2375",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:1/x",
        "https://h",
    ] {
        let found = and(&format!("engine: {{docker: {{host: '{host}'}}}}"));
        assert!(found.starts_with("bad-format 6:25 `engine.docker.host` "), "{host}: {found}");
    }
    assert_snapshot!(and("engine: {docker: {pull: always, concurrency: 0, network: ''}}"), @r"
    not-allowed 6:25 `engine.docker.pull` has a value that is not allowed
        did you mean `Always`? allowed are `IfNotPresent`, `Always`, `Never`
    out-of-range 6:46 `engine.docker.concurrency` is out of its range
        it must be at least 1
    out-of-range 6:58 `engine.docker.network` has 0 characters
        it must have at least 1 characters
    ");
    assert_snapshot!(and("engine:\n  docker:\n    registries:\n      - {host: R.example, username: a, password: {env: A}}\n      - {host: r.example, username: '', password: {}}\n      - {host: 'https://r'}"), @r"
    duplicate-key 10:16 `engine.docker.registries[1].host` names a host that was named before
        keep one entry for each host
    out-of-range 10:37 `engine.docker.registries[1].username` has 0 characters
        it must have at least 1 characters
    missing-field 10:51 `engine.docker.registries[1].password` names no secret
        write `{file: PATH}` or `{env: NAME}`
    missing-field 11:9 `engine.docker.registries[2]` lacks `password`
        add `password`: the password or token
    missing-field 11:9 `engine.docker.registries[2]` lacks `username`
        add `username`: the user
    bad-format 11:16 `engine.docker.registries[2].host` does not follow its format
        it must match `^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`
    ");
}

#[test]
fn platforms() {
    assert_snapshot!(findings(&LEAST.replace("platforms: {}", "platforms:\n  P: {kind: misp, registration: both}")), @r"
    missing-field 6:6 `platforms.P` lacks `token`
        add `token`: the token that Lockstep uses
    missing-field 6:6 `platforms.P` lacks `url`
        add `url`: where Lockstep reaches it
    bad-name 6:6 `platforms.P` must be 1 to 63 characters of a-z, 0-9 and `-`, and start and end with a letter or digit
        choose another name, such as `opencti`
    not-allowed 6:13 `platforms.P.kind` has a value that is not allowed
        allowed are `opencti`, `openaev`
    not-allowed 6:33 `platforms.P.registration` has a value that is not allowed
        allowed are `self`, `managed`
    ");
    assert_snapshot!(findings(&LEAST.replace("platforms: {}\n", "")), @r"
    missing-field 1:1 the document lacks `platforms`
        add `platforms`: the platforms, by the names that manifests use; `{}` keeps status local
    ");
    assert_snapshot!(platform("registration: managed"), @r"
    missing-field 6:6 `platforms.p` lacks `manager`, which `registration: managed` needs
        add `manager: {id: ID, name: NAME, key: FILE}`
    ");
    assert_snapshot!(platform("manager: {id: 1, name: '', key: k}"), @r"
    not-allowed 6:65 `platforms.p.manager` is for `registration: managed`
        leave it out, or write `registration: managed`
    wrong-type 6:70 `platforms.p.manager.id` is a number, must be a text
        put the value in quotes
    out-of-range 6:79 `platforms.p.manager.name` has 0 characters
        it must have at least 2 characters
    ");
    assert_snapshot!(platform("uiControl: honour, uiInstances: ignore"), @r"
    not-allowed 6:67 `platforms.p.uiControl` is for `registration: managed`
        leave it out, or write `registration: managed`
    not-allowed 6:88 `platforms.p.uiInstances` is for `registration: managed`
        leave it out, or write `registration: managed`
    ");
    assert_snapshot!(platform("registration: managed, manager: {id: ' x', key: ''}"), @r"
    missing-field 6:88 `platforms.p.manager` lacks `name`
        add `name`: its name, which the platform shows
    bad-id 6:93 `platforms.p.manager.id` is not an id
        write 1 to 200 characters that can be seen: the id that the platform's manager has, or a new UUID
    bad-format 6:104 `platforms.p.manager.key` is not a path
        write the path of a file or directory
    ");
    assert_snapshot!(platform("proxy: 'socks5://h', connectorUrl: 'https://u@h', connectorProxy: {http: 'h:1', no: ['a,b']}, tenant: x"), @r"
    bad-format 6:63 `platforms.p.proxy` is not an http or https address
        begin it with https:// or http://
    bad-format 6:91 `platforms.p.connectorUrl` holds a user's name
        leave out what stands before `@`
    bad-format 6:129 `platforms.p.connectorProxy.http` is not an http or https address
        begin it with https:// or http://
    bad-format 6:141 `platforms.p.connectorProxy.no[0]` is not one host
        write each host as an item of its own
    not-allowed 6:158 `platforms.p.tenant` is for OpenAEV
        leave it out; OpenCTI has no tenants
    ");
    let openaev = LEAST
        .replace("platforms: {}", "platforms:\n  p: {kind: openaev, url: 'https://h/?a', token: {env: A}, tenant: x}");
    assert_snapshot!(findings(&openaev), @r"
    bad-format 6:27 `platforms.p.url` has a query or fragment
        leave out what follows `?` or `#`
    bad-id 6:68 `platforms.p.tenant` is not a UUID
        write 32 hexadecimal digits in lower case, with hyphens
    ");
}

#[test]
fn the_rest() {
    assert_snapshot!(and("prune: {maxPercent: 101, retain: 1, enabled: yes, allowEmpty: 'true'}"), @r"
    out-of-range 6:21 `prune.maxPercent` is out of its range
        it must be at most 100
    wrong-type 6:34 `prune.retain` is a number, must be a text
        put the value in quotes
    wrong-type 6:46 `prune.enabled` is a word that some tools read as a boolean
        write `true` or `false`
    wrong-type 6:63 `prune.allowEmpty` is a text, must be a boolean
        write it without quotes
    ");
    assert_snapshot!(and("listen: 0.0.0.0:80\nintervals: {pass: 2h, heartbeat: 5m}"), @r"
    policy 6:9 `listen` is an address that others can reach
        listen at 127.0.0.1 behind a proxy that asks who is there, or add `listenPublic: true`
    out-of-range 7:19 `intervals.pass` is out of its range
        it must be 1 s to 3600 s
    out-of-range 7:34 `intervals.heartbeat` is out of its range
        it must be 1 s to 240 s
    ");
    assert_snapshot!(and("listen: localhost:80\nstate: ''"), @r"
    bad-format 6:9 `listen` is not an IP address and port
        write 127.0.0.1:8085, say
    bad-format 7:8 `state` is not a path
        write the path of a file or directory
    ");
}

#[test]
fn everything_is_found_at_once() {
    let text = "kind: Settings\nowner: a_b\nsource: {git: {url: git@h:x, intervall: 1s, ref: -a}}\n\
                catalogs: [{file: a, source: b}]\nplatforms:\n  p: {kind: opencti, url: ftp://h, token: S33D}\n\
                prune: {maxPercent: 1000}\nlisten: 1.2.3.4:5\n";
    assert_snapshot!(findings(text), @r"
    missing-field 1:1 the document lacks `apiVersion`
        add `apiVersion`: the version of this format
    bad-format 2:8 `owner` does not follow its format
        it must match `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
    bad-format 3:21 `source.git.url` is in the short form of SSH
        write ssh://USER@HOST/PATH
    unknown-field 3:30 there is no field `source.git.intervall`
        did you mean `interval`?
    bad-format 3:50 `source.git.ref` is no name of a revision
        write a branch, a tag or a commit
    not-allowed 4:12 `catalogs[0]` names no catalog, or several
        write one of `source`, `file`, `url`, `platform`
    bad-format 6:27 `platforms.p.url` is not an http or https address
        begin it with https:// or http://
    plaintext-secret 6:43 `token` is a secret written in clear
        write `{file: PATH}` or `{env: NAME}`, and change the secret if it was shared
    out-of-range 7:21 `prune.maxPercent` is out of its range
        it must be at most 100
    policy 8:9 `listen` is an address that others can reach
        listen at 127.0.0.1 behind a proxy that asks who is there, or add `listenPublic: true`
    ");
}

proptest::proptest! {
    /// Whatever replaces a piece of good settings, reading them ends, with settings or with findings that have help.
    #[test]
    fn any_change_is_read_or_refused(at in 0_usize..1500, length in 0_usize..30, text in "[ -~\n]{0,12}") {
        let good = include_str!("../../fixtures/settings/full.yaml");
        let (from, to) = (at.min(good.len()), (at + length).min(good.len()));
        let changed = format!("{}{text}{}", &good[..from], &good[to..]);
        if let Err(findings) = super::settings(&changed) {
            proptest::prop_assert!(!findings.is_empty());
            for finding in findings {
                proptest::prop_assert!(finding.help.is_some(), "{:?}", finding);
                proptest::prop_assert!(!finding.message.contains("can't be read"), "{:?}", finding);
            }
        }
    }
}
