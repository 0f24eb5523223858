//! Changes of a spec that follow from what a platform gives.

use std::sync::Arc;

use super::Site;
use crate::{
    desired::{EnvValue, Management, PlatformContent, PlatformSecret, Wanted},
    model::ConnectorId,
};

/// The same instance under another id.
pub(super) fn with_id(wanted: &Wanted, id: ConnectorId) -> Wanted {
    let mut instance = wanted.clone();
    instance.id = id;
    instance.env.insert(format!("{}_ID", wanted.kind.env_prefix()), EnvValue::Plain(id.to_string()));
    finished(instance)
}

pub(super) fn set_token(instance: &mut Wanted, site: &Site, content: PlatformContent) {
    replace_awaited(instance, &EnvValue::FromPlatform(PlatformSecret { platform: site.name.clone(), content }));
}

/// Puts a value in the place of what was awaited; a token of the manifest's own stays.
pub(super) fn replace_awaited(instance: &mut Wanted, value: &EnvValue) {
    for own in instance.env.values_mut() {
        if let EnvValue::FromPlatform(PlatformSecret { content: PlatformContent::Awaited, .. }) = own {
            *own = value.clone();
        }
    }
}

pub(super) fn set_reset(instance: &mut Wanted, reset: Option<String>) {
    if let Some(management) = &instance.management {
        instance.management = Some(Arc::new(Management { reset, ..Management::clone(management) }));
    }
}

pub(super) fn finished(mut instance: Wanted) -> Wanted {
    instance.source_digest = instance.digest_of_source();
    instance
}
