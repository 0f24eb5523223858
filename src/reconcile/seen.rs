//! Writes down what a close look at a container has shown, as far as it may be shown.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::stream::{self, StreamExt};
use secrecy::ExposeSecret;

use super::pipeline::LOOKS;
use crate::{
    desired::{EnvValue, OpenedEnv, Wanted},
    engine::{Engine, EngineError, Inspected},
    model::looks_secret,
    plan::{ContainerState, NO_RESTARTS, Observed, ObservedContainer, RESTART, Seen},
};

/// Writes down what a close look has shown, without a secret: those are compared here and now.
pub(super) fn note_look(
    container: &mut ObservedContainer,
    inspected: &Inspected,
    wanted: Option<&Wanted>,
    opened: Option<&OpenedEnv>,
) {
    // One that is frozen has not ended; what is known is when it did before.
    container.finished = inspected.finished.filter(|_| container.state != ContainerState::Paused);
    container.was_stopped = was_stopped(container, inspected);
    let Some(wanted) = wanted else { return };
    let visible = wanted.visible_fields();
    let mut fields = fields_of(inspected);
    fields.insert("image".to_owned(), inspected.image.clone());
    // What the image brings is only a difference where something else is wanted.
    fields.extend(inspected.image_fields.iter().filter(|(name, _)| visible.contains_key(*name)).map(owned));
    for (key, value) in &inspected.env {
        match wanted.env.get(key) {
            // It was a secret before: what it was is shown to nobody, even where it is written in clear now.
            Some(EnvValue::Plain(_)) if inspected.sealed.contains_key(key) => {
                container.sensitive_equal.insert(format!("env.{key}"), false);
            }
            Some(EnvValue::Plain(_)) => {
                fields.insert(format!("env.{key}"), value.expose_secret().to_owned());
            }
            Some(
                EnvValue::Sealed(_)
                | EnvValue::FromFile { .. }
                | EnvValue::ConnectorToken(_)
                | EnvValue::ConnectorProxy(_)
                | EnvValue::FromPlatform(_),
            ) => {}
            // A variable that is wanted no more may have been a secret; only its name is kept.
            None => {
                container.sensitive_equal.insert(format!("env.{key}"), false);
            }
        }
    }
    for (key, value) in &wanted.env {
        let brought = inspected.image_env.get(key);
        if value.is_sensitive() {
            let live = inspected.env.get(key).map(ExposeSecret::expose_secret).or(brought.map(String::as_str));
            let equal = opened.and_then(|env| env.get(key)).is_some_and(|value| Some(value.expose_secret()) == live);
            container.sensitive_equal.insert(format!("env.{key}"), equal);
        } else if let Some(brought) = brought {
            fields.insert(format!("env.{key}"), brought.clone());
        }
    }
    container.fields = Some(fields);
}

/// The fields of a container, but that it may not be restarted: Lockstep itself sees to that before it stops one.
fn fields_of(inspected: &Inspected) -> BTreeMap<String, String> {
    let mut fields = inspected.fields.clone();
    fields.retain(|name, value| name != RESTART || value != NO_RESTARTS);
    fields
}

/// What a close look has shown, for plans that are made elsewhere: nothing that was, or looks like, a secret.
fn seen(container: &ObservedContainer, inspected: &Inspected) -> Seen {
    let mut seen = Seen {
        fields: fields_of(inspected),
        brought: inspected.image_fields.clone(),
        sealed: inspected.sealed.clone(),
        finished: inspected.finished,
        was_stopped: was_stopped(container, inspected),
    };
    seen.fields.insert("image".to_owned(), inspected.image.clone());
    seen.brought.extend(inspected.image_env.iter().map(|(key, value)| (format!("env.{key}"), value.clone())));
    for (key, value) in &inspected.env {
        // What another manager made does not say which of its variables are secrets.
        if inspected.made_here && !inspected.sealed.contains_key(key) && !looks_secret(key) {
            seen.fields.insert(format!("env.{key}"), value.expose_secret().to_owned());
        } else {
            seen.sealed.entry(key.clone()).or_default();
        }
    }
    seen
}

/// Looks at every container, so that plans elsewhere can tell what differs; one that goes meanwhile is left out.
///
/// # Errors
/// Where the engine can't be asked.
pub async fn see<E: Engine>(engine: &E, observed: &mut Observed) -> Result<(), EngineError> {
    let containers = observed.containers.clone();
    let looks = stream::iter(containers).map(async |container| (engine.inspect(&container.id).await, container));
    let looks: Vec<_> = looks.buffer_unordered(LOOKS).collect().await;
    let mut all = BTreeMap::new();
    for (look, container) in looks {
        match look {
            Ok(inspected) => drop(all.insert(container.id.clone(), seen(&container, &inspected))),
            Err(EngineError::NoSuchContainer(_)) => {}
            Err(error) => return Err(error),
        }
    }
    observed.seen = all;
    Ok(())
}

/// Writes down what was seen elsewhere of the containers of instances that change. Secrets are told apart as they were
/// sealed; where that is not known and nothing else differs, they are what changed.
pub(super) fn note_seen(observed: &mut Observed, changing: &[Arc<Wanted>]) {
    for container in &mut observed.containers {
        let Some(seen) = observed.seen.get(&container.id) else { continue };
        (container.finished, container.was_stopped) = (seen.finished, seen.was_stopped);
        let Some(wanted) = changing.iter().find(|wanted| wanted.name == container.instance) else { continue };
        let visible = wanted.visible_fields();
        let mut fields = seen.fields.clone();
        fields.extend(seen.brought.iter().filter(|(name, _)| visible.contains_key(*name)).map(owned));
        let mut unknown = Vec::new();
        let secret = wanted.env.iter().filter(|(_, value)| value.is_sensitive()).map(|(key, _)| key);
        for key in secret.chain(seen.sealed.keys()) {
            let field = format!("env.{key}");
            fields.remove(&field);
            let digest = wanted.env.get(key).filter(|value| value.is_sensitive()).map(EnvValue::sealed_digest);
            let equal = match (digest, seen.sealed.get(key)) {
                (Some(Some(wanted)), Some(Some(there))) => wanted == *there,
                (Some(_), Some(_)) => {
                    unknown.push(field.clone());
                    true
                }
                (None, _) | (_, None) => false,
            };
            container.sensitive_equal.insert(field, equal);
        }
        let same_fields = fields
            .iter()
            .chain(&visible)
            .all(|(name, _)| container.sensitive_equal.contains_key(name) || fields.get(name) == visible.get(name));
        if same_fields && container.sensitive_equal.values().all(|equal| *equal) {
            container.sensitive_equal.extend(unknown.into_iter().map(|field| (field, false)));
        }
        container.fields = Some(fields);
    }
}

/// Whether a container was stopped for good. What keeps ending is told to stay stopped as well, but ends with a code of
/// its own.
fn was_stopped(container: &ObservedContainer, inspected: &Inspected) -> bool {
    let stays_stopped = inspected.fields.get(RESTART).is_some_and(|restarts| restarts == NO_RESTARTS);
    stays_stopped && matches!(container.state, ContainerState::Exited(0 | 137 | 143))
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}
