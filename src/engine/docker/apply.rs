//! Carries out the steps that concern one container at a time.

use std::time::Duration;

use bollard::models::{ContainerInspectResponse, RestartPolicyNameEnum};
use tokio_util::sync::CancellationToken;

use super::{
    adapter::Shared,
    body::{restarts_allowed, restarts_forbidden},
    make::{is_wedged_message, not_to_be_pulled},
};
use crate::{
    engine::{EngineError, OpenedEnv, Outcome, Progress},
    model::PullPolicy,
    plan::{DEFAULT_STOP_GRACE, NewContainer, Step, Work},
};

/// One step under way.
pub(super) struct Job<'a> {
    pub(super) shared: &'a Shared,
    pub(super) progress: &'a (dyn Fn(Progress) + Send + Sync),
    pub(super) cancel: &'a CancellationToken,
}

/// A container that is there now.
pub(super) struct Made {
    pub(super) id: String,
    pub(super) alive: bool,
    /// Whether its restart policy is the one of containers that run.
    pub(super) may_restart: bool,
}

/// What matters about a container that was looked at.
pub(super) struct Seen {
    /// It runs, is frozen, or is between two runs.
    pub(super) alive: bool,
    pub(super) paused: bool,
    /// The engine can't handle it any more, or is removing it.
    pub(super) dead: bool,
    pub(super) may_restart: bool,
    pub(super) grace: Duration,
    /// When it last ended, as the engine writes it; sorts by time.
    pub(super) finished: String,
}

impl Seen {
    pub(super) fn of(container: &ContainerInspectResponse) -> Self {
        let state = container.state.as_ref();
        let is = |flag: Option<bool>| flag.unwrap_or_default();
        let removing = state.and_then(|state| state.status).is_some_and(|status| status.as_ref() == "removing");
        let policy = container.host_config.as_ref().and_then(|host| host.restart_policy.as_ref());
        let grace = container.config.as_ref().and_then(|config| config.stop_timeout);
        Self {
            alive: state.is_some_and(|state| is(state.running) || is(state.restarting) || is(state.paused)),
            paused: state.is_some_and(|state| is(state.paused)),
            dead: removing || state.is_some_and(|state| is(state.dead)),
            may_restart: policy.and_then(|policy| policy.name) == Some(RestartPolicyNameEnum::ON_FAILURE),
            grace: grace.and_then(|grace| u64::try_from(grace).ok()).map_or(DEFAULT_STOP_GRACE, Duration::from_secs),
            finished: state.and_then(|state| state.finished_at.clone()).unwrap_or_default(),
        }
    }
}

impl Job<'_> {
    /// Carries out a step.
    pub(super) async fn run(&self, step: &Step, env: Option<&OpenedEnv>) -> Result<Outcome, EngineError> {
        let opened = || {
            env.ok_or_else(|| EngineError::Forbidden {
                what: format!("create a container of `{}`", step.instance),
                why: "its environment was not opened".to_owned(),
            })
        };
        match &step.work {
            Work::Create(new) => self.create(new, opened()?).await,
            Work::Replace(replacement) => self.replace(replacement, opened()?).await,
            Work::Recreate { broken, new } => {
                let env = opened()?;
                if !self.ready_image(&new.wanted.image, new.wanted.pull).await? {
                    return Ok(Outcome::Unfinished);
                }
                self.remove(&broken.0, None).await?;
                self.create(new, env).await
            }
            Work::Update { container, change, .. } => self.update(&container.0, change).await,
            Work::Start { container, restarts, .. } => self.start_existing(&container.0, *restarts).await,
            Work::Stop { container, grace } => match self.halt(&container.0, *grace).await? {
                Some(_) => Ok(Outcome::Done),
                None => Err(EngineError::NoSuchContainer(container.0.clone())),
            },
            Work::Remove { containers } => {
                for container in containers {
                    self.remove(&container.0, None).await?;
                }
                Ok(Outcome::Done)
            }
            Work::AtPlatform(_) => Err(EngineError::Forbidden {
                what: format!("{} `{}` on the engine", step.action.as_str(), step.instance),
                why: "it is the platform's to do".to_owned(),
            }),
        }
    }

    async fn create(&self, new: &NewContainer, env: &OpenedEnv) -> Result<Outcome, EngineError> {
        let Some(made) = self.make(new, env).await? else { return Ok(Outcome::Unfinished) };
        if new.start {
            self.start(made, new, env).await?;
        } else if made.alive {
            self.halt(&made.id, new.wanted.container.stop_grace).await?;
        }
        Ok(Outcome::Done)
    }

    /// Sees to it that an image is there before anything is touched; false where waiting was cancelled.
    async fn ready_image(&self, image: &str, policy: PullPolicy) -> Result<bool, EngineError> {
        let there = match policy {
            PullPolicy::Always => false,
            PullPolicy::IfNotPresent | PullPolicy::Never => {
                self.shared.ids.look(&self.shared.client, image).await?.is_some()
            }
        };
        if there { Ok(true) } else { self.pull(image, policy).await }
    }

    pub(super) async fn pull(&self, image: &str, policy: PullPolicy) -> Result<bool, EngineError> {
        match policy {
            PullPolicy::Never => Err(not_to_be_pulled(image)),
            PullPolicy::IfNotPresent | PullPolicy::Always => {
                let shared = self.shared;
                let pulled = shared.pulls.pull(&shared.client, image, self.progress, self.cancel).await?;
                if pulled {
                    shared.ids.look(&shared.client, image).await?;
                }
                Ok(pulled)
            }
        }
    }

    /// Starts a container that was made by another step.
    async fn start_existing(&self, id: &str, restarts: bool) -> Result<Outcome, EngineError> {
        let client = &self.shared.client;
        let container = client.look(id).await?;
        let seen = Seen::of(&container);
        if seen.may_restart != restarts {
            let policy = if restarts { restarts_allowed() } else { restarts_forbidden() };
            client.restart_policy(id, policy).await?;
        }
        if seen.paused {
            client.unpause(id).await?;
        }
        if seen.alive {
            return Ok(Outcome::Done);
        }
        self.join_missing(&container).await?;
        (self.progress)(Progress::Starting);
        match self.start_truly(id).await {
            Ok(()) => Ok(Outcome::Done),
            Err(EngineError::Refused { status, message, what }) if is_wedged_message(status, &message) => {
                tracing::warn!(container = id, what, message, "removed a container that could not be started any more");
                client.remove(id, true).await?;
                let name = container.name.unwrap_or_default().trim_start_matches('/').to_owned();
                Err(EngineError::Wedged { name, message })
            }
            Err(error) => Err(error),
        }
    }
}
