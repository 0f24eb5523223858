//! What is odd about what a platform says, though it answers.

use std::collections::BTreeMap;

use crate::{
    model::Condition,
    platform::{Listing, Standing},
};

/// How far a clock may be off, in milliseconds.
const CLOCK: i64 = 5 * 60 * 1_000;

/// By how many milliseconds the platform's clock seems to be ahead of ours; none for less than matters.
///
/// Its answers carry a time, which something before it may have set; the times that it keeps of connectors can show that its
/// own clock is another: one that lies ahead of us, or one long ago of a connector that it calls active.
pub(super) fn clock_off(listing: &Listing, now: i64) -> Option<i64> {
    let off = |ahead: &i64| ahead.abs() >= CLOCK;
    times_off(listing, now).map(|of_times| of_times + listing.clock_ahead).or(Some(listing.clock_ahead).filter(off))
}

/// By how much the times that it keeps are ahead of the one of its answers.
pub(super) fn times_off(listing: &Listing, now: i64) -> Option<i64> {
    let ahead = |heartbeat: i64| heartbeat - listing.clock_ahead - now;
    let all = listing.connectors.values();
    let newest = all.clone().filter_map(|listed| listed.heartbeat).max().map(ahead).filter(|ahead| *ahead >= CLOCK);
    // Active is what was heard within five minutes.
    let active = all.filter(|listed| listed.active == Some(true)).filter_map(|listed| listed.heartbeat).max();
    newest.or_else(|| active.map(ahead).filter(|ahead| *ahead <= -2 * CLOCK))
}

/// What is odd about a listing, as far as our instances are concerned; `now` in milliseconds.
pub(super) fn odd(listing: &Listing, standings: &[Standing], now: i64) -> BTreeMap<Condition, String> {
    let clock = clock_off(listing, now).map(|ahead| {
        let (minutes, side) = (ahead.abs() / 60_000, if ahead > 0 { "ahead of" } else { "behind" });
        let text = format!("its clock is {minutes} min {side} ours; signs of life are counted by our own");
        (Condition::ClockOff, text)
    });
    let wrong = standings.iter().find_map(|standing| {
        let why = listing.unreadable.get(&standing.id)?;
        Some((Condition::BadAnswer, format!("what it lists of `{}` makes no sense: {why}", standing.name)))
    });
    clock.into_iter().chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::lines::tests::standing, *};
    use crate::platform::ListedConnector;

    const DAY: i64 = 86_400_000;
    const NOW: i64 = 100 * DAY;

    fn listing(active: Option<bool>, heartbeat: i64, clock_ahead: i64) -> Listing {
        let connector = ListedConnector {
            name: "x".to_owned(),
            active,
            heartbeat: Some(heartbeat),
            kind: None,
            status: None,
            queue: None,
            last_run: None,
            managed: false,
        };
        Listing { connectors: [(standing(0).id, connector)].into(), clock_ahead, ..Listing::default() }
    }

    #[test]
    fn a_clock_that_is_off_is_noticed_by_any_of_its_times() {
        for (active, heartbeat, clock_ahead, off) in [
            (Some(true), NOW, 0, None),
            (Some(false), NOW - DAY, 0, None),
            (None, NOW - DAY, 0, None),
            (Some(true), NOW + DAY, DAY, Some(DAY)),
            (None, NOW + DAY, 0, Some(DAY)),
            (Some(true), NOW - DAY, 0, Some(-DAY)),
            (Some(true), NOW - DAY, -DAY, Some(-DAY)),
        ] {
            let listing = listing(active, heartbeat, clock_ahead);
            assert_eq!(clock_off(&listing, NOW), off, "{listing:?}");
        }
    }
}
