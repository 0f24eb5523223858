//! Every code that a check of a configuration can find, at its place and with nothing else beside it.

use lockstep::model::Severity;

use super::support::{
    Given, checked, config_place, item_place, items, key_place, mark, marks, plain, quoted, value_place,
};

/// The keys that contract `everything` has to be given.
fn needed() -> Vec<(&'static str, Given)> {
    vec![
        ("EVERY_URL", plain("https://example.org")),
        ("EVERY_KEY", Given::Sealed),
        ("EVERY_MASKED_PASSWORD", Given::FromSecret),
    ]
}

/// The findings about one more key, which stands on line 3 of the configuration.
fn with(key: &'static str, given: Given) -> Vec<lockstep::model::Finding> {
    let mut config = needed();
    config.push((key, given));
    checked("everything", &config).findings
}

const LINE: usize = 3;

#[test]
fn what_is_right_has_no_finding() {
    assert_eq!(checked("everything", &needed()).findings, []);
    for (key, given) in [
        ("CONNECTOR_NAME", plain("no")),
        ("CONNECTOR_NAME", plain("1.10")),
        ("CONNECTOR_NAME", quoted("null")),
        ("CONNECTOR_NAME", quoted("")),
        ("CONNECTOR_LOG_LEVEL", plain("debug")),
        ("EVERY_EMPTY_PASSWORD", quoted("")),
        ("EVERY_API_TOKEN", Given::Sealed),
        ("EVERY_USE_TOKEN", plain("false")),
        ("EVERY_VERIFY_TOKEN_SECRET", plain("true")),
        ("EVERY_TEXT", Given::FromSecret),
        ("EVERY_PERIOD", plain("P1DT2H")),
        ("EVERY_START", plain("2024-01-31T00:00:00Z")),
        ("EVERY_START_OR_AGO", plain("2024-01-31T00:00:00+02:00")),
        ("EVERY_START_OR_AGO", plain("P7D")),
        ("EVERY_DAY", plain("2024-02-29")),
        ("EVERY_MAIL", plain("a@example.org")),
        ("EVERY_UUID", plain("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11")),
        ("EVERY_STRANGE", plain("anything at all")),
        ("EVERY_COUNT", plain("10")),
        ("EVERY_COUNT", quoted("5")),
        ("EVERY_COUNT", plain("1e1")),
        ("EVERY_COUNT", Given::Sealed),
        ("EVERY_RATIO", plain("0.1")),
        ("EVERY_RATIO", quoted("7")),
        ("EVERY_EVEN", plain("4")),
        ("EVERY_FLAG", plain("true")),
        ("EVERY_FLAG", quoted("false")),
        ("EVERY_FLAG", Given::FromSecret),
        ("EVERY_LIST", items(&[])),
        ("EVERY_LIST", items(&["a", "b c"])),
        ("EVERY_LIST", Given::Sealed),
        ("EVERY_FEW", items(&["a", "b"])),
        ("EVERY_CHOICES", items(&["low", "high"])),
        ("EVERY_PORTS", items(&["80", "443"])),
        ("EVERY_CONST", plain("this")),
        ("EVERY_CODE", plain("ABC")),
        ("EVERY_NUMERAL", plain("120")),
        ("EVERY_LEVEL", plain("2")),
        ("EVERY_MAYBE", plain("1")),
        ("EVERY_MAYBE", plain("~")),
        ("EVERY_ANY", items(&["a"])),
        ("EVERY_ANY", plain("a")),
        ("EVERY_OBJECT", quoted("{\"a\": 2}")),
    ] {
        assert_eq!(with(key, given.clone()), [], "{key}: {given:?}");
    }
}

#[test]
fn what_is_wrong_has_one_finding_at_its_place() {
    let value = value_place(LINE);
    let item = |index| item_place(LINE, index);
    for (key, given, code, place) in [
        ("EVERY_COUNTS", plain("5"), "unknown-key", key_place(LINE)),
        ("every_count", plain("5"), "unknown-key", key_place(LINE)),
        ("BAD_TOKEN", plain("clear"), "unknown-key", key_place(LINE)),
        ("OPENCTI_URL", plain("http://x"), "reserved-key", key_place(LINE)),
        ("OPENCTI_URI", plain("http://x"), "reserved-key", key_place(LINE)),
        ("OPENCTI_TOKEN", plain("clear"), "reserved-key", key_place(LINE)),
        ("CONNECTOR_ID", plain("x"), "reserved-key", key_place(LINE)),
        ("CONNECTOR_TYPE", plain("EXTERNAL_IMPORT"), "reserved-key", key_place(LINE)),
        ("CONNECTOR_RUN_AND_TERMINATE", plain("true"), "reserved-key", key_place(LINE)),
        ("HTTPS_PROXY", plain("http://x"), "reserved-key", key_place(LINE)),
        ("LD_PRELOAD", plain("/x.so"), "reserved-key", key_place(LINE)),
        ("EVERY_COUNT", plain("yes"), "wrong-type", value.clone()),
        ("EVERY_COUNT", plain("1.5"), "wrong-type", value.clone()),
        ("EVERY_COUNT", plain("0x10"), "wrong-type", value.clone()),
        ("EVERY_COUNT", plain("1_000"), "wrong-type", value.clone()),
        ("EVERY_COUNT", plain(""), "wrong-type", value.clone()),
        ("EVERY_COUNT", quoted(""), "wrong-type", value.clone()),
        ("EVERY_COUNT", items(&["5"]), "wrong-type", value.clone()),
        ("EVERY_RATIO", plain("half"), "wrong-type", value.clone()),
        ("EVERY_FLAG", plain("yes"), "wrong-type", value.clone()),
        ("EVERY_FLAG", plain("1"), "wrong-type", value.clone()),
        ("EVERY_FLAG", plain("True"), "wrong-type", value.clone()),
        ("EVERY_LIST", plain("a"), "wrong-type", value.clone()),
        ("EVERY_LIST", plain("a,b"), "wrong-type", value.clone()),
        ("EVERY_TEXT", items(&["a"]), "wrong-type", value.clone()),
        ("EVERY_TEXT", plain("null"), "wrong-type", value.clone()),
        ("EVERY_KEYS", plain("~"), "unknown-key", key_place(LINE)),
        ("EVERY_API_TOKEN", plain(""), "wrong-type", value.clone()),
        ("EVERY_LEVEL", plain("two"), "wrong-type", value.clone()),
        ("EVERY_PORTS", items(&["80", "http"]), "wrong-type", item(1)),
        ("EVERY_OBJECT", plain("a"), "wrong-type", value.clone()),
        ("CONNECTOR_LOG_LEVEL", plain("loud"), "not-allowed", value.clone()),
        ("EVERY_CONST", plain("that"), "not-allowed", value.clone()),
        ("EVERY_LEVEL", plain("4"), "not-allowed", value.clone()),
        ("EVERY_CHOICES", items(&["low", "middle"]), "not-allowed", item(1)),
        ("EVERY_FEW", items(&["a", "a"]), "not-allowed", value.clone()),
        ("EVERY_COUNT", plain("0"), "out-of-range", value.clone()),
        ("EVERY_COUNT", quoted("11"), "out-of-range", value.clone()),
        ("EVERY_OVER", plain("0"), "out-of-range", value.clone()),
        ("EVERY_OVER", plain("100"), "out-of-range", value.clone()),
        ("EVERY_EVEN", plain("3"), "out-of-range", value.clone()),
        ("EVERY_RATIO", plain("0.05"), "out-of-range", value.clone()),
        ("EVERY_FEW", items(&[]), "out-of-range", value.clone()),
        ("EVERY_FEW", items(&["a", "b", "c"]), "out-of-range", value.clone()),
        ("EVERY_PORTS", items(&["0"]), "out-of-range", item(0)),
        ("EVERY_MAYBE", plain("0"), "out-of-range", value.clone()),
        ("EVERY_PERIOD", plain("1h"), "bad-format", value.clone()),
        ("EVERY_START", plain("2024-01-31"), "bad-format", value.clone()),
        ("EVERY_START", plain("P30D"), "bad-format", value.clone()),
        ("EVERY_START_OR_AGO", plain("yesterday"), "bad-format", value.clone()),
        ("EVERY_DAY", plain("31.01.2024"), "bad-format", value.clone()),
        ("EVERY_MAIL", plain("nobody"), "bad-format", value.clone()),
        ("EVERY_UUID", plain("1234"), "bad-format", value.clone()),
        ("EVERY_CODE", plain("abc"), "bad-format", value.clone()),
        ("EVERY_TEXT", quoted("a\0b"), "bad-format", value.clone()),
        ("EVERY_LIST", items(&["a", "b\0"]), "bad-format", item(1)),
        ("EVERY_LIST", items(&["a", "b,c"]), "comma-in-item", item(1)),
        ("EVERY_CHOICES", items(&["low,high"]), "comma-in-item", item(0)),
        ("EVERY_API_TOKEN", plain("clear"), "plaintext-secret", value.clone()),
        ("EVERY_API_TOKEN", quoted(""), "plaintext-secret", value.clone()),
        ("EVERY_API_TOKEN", items(&["clear"]), "plaintext-secret", value.clone()),
        ("EVERY_EMPTY_PASSWORD", plain("clear"), "plaintext-secret", value.clone()),
    ] {
        let findings = with(key, given.clone());
        assert_eq!(marks(&findings), [mark(code, &place)], "{key}: {given:?}: {findings:#?}");
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(findings[0].instance.as_ref().map(|name| name.as_str()), Some("one"));
        assert!(findings[0].message.contains(key), "{findings:?}");
        assert!(findings[0].help.is_some(), "{findings:?}");
    }
}

/// Checks `everything` with a needed key changed, which stands on line 0.
fn url(given: Given) -> Vec<(&'static str, u32, u32)> {
    let config = [("EVERY_URL", given), ("EVERY_KEY", Given::Sealed), ("EVERY_MASKED_PASSWORD", Given::FromSecret)];
    marks(&checked("everything", &config).findings)
}

#[test]
fn addresses() {
    assert_eq!(url(plain("not an address")), [mark("bad-format", &value_place(0))]);
    assert_eq!(url(plain("/relative")), [mark("bad-format", &value_place(0))]);
    assert_eq!(url(quoted("")), [mark("out-of-range", &value_place(0))]);
    assert_eq!(url(plain("https://example.org/a-long-way-below")), [mark("out-of-range", &value_place(0))]);
}

#[test]
fn each_missing_key_is_named_once_where_the_configuration_stands() {
    let findings = checked("everything", &[("EVERY_FLAG", plain("true"))]).findings;
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "contract `everything` requires `EVERY_KEY`",
            "contract `everything` requires `EVERY_MASKED_PASSWORD`",
            "contract `everything` requires `EVERY_URL`",
        ]
    );
    assert_eq!(marks(&findings), [mark("missing-key", &config_place()); 3]);
    assert_eq!(findings[0].help.as_deref(), Some("add it below `spec.config` (a sealed value): What opens it."));
}

#[test]
fn a_misspelt_key_that_is_required_is_one_mistake_not_two() {
    let config = [
        ("EVERY_ULR", plain("https://example.org")),
        ("EVERY_KEY", Given::Sealed),
        ("EVERY_MASKED_PASSWORD", Given::Sealed),
    ];
    let findings = checked("everything", &config).findings;
    assert_eq!(marks(&findings), [mark("unknown-key", &key_place(0))]);
    assert_eq!(findings[0].help.as_deref(), Some("did you mean `EVERY_URL`?"));
}

#[test]
fn a_key_that_nothing_resembles_points_to_the_list() {
    let findings = with("SOMETHING_ELSE_ALTOGETHER", plain("x"));
    assert_eq!(findings[0].help.as_deref(), Some("`lockstep catalog show everything` lists its keys"));
}

#[test]
fn a_deprecated_key_is_a_warning_beside_what_is_wrong() {
    let findings = with("EVERY_OLD", plain("5"));
    assert_eq!(marks(&findings), [mark("deprecated-key", &key_place(LINE))]);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert_eq!(findings[0].help.as_deref(), Some("Use EVERY_COUNT instead."));
    assert_eq!(
        marks(&with("EVERY_OLD", plain("five"))),
        [mark("deprecated-key", &key_place(LINE)), mark("wrong-type", &value_place(LINE))]
    );
}

#[test]
fn every_bad_item_is_found() {
    let findings = with("EVERY_PORTS", items(&["1,2", "0", "80", "x"]));
    assert_eq!(
        marks(&findings),
        [
            mark("comma-in-item", &item_place(LINE, 0)),
            mark("out-of-range", &item_place(LINE, 1)),
            mark("wrong-type", &item_place(LINE, 3)),
        ]
    );
}

#[test]
fn help_says_what_to_do() {
    for (key, given, help) in [
        ("OPENCTI_TOKEN", plain("x"), "`spec.token`"),
        ("OPENCTI_URL", plain("x"), "`spec.platform`"),
        ("CONNECTOR_ID", plain("x"), "`spec.id`"),
        ("CONNECTOR_TYPE", plain("x"), "`spec.contract`"),
        ("CONNECTOR_LOG_LEVEL", plain("inof"), "did you mean `info`?"),
        ("CONNECTOR_LOG_LEVEL", plain("loud"), "it can be `debug`, `info` or `error`"),
        ("EVERY_CONST", plain("x"), "`this`"),
        ("EVERY_FLAG", plain("yes"), "`true` or `false`"),
        ("EVERY_LIST", plain("a"), "write a list"),
        ("EVERY_PERIOD", plain("x"), "PT1H"),
        ("EVERY_COUNT", plain("99"), "`lockstep catalog show everything`"),
        ("EVERY_START_OR_AGO", plain("x"), "or an ISO 8601 duration"),
        ("EVERY_LIST", items(&["a,b"]), "an item of its own"),
        ("EVERY_API_TOKEN", plain("x"), "lockstep secret seal"),
    ] {
        let findings = with(key, given);
        let told = findings[0].help.as_deref().unwrap_or_default();
        assert!(told.contains(help), "{key}: {told}");
    }
}

#[test]
fn values_are_shown_short_and_without_control_characters() {
    let findings = with("CONNECTOR_LOG_LEVEL", quoted(&format!("\u{1b}[31m{}", "x".repeat(10_000))));
    assert!(findings[0].message.len() < 300, "{}", findings[0].message);
    assert!(!findings[0].message.contains('\u{1b}'));
}

#[test]
fn keys_that_belong_together_are_judged_with_sealed_ones_among_them() {
    let none: [(&str, Given); 0] = [];
    assert_eq!(marks(&checked("rules", &none).findings), [mark("missing-key", &config_place())]);
    for config in [
        vec![("RULES_API_KEY", Given::Sealed)],
        vec![("RULES_USER", plain("me")), ("RULES_PASSWORD", Given::Sealed)],
        vec![("RULES_API_KEY", Given::Sealed), ("RULES_PORT", plain("443")), ("RULES_HOST", plain("h"))],
    ] {
        assert_eq!(checked("rules", &config).findings, [], "{config:?}");
    }
    let alone = checked("rules", &[("RULES_API_KEY", Given::Sealed), ("RULES_PORT", plain("443"))]).findings;
    assert_eq!(marks(&alone), [mark("missing-key", &config_place())]);
    assert!(alone[0].message.contains("`RULES_HOST`"), "{alone:?}");
    let far = [("RULES_API_KEY", Given::Sealed), ("RULES_PORT", plain("70000")), ("RULES_HOST", plain("h"))];
    assert_eq!(marks(&checked("rules", &far).findings), [mark("out-of-range", &value_place(1))]);
}

#[test]
fn both_platforms_reserve_their_own_keys() {
    for key in ["OPENAEV_URL", "OPENAEV_TOKEN", "COLLECTOR_ID"] {
        let config = [("COLLECTOR_NAME", plain("c")), (key, plain("x"))];
        let findings = checked("example_collector", &config).findings;
        assert_eq!(marks(&findings), [mark("reserved-key", &key_place(1))], "{key}");
    }
    let tags = |given| {
        marks(
            &checked("example_collector", &[("COLLECTOR_NAME", plain("c")), ("COLLECTOR_PLATFORM_TAGS", given)])
                .findings,
        )
    };
    assert_eq!(tags(plain("a,b")), []);
    assert_eq!(tags(items(&["a", "b"])), []);
    assert_eq!(tags(items(&["a,b"])), [mark("comma-in-item", &item_place(1, 0))]);
    let secret = [("COLLECTOR_NAME", plain("c")), ("EXAMPLE_TOKEN", plain("x"))];
    assert_eq!(marks(&checked("example_collector", &secret).findings), [mark("plaintext-secret", &value_place(1))]);
}

#[test]
fn without_a_schema_names_secrets_and_lists_are_checked() {
    for (key, given) in [
        ("ANY_KEY_1", Given::Sealed),
        ("ANYTHING", plain("no")),
        ("ANYTHING", items(&["a", "b"])),
        ("ANY_TOKEN", Given::FromSecret),
    ] {
        assert_eq!(checked("no-schema", &[(key, given)]).findings, [], "{key}");
    }
    for (key, given, code, place) in [
        ("lower", plain("x"), "unknown-key", key_place(0)),
        ("1ST", plain("x"), "unknown-key", key_place(0)),
        ("A-B", plain("x"), "unknown-key", key_place(0)),
        ("CONNECTOR_ID", plain("x"), "reserved-key", key_place(0)),
        ("PYTHONPATH", plain("x"), "reserved-key", key_place(0)),
        ("ANY_TOKEN", plain("x"), "plaintext-secret", value_place(0)),
        ("ANY_PASSWORD", items(&["x"]), "plaintext-secret", value_place(0)),
        ("ANYTHING", plain(""), "wrong-type", value_place(0)),
        ("ANYTHING", quoted("\0"), "bad-format", value_place(0)),
        ("ANYTHING", items(&["a", "b,c"]), "comma-in-item", item_place(0, 1)),
    ] {
        let findings = checked("no-schema", &[(key, given)]).findings;
        assert_eq!(marks(&findings), [mark(code, &place)], "{key}");
        assert!(findings[0].help.is_some(), "{findings:?}");
    }
    let lower = checked("no-schema", &[("any_thing", plain("x"))]).findings;
    assert_eq!(lower[0].help.as_deref(), Some("did you mean `ANY_THING`?"));
}
