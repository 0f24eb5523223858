//! Finds what a manifest asks of the host beyond the operator's policy.

use crate::{
    manifest::Manifest,
    model::{Code, Finding, MountSource, Place, Policy},
};

/// One `policy` finding for each thing that the policy does not allow.
pub(super) fn check(manifest: &Manifest, image: &str, image_place: &Place, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |place: Place, message: String, help: String| {
        findings.push(Finding::error(Code::Policy, place, message).with_help(help).of_instance(&manifest.name.value));
    };
    let place = |field: &str| place_of(manifest, field);
    let container = &manifest.container;
    if !policy.allows_image(image) {
        let help = "the operator can add a pattern to `policy.images` in the settings".to_owned();
        refuse(image_place.clone(), format!("the image `{image}` is outside the operator's policy"), help);
    }
    for volume in &container.volumes {
        if let MountSource::Bind(path) = &volume.source
            && !policy.allows_bind(path)
        {
            let help = "use a named volume, or let the operator add a folder to `policy.bindRoots`".to_owned();
            refuse(place("container.volumes"), format!("mounting `{path}` of the host is not allowed"), help);
        }
    }
    let mut asked = Vec::new();
    if container.privileged {
        asked.push(("container.privileged", "privileged".to_owned(), "privileged mode".to_owned()));
    }
    for capability in &container.cap_add {
        let permission = format!("capAdd:{capability}");
        asked.push(("container.capAdd", permission, format!("the capability `{capability}`")));
    }
    for device in &container.devices {
        asked.push(("container.devices", format!("device:{device}"), format!("the device `{device}`")));
    }
    for namespace in &container.host_namespaces {
        let name = namespace.as_str();
        let what = format!("the host's {name} namespace");
        asked.push(("container.hostNamespaces", format!("hostNamespace:{name}"), what));
    }
    for network in &container.networks {
        if network == "host" || network.starts_with("container:") {
            let what = format!("the network `{network}`");
            asked.push(("container.networks", format!("network:{network}"), what));
        }
    }
    for (field, permission, what) in asked {
        if !policy.allows(&permission) {
            let help = format!("the operator can add `{permission}` to `policy.allow` in the settings");
            refuse(place(field), format!("{what} is not allowed"), help);
        }
    }
    findings
}

/// Where a field was written; the manifest's own place for one that is only there in part.
fn place_of(manifest: &Manifest, field: &str) -> Place {
    let below = |path: &String| path == field || path.starts_with(&format!("{field}."));
    let found = manifest.fields.iter().find(|(path, _)| below(path));
    found.map_or_else(|| manifest.name.place.clone(), |(_, place)| place.clone())
}
