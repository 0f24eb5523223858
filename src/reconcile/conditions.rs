//! Says how each platform is, and what is wrong with it.

use std::collections::BTreeMap;

use super::PlatformLink;
use crate::{
    desired::{DesiredState, SettingsSecrets},
    managed::Conditions,
    model::Condition,
    plan::Observed,
    platform::{Connection, KindWord, StatusWord},
    report::PlatformStatus,
};

/// Adds that what connectors get from the settings can't be read.
pub fn note_unreadable(conditions: &mut Conditions, settings: &SettingsSecrets) {
    for (name, why) in &settings.unreadable {
        let text = format!("what its connectors get can't be read: {why}; those that run keep what they have");
        conditions.entry(name.clone()).or_default().insert(Condition::TokenUnreadable, text);
    }
}

/// Adds that a platform lists nothing at all, though instances of it run.
pub fn note_empty(conditions: &mut Conditions, links: &[PlatformLink], desired: &DesiredState, observed: &Observed) {
    for link in links {
        let heard = link.reporter.heard();
        if !heard.borrow().read || !heard.borrow().connectors.is_empty() {
            continue;
        }
        let of_platform = desired.wanted.values().filter(|wanted| wanted.platform.as_ref() == Some(&link.name));
        let running = of_platform.filter(|wanted| observed.of(&wanted.name).any(|container| container.runs())).count();
        if running > 0 {
            let text =
                format!("it lists no connector, though {running} of its instances run; they are left as they are");
            conditions.entry(link.name.clone()).or_default().insert(Condition::EmptyListing, text);
        }
    }
}

/// Adds that a platform uses a word of one of its instances that is not known here.
pub fn note_words(conditions: &mut Conditions, links: &[PlatformLink], desired: &DesiredState) {
    for link in links {
        let heard = link.reporter.heard();
        let heard = heard.borrow();
        let of_platform = desired.wanted.values().filter(|wanted| wanted.platform.as_ref() == Some(&link.name));
        let mut word = of_platform.filter_map(|wanted| {
            let known = heard.connectors.get(&wanted.id)?;
            let word = match (&known.status, &known.kind) {
                (Some(StatusWord::Unknown(word)), _) | (_, Some(KindWord::Unknown(word))) => word,
                (Some(StatusWord::Known(_)) | None, Some(KindWord::Known(_)) | None) => return None,
            };
            Some(format!("it says `{word}` of `{}`, which is no word we know", wanted.name))
        });
        if let Some(text) = word.next() {
            conditions.entry(link.name.clone()).or_default().entry(Condition::UnknownWord).or_insert(text);
        }
    }
}

/// How the platforms are; `conditions` are those that showed elsewhere than in what they are told.
pub fn platforms(links: &[PlatformLink], conditions: &Conditions) -> Vec<PlatformStatus> {
    links.iter().map(|link| platform(link, conditions)).collect()
}

fn platform(link: &PlatformLink, conditions: &Conditions) -> PlatformStatus {
    let mut all = BTreeMap::new();
    let (mut is_there, mut at, mut release) = (false, None, None);
    match &*link.reporter.connection().borrow() {
        Connection::Connecting => {
            all.insert(Condition::NoAnswer, "it has not answered yet".to_owned());
        }
        Connection::Down { condition, error, since } | Connection::Unauthorized { condition, error, since } => {
            at = Some(*since);
            all.insert(*condition, error.clone());
        }
        Connection::Up { version, since, limited, refused, odd } => {
            (is_there, at, release) = (true, Some(*since), Some(version.clone()));
            all.extend(limited.clone().map(|limited| (Condition::RightMissing, limited)));
            if !refused.is_empty() {
                let refused: Vec<_> = refused.iter().map(|(id, why)| format!("{id}: {why}")).collect();
                all.insert(Condition::Refused, refused.join("; "));
            }
            all.extend(odd.clone());
        }
    }
    for (condition, text) in conditions.get(&link.name).into_iter().flatten() {
        all.entry(*condition).or_insert_with(|| text.clone());
    }
    let conditions = all.into_iter().collect();
    PlatformStatus { name: link.name.clone(), connected: is_there, since: at, version: release, conditions }
}
