//! Asks the platforms whether a new container has proven itself.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::PlatformLink;
use crate::{
    desired::Wanted,
    engine::{Gate, Proof},
    model::PlatformName,
    platform::{Connection, Heard},
};

/// What each platform has heard from its connectors, for those whose manifests ask for it.
#[derive(Debug, Clone, Default)]
pub struct PlatformGate {
    platforms: BTreeMap<PlatformName, (watch::Receiver<Heard>, watch::Receiver<Connection>)>,
}

impl PlatformGate {
    /// A gate that knows what these platforms are told and say.
    pub fn new(links: &[PlatformLink]) -> Self {
        let link = |link: &PlatformLink| (link.name.clone(), (link.reporter.heard(), link.reporter.connection()));
        Self { platforms: links.iter().map(link).collect() }
    }
}

impl Gate for PlatformGate {
    fn proof(&self, wanted: &Wanted, started: i64) -> Proof {
        if !wanted.health.require_platform {
            return Proof::Given;
        }
        let Some((name, (heard, connection))) =
            wanted.platform.as_ref().and_then(|name| self.platforms.get_key_value(name))
        else {
            return Proof::Unasked("it serves no platform that says what it has heard".to_owned());
        };
        match &*connection.borrow() {
            Connection::Up { limited: None, .. } => {}
            Connection::Up { limited: Some(limited), .. } => return Proof::Unasked(limited.clone()),
            Connection::Connecting => return Proof::Unknown(format!("platform `{name}` did not answer yet")),
            Connection::Down { error, .. } => return Proof::Unknown(error.clone()),
            Connection::Unauthorized { error, .. } => return Proof::Unasked(error.clone()),
        }
        match heard.borrow().since(wanted.id, started) {
            Some(true) => Proof::Given,
            Some(false) => Proof::Missing(format!("platform `{name}` did not hear from it")),
            None => Proof::Unknown(format!("platform `{name}` did not say what it has heard")),
        }
    }
}
