//! Whether a contract can run as a container for a platform at all.

use super::super::contract::{Contract, NotDeployable};
use crate::{
    manifest::{ImageChoice, Manifest},
    model::{Code, Finding, PlatformKind, Registration},
};

/// Finds why a contract can't be deployed; says whether its configuration is worth a look.
pub(super) fn check(
    contract: &Contract,
    manifest: &Manifest,
    platform: PlatformKind,
    registration: Registration,
    findings: &mut Vec<Finding>,
) -> bool {
    let own_image = manifest.image.as_ref().is_some_and(|image| match image.value {
        ImageChoice::Image(_) => true,
        ImageChoice::Version(_) => false,
    });
    let fits = match contract.platform() {
        Some(other) if other != platform => Err(NotDeployable::OtherPlatform { contract: other, instance: platform }),
        Some(_) | None => contract.deployable(registration, own_image),
    };
    let Err(reason) = fits else { return true };
    findings.push(finding(contract, manifest, reason));
    match reason {
        NotDeployable::UnknownKind
        | NotDeployable::OtherPlatform { .. }
        | NotDeployable::InProcess
        | NotDeployable::BadSchema => false,
        NotDeployable::NoImage | NotDeployable::NotManaged => true,
    }
}

/// The finding for a contract that can't be deployed.
pub(super) fn finding(contract: &Contract, manifest: &Manifest, reason: NotDeployable) -> Finding {
    let help = match reason {
        NotDeployable::UnknownKind => "use a newer Lockstep, or another contract",
        NotDeployable::OtherPlatform { .. } => "choose the right `spec.platform`, or a contract of this platform",
        NotDeployable::InProcess => "configure it in the platform; there is nothing to deploy",
        NotDeployable::NoImage => "name one with `spec.image`",
        NotDeployable::NotManaged => "use `registration: self` for this platform in the settings",
        NotDeployable::BadSchema => "put a catalog with a valid schema in its place",
    };
    let message = format!("contract `{}` {reason}", contract.slug);
    Finding::error(Code::NotDeployable, manifest.contract.place.clone(), message).with_help(help)
}
