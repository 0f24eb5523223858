//! Measures how long the parts of a step take, by what its engine says it does.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{engine::Progress, plan::Timings};

/// The part that is measured now, since when, and what the others took.
#[derive(Debug, Default)]
pub(super) struct Stopwatch(Mutex<(Option<(Part, Instant)>, Timings)>);

#[derive(Debug, Clone, Copy)]
enum Part {
    Create,
    Stop,
    Start,
    Healthy,
}

impl Stopwatch {
    /// Takes note of what the engine does from a moment on.
    pub(super) fn see(&self, progress: &Progress, now: Instant) {
        let next = match progress {
            Progress::Creating => Some(Part::Create),
            Progress::StoppingOld => Some(Part::Stop),
            Progress::Starting => Some(Part::Start),
            Progress::Settling => Some(Part::Healthy),
            Progress::Pulling(..) | Progress::Removing => None,
        };
        self.turn(next, now);
    }

    /// What everything took up to a moment.
    pub(super) fn end(&self, now: Instant) -> Timings {
        self.turn(None, now);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn turn(&self, next: Option<Part>, now: Instant) {
        let mut measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (current, took) = &mut *measured;
        if let Some((part, since)) = std::mem::replace(current, next.map(|part| (part, now))) {
            let time = match part {
                Part::Create => &mut took.create,
                Part::Stop => &mut took.stop,
                Part::Start => &mut took.start,
                Part::Healthy => &mut took.healthy,
            };
            *time = Some(time.unwrap_or(Duration::ZERO) + now.duration_since(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_own_time() {
        let (watch, mut now) = (Stopwatch::default(), Instant::now());
        for (progress, seconds) in [
            (Progress::Pulling(0, None), 2),
            (Progress::Creating, 3),
            (Progress::StoppingOld, 4),
            (Progress::Starting, 5),
            (Progress::Settling, 6),
            (Progress::Removing, 7),
            (Progress::StoppingOld, 8),
        ] {
            watch.see(&progress, now);
            now += Duration::from_secs(seconds);
        }
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let expected = Timings { create: seconds(3), stop: seconds(12), start: seconds(5), healthy: seconds(6) };
        assert_eq!(watch.end(now), expected);
    }
}
