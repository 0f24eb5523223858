//! Looks at every container closely, so that what something else changed shows although our marks are untouched.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};
use secrecy::ExposeSecret;

use super::{PassError, Pipeline, Planned, pipeline::LOOKS, seen::note_look};
use crate::{
    desired::{DesiredState, OpenedEnv, Wanted},
    engine::{Engine, EngineError, Inspected, LocalImage},
    manifest::WantedState,
    model::InstanceName,
    plan::{ContainerId, ContainerState, MovedImage, Observed, ObservedContainer, Pruning, RESTART},
    secrets::DigestKey,
    source::Source,
};

/// How closely a plan looks at what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// By the marks that Lockstep has put on its containers.
    Marks,
    /// Field by field.
    Fields,
    /// Field by field, and whether the tag of its image names another image now: nobody asked for that by a change of the
    /// source, so only who asks for a close look gets it.
    FieldsAndTags,
}

impl Depth {
    /// For a person who asks for a close look, or not.
    pub fn asked(refresh: bool) -> Self {
        if refresh { Self::FieldsAndTags } else { Self::Marks }
    }
}

impl<S: Source, E: Engine> Pipeline<S, E> {
    /// [`Self::plan`] with a look as close as this.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    pub async fn plan_at(
        &self,
        depth: Depth,
        desired: DesiredState,
        observed: Observed,
        pruning: &Pruning,
    ) -> Result<Planned, PassError> {
        match depth {
            Depth::Marks => self.plan(desired, observed, pruning).await,
            Depth::Fields => self.plan_deep(desired, observed, pruning, false).await,
            Depth::FieldsAndTags => self.plan_deep(desired, observed, pruning, true).await,
        }
    }

    /// Compares what is wanted with what is observed, field by field also where the marks say that nothing has changed;
    /// with `tags` also the images that references name now with those that containers were made from.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    async fn plan_deep(
        &self,
        mut desired: DesiredState,
        mut observed: Observed,
        pruning: &Pruning,
        tags: bool,
    ) -> Result<Planned, PassError> {
        let (digests, opened) = self.open_changed(&mut desired, &observed);
        self.look(&desired, &mut observed, &digests, &opened).await?;
        self.look_deep(&desired, &mut observed, tags).await?;
        let mut planned = self.compare(desired, observed, &digests, pruning);
        // What was seen is of no use any more where nothing is to be done about it.
        let steps: BTreeSet<_> = planned.plan.steps.iter().map(|step| &step.instance).collect();
        for container in &mut planned.observed.containers {
            if container.refreshed && !steps.contains(&container.instance) {
                container.fields = None;
                container.sensitive_equal.clear();
                container.moved_image = None;
                container.refreshed = false;
            }
        }
        Ok(planned)
    }

    async fn look_deep(&self, desired: &DesiredState, observed: &mut Observed, tags: bool) -> Result<(), EngineError> {
        let due: Vec<(ContainerId, InstanceName)> = observed
            .containers
            .iter()
            .filter(|container| container.fields.is_none() && can_be_looked_at(container))
            .filter(|container| desired.wanted.get(&container.instance).is_some_and(|wanted| !wanted.suspend))
            .map(|container| (container.id.clone(), container.instance.clone()))
            .collect();
        let images = if tags { self.images(desired).await? } else { BTreeMap::new() };
        let looks = stream::iter(due).map(async |(id, instance)| (self.engine.inspect(&id).await, id, instance));
        let mut looks = std::pin::pin!(looks.buffer_unordered(LOOKS));
        while let Some((look, id, instance)) = looks.next().await {
            let inspected = match look {
                Ok(inspected) => inspected,
                // It went between the list and the look; the next pass will not see it.
                Err(EngineError::NoSuchContainer(_)) => {
                    observed.containers.retain(|container| container.id != id);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let is_alone = observed.containers.iter().filter(|it| it.instance == instance).count() == 1;
            let Some(container) = observed.containers.iter_mut().find(|container| container.id == id) else { continue };
            let Some(wanted) = desired.wanted.get(&container.instance) else { continue };
            // Without its image nobody can tell what it brought, and what another manager made differs by its nature.
            if inspected.image_known && inspected.made_here {
                self.note_deep(container, &inspected, wanted);
                if self.unrestartable.contains(&container.instance) {
                    container.was_stopped = false;
                } else {
                    note_policy(container, &inspected, wanted, is_alone);
                }
                container.moved_image = images.get(&inspected.image).and_then(|now| moved(&inspected, now));
            }
        }
        Ok(())
    }

    /// What the references of the instances' images name now.
    async fn images(&self, desired: &DesiredState) -> Result<BTreeMap<String, LocalImage>, EngineError> {
        let references: BTreeSet<_> = desired.wanted.values().map(|wanted| wanted.image.clone()).collect();
        let looks = stream::iter(references).map(async |image| (self.engine.image(&image).await, image));
        let mut looks = std::pin::pin!(looks.buffer_unordered(LOOKS));
        let mut images = BTreeMap::new();
        while let Some((look, image)) = looks.next().await {
            images.extend(look?.map(|found| (image, found)));
        }
        Ok(images)
    }

    fn note_deep(&self, container: &mut ObservedContainer, inspected: &Inspected, wanted: &Wanted) {
        let live = live_env(inspected, wanted);
        let untouched = live.filter(|live| self.agrees(container, wanted, live));
        // Only where the digest of what is there is another one, opening tells which value it is.
        let env = match untouched {
            Some(live) => Some(live),
            None => wanted.open(&self.openers).ok(),
        };
        note_look(container, inspected, Some(wanted), env.as_ref());
        if env.is_none() {
            hide(container, inspected, wanted);
        }
        container.refreshed = true;
    }

    /// Whether the environment that is there, in the wanted spec, has the digest that the container was made with.
    fn agrees(&self, container: &ObservedContainer, wanted: &Wanted, live: &OpenedEnv) -> bool {
        let Some(label) = &container.digest else { return false };
        let Some(id) = DigestKey::id_of(&label.0) else { return false };
        let of_token = || self.settings_token(wanted).map(DigestKey::from_token).filter(|key| key.id() == id);
        let unkeyed = || Some(DigestKey::unkeyed()).filter(|key| key.id() == id);
        let key = self.openers.keyring.digest_key_by_id(id).or_else(of_token).or_else(unkeyed);
        key.is_some_and(|key| key.digest(&wanted.canonical_opened(live)) == label.0)
    }
}

/// Notes that the engine may not restart a container, unless Lockstep itself is in the middle of stopping it.
fn note_policy(container: &mut ObservedContainer, inspected: &Inspected, wanted: &Wanted, is_alone: bool) {
    let is_to_run = wanted.state == WantedState::Started && container.runs();
    if is_alone
        && is_to_run
        && let Some(policy) = inspected.fields.get(RESTART)
        && let Some(fields) = &mut container.fields
    {
        fields.insert(RESTART.to_owned(), policy.clone());
    }
}

/// The image that a container's reference names now, where that is not the one it named when the container was made.
fn moved(inspected: &Inspected, now: &LocalImage) -> Option<MovedImage> {
    let (from, to) = (inspected.image_noted.as_ref()?, &now.id);
    (from != to && !to.is_empty()).then(|| MovedImage { from: from.clone(), to: to.clone(), since: now.tagged })
}

fn can_be_looked_at(container: &ObservedContainer) -> bool {
    match container.state {
        ContainerState::Created
        | ContainerState::Running
        | ContainerState::Paused
        | ContainerState::Restarting
        | ContainerState::Exited(_) => true,
        ContainerState::Dead | ContainerState::Removing | ContainerState::Unknown(_) => false,
    }
}

/// The wanted variables with the values that are there; none where one of them is missing.
fn live_env(inspected: &Inspected, wanted: &Wanted) -> Option<OpenedEnv> {
    let value = |key: &String| {
        let brought = || inspected.image_env.get(key).map(|value| value.as_str().into());
        inspected.env.get(key).map(|value| value.expose_secret().into()).or_else(brought)
    };
    wanted.env.keys().map(|key| Some((key.clone(), value(key)?))).collect()
}

/// Says that secrets which nobody here can open are as they should be where they are there at all.
fn hide(container: &mut ObservedContainer, inspected: &Inspected, wanted: &Wanted) {
    let secret = wanted.env.iter().filter(|(_, value)| value.is_sensitive());
    let is_there = |key: &String| inspected.env.contains_key(key) || inspected.image_env.contains_key(key);
    container.sensitive_equal.extend(secret.map(|(key, _)| (format!("env.{key}"), is_there(key))));
}
