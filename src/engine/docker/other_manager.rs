//! Reads the containers of another connector manager, and never changes them.

use super::{client::Client, observe};
use crate::{
    engine::{
        EngineError, ForeignManaged,
        adopted::{CONNECTOR, MANAGER},
    },
    plan::ContainerId,
};

/// The variable in which the vendor's manager keeps the platform's hash of a configuration.
const HASH: &str = "OPENCTI_CONFIG_HASH=";

/// Every container of a manager; of their environment only the hash is kept.
pub(super) async fn managed_by(client: &Client, manager: &str) -> Result<Vec<ForeignManaged>, EngineError> {
    let mut all = Vec::new();
    for listed in client.list(Some(format!("{MANAGER}={manager}"))).await? {
        let (Some(id), Some(labels)) = (listed.id, listed.labels) else { continue };
        let Some(connector) = labels.get(CONNECTOR) else { continue };
        let Some(looked) = client.find(&id).await? else { continue };
        let env = looked.config.and_then(|config| config.env).unwrap_or_default();
        all.push(ForeignManaged {
            name: observe::name(listed.names).unwrap_or_else(|| id.clone()),
            connector: connector.clone(),
            hash: env.iter().find_map(|line| line.strip_prefix(HASH)).map(ToOwned::to_owned),
            running: looked.state.and_then(|state| state.running).unwrap_or(false),
            container: ContainerId(id),
        });
    }
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}
