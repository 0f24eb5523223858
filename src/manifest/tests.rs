use std::sync::Arc;

use super::*;
use crate::model::{ConfigValue, Revision, Snapshot, SourceFile};

fn read_files(files: &[(&str, &str)]) -> Reading {
    let mut files: Vec<SourceFile> = files
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).into(), content: Arc::from(text.as_bytes()) })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    read(&Snapshot { revision: Revision::Directory("0".repeat(64)), files })
}

/// An instance document with further lines of its spec.
fn instance(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata:\n  name: {name}\nspec:\n  contract: misp\n{spec}"
    )
}

/// A `Defaults` document with the lines of its spec.
fn defaults(spec: &str) -> String {
    format!("apiVersion: lockstep/v1\nkind: Defaults\nspec:\n{spec}")
}

/// Checks which instances are good and held, whether the reading is complete, and every finding as `place code [name]`.
fn check(files: &[(&str, &str)], good: &[&str], held: &[&str], complete: bool, findings: &[&str]) {
    let reading = read_files(files);
    let found: Vec<String> = reading
        .findings
        .iter()
        .map(|finding| {
            let name = finding.instance.as_ref().map_or("-", |name| name.as_str());
            format!("{} {} [{name}]", finding.place, finding.code)
        })
        .collect();
    assert_eq!(found, findings, "{files:?}");
    let names: Vec<&str> = reading.manifests.iter().map(|manifest| manifest.name.value.as_str()).collect();
    assert_eq!(names, good, "good of {files:?}");
    let names: Vec<&str> = reading.held.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, held, "held of {files:?}");
    assert_eq!(reading.complete, complete, "{files:?}");
}

/// Checks the findings in the spec of one instance, as `line:column code`; the spec begins on line 7.
fn check_spec(spec: &str, findings: &[&str]) {
    let text = instance("a", spec);
    let reading = read_files(&[("f.yaml", &text)]);
    let found: Vec<String> = reading
        .findings
        .iter()
        .map(|finding| format!("{}:{} {}", finding.place.line, finding.place.column, finding.code))
        .collect();
    assert_eq!(found, findings, "{spec}");
    assert_eq!(reading.manifests.len(), usize::from(findings.is_empty()), "{spec}");
}

#[test]
fn only_yaml_outside_dotted_places_is_read() {
    let good = instance("a", "");
    check(&[("a.yaml", &good)], &["a"], &[], true, &[]);
    check(&[("x/y/a.YML", &good)], &["a"], &[], true, &[]);
    check(&[("README.md", "x: ["), ("a.json", "{"), (".github/a.yaml", "x"), (".ci.yaml", "x")], &[], &[], true, &[]);
    check(&[("lockstep.yaml", "apiVersion: lockstep/v1\nkind: Settings\nowner: x\n")], &[], &[], true, &[]);
    check(&[("lockstep.yaml", "apiVersion: lockstep/v1\nkind: Settings\nowner: [\n")], &[], &[], true, &[]);
    check(&[("a.yaml", ""), ("b.yaml", "# nothing\n---\n---\n")], &[], &[], true, &[]);
}

#[test]
fn what_belongs_to_no_instance_makes_the_reading_incomplete() {
    let good = instance("good", "");
    for (text, finding) in [
        ("a: [", "b.yaml:1:4 bad-yaml [-]"),
        ("services: {}\napiVersion: lockstep/v1\n", "b.yaml:1:1 missing-field [-]"),
        ("apiVersion: lockstep/v1\nkind: Connector\n", "b.yaml:2:7 not-allowed [-]"),
        ("text", "b.yaml:1:1 wrong-type [-]"),
        (&instance("Bad", ""), "b.yaml:4:9 bad-name [-]"),
        (&"a: 1\n".repeat(300_000), "b.yaml:1:1 too-large [-]"),
    ] {
        check(&[("a.yaml", &good), ("b.yaml", text)], &["good"], &[], false, &[finding]);
    }
}

#[test]
fn a_broken_document_holds_the_name_it_shows() {
    let good = instance("good", "");
    let broken = instance("broken", "  config: {A: [}\n");
    check(&[("a.yaml", &good), ("b.yaml", &broken)], &["good"], &["broken"], true, &["b.yaml:7:15 bad-yaml [broken]"]);
    let both = format!("{broken}---\n{good}");
    check(&[("a.yaml", &both)], &["good"], &["broken"], true, &["a.yaml:7:15 bad-yaml [broken]"]);
    // It may have been the defaults of others: the name is held, and nothing may be removed.
    let kindless = "metadata:\n  name: kindless\n  x: [}\n";
    check(&[("a.yaml", kindless)], &[], &["kindless"], false, &["a.yaml:3:6 bad-yaml [kindless]"]);
    let flow = "x: ]\nkind: ConnectorInstance\napiVersion: lockstep/v1\nmetadata: {labels: {a: b}, name: \"flow\"}\n";
    check(&[("a.yaml", flow)], &[], &["flow"], true, &["a.yaml:1:4 bad-yaml [flow]"]);
    let nested = "kind: ConnectorInstance\napiVersion: lockstep/v1\nspec: ]\nmetadata:\n  labels:\n    name: no\n";
    check(&[("a.yaml", nested)], &[], &[], false, &["a.yaml:3:7 bad-yaml [-]"]);
}

#[test]
fn a_name_that_is_also_in_a_broken_document_is_held_in_both() {
    let broken = instance("same", "  config: {A: [}\n");
    check(
        &[("a.yaml", &instance("same", "")), ("b.yaml", &broken)],
        &[],
        &["same"],
        true,
        &[
            "a.yaml:4:9 duplicate-instance [same]",
            "b.yaml:1:1 duplicate-instance [same]",
            "b.yaml:7:15 bad-yaml [same]",
        ],
    );
}

#[test]
fn the_nearest_defaults_count_and_keep_their_places() {
    let root = defaults(
        "  platform: far\n  config: {A: far, B: far, L: [1, 2]}\n  container: {resources: {memory: 1Gi, pids: 5}}\n",
    );
    let near = defaults("  platform: near\n  config: {B: near, L: [3]}\n  container: {resources: {pids: 6}}\n");
    let own = instance("a", "  config: {C: own}\n");
    let other = instance("b", "");
    let reading =
        read_files(&[("d.yaml", &root), ("x/y/d.yaml", &near), ("x/y/z/a.yaml", &own), ("x/yy/b.yaml", &other)]);
    assert_eq!(reading.findings, []);
    let [a, b] = reading.manifests.as_slice() else { panic!("both are good") };
    let text = |manifest: &Manifest, key: &str| match &manifest.config[key].value {
        ConfigValue::Scalar(scalar) => scalar.text.clone(),
        ConfigValue::List(items) => items.iter().map(|item| item.value.text.clone()).collect::<Vec<_>>().join(","),
        ConfigValue::Secret(_) => panic!("no secret here"),
    };
    assert_eq!(["A", "B", "C", "L"].map(|key| text(a, key)), ["far", "near", "own", "3"]);
    assert_eq!(["A", "B", "L"].map(|key| text(b, key)), ["far", "far", "1,2"]);
    let platform = |manifest: &Manifest| manifest.platform.as_ref().map(|platform| platform.value.to_string());
    assert_eq!((platform(a).as_deref(), platform(b).as_deref()), (Some("near"), Some("far")));
    assert_eq!((a.container.resources.memory, a.container.resources.pids), (Some(1 << 30), Some(6)));
    assert_eq!(&*a.fields["container.resources.memory"].file, "d.yaml");
    assert_eq!(&*a.fields["container.resources.pids"].file, "x/y/d.yaml");
    assert_eq!(&*a.config["A"].place.file, "d.yaml");
    assert_eq!(&*a.config_place.file, "x/y/z/a.yaml");
}

#[test]
fn defaults_may_give_what_is_required() {
    let short = "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {name: a}\nspec: {}\n";
    check(&[("a.yaml", short)], &[], &["a"], true, &["a.yaml:4:7 missing-field [a]"]);
    check(&[("a.yaml", short), ("d.yaml", &defaults("  contract: misp\n"))], &["a"], &[], true, &[]);
}

#[test]
fn broken_defaults_hold_the_instances_below_and_are_reported_once() {
    let below = [instance("a", ""), instance("b", "  state: started\n")];
    let beside = instance("c", "");
    for (spec, finding) in [
        ("  state: running\n", "x/d.yaml:4:10 not-allowed [-]"),
        ("  nope: 1\n", "x/d.yaml:4:3 unknown-field [-]"),
        ("  config: {A: [}\n", "x/d.yaml:4:15 bad-yaml [-]"),
        ("  token: in-clear\n", "x/d.yaml:4:10 plaintext-secret [-]"),
        ("  config: {A: &a x}\n", "x/d.yaml:4:15 alias [-]"),
    ] {
        let files = [
            ("x/d.yaml", defaults(spec)),
            ("x/a.yaml", below[0].clone()),
            ("x/y/b.yaml", below[1].clone()),
            ("xy/c.yaml", beside.clone()),
        ];
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        check(&files, &["c"], &["a", "b"], true, &[finding]);
    }
    check(
        &[
            ("d.yaml", &defaults("  state: started\n")),
            ("e.yaml", &defaults("  state: stopped\n")),
            ("x/a.yaml", &below[0]),
        ],
        &[],
        &["a"],
        true,
        &["d.yaml:1:1 not-allowed [-]", "e.yaml:1:1 not-allowed [-]"],
    );
}

#[test]
fn large_defaults_above_many_instances_are_refused() {
    let keys: String = (0..40_000).map(|number| format!("    K{number}: 1\n")).collect();
    let many: Vec<String> = (0..20).map(|number| instance(&format!("a{number:02}"), "")).collect();
    let reading =
        read_files(&[("d.yaml", &defaults(&format!("  config:\n{keys}"))), ("many.yaml", &many.join("---\n"))]);
    assert_eq!((reading.manifests.len(), reading.held.len()), (12, 8));
    assert!(reading.findings.iter().all(|finding| finding.code == crate::model::Code::TooLarge));
}

#[test]
fn an_instance_may_not_combine_badly_with_its_defaults() {
    let clash = instance("a", "  container: {tmpfs: [/data]}\n");
    check(
        &[("a.yaml", &clash), ("d.yaml", &defaults("  container: {volumes: ['v:/data']}\n"))],
        &[],
        &["a"],
        true,
        &["a.yaml:7:23 not-allowed [a]"],
    );
    let image = instance("a", "  image: b/c:1\n");
    check(&[("a.yaml", &image), ("d.yaml", &defaults("  version: '2'\n"))], &["a"], &[], true, &[]);
}

#[test]
fn dependencies_are_instances_and_form_no_circle() {
    let a = instance("a", "  dependsOn: [b, nobody]\n");
    check(&[("a.yaml", &a), ("b.yaml", &instance("b", ""))], &["b"], &["a"], true, &["a.yaml:7:18 not-allowed [a]"]);
    let broken = instance("b", "  config: {A: [}\n");
    let a = instance("a", "  dependsOn: [b]\n");
    check(&[("a.yaml", &a), ("b.yaml", &broken)], &["a"], &["b"], true, &["b.yaml:7:15 bad-yaml [b]"]);
}

#[test]
fn fields_of_a_spec() {
    check_spec("  version: 7\n", &[]);
    check_spec("  version: 7.10\n", &[]);
    check_spec("  version: 'a b'\n", &["7:12 bad-format"]);
    check_spec("  state: Started\n", &["7:10 not-allowed"]);
    check_spec("  suspend: on\n", &["7:12 wrong-type"]);
    check_spec("  suspend: 'true'\n", &["7:12 wrong-type"]);
    check_spec("  health: {within: 30}\n", &["7:20 bad-format"]);
    check_spec("  platform: ~\n", &["7:3 wrong-type"]);
    check_spec("  token: x\n", &["7:10 plaintext-secret"]);
    check_spec("  token: {fromSecret: a.age, key: k}\n", &[]);
    check_spec("  token: {fromSecret: a/../../b.age, key: k}\n", &["7:23 bad-format"]);
    check_spec("  token: {fromSecret: ./b.age, key: k}\n", &["7:23 bad-format"]);
    check_spec("  token: {fromSecret: 'a\\b.age', key: k}\n", &["7:23 bad-format"]);
    check_spec("  config: []\n", &["7:11 wrong-type"]);
    check_spec("  config: {A: {b: {c: d}}}\n", &["7:15 wrong-type"]);
    check_spec("  config: {A: no, B: 1.10, C: 0x10, D: '', E: []}\n", &[]);
    check_spec("  serviceAccount: {name: a, confidence: 100}\n", &[]);
    check_spec("  serviceAccount: {name: a, confidence: 300}\n", &["7:41 out-of-range"]);
    check_spec("  serviceAccount: {name: a, confidence: high}\n", &["7:41 wrong-type"]);
}

#[test]
fn fields_of_a_container() {
    let check = |container: &str, findings: &[&str]| check_spec(&format!("  container: {{{container}}}\n"), findings);
    check("resources: {memory: 1073741824, cpus: '2'}", &[]);
    check("resources: {memory: 0}", &["7:35 bad-format"]);
    check("resources: {cpus: 0}", &["7:33 bad-format"]);
    check("volumes: ['a:/b:rw', '/a:/c:ro']", &[]);
    check("volumes: ['a:/b:ro:z']", &["7:25 bad-format"]);
    check("volumes: ['a:/']", &["7:25 bad-format"]);
    check("volumes: [{name: a, path: /b, driver: nfs}]", &["7:45 unknown-field"]);
    check("volumes: [{name: a, bind: /b, path: /c}]", &["7:25 missing-field"]);
    check("tmpfs: ['/a/../b']", &["7:23 bad-format"]);
    check("user: -1", &["7:21 bad-format"]);
    check("user: 1000", &[]);
    check("ulimits: {nofile: {soft: -1, hard: 5}}", &["7:33 out-of-range"]);
    check("ulimits: {nofile: {soft: 5, hard: -1}}", &[]);
    check("healthcheck: {test: [CMD, a, b], retries: 1}", &[]);
    check("healthcheck: {test: [NONE]}", &[]);
    check("healthcheck: {disable: true}", &[]);
    check("healthcheck: {disable: true, test: a}", &["7:15 missing-field"]);
    check("healthcheck: {disable: false}", &["7:15 missing-field"]);
    check("healthcheck: {}", &["7:15 missing-field"]);
    check("env: {A: 1, B: true, C: no, D: ''}", &[]);
    check("env: {A: }", &["7:21 wrong-type"]);
    check("env: {X_SECRET: abc}", &["7:31 plaintext-secret"]);
    check("env: {Http_Proxy: x}", &["7:21 reserved-key"]);
    check("extraHosts: {a: '::1'}", &[]);
    check("extraHosts: ['a:::1', 'b=1.2.3.4']", &[]);
    check("extraHosts: ['a']", &["7:28 bad-format"]);
    check("extraHosts: {'a b': 1.2.3.4}", &["7:35 bad-format"]);
    check("capDrop: []", &[]);
    check("capAdd: [net_admin]", &["7:24 bad-format"]);
    check("hostNamespaces: [network, uts]", &["7:41 not-allowed"]);
    check("pull: never", &["7:21 not-allowed"]);
    check("devices: [/dev/../etc]", &["7:25 bad-format"]);
    check("stopGrace: 1d", &[]);
}

#[test]
fn messages_hold_no_value() {
    let secret = "hunter2-hunter2";
    for spec in [
        format!("  token: {secret}\n"),
        format!("  state: {secret}\n"),
        format!("  suspend: {secret}\n"),
        format!("  image: \"{secret} {secret}\"\n"),
        format!("  config: {{A: {{b: {secret}}}, B: [[{secret}]]}}\n"),
        format!(
            "  container: {{env: {{A_TOKEN: {secret}}}, user: \"{secret} \", volumes: [\"{secret}\"], dns: [{secret}]}}\n"
        ),
        format!("  config: {{A: \"{secret}\n"),
        format!("  config: {{A: !{secret} x, B: &{secret} y, C: *{secret}}}\n"),
        format!("  config: {{A: {secret}}} x: {secret}\n"),
    ] {
        let reading = read_files(&[("f.yaml", &instance("a", &spec))]);
        assert!(!reading.findings.is_empty(), "{spec}");
        assert!(!format!("{reading:?}").contains(secret), "{spec}");
    }
}
