//! Catalog files, whole and broken.

use lockstep::{
    catalog::{Catalog, Catalogs},
    model::{ConnectorKind, PlatformKind},
};

use super::support::{OPENAEV, OPENCTI, openaev, opencti, slug};

#[test]
fn both_platforms_catalogs_are_read() {
    let catalog = opencti();
    assert_eq!((catalog.name(), catalog.version(), catalog.contracts().len()), ("opencti.json", Some("1.2.3"), 6));
    let everything = catalog.contract(&slug("everything")).unwrap();
    assert_eq!(everything.kind, Some(ConnectorKind::ExternalImport));
    assert_eq!(everything.image.as_deref(), Some("example/everything"));
    assert_eq!(everything.version.as_deref(), Some("1.0"));
    assert!(everything.manager_supported && everything.verified && everything.playbook_supported);
    assert!(everything.has_schema());
    let bare = catalog.contract(&slug("no-image")).unwrap();
    assert_eq!((bare.image.as_deref(), bare.version.as_deref(), bare.has_schema()), (None, None, false));
    let unknown = catalog.contract(&slug("unknown-kind")).unwrap();
    assert_eq!((unknown.kind, unknown.kind_word.as_str()), (None, "TELEPATHY"));
    assert_eq!(catalog.contract(&slug("no-schema")).unwrap().title, "no-schema");
    let catalog = openaev();
    let executor = catalog.contract(&slug("example_executor")).unwrap();
    assert_eq!(executor.class_name.as_deref(), Some("org.example.Executor"));
}

#[test]
fn what_is_no_catalog_is_refused_with_its_place() {
    let contract = |fields: &str| format!("{{\"contracts\": [{{{fields}}}]}}");
    let schema = |text: &str| contract(&format!("\"slug\": \"a\", \"config_schema\": {text}"));
    for (text, told) in [
        (String::new(), "is not JSON: EOF while parsing a value, at line 1 column 0"),
        ("<html>".to_owned(), "is not JSON: expected value, at line 1 column 1"),
        ("{\"contracts\": [\n  {\"slug\": \"a\",}]}".to_owned(), "is not JSON: trailing comma, at line 2 column 16"),
        ("\u{feff}{}".to_owned(), "is not JSON: expected value, at line 1 column 1"),
        ("[".repeat(100_000), "is not a catalog: "),
        (schema(&"[".repeat(1_000)), "is not JSON: recursion limit exceeded"),
        ("[]".to_owned(), "is not a catalog: "),
        ("null".to_owned(), "is not a catalog: "),
        ("{}".to_owned(), "is not a catalog: missing field `contracts`, at line 1 column 2"),
        ("{\"contracts\": {}}".to_owned(), "is not a catalog: "),
        (contract("\"title\": \"a\""), "is not a catalog: missing field `slug`"),
        (contract("\"slug\": \"a\", \"verified\": \"yes\""), "is not a catalog: invalid type: string \"yes\""),
        (contract("\"slug\": \"a\", \"slug\": \"b\""), "is not a catalog: duplicate field `slug`"),
        (contract("\"slug\": \"a/../b\""), "has a contract with the slug `a/../b`, which must be"),
        (contract("\"slug\": \"a\"}, {\"slug\": \"a\""), "has two contracts with the slug `a`"),
        (
            "{\"manifest_schema_version\": \"2\", \"contracts\": []}".to_owned(),
            "has the `manifest_schema_version` \"2\", which",
        ),
        (schema("true"), "has an invalid schema for contract `a`: it is no JSON object"),
        (schema("{\"type\": \"thing\"}"), "has an invalid schema for contract `a`: "),
        (schema("{\"properties\": {\"A\": {\"type\": 5}}}"), "(at `/properties/A/type`)"),
        (schema("{\"properties\": {\"A\": {\"minimum\": \"x\"}}}"), "(at `/properties/A/minimum`)"),
        (schema("{\"properties\": {\"A B\": {}}}"), "`A B` can't be the name of an environment variable"),
        (schema("{\"properties\": {\"A\": {\"$ref\": \"https://example.org/x\"}}}"), "has an invalid schema"),
        (schema("{\"properties\": {\"A\": {\"$ref\": \"file:///etc/passwd\"}}}"), "has an invalid schema"),
        (schema("{\"$schema\": \"https://example.org/mine\", \"type\": \"object\"}"), "has an invalid schema"),
    ] {
        let shown: String = text.chars().take(80).collect();
        let error = Catalog::read("c.json", text.as_bytes()).expect_err(&shown).to_string();
        assert!(error.starts_with("catalog `c.json` ") && error.contains(told), "{shown}: {error}");
        assert!(error.len() < 400 && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_catalog_is_bounded() {
    let large = vec![b' '; Catalog::MAX_SIZE + 1];
    let error = Catalog::read("c", &large).unwrap_err().to_string();
    assert_eq!(error, "catalog `c` has 16777217 bytes, more than the 16777216 allowed");
    let many: Vec<String> = (0..=Catalog::MAX_CONTRACTS).map(|number| format!("{{\"slug\":\"s{number}\"}}")).collect();
    let error = Catalog::read("c", format!("{{\"contracts\":[{}]}}", many.join(",")).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "catalog `c` has 4097 contracts, more than the 4096 allowed");
}

#[test]
fn a_slug_is_found_in_the_first_catalog_of_its_platform() {
    let same = |kind: &str, title: &str| {
        let text =
            format!("{{\"contracts\":[{{\"slug\":\"same\",\"title\":\"{title}\",\"container_type\":\"{kind}\"}}]}}");
        Catalog::read(title, text.as_bytes()).unwrap()
    };
    let catalogs = Catalogs::new(vec![
        same("COLLECTOR", "aev").into(),
        same("STREAM", "cti").into(),
        same("STREAM", "later").into(),
        same("NEW", "new").into(),
    ]);
    let title = |platform| catalogs.find(&slug("same"), platform).map(|contract| contract.title.as_str());
    assert_eq!(title(None), Some("aev"));
    assert_eq!(title(Some(PlatformKind::OpenAev)), Some("aev"));
    assert_eq!(title(Some(PlatformKind::OpenCti)), Some("cti"));
    assert_eq!(catalogs.contracts().map(|contract| contract.title.as_str()).collect::<Vec<_>>(), ["aev", "cti", "new"]);
    let catalogs =
        Catalogs::new(vec![Catalog::read("a", OPENCTI).unwrap().into(), Catalog::read("b", OPENAEV).unwrap().into()]);
    assert_eq!(catalogs.catalogs().len(), 2);
    assert_eq!(catalogs.contracts().count(), 9);
    assert!(catalogs.find(&slug("none"), None).is_none());
    // One of the other platform is better than none, since its check says what is wrong.
    assert!(catalogs.find(&slug("simple"), Some(PlatformKind::OpenAev)).is_some());
    let closest = |text: &str, platform| catalogs.closest(text, platform).map(|slug| slug.as_str().to_owned());
    assert_eq!(closest("everthing", None).as_deref(), Some("everything"));
    assert_eq!(closest("example-colector", None).as_deref(), Some("example_collector"));
    assert_eq!(closest("everthing", Some(PlatformKind::OpenAev)), None);
    assert_eq!(closest("misp", None), None);
}
