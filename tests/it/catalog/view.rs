//! What `catalog list` and `catalog show` tell.

use lockstep::catalog::{list, show};

use super::support::{openaev, opencti, slug};

#[test]
fn the_list_has_a_row_for_each_contract() {
    let (opencti, openaev) = (opencti(), openaev());
    let view = list(opencti.contracts().iter().chain(openaev.contracts()));
    let rows: Vec<String> = view
        .contracts
        .iter()
        .map(|row| format!("{} {} {} {} {:?}", row.slug, row.kind, row.deployable, row.manager_supported, row.keys))
        .collect();
    assert_eq!(
        rows,
        [
            "everything EXTERNAL_IMPORT true true Some(35)",
            "no-image STREAM false true None",
            "no-schema INTERNAL_EXPORT_FILE true false None",
            "rules EXTERNAL_IMPORT true true Some(6)",
            "simple STREAM true true Some(1)",
            "unknown-kind TELEPATHY false true None",
            "example_collector COLLECTOR true true Some(4)",
            "example_executor EXECUTOR false false Some(1)",
            "example_injector INJECTOR true true Some(1)",
        ]
    );
    insta::assert_json_snapshot!(list(openaev.contracts().iter().take(1)), @r#"
    {
      "contracts": [
        {
          "slug": "example_collector",
          "title": "A collector",
          "kind": "COLLECTOR",
          "image": "example/collector",
          "version": "rolling",
          "deployable": true,
          "managerSupported": true,
          "keys": 4
        }
      ]
    }
    "#);
}

#[test]
fn the_keys_that_must_be_set_come_first() {
    let catalog = opencti();
    let view = show(catalog.contract(&slug("everything")).unwrap(), catalog.versions(&slug("everything")));
    let keys = view.keys.unwrap();
    let first: Vec<&str> = keys.iter().take_while(|key| key.required).map(|key| key.key.as_str()).collect();
    assert_eq!(first, ["EVERY_KEY", "EVERY_MASKED_PASSWORD", "EVERY_URL"]);
    assert_eq!(keys.last().map(|key| key.key.as_str()), Some("EVERY_OLD"));
    assert!(keys.iter().all(|key| !key.key.starts_with("OPENCTI_")));
    let types: Vec<(&str, &str)> = ["CONNECTOR_SCOPE", "EVERY_PORTS", "EVERY_MAYBE", "EVERY_ANY", "EVERY_RATIO"]
        .into_iter()
        .map(|name| (name, keys.iter().find(|key| key.key == name).unwrap().types.as_str()))
        .collect();
    assert_eq!(
        types,
        [
            ("CONNECTOR_SCOPE", "list of strings"),
            ("EVERY_PORTS", "list of integers"),
            ("EVERY_MAYBE", "integer"),
            ("EVERY_ANY", "any value"),
            ("EVERY_RATIO", "number"),
        ]
    );
}

#[test]
fn everything_about_a_contract() {
    let catalog = openaev();
    insta::assert_json_snapshot!(show(catalog.contract(&slug("example_collector")).unwrap(), catalog.versions(&slug("example_collector"))), @r#"
    {
      "slug": "example_collector",
      "title": "A collector",
      "description": "Gathers",
      "kind": "COLLECTOR",
      "platform": "openaev",
      "image": "example/collector",
      "version": "rolling",
      "deployable": true,
      "notDeployable": null,
      "managerSupported": true,
      "verified": false,
      "playbookSupported": false,
      "sourceCode": null,
      "versions": [
        {
          "version": "rolling",
          "worksWith": null
        }
      ],
      "keys": [
        {
          "key": "COLLECTOR_NAME",
          "type": "string",
          "required": true,
          "default": null,
          "enum": [],
          "format": null,
          "secret": false,
          "deprecated": false,
          "description": ""
        },
        {
          "key": "COLLECTOR_PLATFORM_TAGS",
          "type": "string or list of strings",
          "required": false,
          "default": null,
          "enum": [],
          "format": null,
          "secret": false,
          "deprecated": false,
          "description": ""
        },
        {
          "key": "EXAMPLE_TOKEN",
          "type": "string",
          "required": false,
          "default": null,
          "enum": [],
          "format": "password",
          "secret": true,
          "deprecated": false,
          "description": ""
        },
        {
          "key": "OPENAEV_TENANT_ID",
          "type": "string",
          "required": false,
          "default": null,
          "enum": [],
          "format": "uuid",
          "secret": false,
          "deprecated": false,
          "description": ""
        }
      ]
    }
    "#);
    let executor =
        show(catalog.contract(&slug("example_executor")).unwrap(), catalog.versions(&slug("example_executor")));
    assert_eq!(executor.not_deployable.as_deref(), Some("runs inside the platform, not as a container"));
}
