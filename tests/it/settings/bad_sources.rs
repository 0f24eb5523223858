//! What sources and catalogs of the settings are refused for, and where.

use insta::assert_snapshot;

use super::{
    LEAST,
    bad::{and, git},
    findings,
};

#[test]
fn sources() {
    assert_snapshot!(findings(&LEAST.replace("{directory: connectors}", "{}")), @r"
    missing-field 4:9 `source` has neither `git` nor `directory`
        add `git: {url: …}` or `directory: PATH`
    ");
    assert_snapshot!(findings(&LEAST.replace("{directory: connectors}", "{directory: a, git: {url: /b}, poll: 5s}")), @r"
    not-allowed 4:9 `source` has both `git` and `directory`
        keep one of the two
    not-allowed 4:46 `source.poll` is for `directory`
        set `source.git.interval`
    ");
    assert_snapshot!(findings(&LEAST.replace("{directory: connectors}", "{directory: '', poll: 0s}")), @r"
    bad-format 4:21 `source.directory` is not a path
        write the path of a file or directory
    out-of-range 4:31 `source.poll` is out of its range
        it must be 1 s to 86400 s
    ");
    assert_snapshot!(findings(&LEAST.replace("{directory: connectors}", "{directory: [a]}")), @r"
    wrong-type 4:21 `source.directory` is a list, must be a text
        write it as the reference shows
    ");
}

#[test]
fn git_urls() {
    assert_snapshot!(git("ref: main"), @r"
    missing-field 5:8 `source.git` lacks `url`
        add `url`: its URL: `https://`, `ssh://`, `file://`, `http://` to a loopback address, or a path
    ");
    for url in [
        "https://user@h/x",
        "https://user:S33D@h/x",
        "http://h/x",
        "http://10.0.0.1/x",
        "git://h/x",
        "ext::sh -c S33D",
        "ext::S33D",
        "git@h:x",
        "-oProxyCommand=S33D",
        "--upload-pack=S33D",
        "'https://h/x?token=S33D'",
        "https://",
        "''",
        "ssh://-oProxyCommand=S33D/x",
        "ssh://git:S33D@h/x",
        "ssh://-x@h/x",
        "file://h/x",
        "'a b'",
    ] {
        let found = git(&format!("url: {url}, auth: {{token: {{env: A}}}}"));
        assert!(
            found.starts_with("bad-format 5:14 `source.git.url`") || found.starts_with("plaintext-secret 5:14"),
            "{url}: {found}"
        );
        assert!(!found.contains("S33D") && !found.contains("NO HELP"), "{url}: {found}");
        assert_eq!(found.lines().count(), 2, "{url}: {found}");
    }
    assert_snapshot!(git("url: git@h:x"), @r"
    bad-format 5:14 `source.git.url` is in the short form of SSH
        write ssh://USER@HOST/PATH
    ");
    assert_snapshot!(git("url: http://h/x"), @r"
    bad-format 5:14 `source.git.url` is plain http, which anybody on the way can change
        use https://
    ");
    assert_snapshot!(git("url: -x"), @r"
    bad-format 5:14 `source.git.url` begins with `-`, which git could take for an option
        write the URL or path itself
    ");
}

#[test]
fn git_fields() {
    assert_snapshot!(git("url: /x, ref: -x, path: ../y, interval: 1w, ca: ''"), @r"
    bad-format 5:23 `source.git.ref` is no name of a revision
        write a branch, a tag or a commit
    bad-format 5:33 `source.git.path` must be a relative path without `..`
        write it from the root of the source, without a `/` before it
    bad-format 5:49 `source.git.interval` does not follow its format
        write it like `30s`
    bad-format 5:57 `source.git.ca` is not a path
        write the path of a file or directory
    ");
    for reference in ["''", "a..b", "a b", "a^", "'a:b'", "a.lock", "/a", "a/", "'@{u}'", "a."] {
        assert!(git(&format!("url: /x, ref: {reference}")).starts_with("bad-format 5:"), "{reference}");
    }
    assert_snapshot!(git("url: /x, interval: 0s"), @r"
    out-of-range 5:28 `source.git.interval` is out of its range
        it must be 1 s to 86400 s
    ");
    assert_snapshot!(git("url: ssh://git@h/x"), @r"
    missing-field 5:8 `source.git` lacks `auth`, which ssh:// needs
        add `auth: {key: FILE, knownHosts: FILE}`
    ");
    assert_snapshot!(git("url: ssh://git@h/x, auth: {token: {env: A}}"), @r"
    not-allowed 5:35 `source.git.auth` does not go with the scheme of `url`
        `token`, `username` and `password` are for https://; `key` and `knownHosts` are for ssh://
    ");
    assert_snapshot!(git("url: https://h/x, auth: {key: a, knownHosts: b}"), @r"
    not-allowed 5:33 `source.git.auth` does not go with the scheme of `url`
        `token`, `username` and `password` are for https://; `key` and `knownHosts` are for ssh://
    ");
    assert_snapshot!(git("url: /x, auth: {token: {env: A}}"), @r"
    not-allowed 5:24 `source.git.auth` does not go with the scheme of `url`
        `token`, `username` and `password` are for https://; `key` and `knownHosts` are for ssh://
    ");
    assert_snapshot!(git("url: ssh://h/x, auth: {key: a}"), @r"
    not-allowed 5:31 `source.git.auth` is no whole way to authenticate, or several
        write `{token: …}`, `{username: …, password: …}` or `{key: FILE, knownHosts: FILE}`
    ");
    assert_snapshot!(git("url: https://h/x, auth: {username: a}"), @r"
    not-allowed 5:33 `source.git.auth` is no whole way to authenticate, or several
        write `{token: …}`, `{username: …, password: …}` or `{key: FILE, knownHosts: FILE}`
    ");
    assert_snapshot!(git("url: https://h/x, auth: {token: {file: a, env: B}}"), @r"
    not-allowed 5:41 `source.git.auth.token` has both `file` and `env`
        keep one of the two
    ");
    assert_snapshot!(git("url: https://h/x, auth: {token: {}}"), @r"
    missing-field 5:41 `source.git.auth.token` names no secret
        write `{file: PATH}` or `{env: NAME}`
    ");
    assert_snapshot!(git("url: https://h/x, auth: {token: {env: A=B}}"), @r"
    bad-format 5:47 `source.git.auth.token.env` does not follow its format
        it must match `^[A-Za-z_][A-Za-z0-9_]*$`
    ");
}

#[test]
fn catalogs() {
    assert_snapshot!(and("catalogs: [{}, {source: a, file: b}, {source: ../a}, {source: .}, {file: ''}, {platform: gone}]"), @r"
    not-allowed 6:12 `catalogs[0]` names no catalog, or several
        write one of `source`, `file`, `url`, `platform`
    not-allowed 6:16 `catalogs[1]` names no catalog, or several
        write one of `source`, `file`, `url`, `platform`
    bad-format 6:47 `catalogs[2].source` must be a relative path without `..`
        write it from the root of the source, without a `/` before it
    bad-format 6:63 `catalogs[3].source` names no file
        write catalog/opencti.json, say
    bad-format 6:74 `catalogs[4].file` is not a path
        write the path of a file or directory
    ");
    assert_snapshot!(and("catalogs: [{url: 'https://h/x'}, {url: 'http://h/x', sha256: abc}, {file: a, ca: b}]"), @r"
    missing-field 6:12 `catalogs[0]` lacks `sha256`, which `url` needs
        add the SHA-256 of the file, so that only a change of the settings changes the catalog
    bad-format 6:40 `catalogs[1].url` is plain http, which anybody on the way can change
        use https://
    bad-format 6:62 `catalogs[1].sha256` does not follow its format
        it must match `^[0-9a-f]{64}$`
    not-allowed 6:68 `catalogs[2]` has `sha256` or `ca`, which are for `url`
        leave them out
    ");
    assert_snapshot!(and("catalogs: [{platform: No}]"), @r"
    wrong-type 6:23 `catalogs[0].platform` is a word that some tools read as a boolean
        put the value in quotes
    ");
}
