//! What the engine remembers of changes to containers that are there.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::TryStreamExt as _;

use super::client::Client;
use crate::{
    engine::{EngineError, Touch, Touched},
    plan::ContainerId,
};

/// The events that tell of such a change; of a network's the container is an attribute.
const ACTIONS: [&str; 5] = ["update", "rename", "pause", "connect", "disconnect"];

/// Every change since a moment, the oldest first; engines remember their last few hundred events.
pub(super) async fn touches(client: &Client, since: i64) -> Result<Vec<Touch>, EngineError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() + 1;
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let filters = HashMap::from([("type", owned(&["container", "network"])), ("event", owned(&ACTIONS))]);
    let options =
        EventsOptionsBuilder::new().since(&since.to_string()).until(&now.to_string()).filters(&filters).build();
    let told = client.docker.events(Some(options)).try_collect::<Vec<_>>();
    let told = client.call("tell past events", client.deadlines.look, told).await?;
    Ok(told.into_iter().filter_map(touch).collect())
}

fn touch(event: EventMessage) -> Option<Touch> {
    let (actor, time) = (event.actor?, event.time?);
    let mut attributes = actor.attributes.unwrap_or_default();
    let (container, what) = match event.action?.as_str() {
        "update" => (actor.id?, Touched::Limits),
        "rename" => (actor.id?, Touched::Name),
        "pause" => (actor.id?, Touched::Pause),
        "connect" | "disconnect" => (attributes.remove("container")?, Touched::Network(attributes.remove("name")?)),
        _ => return None,
    };
    Some(Touch { container: ContainerId(container), what, time })
}
