//! Tells signs of life of a connector from the traces of our own writes.

use std::collections::BTreeMap;

use super::odd::times_off;
use crate::{
    model::ConnectorId,
    platform::{KindWord, Listing, Queue, StatusWord},
};

/// What a platform knows about one connector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heartbeat {
    /// Whether the platform counts it as active.
    pub active: Option<bool>,
    /// Milliseconds since the Unix epoch, on our clock, of its last sign of life that we did not cause ourselves.
    pub last: Option<i64>,
    /// Whether that may be the trace of a change by anybody, as on platforms that keep only the time of the last change.
    pub doubtful: bool,
    /// What it does, in the platform's word.
    pub kind: Option<KindWord>,
    /// What it was last told about its container, in its own word.
    pub status: Option<StatusWord>,
    /// The work that waits for it, when that was last asked for.
    pub queue: Option<Queue>,
    /// Milliseconds since the Unix epoch, on our clock, at which it last began to work.
    pub last_run: Option<i64>,
}

/// What a platform has heard from its connectors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// Whether the platform has ever been asked with success.
    pub read: bool,
    /// The connectors that it knows.
    pub connectors: BTreeMap<ConnectorId, Heartbeat>,
}

impl Heard {
    /// Whether the platform has heard from a connector since its container was started, in seconds since the Unix epoch;
    /// none where that is not known.
    ///
    /// A sign of life within the second of the start does not count: it may be from before the start, as is the trace of
    /// a registration by another process of ours. One that is doubtful counts where the connector has worked since.
    pub fn since(&self, id: ConnectorId, started_at: i64) -> Option<bool> {
        let after = started_at.saturating_add(1).saturating_mul(1_000);
        let is_after = |time: Option<i64>| time.is_some_and(|time| time >= after);
        let known = self.connectors.get(&id);
        match known {
            _ if !self.read => None,
            Some(known) if known.doubtful && is_after(known.last) => is_after(known.last_run).then_some(true),
            Some(known) => Some(is_after(known.last)),
            None => Some(false),
        }
    }
}

/// A write of ours that looks like a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    UnderWay,
    /// Done at this tick.
    Done(u64),
}

/// Reads listings with our own writes in mind: registering a connector, and on older platforms telling its status, moves
/// the same time that its pings move.
#[derive(Debug, Default)]
pub(super) struct Beats {
    ticks: u64,
    writes: BTreeMap<ConnectorId, Write>,
    /// The times that our own writes have left, on the platform's clock.
    ours: BTreeMap<ConnectorId, Option<i64>>,
    /// The times of the last listing, on the platform's clock, and when it was asked for, on ours.
    last: BTreeMap<ConnectorId, (Option<i64>, i64)>,
}

/// A listing that is asked for: in the order of what happens, and when, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    tick: u64,
    at: i64,
}

impl Beats {
    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    /// A write is about to be sent.
    pub(super) fn writing(&mut self, id: ConnectorId) {
        self.writes.insert(id, Write::UnderWay);
    }

    /// A write came to its end, well or not.
    pub(super) fn written(&mut self, id: ConnectorId) {
        let tick = self.tick();
        self.writes.insert(id, Write::Done(tick));
    }

    /// Whether there are writes whose trace has not been seen.
    pub(super) fn wants_reading(&self) -> bool {
        self.writes.values().any(|write| matches!(write, Write::Done(_)))
    }

    /// A listing is about to be asked for, at this second since the Unix epoch; the value goes to [`Beats::read`] with the
    /// answer.
    pub(super) fn reading(&mut self, now: i64) -> Asked {
        Asked { tick: self.tick(), at: now.saturating_mul(1_000) }
    }

    /// Takes a listing in.
    ///
    /// A time that has moved since the listing before is a sign of life after that one, whatever any clock says. Times that
    /// can't be right are good for nothing else.
    pub(super) fn read(&mut self, asked: Asked, listing: &Listing, heard: &mut Heard) {
        heard.read = true;
        let trusted = times_off(listing, asked.at).is_none();
        let former = std::mem::take(&mut self.last);
        heard.connectors.retain(|id, _| listing.connectors.contains_key(id));
        for (&id, listed) in &listing.connectors {
            let known = heard.connectors.entry(id).or_default();
            known.active = listed.active;
            known.kind.clone_from(&listed.kind);
            known.status.clone_from(&listed.status);
            known.queue = listed.queue.or(known.queue);
            known.last_run = listed.last_run.map(|last_run| last_run - listing.clock_ahead);
            match self.writes.get(&id) {
                Some(Write::Done(done)) if *done < asked.tick => {
                    self.writes.remove(&id);
                    self.ours.insert(id, listed.heartbeat);
                }
                // The listing may or may not show the trace of our write.
                Some(Write::Done(_) | Write::UnderWay) => {}
                None if self.ours.get(&id) == Some(&listed.heartbeat) => {}
                None => {
                    self.ours.remove(&id);
                    let by_clock = listed.heartbeat.map(|heartbeat| heartbeat - listing.clock_ahead);
                    let moved = former.get(&id).filter(|(before, _)| before.is_some() && *before != listed.heartbeat);
                    let moved = moved.map(|(_, at)| *at);
                    let seen_before = former.get(&id).is_some_and(|(before, _)| *before == listed.heartbeat);
                    known.doubtful = listing.status_is_heartbeat && moved.is_none() && (known.doubtful || !seen_before);
                    known.last = if trusted { by_clock.max(moved) } else { moved.or(known.last) };
                }
            }
            self.last.insert(id, (listed.heartbeat, asked.at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ListedConnector;

    const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11";

    fn listing(heartbeat: Option<i64>) -> Listing {
        let connector = ListedConnector {
            name: "x".to_owned(),
            active: Some(true),
            heartbeat,
            managed: false,
            kind: None,
            status: None,
            queue: None,
            last_run: None,
        };
        let id = ConnectorId::try_from(ID).unwrap();
        Listing { connectors: [(id, connector)].into(), status_is_heartbeat: true, ..Listing::default() }
    }

    fn read(beats: &mut Beats, heard: &mut Heard, heartbeat: Option<i64>) -> Option<i64> {
        let asked = beats.reading(0);
        beats.read(asked, &listing(heartbeat), heard);
        heard.connectors.values().next().and_then(|beat| beat.last)
    }

    #[test]
    fn our_own_writes_are_no_sign_of_life() {
        let id = ConnectorId::try_from(ID).unwrap();
        let (mut beats, mut heard) = (Beats::default(), Heard::default());
        assert_eq!(heard.since(id, 1), None);
        beats.writing(id);
        assert_eq!(read(&mut beats, &mut heard, Some(5_000)), None, "the write is under way");
        beats.written(id);
        assert!(beats.wants_reading());
        assert_eq!(read(&mut beats, &mut heard, Some(6_000)), None, "the first reading after it shows its trace");
        assert!(!beats.wants_reading());
        assert_eq!(read(&mut beats, &mut heard, Some(6_000)), None, "the same trace");
        assert_eq!(heard.since(id, 6), Some(false));
        assert_eq!(read(&mut beats, &mut heard, Some(7_000)), Some(7_000), "the connector itself");
        assert_eq!(heard.since(id, 6), Some(true));
        assert_eq!(heard.since(id, 7), Some(false), "within the second of the start");
    }

    #[test]
    fn the_time_of_a_change_is_a_sign_of_life_only_where_it_was_seen_to_move() {
        let id = ConnectorId::try_from(ID).unwrap();
        let (mut beats, mut heard) = (Beats::default(), Heard::default());
        read(&mut beats, &mut heard, Some(5_000));
        assert_eq!(heard.since(id, 3), None, "somebody may have changed something");
        assert_eq!(heard.since(id, 5), Some(false));
        read(&mut beats, &mut heard, Some(5_000));
        assert_eq!(heard.since(id, 3), None);
        heard.connectors.get_mut(&id).unwrap().last_run = Some(4_500);
        assert_eq!(heard.since(id, 3), Some(true), "it has worked since");
        assert_eq!(heard.since(id, 4), None, "before it was started");
        read(&mut beats, &mut heard, Some(6_000));
        assert_eq!(heard.since(id, 3), Some(true));
        read(&mut beats, &mut heard, Some(6_000));
        assert_eq!(heard.since(id, 3), Some(true));
    }

    #[test]
    fn a_listing_asked_for_before_a_write_ended_is_not_its_trace() {
        let id = ConnectorId::try_from(ID).unwrap();
        let (mut beats, mut heard) = (Beats::default(), Heard::default());
        let early = beats.reading(0);
        beats.writing(id);
        beats.written(id);
        beats.read(early, &listing(Some(1_000)), &mut heard);
        assert_eq!(read(&mut beats, &mut heard, Some(2_000)), None);
        assert_eq!(read(&mut beats, &mut heard, Some(3_000)), Some(3_000));
    }

    #[test]
    fn the_clock_of_the_platform_does_not_matter() {
        let id = ConnectorId::try_from(ID).unwrap();
        let mut heard = Heard::default();
        let slow = Listing { clock_ahead: -600_000, status_is_heartbeat: false, ..listing(Some(1_000_000)) };
        let mut beats = Beats::default();
        let asked = beats.reading(1_600);
        beats.read(asked, &slow, &mut heard);
        assert_eq!(heard.since(id, 1_599), Some(true));
        assert_eq!(heard.since(id, 1_600), Some(false));
    }

    #[test]
    fn where_the_times_are_wrong_only_their_moves_count() {
        const DAY: i64 = 86_400_000;
        let id = ConnectorId::try_from(ID).unwrap();
        for off in [DAY, -DAY] {
            let (mut beats, mut heard) = (Beats::default(), Heard::default());
            let mut read = |second: i64, heartbeat: i64| {
                let asked = beats.reading(1_000_000 + second);
                beats.read(asked, &listing(Some(1_000_000_000 + off + heartbeat)), &mut heard);
                heard.since(id, 1_000_000)
            };
            assert_eq!(read(5, 0), Some(false), "it may be from before the start");
            assert_eq!(read(10, 0), Some(false));
            assert_eq!(read(15, 12_000), Some(true), "it moved");
            assert_eq!(read(20, 12_000), Some(true), "and stays");
        }
    }

    #[test]
    fn a_connector_that_is_gone_is_not_heard() {
        let id = ConnectorId::try_from(ID).unwrap();
        let (mut beats, mut heard) = (Beats::default(), Heard::default());
        assert_eq!(read(&mut beats, &mut heard, Some(9_000)), Some(9_000));
        let empty = Listing { connectors: BTreeMap::new(), ..listing(None) };
        let asked = beats.reading(0);
        beats.read(asked, &empty, &mut heard);
        assert_eq!(heard.since(id, 9), Some(false));
    }
}
