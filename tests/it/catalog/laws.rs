//! What holds for any configuration.

use lockstep::{
    catalog::{Content, check},
    model::{PlatformKind, Registration, Severity},
};
use proptest::prelude::*;

use super::support::{Given, manifest, openaev, opencti, slug};

/// A text that no message has by chance.
const SECRET: &str = "zq7Xsecretx";

fn key() -> impl Strategy<Value = String> {
    let known: Vec<String> = opencti()
        .contracts()
        .iter()
        .chain(openaev().contracts())
        .flat_map(|contract| contract.properties().iter().map(|property| property.key.clone()))
        .collect();
    prop_oneof![4 => prop::sample::select(known), 1 => "[A-Z_]{1,12}", 1 => any::<String>()]
}

fn given() -> impl Strategy<Value = Given> {
    let text = prop_oneof![
        any::<String>(),
        "[-+0-9.eE]{1,8}",
        prop::sample::select(vec!["", "~", "true", "P1D", "a,b", "{}", "2024-01-31T00:00:00Z"]).prop_map(str::to_owned),
    ];
    prop_oneof![
        text.clone().prop_map(Given::Plain),
        text.clone().prop_map(Given::Quoted),
        prop::collection::vec(text, 0..4).prop_map(Given::List),
        Just(Given::Sealed),
        Just(Given::FromSecret),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_configuration_is_checked_without_a_panic(config in prop::collection::vec((key(), given()), 0..12)) {
        for (catalog, platform) in [(opencti(), PlatformKind::OpenCti), (openaev(), PlatformKind::OpenAev)] {
            for contract in catalog.contracts() {
                let manifest = manifest(&contract.slug, &config);
                let checked = check(contract, &manifest, platform, Registration::Managed);
                prop_assert_eq!(&checked, &check(contract, &manifest, platform, Registration::Managed));
                let mut values: Vec<_> = Vec::new();
                for finding in &checked.findings {
                    prop_assert!(finding.instance.is_some());
                    let help = finding.help.as_deref().unwrap_or_default();
                    prop_assert!(!help.is_empty() && !help.chars().any(char::is_control), "{}", help);
                    prop_assert!(!finding.message.chars().any(char::is_control), "{}", finding.message);
                    if finding.severity == Severity::Error && finding.place.column >= 50 {
                        values.push(&finding.place);
                    }
                }
                let told = values.len();
                values.dedup();
                prop_assert_eq!(told, values.len(), "two errors about one value: {:?}", &checked.findings);
                for (key, value) in &checked.values {
                    prop_assert!(!matches!(key.as_str(), "OPENCTI_TOKEN" | "OPENAEV_TOKEN" | "CONNECTOR_ID"));
                    if let Content::Plain(text) = &value.value {
                        prop_assert!(!text.contains('\0'));
                    }
                }
            }
        }
    }

    #[test]
    fn a_secret_in_clear_is_in_no_finding_and_no_value(
        before in any::<String>(), after in "[0-9,: ]{0,8}", quoted in any::<bool>(), listed in any::<bool>(),
    ) {
        let text = format!("{before}{SECRET}{after}");
        let given = match (listed, quoted) {
            (true, _) => Given::List(vec![text]),
            (false, true) => Given::Quoted(text),
            (false, false) => Given::Plain(text),
        };
        for (contract, key) in [
            ("everything", "EVERY_KEY"),
            ("everything", "EVERY_EMPTY_PASSWORD"),
            ("everything", "EVERY_API_TOKEN"),
            ("everything", "OPENCTI_TOKEN"),
            ("everything", "EVERY_KEYY"),
            ("rules", "RULES_PASSWORD"),
            ("no-schema", "ANY_TOKEN"),
        ] {
            let catalog = opencti();
            let contract = catalog.contract(&slug(contract)).unwrap();
            let manifest = manifest(&contract.slug, &[(key.to_owned(), given.clone())]);
            let checked = check(contract, &manifest, PlatformKind::OpenCti, Registration::Itself);
            prop_assert!(checked.findings.iter().any(|finding| finding.severity == Severity::Error));
            let all = format!("{checked:?}");
            prop_assert!(!all.contains(SECRET), "{}", all);
        }
    }
}
