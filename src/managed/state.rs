//! Decides which state of an instance counts: the one its manifest asks for, or the one asked for at its platform.

use super::{Listed, Remembered, Requested, Site, UiControl, edit::reason};
use crate::{
    desired::{Origin, Wanted},
    manifest::WantedState,
    plan::{Cause, Reason},
};

/// Decides which state counts; gives the state to ask the platform for, where it is not asked for there. An instance that we
/// had begun to make was stopped by nobody.
pub(super) fn state(
    instance: &mut Wanted,
    site: &Site,
    listed: &Listed,
    (before, begun): (Option<&Remembered>, bool),
    runs: bool,
) -> Option<(WantedState, Reason)> {
    let own = instance.state;
    let there = match listed.requested {
        Requested::Started => Some(WantedState::Started),
        Requested::Stopped if begun => None,
        Requested::Stopped => Some(WantedState::Stopped),
        Requested::Nothing => None,
        Requested::Unknown(_) => {
            // A word that nobody here understands changes nothing.
            instance.state = if runs { WantedState::Started } else { WantedState::Stopped };
            return None;
        }
    };
    let changed_here = before.is_some_and(|before| before.state != own);
    match there {
        Some(there) if there == own => None,
        Some(there) if site.control == UiControl::Honour && !changed_here => {
            instance.state = there;
            instance.origins.insert("state".to_owned(), Origin::Platform);
            None
        }
        // A new one is stopped until somebody asks for its start.
        None if own == WantedState::Stopped => None,
        Some(_) | None => {
            let cause = if changed_here || there.is_none() { Cause::Manifest } else { Cause::Drift };
            let place = match instance.origins.get("state") {
                Some(Origin::Manifest(place)) => Some(place.clone()),
                Some(_) | None => None,
            };
            let sides = (there.map(|state| word(state).to_owned()), Some(word(own).to_owned()));
            Some((own, reason("state", sides, false, cause, place)))
        }
    }
}

fn word(state: WantedState) -> &'static str {
    match state {
        WantedState::Started => "started",
        WantedState::Stopped => "stopped",
    }
}
