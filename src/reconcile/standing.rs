//! Carries what is known of instances between the engine, the report and the platforms.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use secrecy::SecretString;

use super::logs::LogCollector;
use crate::{
    desired::{DesiredState, EnvValue, Keeper, Wanted},
    engine::{Engine, EngineError, Inspected},
    model::{InstanceName, PlatformName, looks_secret},
    plan::{ContainerId, Observed},
    platform::{ReporterHandle, Standing},
    report::{AtPlatform, Backlog, InstanceStatus, Live, Phase, StatusReport, wire},
};

/// How many containers are inspected at once.
const LOOKS: usize = 8;

/// A platform that is told where its instances stand.
pub struct PlatformLink {
    /// Its name in the settings.
    pub name: PlatformName,
    /// The task that tells it.
    pub reporter: ReporterHandle,
}

impl PlatformLink {
    /// Hands the newest standings over; never waits.
    ///
    /// `known` holds every instance as it was last wanted: one that is held or gone by now is told of as well.
    pub(super) fn tell(&self, known: &BTreeMap<InstanceName, Arc<Wanted>>, report: &StatusReport, logs: &LogCollector) {
        let of_platform = report.instances.iter().filter(|status| status.platform.as_ref() == Some(&self.name));
        let standings = of_platform.filter_map(|status| {
            let wanted = known.get(&status.name).filter(|wanted| is_there(wanted, status))?;
            Some(standing(wanted, status, logs.of(&status.name)))
        });
        self.reporter.update(standings.collect());
    }

    /// Gives the platform a last moment to hear what is newest.
    pub(super) async fn farewell(&self, patience: Duration) {
        if !self.reporter.flush(patience).await {
            tracing::debug!(platform = %self.name, "the platform was not told everything before the end");
        }
    }
}

/// Whether a platform knows an instance that it has us manage: it has registered it, and nobody there has removed it.
fn is_there(wanted: &Wanted, status: &InstanceStatus) -> bool {
    let removed = wanted.keeper() == Some(Keeper::Platform) && status.phase == Phase::Retained;
    !wanted.awaits_platform() && !removed
}

/// What a platform is told of one instance.
pub fn standing(wanted: &Wanted, status: &InstanceStatus, logs: Vec<String>) -> Standing {
    let mut message = format!("{}: {}", status.desired, status.phase.as_str());
    if !status.message.is_empty() {
        message = format!("{message}: {}", status.message);
    }
    if let Some(since) = status.since.and_then(wire::rfc3339) {
        message = format!("{since} {message}");
    }
    Standing {
        id: wanted.id,
        name: wanted.title.clone(),
        kind: wanted.kind,
        scope: wanted.scope.clone(),
        running: status.running,
        restarts: status.restarts,
        started_at: status.started,
        crash_loop: status.phase == Phase::CrashLoop,
        messages: vec![message],
        logs,
    }
}

/// What the platforms have heard from each running instance since its container started, as far as they say.
pub fn heard(
    platforms: &[PlatformLink],
    desired: &DesiredState,
    observed: &Observed,
    live: &BTreeMap<ContainerId, Live>,
) -> BTreeMap<InstanceName, bool> {
    let mut heard = BTreeMap::new();
    for link in platforms {
        let known = link.reporter.heard();
        let known = known.borrow();
        for wanted in desired.wanted.values().filter(|wanted| wanted.platform.as_ref() == Some(&link.name)) {
            let running = observed.of(&wanted.name).find(|container| container.runs());
            let started = running.and_then(|container| live.get(&container.id)?.started);
            if let Some(heard_since) = started.and_then(|started| known.since(wanted.id, started)) {
                heard.insert(wanted.name.clone(), heard_since);
            }
        }
    }
    heard
}

/// What the platforms say of the work of each instance.
pub fn work_at_platforms(platforms: &[PlatformLink], desired: &DesiredState) -> BTreeMap<InstanceName, AtPlatform> {
    let mut all = BTreeMap::new();
    for link in platforms {
        let known = link.reporter.heard();
        let known = known.borrow();
        for wanted in desired.wanted.values().filter(|wanted| wanted.platform.as_ref() == Some(&link.name)) {
            let Some(heartbeat) = known.connectors.get(&wanted.id) else { continue };
            let backlog =
                heartbeat.queue.map(|queue| Backlog { messages: whole(queue.messages), bytes: whole(queue.bytes) });
            let last_run = heartbeat.last_run.map(|milliseconds| milliseconds.div_euclid(1_000));
            all.insert(wanted.name.clone(), AtPlatform { backlog, last_run });
        }
    }
    all
}

/// A count that the platform writes as a floating-point number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is negative or too large is cut off")]
fn whole(count: f64) -> u64 {
    count.round() as u64
}

/// What a close look at containers has shown.
#[derive(Debug, Default)]
pub struct Looked {
    /// How each container is.
    pub live: BTreeMap<ContainerId, Live>,
    /// The values in each container's environment that nobody may see, to be taken out of what it writes.
    pub secrets: BTreeMap<ContainerId, Vec<SecretString>>,
}

/// Looks at containers closely; those that are gone by now are left out.
///
/// # Errors
/// Where the engine can't be asked.
pub async fn look<E: Engine>(
    engine: &E,
    desired: &DesiredState,
    containers: impl IntoIterator<Item = (InstanceName, ContainerId)>,
) -> Result<Looked, EngineError> {
    let looks = stream::iter(containers).map(async |(name, id)| (engine.inspect(&id).await, name, id));
    let mut looks = std::pin::pin!(looks.buffer_unordered(LOOKS));
    let mut looked = Looked::default();
    // One after another: all of them at once would be the most that this program ever holds.
    while let Some((look, name, id)) = looks.next().await {
        match look {
            Ok(inspected) => {
                looked.live.insert(id.clone(), Live::from(&inspected));
                let wanted = desired.wanted.get(&name);
                let sensitive = |key: &str| {
                    let declared = wanted.and_then(|wanted| wanted.env.get(key)).is_some_and(EnvValue::is_sensitive);
                    declared || looks_secret(key)
                };
                let secrets = inspected.env.into_iter().filter(|(key, _)| sensitive(key)).map(|(_, value)| value);
                looked.secrets.insert(id, secrets.collect());
            }
            Err(EngineError::NoSuchContainer(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(looked)
}

impl From<&Inspected> for Live {
    fn from(inspected: &Inspected) -> Self {
        Self {
            restarts: inspected.restarts,
            running: inspected.running || inspected.restarting,
            started: inspected.started,
            finished: inspected.finished,
            oom_killed: inspected.oom_killed,
            health: inspected.health.clone(),
        }
    }
}

/// When the next instance that runs will have run for as long as it must to count as healthy.
pub(super) fn next_settling(desired: &DesiredState, report: &StatusReport, now: i64) -> Option<Instant> {
    let left = |status: &InstanceStatus| {
        let settle = desired.wanted.get(&status.name)?.health.settle;
        let settle = i64::try_from(settle.as_secs()).ok()?;
        u64::try_from(status.started? + settle - now).ok()
    };
    let starting = report.instances.iter().filter(|status| status.phase == Phase::Starting);
    let soonest = starting.filter_map(left).min()?;
    Some(Instant::now() + Duration::from_secs(soonest.max(1)))
}

/// The containers of an observed state, for a look at all of them.
pub fn ids(observed: &Observed) -> Vec<(InstanceName, ContainerId)> {
    observed.containers.iter().map(|container| (container.instance.clone(), container.id.clone())).collect()
}
