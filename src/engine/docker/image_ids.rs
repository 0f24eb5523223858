//! Remembers which image a reference named when it was last looked at, so that creating a container takes no further call.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{client::Client, inspect::epoch};
use crate::engine::{EngineError, LocalImage};

/// The most references that are remembered.
const REMEMBERED: usize = 4_096;

/// Ids of images by reference. What is remembered may be old: it is only written down, never acted upon.
#[derive(Debug, Default)]
pub(super) struct ImageIds(Mutex<HashMap<String, String>>);

impl ImageIds {
    /// Looks at an image and remembers its id; none where the engine does not have it.
    pub(super) async fn look(&self, client: &Client, image: &str) -> Result<Option<LocalImage>, EngineError> {
        let found = client.image(image).await?.map(|found| LocalImage {
            id: found.id.unwrap_or_default(),
            tagged: found.metadata.and_then(|known| epoch(&known.last_tag_time?.to_string())),
        });
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        match &found {
            Some(found) if !found.id.is_empty() => drop(known.insert(image.to_owned(), found.id.clone())),
            Some(_) | None => drop(known.remove(image)),
        }
        Ok(found)
    }

    /// The id that was seen last; none where it was not looked at.
    pub(super) fn last(&self, image: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(image).cloned()
    }
}
