//! Draws the standing of every instance from what one pass wanted, saw and did.

use std::collections::{BTreeMap, BTreeSet};

use super::{AtPlatform, InstanceStatus, Phase, PlatformStatus, StatusReport};
use crate::{
    desired::{DesiredState, Held, Origin, Wanted},
    manifest::WantedState,
    model::{ConnectorId, InstanceName, PlatformName},
    plan::{COMPANY, ContainerId, ContainerState, Observed, ObservedContainer, Plan, ROLLBACK, Refusal},
};

/// What a close look at a container has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Restarts by the engine since the last start by hand.
    pub restarts: u64,
    /// Whether its process runs, or is between two runs; newer than what a list says.
    pub running: bool,
    /// Seconds since the Unix epoch at which it was last started.
    pub started: Option<i64>,
    /// Seconds since the Unix epoch at which it last ended.
    pub finished: Option<i64>,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// What its health check says; none without a check.
    pub health: Option<String>,
}

/// What the reconciler knows about an instance besides what can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A step for it is being carried out; what it does.
    Changing(String),
    /// Its last step failed; why.
    Failed(String),
    /// It keeps ending by itself; how often, and what comes next.
    CrashLoop {
        /// Starts by Lockstep since it last ran well.
        starts: u32,
        /// What a person should know.
        message: String,
    },
}

/// Everything a report is drawn from besides the desired and the observed state.
#[derive(Debug, Default)]
pub struct Facts {
    /// Seconds since the Unix epoch.
    pub now: i64,
    /// The newest revision that was brought about whole.
    pub applied: Option<String>,
    /// What is known of each container.
    pub live: BTreeMap<ContainerId, Live>,
    /// What the reconciler knows of each instance.
    pub notes: BTreeMap<InstanceName, Note>,
    /// Whether the platform has heard from each instance since its container started; absent where that is not known.
    pub heard: BTreeMap<InstanceName, bool>,
    /// What the platforms say of the work of each instance.
    pub at_platform: BTreeMap<InstanceName, AtPlatform>,
    /// How the platforms are.
    pub platforms: Vec<PlatformStatus>,
}

/// Draws the report. `plan` is the plan of the same pass, where there is one.
pub fn of(desired: &DesiredState, observed: &Observed, plan: Option<&Plan>, facts: &Facts) -> StatusReport {
    let mut names: BTreeSet<&InstanceName> = desired.wanted.keys().chain(desired.held.keys()).collect();
    names.extend(plan.into_iter().flat_map(|plan| plan.held.iter().map(|held| &held.instance)));
    names.extend(observed.containers.iter().map(|container| &container.instance));
    let held_by_plan = |name: &InstanceName| plan.and_then(|plan| plan.held.iter().find(|held| &held.instance == name));
    let company = plan.and_then(|plan| plan.refused.iter().find(|refusal| refusal.guard == COMPANY));
    let instances = names
        .into_iter()
        .map(|name| {
            let containers: Vec<_> = observed.of(name).collect();
            let shown = containers.iter().copied().max_by_key(|container| (container.runs(), container.created));
            let held = desired.held.get(name).or_else(|| held_by_plan(name));
            let of_rollback = |refusal: &&Refusal| refusal.guard == ROLLBACK && refusal.instances.contains(name);
            let rolled_back = plan.and_then(|plan| plan.refused.iter().find(of_rollback));
            let wanted = desired.wanted.get(name).map(AsRef::as_ref);
            let subject = Subject { name, wanted, held, rolled_back, container: shown };
            let mut status = subject.status(facts);
            if let Some(company) = company.filter(|_| !matches!(status.phase, Phase::Held | Phase::Suspended)) {
                status.message = format!("{}; nothing is changed until it is gone", company.message);
            }
            status
        })
        .collect();
    StatusReport {
        attempted: Some(desired.revision.full()),
        applied: facts.applied.clone(),
        instances,
        platforms: facts.platforms.clone(),
    }
}

struct Subject<'a> {
    name: &'a InstanceName,
    wanted: Option<&'a Wanted>,
    held: Option<&'a Held>,
    rolled_back: Option<&'a Refusal>,
    container: Option<&'a ObservedContainer>,
}

impl Subject<'_> {
    fn status(&self, facts: &Facts) -> InstanceStatus {
        let live = self.container.and_then(|container| facts.live.get(&container.id));
        let runs = self.runs(live);
        let started = live.and_then(|live| live.started).filter(|_| runs);
        let platform_heard = facts.heard.get(self.name).copied().filter(|_| started.is_some());
        let (phase, since, message) = self.phase(facts, live, started, platform_heard);
        let label_id = || self.container.and_then(|c| ConnectorId::try_from(c.connector_id.as_deref()?).ok());
        let label_platform = || self.container.and_then(|c| PlatformName::try_from(c.platform.as_deref()?).ok());
        InstanceStatus {
            name: self.name.clone(),
            platform: self.wanted.and_then(|wanted| wanted.platform.clone()).or_else(label_platform),
            id: self.wanted.map(|wanted| wanted.id).or_else(label_id),
            desired: match self.wanted.map(|wanted| wanted.state) {
                Some(WantedState::Started) => "started",
                Some(WantedState::Stopped) => "stopped",
                None if self.held.is_some() => "unknown",
                None => "absent",
            },
            phase,
            since,
            restarts: live.map_or(0, |live| live.restarts) + self.own_starts(facts),
            started,
            running: runs,
            container: self.container.map(|container| container.id.0.clone()),
            image: self.container.map(|container| container.image.clone()),
            revision: self.container.and_then(|container| container.revision.clone()),
            platform_heard,
            at_platform: facts.at_platform.get(self.name).copied().unwrap_or_default(),
            message,
        }
    }

    /// Whether the container runs: an engine may list one as running for a while after it has ended.
    fn runs(&self, live: Option<&Live>) -> bool {
        self.container.is_some_and(ObservedContainer::runs) && live.is_none_or(|live| live.running)
    }

    fn own_starts(&self, facts: &Facts) -> u64 {
        match facts.notes.get(self.name) {
            Some(Note::CrashLoop { starts, .. }) => u64::from(*starts),
            Some(Note::Changing(_) | Note::Failed(_)) | None => 0,
        }
    }

    fn phase(
        &self,
        facts: &Facts,
        live: Option<&Live>,
        started: Option<i64>,
        heard: Option<bool>,
    ) -> (Phase, Option<i64>, String) {
        let finished = live.and_then(|live| live.finished);
        if let Some(held) = self.held {
            let first = held.findings.iter().find(|finding| finding.severity == crate::model::Severity::Error);
            let why = first.map_or_else(String::new, |f| format!("{}: {} ({})", f.place, f.message, f.code));
            return (Phase::Held, None, why);
        }
        match facts.notes.get(self.name) {
            Some(Note::Changing(what)) => return (Phase::Changing, None, what.clone()),
            Some(Note::Failed(why)) => return (Phase::Failed, None, why.clone()),
            Some(Note::CrashLoop { message, .. }) => return (Phase::CrashLoop, finished, message.clone()),
            None => {}
        }
        if let Some(refusal) = self.rolled_back {
            return (Phase::Failed, started, refusal.message.clone());
        }
        let Some(wanted) = self.wanted else {
            let message = if self.container.is_some_and(ObservedContainer::runs) {
                "gone from the source, not yet stopped"
            } else {
                "gone from the source; stopped, and removed after its retention"
            };
            return (Phase::Retained, finished, message.to_owned());
        };
        if wanted.suspend {
            return (Phase::Suspended, None, "left as it is (`suspend: true`)".to_owned());
        }
        let Some(container) = self.container else {
            return (Phase::Pending, None, "no container yet".to_owned());
        };
        if !self.runs(live) {
            return not_running(wanted, container, live, finished);
        }
        if wanted.state == WantedState::Stopped {
            return (Phase::Pending, started, "runs, and is to be stopped".to_owned());
        }
        if container.state == ContainerState::Restarting {
            return (Phase::Starting, started, "it ended, and the engine starts it again".to_owned());
        }
        running(wanted, facts.now, live, started, heard)
    }
}

fn not_running(
    wanted: &Wanted,
    container: &ObservedContainer,
    live: Option<&Live>,
    finished: Option<i64>,
) -> (Phase, Option<i64>, String) {
    if wanted.state == WantedState::Stopped {
        let by_platform = matches!(wanted.origins.get("state"), Some(Origin::Platform));
        let message = if by_platform { "its platform wants it stopped" } else { "" };
        return (Phase::Stopped, finished, message.to_owned());
    }
    let killed = if live.is_some_and(|live| live.oom_killed) { ", killed for want of memory" } else { "" };
    let message = match &container.state {
        ContainerState::Exited(code) => format!("ended with exit code {code}{killed}"),
        ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => {
            format!("has just ended{killed}")
        }
        ContainerState::Created | ContainerState::Dead | ContainerState::Removing | ContainerState::Unknown(_) => {
            format!("does not run: {}{killed}", container.state.describe())
        }
    };
    (Phase::Pending, finished, message)
}

fn running(
    wanted: &Wanted,
    now: i64,
    live: Option<&Live>,
    started: Option<i64>,
    heard: Option<bool>,
) -> (Phase, Option<i64>, String) {
    let settle = i64::try_from(wanted.health.settle.as_secs()).unwrap_or(i64::MAX);
    let check = live.and_then(|live| live.health.as_deref());
    let settled_at = started.map(|started| started.saturating_add(settle));
    let settled = settled_at.is_some_and(|at| now >= at);
    match check {
        Some("healthy") | None => {}
        Some("starting") => return (Phase::Starting, started, "its health check has not passed yet".to_owned()),
        Some("unhealthy") => return (Phase::Unhealthy, started, "its health check fails".to_owned()),
        Some(word) => {
            let message = format!("its health check says `{}`, a word that is not known", word.escape_debug());
            return (Phase::Unhealthy, started, message);
        }
    }
    if !settled {
        return (Phase::Starting, started, "runs, and has to prove itself".to_owned());
    }
    if wanted.health.require_platform && heard != Some(true) {
        let within = i64::try_from(wanted.health.within.as_secs()).unwrap_or(i64::MAX);
        let late = started.is_some_and(|started| now >= started.saturating_add(within));
        return match heard {
            None => (Phase::Starting, started, "whether the platform has heard from it is not known".to_owned()),
            Some(_) if late => {
                let seconds = wanted.health.within.as_secs();
                let message = format!("the platform has not heard from it within {seconds} s of its start");
                (Phase::Unhealthy, started, message)
            }
            Some(_) => (Phase::Starting, started, "the platform has not heard from it since it started".to_owned()),
        };
    }
    let message = match heard {
        Some(false) => "the platform has not heard from it since it started",
        Some(true) | None => "",
    };
    (Phase::Healthy, settled_at, message.to_owned())
}
