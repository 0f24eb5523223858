//! Contracts that can't run as a container.

use lockstep::{
    catalog::{Contract, check},
    manifest::ImageChoice,
    model::{Placed, PlatformKind, Registration},
};

use super::support::{contract_place, manifest, mark, marks, openaev, opencti, plain, slug};

/// The findings about a contract without any configuration.
fn findings(
    contract: &Contract,
    platform: PlatformKind,
    registration: Registration,
    image: Option<ImageChoice>,
) -> Vec<String> {
    let mut manifest = manifest(&contract.slug, &[]);
    manifest.image = image.map(|image| Placed::new(image, contract_place()));
    let findings = check(contract, &manifest, platform, registration).findings;
    assert_eq!(marks(&findings), vec![mark("not-deployable", &contract_place()); findings.len()]);
    findings.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn each_reason_is_told_where_the_contract_is_named() {
    let (opencti, openaev) = (opencti(), openaev());
    let of = |name: &str| opencti.contract(&slug(name)).or(openaev.contract(&slug(name))).unwrap();
    let (cti, aev) = (PlatformKind::OpenCti, PlatformKind::OpenAev);
    let (own, managed) = (Registration::Itself, Registration::Managed);
    let version = || Some(ImageChoice::Version("2".to_owned()));
    let image = || Some(ImageChoice::Image("example/own:1".to_owned()));
    for (name, platform, registration, image, message) in [
        ("simple", cti, own, None, None),
        ("simple", cti, managed, None, None),
        ("no-schema", cti, own, None, None),
        ("no-schema", cti, managed, None, Some("contract `no-schema` can't be managed by the platform")),
        ("no-image", cti, own, None, Some("contract `no-image` has no image")),
        ("no-image", cti, own, version(), Some("contract `no-image` has no image")),
        ("no-image", cti, own, image(), None),
        ("unknown-kind", cti, own, None, Some("contract `unknown-kind` is of a kind that Lockstep does not know")),
        (
            "example_executor",
            aev,
            own,
            None,
            Some("contract `example_executor` runs inside the platform, not as a container"),
        ),
        (
            "example_executor",
            aev,
            own,
            image(),
            Some("contract `example_executor` runs inside the platform, not as a container"),
        ),
        ("simple", aev, own, None, Some("contract `simple` is one of opencti, and the instance serves openaev")),
        (
            "example_injector",
            cti,
            own,
            None,
            Some("contract `example_injector` is one of openaev, and the instance serves opencti"),
        ),
        ("example_injector", aev, managed, None, None),
    ] {
        let told = findings(of(name), platform, registration, image);
        assert_eq!(told, message.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn an_unmanageable_contract_still_has_its_configuration_checked() {
    let catalog = opencti();
    let contract = catalog.contract(&slug("no-schema")).unwrap();
    let manifest = manifest(&contract.slug, &[("A_TOKEN".to_owned(), plain("x"))]);
    let findings = check(contract, &manifest, PlatformKind::OpenCti, Registration::Managed).findings;
    assert_eq!(
        findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(),
        ["not-deployable", "plaintext-secret"]
    );
}
