//! Configuration keys that Lockstep sets itself.

use crate::model::{PlatformKind, is_owned_env};

/// What to use instead of a key that Lockstep sets itself; none for a key that a manifest may set.
///
/// These are the keys that OpenCTI takes out of every contract before it shows its form, the ids and the addresses that
/// OpenAEV fills in, and the environment that Lockstep keeps for itself in every container.
pub(super) fn instead_of(key: &str, platform: PlatformKind) -> Option<&'static str> {
    instead_of_known(key, is_owned_env(key), platform)
}

/// The same for a key of which is known whether Lockstep owns it in every container.
pub(super) fn instead_of_known(key: &str, owned: bool, platform: PlatformKind) -> Option<&'static str> {
    let help = match (platform, key) {
        (PlatformKind::OpenCti, "OPENCTI_URL" | "OPENCTI_URI") | (PlatformKind::OpenAev, "OPENAEV_URL") => {
            "leave it out; `spec.platform` says which platform of the settings it serves, and the url is theirs"
        }
        (PlatformKind::OpenCti, "OPENCTI_TOKEN") | (PlatformKind::OpenAev, "OPENAEV_TOKEN") => {
            "use `spec.token` with a sealed value, or leave both out for the platform's `connectorToken`"
        }
        (PlatformKind::OpenCti, "CONNECTOR_ID")
        | (PlatformKind::OpenAev, "COLLECTOR_ID" | "INJECTOR_ID" | "EXECUTOR_ID") => "use `spec.id`",
        (PlatformKind::OpenCti, "CONNECTOR_TYPE") => "leave it out; `spec.contract` decides it",
        (PlatformKind::OpenCti, "CONNECTOR_RUN_AND_TERMINATE") => {
            "leave it out; Lockstep keeps connectors running, and `spec.state: stopped` stops one"
        }
        _ if owned => "leave it out; this part of the environment belongs to Lockstep and its settings",
        _ => return None,
    };
    Some(help)
}
