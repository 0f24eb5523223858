//! Puts a new container in the place of others, from whatever state an earlier attempt left.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    apply::{Job, Made, Seen},
    body::{restarts_allowed, restarts_forbidden},
    inspect,
};
use crate::{
    desired::Wanted,
    engine::{EngineError, OpenedEnv, Outcome, Progress, Proof},
    manifest::Rollback,
    plan::{ContainerId, NewContainer, Replacement},
};

/// The longest time between two looks at a container that has to prove its health.
const LOOK: Duration = Duration::from_millis(250);

impl Job<'_> {
    /// Replaces: new one created, old ones stopped, new one started and healthy, old ones removed.
    pub(super) async fn replace(&self, replacement: &Replacement, env: &OpenedEnv) -> Result<Outcome, EngineError> {
        let new = &replacement.new;
        let made = match self.existing(replacement.existing.as_ref()).await? {
            Some(made) => made,
            None => match self.make(new, env).await? {
                Some(made) => made,
                None => return Ok(Outcome::Unfinished),
            },
        };
        if !new.start {
            if made.alive {
                self.halt(&made.id, new.wanted.container.stop_grace).await?;
            }
            self.stop_all(&replacement.old).await?;
            self.remove_all(&replacement.old).await?;
            return Ok(Outcome::Done);
        }
        let former = self.stop_all(&replacement.old).await?;
        let created = made.id.clone();
        let id = match self.start(made, new, env).await {
            Ok(id) => id,
            Err(error) => return Err(self.fall_back(new, created, former, error).await),
        };
        match self.settle(&id, &new.wanted).await? {
            Outcome::Done => self.remove_all(&replacement.old).await.map(|()| Outcome::Done),
            Outcome::Unhealthy { why } => match (new.wanted.rollback, former) {
                (Rollback::Auto, Some(former)) => self.roll_back(&id, new, former, why).await,
                (Rollback::Auto, None) | (Rollback::None, _) => Ok(Outcome::Unhealthy { why }),
            },
            Outcome::Unfinished => Ok(Outcome::Unfinished),
        }
    }

    /// Stops the new container, which stays to be looked at, and lets the former one serve again. That the new one ended
    /// and the former one runs is what tells the next pass that it was rolled back.
    async fn roll_back(
        &self,
        id: &str,
        new: &NewContainer,
        former: ContainerId,
        why: String,
    ) -> Result<Outcome, EngineError> {
        tracing::warn!(container = new.name, why, "rolls back: the new container did not become healthy");
        self.halt(id, new.wanted.container.stop_grace).await?;
        (self.progress)(Progress::Starting);
        let restored = async {
            self.shared.client.restart_policy(&former.0, restarts_allowed()).await?;
            self.start_truly(&former.0).await
        };
        match restored.await {
            Ok(()) => Ok(Outcome::Unhealthy { why: format!("{why}; it was rolled back, the former one serves again") }),
            Err(restore) => {
                let source = EngineError::Refused { what: format!("run `{}`", new.name), status: 0, message: why };
                Err(EngineError::Down { former: former.0, restore: Box::new(restore), source: Box::new(source) })
            }
        }
    }

    /// What an earlier attempt created, where it can still be used.
    async fn existing(&self, id: Option<&ContainerId>) -> Result<Option<Made>, EngineError> {
        let Some(id) = id else { return Ok(None) };
        let Some(container) = self.shared.client.find(&id.0).await? else { return Ok(None) };
        let seen = Seen::of(&container);
        if seen.dead {
            self.remove(&id.0, None).await?;
            return Ok(None);
        }
        if !seen.alive {
            self.join_missing(&container).await?;
        }
        Ok(Some(Made { id: id.0.clone(), alive: seen.alive, may_restart: seen.may_restart }))
    }

    /// Stops every old container, and gives the one that serves if the new one can't: that which ran, else the last that did.
    async fn stop_all(&self, old: &[ContainerId]) -> Result<Option<ContainerId>, EngineError> {
        let mut former: Option<(bool, String, &ContainerId)> = None;
        for id in old {
            match self.halt(&id.0, None).await {
                Ok(Some(seen)) if !seen.dead => {
                    former = former.max(Some((seen.alive, seen.finished, id)));
                }
                Ok(Some(_) | None) => {}
                Err(error) => {
                    // What was stopped before this one is the one to serve on, unless this one still does.
                    let stopped = former.filter(|(alive, ..)| *alive).map(|(.., id)| id.clone());
                    return Err(match stopped {
                        Some(stopped) if !self.is_alive(id).await? => self.start_again(stopped, error).await,
                        Some(_) | None => error,
                    });
                }
            }
        }
        Ok(former.map(|(.., id)| id.clone()))
    }

    async fn is_alive(&self, id: &ContainerId) -> Result<bool, EngineError> {
        Ok(self.shared.client.find(&id.0).await?.is_some_and(|container| Seen::of(&container).alive))
    }

    async fn remove_all(&self, old: &[ContainerId]) -> Result<(), EngineError> {
        for id in old {
            self.remove(&id.0, None).await?;
        }
        Ok(())
    }

    /// Lets the former container serve on after the new one could not be started, and gives the error to report.
    async fn fall_back(
        &self,
        new: &NewContainer,
        created: String,
        former: Option<ContainerId>,
        error: EngineError,
    ) -> EngineError {
        let Some(former) = former else { return error };
        // Whether the new one runs after all must be known before the old one may run.
        match self.shared.client.find(&new.name).await {
            Ok(Some(container)) if Seen::of(&container).alive => return error,
            Ok(Some(_)) => {
                if let Err(why) = self.shared.client.restart_policy(&new.name, restarts_forbidden()).await {
                    tracing::warn!(container = created, error = %why, "failed to keep a container from restarting");
                    return error;
                }
            }
            Ok(None) => {}
            Err(_) => return error,
        }
        self.start_again(former, error).await
    }

    async fn start_again(&self, former: ContainerId, error: EngineError) -> EngineError {
        (self.progress)(Progress::Starting);
        let restored = async {
            self.shared.client.restart_policy(&former.0, restarts_allowed()).await?;
            self.start_truly(&former.0).await
        };
        match restored.await {
            Ok(()) => error,
            Err(restore) => EngineError::Down { former: former.0, restore: Box::new(restore), source: Box::new(error) },
        }
    }

    /// Waits until a container has run for its settle time without a restart, its check, if it has one, is passed, and the
    /// gate, if there is one, has let it through. What the gate can't know is waited for, and then accepted with a warning.
    async fn settle(&self, id: &str, wanted: &Wanted) -> Result<Outcome, EngineError> {
        (self.progress)(Progress::Settling);
        let health = &wanted.health;
        let deadline = Instant::now() + health.within.max(health.settle);
        let mut run: Option<(Instant, String)> = None;
        loop {
            let container = self.shared.client.look(id).await?;
            let now = Instant::now();
            let state = container.state.clone().unwrap_or_default();
            let checked = inspect::health(&state);
            let why = if inspect::is_running(&state) && !state.paused.unwrap_or_default() {
                let started = state.started_at.unwrap_or_default();
                let since = match run.take() {
                    Some((since, same)) if same == started => since,
                    Some(_) | None => now,
                };
                run = Some((since, started));
                let settled = now.duration_since(since) >= health.settle;
                let began = run.as_ref().and_then(|(_, started)| inspect::epoch(started));
                match checked.as_deref() {
                    None | Some("healthy") if settled => match self.proof(wanted, began) {
                        Proof::Given => return Ok(Outcome::Done),
                        Proof::Missing(why) => why,
                        Proof::Unasked(why) => {
                            tracing::warn!(container = id, why, "whether the platform hears from it is not known");
                            return Ok(Outcome::Done);
                        }
                        Proof::Unknown(why) if now >= deadline => {
                            tracing::warn!(container = id, why, "whether the platform hears from it is not known");
                            return Ok(Outcome::Done);
                        }
                        Proof::Unknown(why) => why,
                    },
                    None | Some("healthy") => {
                        format!("it did not run for {} s without a restart", health.settle.as_secs())
                    }
                    Some(word) => format!("its health check says `{word}`"),
                }
            } else {
                run = None;
                let code = state.exit_code.unwrap_or_default();
                let out_of_memory =
                    if state.oom_killed.unwrap_or_default() { ", killed for want of memory" } else { "" };
                let why = match &state.error {
                    Some(error) if !error.is_empty() => format!("it does not run: {error}"),
                    Some(_) | None => format!("it ended with exit code {code}{out_of_memory}"),
                };
                if !Seen::of(&container).alive {
                    return Ok(Outcome::Unhealthy { why });
                }
                why
            };
            if now >= deadline {
                return Ok(Outcome::Unhealthy { why: format!("{why} within {} s", health.within.as_secs()) });
            }
            let pause = LOOK.min(deadline - now).max(Duration::from_millis(1));
            if self.cancel.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Ok(Outcome::Unfinished);
            }
        }
    }

    /// What the gate says of a container that began to run at a time.
    fn proof(&self, wanted: &Wanted, started: Option<i64>) -> Proof {
        match (self.shared.gate.get(), started) {
            (None, _) if wanted.health.require_platform => Proof::Unasked("no platform is asked".to_owned()),
            (None, _) => Proof::Given,
            (Some(gate), Some(started)) => gate.proof(wanted, started),
            (Some(_), None) => Proof::Unknown("the engine does not say when it was started".to_owned()),
        }
    }
}
