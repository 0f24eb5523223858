//! Stops containers for good, and removes them.

use std::time::Duration;

use bollard::models::RestartPolicyNameEnum;

use super::{
    apply::{Job, Seen},
    body::{restarts_allowed, restarts_forbidden},
    client::absent_is_none,
};
use crate::engine::{EngineError, Progress};

impl Job<'_> {
    /// Stops a container for good: the engine may not start it again. None where it is gone.
    pub(super) async fn halt(&self, id: &str, grace: Option<Duration>) -> Result<Option<Seen>, EngineError> {
        let client = &self.shared.client;
        let Some(container) = client.find(id).await? else { return Ok(None) };
        let seen = Seen::of(&container);
        if seen.dead {
            return Ok(Some(seen));
        }
        let policy = container.host_config.and_then(|host| host.restart_policy).and_then(|policy| policy.name);
        if !matches!(policy, Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY)) {
            let forbidden = client.restart_policy(id, restarts_forbidden()).await;
            if absent_is_none(forbidden)?.is_none() {
                return Ok(None);
            }
        }
        if !seen.alive {
            return Ok(Some(seen));
        }
        (self.progress)(Progress::StoppingOld);
        let Err(error) = client.stop(id, grace.unwrap_or(seen.grace)).await else { return Ok(Some(seen)) };
        match client.find(id).await? {
            None => Ok(None),
            Some(now) if !Seen::of(&now).alive => Ok(Some(seen)),
            Some(_) => {
                // It serves on, so the engine may start it again as before.
                client.restart_policy(id, restarts_allowed()).await?;
                Err(error)
            }
        }
    }

    /// Removes a container, never its volumes; one that runs is stopped first. Gone already is as good.
    pub(super) async fn remove(&self, id: &str, grace: Option<Duration>) -> Result<(), EngineError> {
        let client = &self.shared.client;
        (self.progress)(Progress::Removing);
        let Err(error) = client.remove(id, false).await else { return Ok(()) };
        if matches!(error, EngineError::NoSuchContainer(_)) {
            return Ok(());
        }
        let Some(seen) = self.halt(id, grace).await? else { return Ok(()) };
        match client.remove(id, seen.dead).await {
            Ok(()) | Err(EngineError::NoSuchContainer(_)) => Ok(()),
            Err(error) => match client.find(id).await? {
                None => Ok(()),
                Some(_) => Err(error),
            },
        }
    }
}
