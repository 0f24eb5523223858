use schemars::JsonSchema;

use super::*;

fn parse_text(text: &str) -> Parsed {
    parse(&"f.yaml".into(), text.as_bytes(), &Limits::default())
}

/// Every finding of a text, as `line:column code`.
fn refused(content: &[u8]) -> Vec<String> {
    let parsed = parse(&"f.yaml".into(), content, &Limits::default());
    let documents = parsed.documents.iter().flat_map(|document| &document.findings);
    let findings = parsed.findings.iter().chain(documents);
    findings
        .map(|finding| {
            assert!(finding.help.is_some(), "{}", finding.message);
            format!("{}:{} {}", finding.place.line, finding.place.column, finding.code)
        })
        .collect()
}

fn check_refused(text: &str, expected: &[&str]) {
    assert_eq!(refused(text.as_bytes()), expected, "{text:?}");
}

#[test]
fn scalars_keep_their_text() {
    for text in ["1.10", "0123", "2024-01-01", "no", "0x10", "1_000", "a b", "007", "1e3", "12:30:00"] {
        let parsed = parse_text(&format!("key: {text} # comment\n"));
        let root = parsed.documents[0].root.as_ref().unwrap();
        assert_eq!(root.get("key").unwrap().scalar(), Some(&crate::model::Scalar { text: text.into(), quoted: false }));
    }
    let parsed = parse_text("a: 'x ''y'\nb: \"x\\ty\"\nc: |\n  x\n  y\nd: >-\n  x\n  y\n");
    let root = parsed.documents[0].root.as_ref().unwrap();
    for (key, text) in [("a", "x 'y"), ("b", "x\ty"), ("c", "x\ny\n"), ("d", "x y")] {
        let scalar = root.get(key).unwrap().scalar().unwrap();
        assert_eq!((scalar.text.as_str(), scalar.quoted), (text, true));
    }
}

#[test]
fn null_is_what_the_core_schema_calls_null() {
    for text in ["", "~", "null", "Null", "NULL"] {
        let parsed = parse_text(&format!("key: {text}\n"));
        let root = parsed.documents[0].root.as_ref().unwrap();
        assert_eq!(root.get("key").unwrap().kind, Kind::Null, "{text}");
    }
    let parsed = parse_text("key: '~'\n");
    assert!(parsed.documents[0].root.as_ref().unwrap().get("key").unwrap().scalar().is_some());
}

#[test]
fn values_and_keys_know_their_place() {
    let parsed = parse_text("# c\na:\n  b: [x, é, {c: y}]\n  d: |\n    z\n---\ne: f\n");
    let place = |node: &Node| (node.place.line, node.place.column);
    let root = parsed.documents[0].root.as_ref().unwrap();
    let list = root.get("a").unwrap().get("b").unwrap().items().unwrap();
    assert_eq!(list.iter().map(place).collect::<Vec<_>>(), [(3, 7), (3, 10), (3, 13)]);
    assert_eq!(place(list[2].get("c").unwrap()), (3, 17));
    assert_eq!(place(root.get("a").unwrap().get("d").unwrap()), (4, 3));
    assert_eq!(root.get("a").unwrap().entries().unwrap()[1].0.place.line, 4);
    assert_eq!(place(parsed.documents[1].root.as_ref().unwrap()), (7, 1));
}

#[test]
fn refuses_what_is_not_plain_yaml() {
    check_refused("a: &x 1\nb: *x\n", &["1:4 alias", "2:4 alias"]);
    check_refused("a: *missing\n", &["1:4 alias"]);
    check_refused("a: &x [*x]\n", &["1:4 alias", "1:8 alias"]);
    check_refused("a: {<<: {b: 1}}\n", &["1:5 alias"]);
    check_refused("a: !!python/object:x 1\n", &["1:4 bad-yaml"]);
    check_refused("a: !foo {b: 1}\n", &["1:4 bad-yaml"]);
    check_refused("a: 1\nb: 2\na: 3\n", &["3:1 duplicate-key"]);
    check_refused("a: 1\n\"a\": 2\na: 3\n", &["2:1 duplicate-key", "3:1 duplicate-key"]);
    check_refused("1: a\n", &["1:1 wrong-type"]);
    check_refused("true: a\n", &["1:1 wrong-type"]);
    check_refused("? [a, b]\n: c\n", &["1:3 wrong-type"]);
    check_refused(": c\n", &["1:1 wrong-type"]);
    check_refused("%YAML 1.1\n---\na: b\n", &["1:1 bad-yaml"]);
    check_refused("a:\n\tb: 1\n", &["2:2 bad-yaml"]);
    check_refused("a: \"b\n", &["1:5 bad-yaml"]);
    check_refused("a: b: c\n", &["1:5 bad-yaml"]);
    check_refused("a: @b\n", &["1:4 bad-yaml"]);
    check_refused("a: b\0\n", &["1:5 bad-yaml"]);
    check_refused("a: b\rc: d\n", &["1:5 bad-yaml"]);
    check_refused("\u{feff}a: b\n", &["1:1 bad-yaml"]);
    check_refused("\u{feff}", &["1:1 bad-yaml"]);
    assert_eq!(refused(b"a: b\nc: \xff\n"), ["2:4 bad-yaml"]);
    assert_eq!(refused(b"\xff\xfea\0"), ["1:1 bad-yaml"]);
}

#[test]
fn a_broken_document_leaves_the_others() {
    let parsed = parse_text("a: 1\n---\nb: [1, 2\n---\nc: \"x\n---\nd: |\n x\n...\ne: 5\n---\n# nothing\n---\n");
    let keys: Vec<_> = parsed.documents.iter().map(|document| (document.place.line, document.whole)).collect();
    assert_eq!(keys, [(1, true), (3, false), (5, false), (7, true), (10, true)]);
    assert!(parsed.documents[1].root.as_ref().unwrap().get("b").is_some());
}

#[test]
fn a_broken_document_shows_what_was_read_before_the_break() {
    let parsed = parse_text("metadata:\n  name: x\nspec:\n  a: 'b\n");
    let root = parsed.documents[0].root.as_ref().unwrap();
    assert_eq!(root.get("metadata").unwrap().get("name").unwrap().scalar().unwrap().text, "x");
}

#[test]
fn hostile_text_is_refused_within_bounds() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        laughs.extend(["a", &level.to_string(), ": &a", &level.to_string(), " [", &before, "]\n"]);
    }
    let quadratic = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(20_000), "*a, ".repeat(20_000));
    for (text, code) in [
        (laughs, Code::Alias),
        (quadratic, Code::Alias),
        ("{a: ".repeat(50_000), Code::TooLarge),
        ("[".repeat(100_000), Code::TooLarge),
        ("- ".repeat(100_000), Code::TooLarge),
        ("? ".repeat(100_000), Code::TooLarge),
        ("a: 1\n".repeat(2_000_000), Code::TooLarge),
        (format!("[{}]", "x,".repeat(200_000)), Code::TooLarge),
        ("---\na: 1\n".repeat(2_000), Code::TooLarge),
        ("a: &a *a\n".to_owned(), Code::Alias),
    ] {
        let parsed = parse_text(&text);
        let documents = parsed.documents.iter().flat_map(|document| &document.findings);
        assert!(parsed.findings.iter().chain(documents).any(|finding| finding.code == code), "{:.40}", text);
    }
}

#[test]
fn debug_shows_no_content() {
    let parsed = parse_text("key: hunter2\n");
    assert!(!format!("{parsed:?}").contains("hunter2"));
}

#[test]
fn a_single_document_is_one() {
    let file: Arc<str> = "f.yaml".into();
    assert!(parse_text("a: 1\n").into_single(&file).is_ok());
    for text in ["", "# c\n", "a: 1\n---\nb: 2\n", "a: *b\n"] {
        assert_eq!(parse_text(text).into_single(&file).unwrap_err().len(), 1, "{text:?}");
    }
}

#[test]
fn json_follows_the_core_schema() {
    let parsed = parse_text("{a: 1, b: '1', c: true, d: no, e: 1.5, f: ~, g: [0x10, 0o7, .inf], h: 2024-01-01, i: -3}");
    assert_eq!(
        parsed.documents[0].root.as_ref().unwrap().to_json(),
        serde_json::json!({"a": 1, "b": "1", "c": true, "d": "no", "e": 1.5, "f": null, "g": [16, 7, ".inf"],
            "h": "2024-01-01", "i": -3})
    );
}

/// A document of the tests.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct Sample {
    /// The name. Unique.
    name: String,
    count: Option<u8>,
    flag: Option<bool>,
    colour: Option<Colour>,
    inner: Option<Vec<Inner>>,
    labels: Option<std::collections::BTreeMap<String, String>>,
    #[schemars(regex(pattern = "^[0-9]+s$"))]
    wait: Option<String>,
    #[schemars(with = "Either")]
    either: Option<u8>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
#[schemars(rename_all = "lowercase")]
enum Colour {
    /// Like blood.
    Red,
    Green,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Inner {
    path: String,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Either {
    Text(String),
    Map(Inner),
}

fn check_sample(text: &str, expected: &[&str]) {
    let parsed = parse_text(text);
    let findings = check(parsed.documents[0].root.as_ref().unwrap(), &schema_of::<Sample>()).unwrap();
    let lines: Vec<_> = findings
        .iter()
        .map(|finding| {
            let Finding { code, message, help, place, .. } = finding;
            format!("{}:{} {code}: {message}: {}", place.line, place.column, help.as_deref().unwrap())
        })
        .collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn shapes_are_checked_along_a_derived_schema() {
    check_sample("{name: a, either: x}", &[]);
    check_sample("{name: a, either: {path: x}, count: 3, flag: true, colour: red, wait: 3s, labels: {a: b}}", &[]);
    check_sample("{either: x}", &["1:1 missing-field: the document lacks `name`: add `name`: the name"]);
    check_sample(
        "{name: 7, either: 8, count: -1, flag: yes, colour: rde, wait: x}",
        &[
            "1:8 wrong-type: `name` is a number, must be a text: put the value in quotes",
            "1:19 wrong-type: `either` is a number, must be a text or a map: put the value in quotes",
            "1:29 out-of-range: `count` is out of its range: it must be at least 0",
            "1:39 wrong-type: `flag` is a word that some tools read as a boolean: write `true` or `false`",
            "1:52 not-allowed: `colour` has a value that is not allowed: did you mean `red`? allowed are `green`, `red`",
            "1:63 bad-format: `wait` does not follow its format: it must match `^[0-9]+s$`",
        ],
    );
    check_sample(
        "{name: no, either: {pth: 1}, flag: 'true', labels: {a: on, b: 1.5}, inner: {path: x}}",
        &[
            "1:8 wrong-type: `name` is a word that some tools read as a boolean: put the value in quotes",
            "1:20 missing-field: `either` lacks `path`: add `path`",
            "1:21 unknown-field: there is no field `either.pth`: did you mean `path`?",
            "1:36 wrong-type: `flag` is a text, must be a boolean: write it without quotes",
            "1:56 wrong-type: `labels.a` is a word that some tools read as a boolean: put the value in quotes",
            "1:63 wrong-type: `labels.b` is a number, must be a text: put the value in quotes",
            "1:76 wrong-type: `inner` is a map, must be a list: write it as the reference shows",
        ],
    );
    check_sample(
        "name:\neither: x\ninner: [{path: a}, {}]\nzzzzzz: 1\n",
        &[
            "1:1 wrong-type: `name` is empty, must be a text: give it a value, or leave the field out",
            "3:20 missing-field: `inner[1]` lacks `path`: add `path`",
            "4:1 unknown-field: there is no field `zzzzzz`: the fields here are `colour`, `count`, `either`, `flag`, `inner`, `labels`, `name`, `wait`",
        ],
    );
}

/// What a text says where anchors, aliases and merge keys are followed.
fn followed(text: &str) -> Result<serde_json::Value, Vec<String>> {
    let limits = Limits { references: true, max_nodes: 1_000, max_depth: 8, ..Limits::default() };
    let root = parse(&"f.yaml".into(), text.as_bytes(), &limits).into_single(&"f.yaml".into());
    let shown = |finding: &Finding| format!("{}:{} {}", finding.place.line, finding.place.column, finding.code);
    root.map(|root| root.to_json()).map_err(|findings| findings.iter().map(shown).collect())
}

#[test]
fn references_are_followed_where_they_are_asked_for() {
    let text = "base: &base {a: 1, b: &list [x, y], c: 3}\nmore: &more\n  c: other\n  d: 4\nown:\n  <<: *base\n  c: own\nboth: \
                {c: *list, <<: [*more, *base]}\nplain: &p word\n*p : key\nagain: &base 5\nlast: *base\n";
    let expected = serde_json::json!({
        "base": {"a": 1, "b": ["x", "y"], "c": 3},
        "more": {"c": "other", "d": 4},
        "own": {"a": 1, "b": ["x", "y"], "c": "own"},
        "both": {"c": ["x", "y"], "d": 4, "a": 1, "b": ["x", "y"]},
        "plain": "word", "word": "key", "again": 5, "last": 5,
    });
    assert_eq!(followed(text), Ok(expected));
    let place = |text: &str| {
        let limits = Limits { references: true, ..Limits::default() };
        let root = parse(&"f.yaml".into(), text.as_bytes(), &limits).into_single(&"f.yaml".into()).unwrap();
        root.get("own").unwrap().get("a").unwrap().place.line
    };
    assert_eq!(place(text), 6, "it stands where it is used");
    // Everywhere else each of them is a finding.
    assert_eq!(refused(text.as_bytes()).iter().filter(|finding| finding.ends_with(" alias")).count(), 13);
}

#[test]
fn references_that_lead_nowhere_or_too_far_are_refused() {
    let refused = |text: &str| followed(text).unwrap_err();
    assert_eq!(refused("a: *none\n"), ["1:4 alias"]);
    assert_eq!(refused("a: &a [*a]\n"), ["1:8 alias"]);
    assert_eq!(refused("a: &a 1\nb: {<<: *a}\n"), ["2:9 wrong-type"]);
    let bomb: String = (1..20).map(|n| format!("k{n}: &k{n} [*k{0}, *k{0}]\n", n - 1)).collect();
    assert_eq!(refused(&format!("k0: &k0 x\n{bomb}"))[0], "9:10 too-large", "too deep");
    let wide: String = (1..9)
        .map(|n| format!("k{n}: &k{n} {{<<: [*k{0}], x{n}: [{1}]}}\n", n - 1, vec!["*k0"; 40].join(",")))
        .collect();
    assert_eq!(refused(&format!("k0: &k0 {{a: 1}}\n{wide}")).len(), 1);
}
