//! What carrying out a plan costs, as far as that is known: bytes to pull, and time in which an instance does not run.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Plan, Step, Work};
use crate::{
    manifest::WantedState,
    model::{DEFAULT_STOP_GRACE, InstanceName, PullPolicy},
};

/// How long the parts of a step take, as they were measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Creating a container.
    pub create: Option<Duration>,
    /// Stopping one that runs.
    pub stop: Option<Duration>,
    /// Starting one, until it runs.
    pub start: Option<Duration>,
    /// From then on, until it has proved its health.
    pub healthy: Option<Duration>,
}

/// One layer of an image, as a registry hands it out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// Its digest: a layer that several images have is pulled once.
    pub digest: String,
    /// Its compressed size.
    pub bytes: u64,
}

/// What is known of what the steps of a plan cost; nothing is done by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// How long the parts of former steps took, of each instance the medians.
    pub timings: BTreeMap<InstanceName, Timings>,
    /// The images that are pulled; none where nobody was asked which the engine has.
    pub pulls: Option<BTreeMap<String, Pulled>>,
}

/// What is known of an image that is pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Whether the engine lacks it, so that it is pulled for everybody who may pull it.
    pub is_missing: bool,
    /// The layers that the engine lacks; none where nobody says how large they are.
    pub layers: Option<Vec<Layer>>,
}

/// An image that is pulled for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull<'a> {
    /// The reference.
    pub image: &'a str,
    /// What has to be fetched; none where that is not known.
    pub bytes: Option<u64>,
}

/// For how long an instance does not run while its container is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downtime {
    /// How long its former container takes to stop: measured, else the most that it may take.
    pub stop: Duration,
    /// Whether that was measured.
    pub is_stop_measured: bool,
    /// How long the new one takes to run, where that was measured.
    pub start: Option<Duration>,
    /// How long it then takes to prove its health, where that was measured.
    pub healthy: Option<Duration>,
}

impl Downtime {
    /// Whether all of it was measured.
    pub fn is_measured(&self) -> bool {
        self.is_stop_measured && self.start.is_some()
    }

    /// All of it that is known.
    pub fn known(&self) -> Duration {
        self.stop + self.start.unwrap_or_default()
    }
}

/// What all the steps of a plan cost together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How many images are pulled; none where nobody was asked.
    pub images: Option<usize>,
    /// What has to be fetched for them; none where that is not known of one.
    pub bytes: Option<u64>,
    /// How many instances do not run for a while.
    pub interrupted: usize,
    /// For how long, added up, as far as it is known.
    pub downtime: Duration,
    /// Whether all of that was measured.
    pub is_measured: bool,
    /// Whether the starts in it were.
    pub are_starts_measured: bool,
}

impl Plan {
    /// The image that is pulled for a step; none where the engine has it, or where that is not known.
    pub fn pull<'a>(&self, step: &'a Step) -> Option<Pull<'a>> {
        let wanted = &step.creates()?.wanted;
        let known = self.known.pulls.as_ref()?.get(&wanted.image)?;
        let is_pulled = match wanted.pull {
            PullPolicy::Always => true,
            PullPolicy::IfNotPresent => known.is_missing,
            PullPolicy::Never => false,
        };
        is_pulled.then(|| Pull { image: &wanted.image, bytes: known.layers.as_deref().map(size) })
    }

    /// For how long an instance does not run while a step is carried out; none where it runs on, or did not run.
    pub fn downtime(&self, step: &Step) -> Option<Downtime> {
        let timings = self.known.timings.get(&step.instance).copied().unwrap_or_default();
        let start = match &step.work {
            Work::Replace(replacement) if replacement.existing.is_none() => timings.start,
            Work::Recreate { .. } => timings.create.zip(timings.start).map(|(create, start)| create + start),
            Work::Replace(_)
            | Work::Create(_)
            | Work::Update { .. }
            | Work::Start { .. }
            | Work::Stop { .. }
            | Work::Remove { .. }
            | Work::AtPlatform(_) => return None,
        };
        let new = step.creates().filter(|new| new.wanted.state == WantedState::Started)?;
        let former = step.reasons.iter().find(|reason| reason.field == "container.stopGrace");
        let former = former.and_then(|reason| crate::model::units::duration(reason.before.as_deref()?));
        let grace = former.or(new.wanted.container.stop_grace).unwrap_or(DEFAULT_STOP_GRACE);
        // What was measured under a longer grace says nothing about a shorter one.
        let stop = timings.stop.filter(|stop| *stop <= grace + MARGIN);
        let is_stop_measured = stop.is_some();
        Some(Downtime { stop: stop.unwrap_or(grace), is_stop_measured, start, healthy: timings.healthy })
    }

    /// What all the steps cost together: an image or layer that several need is counted once.
    pub fn total(&self) -> Total {
        let pulled: BTreeSet<_> = self.steps.iter().filter_map(|step| self.pull(step)).map(|pull| pull.image).collect();
        let layers: Option<Vec<_>> =
            pulled.iter().map(|image| self.known.pulls.as_ref()?.get(*image)?.layers.as_ref()).collect();
        let layers: Option<Vec<_>> = layers.map(|all| all.into_iter().flatten().cloned().collect());
        let downtimes: Vec<_> = self.steps.iter().filter_map(|step| self.downtime(step)).collect();
        Total {
            images: self.known.pulls.as_ref().map(|_| pulled.len()),
            bytes: layers.filter(|_| self.known.pulls.is_some()).map(|layers| size(&layers)),
            interrupted: downtimes.len(),
            downtime: downtimes.iter().map(Downtime::known).sum(),
            is_measured: downtimes.iter().all(Downtime::is_measured),
            are_starts_measured: downtimes.iter().all(|downtime| downtime.start.is_some()),
        }
    }
}

/// What a kill takes beyond the grace before it.
const MARGIN: Duration = Duration::from_secs(1);

/// The bytes of layers, each counted once.
fn size(layers: &[Layer]) -> u64 {
    layers.iter().collect::<BTreeSet<_>>().into_iter().fold(0, |sum, layer| sum.saturating_add(layer.bytes))
}
