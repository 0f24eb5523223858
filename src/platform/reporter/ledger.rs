//! Remembers what the platform was told, and says what it has to be told next.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use tokio::time::Instant;

use super::{Intervals, lines};
use crate::{
    model::ConnectorId,
    platform::{CurrentStatus, HealthReport, ListedConnector, Standing, StatusWord, Takes},
};

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Telling {
    Register,
    Status(CurrentStatus),
    Health(HealthReport),
    Logs(Vec<String>),
}

impl Telling {
    /// Whether a platform that takes so much can be told it.
    pub(super) fn is_taken(&self, takes: Takes) -> bool {
        match (takes, self) {
            (Takes::Everything, _) | (Takes::Standing, Self::Status(_) | Self::Health(_) | Self::Logs(_)) => true,
            (Takes::Standing, Self::Register) | (Takes::Nothing, _) => false,
        }
    }
}

#[derive(Debug, Default)]
struct Told {
    registered: Option<Instant>,
    status: Option<CurrentStatus>,
    health: Option<(HealthReport, Instant)>,
    logs: Option<(u64, Instant)>,
    /// What the platform refused, and until when it is left alone; another status is tried at once.
    refused: Option<Refusal>,
}

#[derive(Debug)]
struct Refusal {
    why: String,
    until: Instant,
    status: CurrentStatus,
}

/// What the platform was told since the connection came about.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    told: BTreeMap<ConnectorId, Told>,
}

impl Ledger {
    /// Forgets what was told: the platform may have lost it.
    pub(super) fn forget(&mut self) {
        self.told.clear();
    }

    /// Forgets the instances that are not among these.
    pub(super) fn keep(&mut self, standings: &[Standing]) {
        let ids: BTreeSet<_> = standings.iter().map(|standing| standing.id).collect();
        self.told.retain(|id, _| ids.contains(id));
    }

    /// What to tell about one instance now, in order. `listed` is what the platform says of it: none where it does not
    /// know it.
    pub(super) fn due(&self, standing: &Standing, listed: Option<&ListedConnector>, when: &When<'_>) -> Vec<Telling> {
        let nothing = Told::default();
        let told = self.told.get(&standing.id).unwrap_or(&nothing);
        let status = CurrentStatus::of(standing.running);
        if told.refused.as_ref().is_some_and(|refusal| refusal.until > when.now && refusal.status == status) {
            return Vec::new();
        }
        let mut tellings = Vec::new();
        let tried = told.registered.is_some_and(|at| at + when.intervals.list > when.now);
        if when.known && listed.is_none() && !tried {
            tellings.push(Telling::Register);
        }
        let shown = listed.and_then(|listed| listed.status.as_ref());
        let shows_it = when.fresh && told.status.is_none() && shown == Some(&StatusWord::Known(status));
        if told.status != Some(status) && !shows_it {
            tellings.push(Telling::Status(status));
        }
        if let Some(health) = health(standing) {
            let due = told.health.is_none_or(|(last, at)| last != health || at + when.intervals.health <= when.now);
            if due {
                tellings.push(Telling::Health(health));
            }
        }
        let lines = lines::lines(standing);
        let hash = hash(&lines);
        let due = match told.logs {
            None => !lines.is_empty(),
            Some((last, at)) => last != hash && (when.at_once || at + when.intervals.logs <= when.now),
        };
        if due {
            tellings.push(Telling::Logs(lines));
        }
        tellings
    }

    /// The platform was told.
    pub(super) fn told(&mut self, id: ConnectorId, telling: &Telling, now: Instant) {
        let told = self.told.entry(id).or_default();
        match telling {
            Telling::Register => told.registered = Some(now),
            Telling::Status(status) => told.status = Some(*status),
            Telling::Health(health) => told.health = Some((*health, now)),
            Telling::Logs(lines) => told.logs = Some((hash(lines), now)),
        }
    }

    /// Everything that was due for an instance has been told.
    pub(super) fn settled(&mut self, id: ConnectorId) {
        if let Some(told) = self.told.get_mut(&id) {
            told.refused = None;
        }
    }

    /// The platform refused what it was told about one instance.
    pub(super) fn refused(&mut self, standing: &Standing, why: String, until: Instant) {
        let status = CurrentStatus::of(standing.running);
        self.told.entry(standing.id).or_default().refused = Some(Refusal { why, until, status });
    }

    /// What the platform refused, by instance.
    pub(super) fn refusals(&self) -> BTreeMap<ConnectorId, String> {
        let refused = |(id, told): (&ConnectorId, &Told)| Some((*id, told.refused.as_ref()?.why.clone()));
        self.told.iter().filter_map(refused).collect()
    }

    /// Whether nothing has been tried for an instance since the connection came about.
    pub(super) fn is_new(&self, id: ConnectorId) -> bool {
        self.told.get(&id).is_none_or(|told| told.registered.is_none() && told.refused.is_none())
    }

    /// When something is due for one instance of which nothing is due now.
    pub(super) fn next(&self, standing: &Standing, when: &When<'_>) -> Option<Instant> {
        let told = self.told.get(&standing.id)?;
        let health = health(standing).and(told.health).map(|(_, at)| at + when.intervals.health);
        let changed = |last: u64| last != hash(&lines::lines(standing));
        let logs = told.logs.and_then(|(last, at)| changed(last).then_some(at + when.intervals.logs));
        let refused = told.refused.as_ref().map(|refusal| refusal.until);
        [health, logs].into_iter().flatten().min().max(refused).or(refused)
    }
}

/// The circumstances in which something is due or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct When<'a> {
    /// Now.
    pub(super) now: Instant,
    /// How often what is told.
    pub(super) intervals: &'a Intervals,
    /// Whether the platform could be asked which connectors it knows.
    pub(super) known: bool,
    /// Whether the platform has been there all the time, so that a status that it shows need not be told.
    pub(super) fresh: bool,
    /// Whether logs are told without waiting for their turn.
    pub(super) at_once: bool,
}

fn health(standing: &Standing) -> Option<HealthReport> {
    let started_at = standing.started_at.filter(|_| standing.running || standing.crash_loop)?;
    Some(HealthReport { restarts: standing.restarts, started_at, crash_loop: standing.crash_loop })
}

fn hash(lines: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::lines::tests::standing, *};

    fn listed(status: Option<StatusWord>) -> ListedConnector {
        ListedConnector {
            name: String::new(),
            active: None,
            heartbeat: None,
            managed: false,
            kind: None,
            status,
            queue: None,
            last_run: None,
        }
    }

    fn when(intervals: &Intervals, now: Instant) -> When<'_> {
        When { now, intervals, known: true, fresh: true, at_once: false }
    }

    fn tell_all(ledger: &mut Ledger, standing: &Standing, tellings: &[Telling], now: Instant) {
        for telling in tellings {
            ledger.told(standing.id, telling, now);
        }
    }

    #[test]
    fn an_unknown_instance_is_registered_and_told_whole_then_nothing_is_due() {
        let (mut ledger, intervals, now) = (Ledger::default(), Intervals::default(), Instant::now());
        let mut standing = standing(5);
        standing.logs = vec!["a".to_owned()];
        let health = HealthReport { restarts: 0, started_at: 5, crash_loop: false };
        let due = ledger.due(&standing, None, &when(&intervals, now));
        let wanted = [
            Telling::Register,
            Telling::Status(CurrentStatus::Started),
            Telling::Health(health),
            Telling::Logs(vec!["a".to_owned()]),
        ];
        assert_eq!(due, wanted);
        tell_all(&mut ledger, &standing, &due, now);
        let listed = listed(None);
        assert!(ledger.due(&standing, Some(&listed), &when(&intervals, now)).is_empty());
        assert_eq!(ledger.next(&standing, &when(&intervals, now)), Some(now + intervals.health));
        let later = now + intervals.health;
        assert_eq!(ledger.due(&standing, Some(&listed), &when(&intervals, later)), [Telling::Health(health)]);
    }

    #[test]
    fn what_a_platform_has_no_place_for_is_not_taken() {
        let health = HealthReport { restarts: 0, started_at: 5, crash_loop: false };
        let tellings = [
            Telling::Register,
            Telling::Status(CurrentStatus::Started),
            Telling::Health(health),
            Telling::Logs(vec![]),
        ];
        for (takes, taken) in
            [(Takes::Everything, [true; 4]), (Takes::Standing, [false, true, true, true]), (Takes::Nothing, [false; 4])]
        {
            assert_eq!(tellings.each_ref().map(|telling| telling.is_taken(takes)), taken);
        }
    }

    #[test]
    fn a_status_that_is_shown_is_told_again_only_after_an_outage() {
        let (ledger, intervals, now) = (Ledger::default(), Intervals::default(), Instant::now());
        let mut standing = standing(5);
        standing.running = false;
        let shown = listed(Some(StatusWord::Known(CurrentStatus::Stopped)));
        assert!(ledger.due(&standing, Some(&shown), &when(&intervals, now)).is_empty());
        let again = When { fresh: false, ..when(&intervals, now) };
        assert_eq!(ledger.due(&standing, Some(&shown), &again), [Telling::Status(CurrentStatus::Stopped)]);
        let unknown = listed(Some(StatusWord::Unknown("paused".to_owned())));
        let due = ledger.due(&standing, Some(&unknown), &when(&intervals, now));
        assert_eq!(due, [Telling::Status(CurrentStatus::Stopped)]);
    }

    #[test]
    fn changed_logs_wait_for_their_turn() {
        let (mut ledger, intervals, now) = (Ledger::default(), Intervals::default(), Instant::now());
        let mut standing = standing(5);
        let known = listed(None);
        standing.logs = vec!["a".to_owned()];
        let due = ledger.due(&standing, Some(&known), &when(&intervals, now));
        tell_all(&mut ledger, &standing, &due, now);
        standing.logs = vec!["b".to_owned()];
        assert!(ledger.due(&standing, Some(&known), &when(&intervals, now)).is_empty());
        assert_eq!(ledger.next(&standing, &when(&intervals, now)), Some(now + intervals.logs));
        let at_once = When { at_once: true, ..when(&intervals, now) };
        assert_eq!(ledger.due(&standing, Some(&known), &at_once), [Telling::Logs(vec!["b".to_owned()])]);
        standing.logs.clear();
        let later = when(&intervals, now + intervals.logs);
        assert_eq!(ledger.due(&standing, Some(&known), &later), [Telling::Logs(Vec::new())]);
    }

    #[test]
    fn what_is_refused_is_left_alone_for_a_while() {
        let (mut ledger, intervals, now) = (Ledger::default(), Intervals::default(), Instant::now());
        let mut standing = standing(5);
        let until = now + Duration::from_secs(30);
        ledger.refused(&standing, "no".to_owned(), until);
        assert_eq!(ledger.refusals().len(), 1);
        assert!(ledger.due(&standing, None, &when(&intervals, now)).is_empty());
        assert_eq!(ledger.next(&standing, &when(&intervals, now)), Some(until));
        assert!(!ledger.due(&standing, None, &when(&intervals, until)).is_empty());
        standing.running = false;
        assert!(!ledger.due(&standing, None, &when(&intervals, now)).is_empty(), "another status is tried at once");
        ledger.settled(standing.id);
        assert!(ledger.refusals().is_empty());
    }

    #[test]
    fn where_the_platform_can_not_be_asked_nothing_is_registered_blindly() {
        let (ledger, intervals, now) = (Ledger::default(), Intervals::default(), Instant::now());
        let blind = When { known: false, ..when(&intervals, now) };
        assert!(!ledger.due(&standing(5), None, &blind).contains(&Telling::Register));
    }
}
