//! When an instance that keeps ending, or a step that keeps failing, is tried again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::model::InstanceName;

/// The first wait.
const FIRST: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);
/// After running this long, the past is forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy)]
struct Entry {
    tries: u32,
    next: Instant,
    last: Instant,
}

/// The waits of all instances; a wait doubles with every try and is forgotten after a long quiet run.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    entries: BTreeMap<InstanceName, Entry>,
}

impl Backoff {
    /// Notes that an instance ended by itself, or that its step failed; gives the time of the next try.
    pub(super) fn note(&mut self, instance: &InstanceName, now: Instant) -> Instant {
        let former = self.entries.get(instance).copied();
        let quiet = |entry: &Entry| now.saturating_duration_since(entry.last) >= FORGIVEN_AFTER;
        let tries = former.filter(|entry| !quiet(entry)).map_or(0, |entry| entry.tries);
        let wait = FIRST.saturating_mul(1_u32.checked_shl(tries).unwrap_or(u32::MAX)).min(LONGEST);
        let next = now + wait;
        self.entries.insert(instance.clone(), Entry { tries: tries.saturating_add(1), next, last: next });
        next
    }

    /// Notes a failure that has mended its own cause: the first one in a row is tried again at once.
    pub(super) fn note_mended(&mut self, instance: &InstanceName, now: Instant) {
        if self.tries(instance) == 0 {
            self.entries.insert(instance.clone(), Entry { tries: 1, next: now, last: now });
        } else {
            self.note(instance, now);
        }
    }

    /// Forgets an instance, since its manifest changed or someone asked for a try now.
    pub(super) fn forget(&mut self, instance: &InstanceName) {
        self.entries.remove(instance);
    }

    /// Forgets all of them.
    pub(super) fn forget_all(&mut self) {
        self.entries.clear();
    }

    /// The instances that ran long enough since their last try to be forgiven.
    pub(super) fn forgiven(&mut self, now: Instant) -> Vec<InstanceName> {
        let quiet = |entry: &Entry| now.saturating_duration_since(entry.last) >= FORGIVEN_AFTER;
        let names: Vec<_> =
            self.entries.iter().filter(|(_, entry)| quiet(entry)).map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.entries.remove(name);
        }
        names
    }

    /// The time before which nothing is to be tried for an instance; none where nothing has to be waited for.
    pub(super) fn waits_until(&self, instance: &InstanceName, now: Instant) -> Option<Instant> {
        self.entries.get(instance).map(|entry| entry.next).filter(|next| *next > now)
    }

    /// How often an instance was tried.
    pub(super) fn tries(&self, instance: &InstanceName) -> u32 {
        self.entries.get(instance).map_or(0, |entry| entry.tries)
    }

    /// The earliest time at which a wait ends.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.entries.values().map(|entry| entry.next).filter(|next| *next > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> InstanceName {
        InstanceName::try_from("a").unwrap()
    }

    #[test]
    fn waits_double_up_to_five_minutes() {
        let (mut backoff, mut now) = (Backoff::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..8 {
            let next = backoff.note(&name(), now);
            waits.push(next.duration_since(now).as_secs());
            assert_eq!(backoff.waits_until(&name(), now), Some(next));
            now = next + Duration::from_secs(11);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(backoff.tries(&name()), 8);
    }

    #[test]
    fn a_container_that_dies_every_11_seconds_starts_at_most_25_times_in_its_first_hour() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let mut now = start;
        let mut starts = 6; // its first start and the engine's own five
        while now < start + Duration::from_secs(3_600) {
            now = backoff.note(&name(), now + Duration::from_secs(11));
            starts += 1;
        }
        assert!(starts <= 25, "{starts}");
    }

    #[test]
    fn a_long_quiet_run_is_forgiven() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let next = backoff.note(&name(), now);
        assert!(backoff.forgiven(next + Duration::from_secs(599)).is_empty());
        assert_eq!(backoff.forgiven(next + FORGIVEN_AFTER), vec![name()]);
        assert_eq!(backoff.waits_until(&name(), now), None);
        let later = next + FORGIVEN_AFTER;
        assert_eq!(backoff.note(&name(), later), later + FIRST);
    }

    #[test]
    fn what_mended_itself_is_tried_at_once_the_first_time_only() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.note_mended(&name(), now);
        assert_eq!(backoff.waits_until(&name(), now), None);
        backoff.note_mended(&name(), now);
        assert_eq!(backoff.waits_until(&name(), now), Some(now + FIRST * 2));
    }

    #[test]
    fn forgetting_ends_a_wait() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.note(&name(), now);
        assert_eq!(backoff.next(now), Some(now + FIRST));
        backoff.forget(&name());
        assert_eq!(backoff.next(now), None);
    }
}
