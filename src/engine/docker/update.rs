//! Changes a container while it runs on.

use bollard::models::ContainerUpdateBody;

use super::{
    apply::Job,
    body::{endpoint, restarts_allowed, signed},
    make::is_joined,
};
use crate::{
    engine::{EngineError, Outcome},
    plan::InPlace,
};

impl Job<'_> {
    /// Brings a change about; what is as it should be already is no error.
    pub(super) async fn update(&self, id: &str, change: &InPlace) -> Result<Outcome, EngineError> {
        let client = &self.shared.client;
        let memory = change.memory.map(signed);
        let body = ContainerUpdateBody {
            memory,
            memory_swap: memory,
            nano_cpus: change.milli_cpus.map(|milli| signed(milli.saturating_mul(1_000_000))),
            pids_limit: change.pids.map(signed),
            restart_policy: change.restarts.then(restarts_allowed),
            ..ContainerUpdateBody::default()
        };
        if body != ContainerUpdateBody::default() {
            client.update(id, body).await?;
        }
        if let Some(name) = &change.name {
            client.rename(id, name).await?;
        }
        for network in &change.join {
            let joined = client.connect_network(network, id, endpoint(network, &change.alias)).await;
            if let Err(error) = joined
                && !is_joined(&client.look(id).await?, network)
            {
                return Err(error);
            }
        }
        for network in &change.leave {
            let left = client.disconnect_network(network, id).await;
            if let Err(error) = left
                && is_joined(&client.look(id).await?, network)
            {
                return Err(error);
            }
        }
        Ok(Outcome::Done)
    }
}
