//! The environment that a configuration and its contract make together.

use lockstep::{
    catalog::{CheckedOrigin, Content},
    model::{Sealed, SecretValue},
};

use super::support::{Given, checked, items, plain, quoted, sealed_text, value_place};

/// The value of one key after a check without errors, and whether it is a default.
fn value(contract: &str, config: &[(&str, Given)], key: &str) -> Option<(String, bool)> {
    let checked = checked(contract, config);
    let value = checked.values.get(key)?;
    match &value.value {
        Content::Plain(text) => Some((text.clone(), value.origin == CheckedOrigin::Default)),
        Content::Secret(_) => panic!("{key} is a secret"),
    }
}

#[test]
fn defaults_are_filled_in_as_connectors_read_them() {
    for (key, text) in [
        ("CONNECTOR_NAME", Some("Everything")),
        ("CONNECTOR_SCOPE", Some("report,indicator")),
        ("EVERY_LIST", Some("")),
        ("EVERY_TEXT", Some("")),
        ("EVERY_COUNT", Some("5")),
        ("EVERY_RATIO", Some("2")),
        ("EVERY_FLAG", Some("false")),
        ("EVERY_START_OR_AGO", Some("P30D")),
        ("EVERY_NUMERAL", Some("110")),
        ("EVERY_EMPTY_PASSWORD", Some("")),
        ("EVERY_OBJECT", Some("{\"a\":1}")),
        ("EVERY_CHOICES", None),
        ("EVERY_OLD", None),
        ("EVERY_MASKED_PASSWORD", None),
        ("CONNECTOR_TYPE", None),
        ("CONNECTOR_RUN_AND_TERMINATE", None),
        ("OPENCTI_URL", None),
        ("EVERY_URL", None),
    ] {
        assert_eq!(value("everything", &[], key), text.map(|text| (text.to_owned(), true)), "{key}");
    }
    assert_eq!(value("example_collector", &[], "COLLECTOR_ID"), None);
}

#[test]
fn values_of_the_manifest_come_first_and_in_plain_form() {
    for (key, given, text) in [
        ("CONNECTOR_NAME", plain("no"), "no"),
        ("CONNECTOR_NAME", plain("0123"), "0123"),
        ("CONNECTOR_NAME", plain("1.10"), "1.10"),
        ("EVERY_COUNT", plain("1e1"), "10"),
        ("EVERY_COUNT", plain("3.0"), "3"),
        ("EVERY_COUNT", quoted("+3"), "3"),
        ("EVERY_RATIO", plain("1.50"), "1.5"),
        ("EVERY_RATIO", plain("25e-1"), "2.5"),
        ("EVERY_FLAG", quoted("true"), "true"),
        ("EVERY_LIST", items(&["a", "b c"]), "a,b c"),
        ("EVERY_LIST", items(&[]), ""),
        ("EVERY_PORTS", items(&["80", "4.43e2"]), "80,443"),
        ("EVERY_ANY", plain("1.10"), "1.10"),
        ("EVERY_ANY", items(&["1.10", "x"]), "1.10,x"),
    ] {
        assert_eq!(value("everything", &[(key, given)], key), Some((text.to_owned(), false)), "{key}");
    }
    assert_eq!(value("no-schema", &[("A", items(&["x", "y"]))], "A"), Some(("x,y".to_owned(), false)));
    let tags = |given| value("example_collector", &[("COLLECTOR_PLATFORM_TAGS", given)], "COLLECTOR_PLATFORM_TAGS");
    assert_eq!(tags(plain("a,b")), Some(("a,b".to_owned(), false)));
    assert_eq!(tags(items(&["a", "b"])), Some(("a,b".to_owned(), false)));
}

#[test]
fn a_value_that_is_wrong_or_null_leaves_its_key_out() {
    assert_eq!(value("everything", &[("EVERY_COUNT", plain("many"))], "EVERY_COUNT"), None);
    assert_eq!(value("everything", &[("EVERY_COUNT", plain("99"))], "EVERY_COUNT"), None);
    assert_eq!(value("everything", &[("EVERY_MAYBE", plain("null"))], "EVERY_MAYBE"), None);
}

#[test]
fn secrets_stay_sealed_and_know_their_place() {
    let checked = checked("everything", &[("EVERY_KEY", Given::Sealed), ("EVERY_COUNT", Given::FromSecret)]);
    let sealed = SecretValue::Sealed(Sealed::recognise(&sealed_text()).unwrap());
    assert_eq!(checked.values["EVERY_KEY"].value, Content::Secret(sealed));
    assert_eq!(checked.values["EVERY_KEY"].origin, CheckedOrigin::Manifest(value_place(0)));
    assert!(matches!(checked.values["EVERY_COUNT"].value, Content::Secret(SecretValue::FromSecret { .. })));
}
