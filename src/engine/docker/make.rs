//! Brings one container into being and to life, from whatever an earlier attempt left.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse};

use super::{
    apply::{Job, Made, Seen},
    body::{NETWORKS_LABEL, create_body, endpoint, networks, restarts_allowed, same_container, without_values},
    client::absent_is_none,
};
use crate::{
    engine::{EngineError, OpenedEnv, Progress},
    model::PullPolicy,
    plan::{LABELS, NewContainer},
};

/// How often a name is claimed that is taken by nobody who can be seen: an engine takes it first and shows the container
/// later, which a request of our own that was cut off may still be at.
const CLAIMS: u32 = 8;
/// The pause before the name is claimed a second time; each further one is twice as long, about 3 s in all.
const CLAIM_PAUSE: Duration = Duration::from_millis(25);

impl Job<'_> {
    /// Creates a container, or finds the one that an earlier attempt created; none where waiting was cancelled.
    pub(super) async fn make(&self, new: &NewContainer, env: &OpenedEnv) -> Result<Option<Made>, EngineError> {
        let wanted = &new.wanted;
        if self.cancel.is_cancelled()
            || wanted.pull == PullPolicy::Always && !self.pull(&wanted.image, wanted.pull).await?
        {
            return Ok(None);
        }
        let client = &self.shared.client;
        let network = self.shared.network.as_deref();
        let mut error = None;
        for claim in 0..CLAIMS {
            (self.progress)(Progress::Creating);
            let failed = match client.create(&new.name, self.body(new, env)?).await {
                Ok(id) => {
                    let others = networks(&wanted.container, network)?;
                    self.join(&id, wanted.name.as_str(), others.into_iter().skip(1)).await?;
                    return Ok(Some(Made { id, alive: false, may_restart: true }));
                }
                Err(failed) => failed,
            };
            if is_missing_image(&failed) {
                if !self.pull(&wanted.image, wanted.pull).await? {
                    return Ok(None);
                }
            } else if !may_be_done(&failed) {
                return Err(quiet(failed, env));
            } else if let Some(made) = self.holder(new).await? {
                return Ok(Some(made));
            } else if !is_conflict(&failed) {
                return Err(quiet(failed, env));
            } else {
                let pause = tokio::time::sleep(CLAIM_PAUSE * 2_u32.pow(claim));
                if self.cancel.run_until_cancelled(pause).await.is_none() {
                    return Ok(None);
                }
            }
            error = Some(failed);
        }
        Err(quiet(error.unwrap_or_else(|| not_to_be_pulled(&wanted.image)), env))
    }

    fn body(&self, new: &NewContainer, env: &OpenedEnv) -> Result<ContainerCreateBody, EngineError> {
        let image = self.shared.ids.last(&new.wanted.image);
        create_body(new, env, self.shared.network.as_deref(), (self.shared.company.maker(), image))
    }

    /// The container that has the wanted name, where it is the wanted one; none where the name is free.
    async fn holder(&self, new: &NewContainer) -> Result<Option<Made>, EngineError> {
        let client = &self.shared.client;
        let Some(seen) = client.find(&new.name).await? else { return Ok(None) };
        let id = seen.id.clone().unwrap_or_default();
        let labels = seen.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default();
        match same_container(&labels, new) {
            None => return Err(EngineError::ForeignContainer { name: new.name.clone(), id }),
            Some(false) => {
                return Err(EngineError::Answer {
                    what: format!("create container `{}`", new.name),
                    why: format!("the name belongs to our container {id}, which was made from another spec"),
                });
            }
            Some(true) => {}
        }
        let state = Seen::of(&seen);
        if state.dead {
            self.remove(&id, None).await?;
            return Ok(None);
        }
        self.join_missing(&seen).await?;
        Ok(Some(Made { id, alive: state.alive, may_restart: state.may_restart }))
    }

    /// Connects a container with further networks.
    async fn join(&self, id: &str, alias: &str, networks: impl Iterator<Item = &str>) -> Result<(), EngineError> {
        for network in networks {
            let joined = self.shared.client.connect_network(network, id, endpoint(network, alias)).await;
            if let Err(error) = joined {
                let seen = self.shared.client.look(id).await?;
                if !is_joined(&seen, network) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Connects a container with the networks that an earlier attempt did not come to.
    pub(super) async fn join_missing(&self, seen: &ContainerInspectResponse) -> Result<(), EngineError> {
        let labels = seen.config.as_ref().and_then(|config| config.labels.as_ref());
        let label = |name: &str| labels.and_then(|labels| labels.get(name)).map(String::as_str).unwrap_or_default();
        let missing = label(NETWORKS_LABEL).split(',').filter(|name| !name.is_empty() && !is_joined(seen, name));
        self.join(seen.id.as_deref().unwrap_or_default(), label(LABELS.instance), missing).await
    }

    /// Starts a container that was made for this step; one that is wedged is made again, once.
    pub(super) async fn start(&self, made: Made, new: &NewContainer, env: &OpenedEnv) -> Result<String, EngineError> {
        let client = &self.shared.client;
        if !made.may_restart {
            client.restart_policy(&made.id, restarts_allowed()).await?;
        }
        if made.alive {
            return self.thaw(made.id).await;
        }
        (self.progress)(Progress::Starting);
        let Err(error) = self.start_truly(&made.id).await else { return Ok(made.id) };
        if !is_wedged(&error) {
            return Err(quiet(error, env));
        }
        tracing::warn!(container = new.name, error = %error, "made a container again that could not be started any more");
        absent_is_none(client.remove(&made.id, true).await)?;
        let again = client.create(&new.name, self.body(new, env)?).await;
        let again = again.map_err(|error| quiet(error, env))?;
        let others = networks(&new.wanted.container, self.shared.network.as_deref())?;
        self.join(&again, new.wanted.name.as_str(), others.into_iter().skip(1)).await?;
        self.start_truly(&again).await.map_err(|error| quiet(error, env))?;
        Ok(again)
    }

    /// Starts a container; an engine's error counts only where the container does not run then.
    pub(super) async fn start_truly(&self, id: &str) -> Result<(), EngineError> {
        let Err(error) = self.shared.client.start(id).await else { return Ok(()) };
        match self.shared.client.find(id).await {
            Ok(Some(seen)) if Seen::of(&seen).alive => Ok(()),
            Ok(Some(_)) if is_going(&error) => Err(EngineError::NoSuchContainer(id.to_owned())),
            Ok(Some(_)) => Err(error),
            Ok(None) => Err(EngineError::NoSuchContainer(id.to_owned())),
            Err(_) => Err(error),
        }
    }

    async fn thaw(&self, id: String) -> Result<String, EngineError> {
        if Seen::of(&self.shared.client.look(&id).await?).paused {
            self.shared.client.unpause(&id).await?;
        }
        Ok(id)
    }
}

pub(super) fn not_to_be_pulled(image: &str) -> EngineError {
    let why = "it is not on the engine, and its pull policy is `Never`".to_owned();
    EngineError::Image { image: image.to_owned(), why, transient: false }
}

pub(super) fn is_joined(seen: &ContainerInspectResponse, network: &str) -> bool {
    let joined = seen.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    joined.is_some_and(|joined| joined.contains_key(network))
}

/// Whether a container was refused since somebody is removing it: it is as good as gone.
fn is_going(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { message, .. } if message.contains("marked for removal"))
}

fn is_conflict(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { status: 409, .. })
}

fn is_missing_image(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { status: 404, message, .. } if message.to_ascii_lowercase().contains("no such image"))
}

/// Whether an error leaves open if the engine did what it was asked for.
fn may_be_done(error: &EngineError) -> bool {
    match error {
        EngineError::Refused { status, .. } => *status >= 500 || *status == 409,
        EngineError::Unreachable { .. } | EngineError::Deadline { .. } | EngineError::Answer { .. } => true,
        EngineError::NoSuchContainer(_)
        | EngineError::ForeignContainer { .. }
        | EngineError::AnotherManager { .. }
        | EngineError::MissingNetwork(_)
        | EngineError::Image { .. }
        | EngineError::Settings(_)
        | EngineError::Forbidden { .. }
        | EngineError::Wedged { .. }
        | EngineError::Down { .. } => false,
    }
}

/// Whether a container can never start again: what an engine left that was killed while it started one.
fn is_wedged(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { status, message, .. } if is_wedged_message(*status, message))
}

pub(super) fn is_wedged_message(status: u16, message: &str) -> bool {
    status >= 500 && (message.contains("already exists") || message.contains("id already in use"))
}

/// Takes the environment's values out of the engine's words.
fn quiet(mut error: EngineError, env: &OpenedEnv) -> EngineError {
    if let EngineError::Refused { message, .. } = &mut error {
        *message = without_values(message, env);
    }
    error
}
