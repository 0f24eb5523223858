//! The platforms that have us manage their connectors, and one look at all of them.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use super::{read_memory, write_memory};
use crate::{
    desired::{Context, DesiredState, Openers, OpensEnvelopes},
    managed::{
        self, Away, Given, Listed, ListedValue, Listing, Memory, Overlaid, Requested, Site, UiControl, UiInstances,
        Unreadable,
    },
    model::{Condition, PlatformName},
    plan::Observed,
    platform::{
        About, Failure, ManagedInstance, ManagedListing, ManagedPlatform, ManagedValue, ManagerIdentity, PlatformError,
        RequestedWord, StatusWord,
    },
};

/// Between two listings that decide whether an instance is gone.
const BETWEEN: Duration = Duration::from_secs(1);
/// How long a platform may take where a command waits for it: after its own upgrade it upgrades its connectors, up to 90 s,
/// before it lists them. One that does not answer at all has failed long before, at the first request.
const PATIENCE: Duration = Duration::from_secs(150);

/// A platform that has us manage its connectors.
#[derive(Clone)]
pub struct ManagedLink {
    /// Its name in the settings.
    pub name: PlatformName,
    /// What speaks to it.
    pub client: Arc<dyn ManagedPlatform>,
    /// Who we are there.
    pub identity: Arc<ManagerIdentity>,
    /// What opens its envelopes; none where our key could not be read, so that nothing is registered.
    pub opener: Option<Arc<dyn OpensEnvelopes>>,
    /// Whether people there start and stop instances of the source.
    pub control: UiControl,
    /// What becomes of instances that people make there.
    pub instances: UiInstances,
}

/// Every platform that has us manage its connectors.
#[derive(Clone, Default)]
pub struct Managers {
    /// The platforms.
    pub links: Vec<ManagedLink>,
    /// Whether a platform that lists nothing any more is believed.
    pub allow_empty: bool,
    /// The folder for what is remembered.
    pub state: PathBuf,
}

/// What a listing has shown.
pub(super) struct Read {
    pub(super) instances: Vec<Listed>,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) standalone: Option<BTreeSet<crate::model::ConnectorId>>,
    /// Whether the platform's release can't make managed ones of those that registered themselves.
    pub(super) standalone_stay: bool,
}

impl ManagedLink {
    /// Asks for every managed instance, and for those that registered themselves where `standalone` is set.
    ///
    /// # Errors
    /// What the platform answers.
    pub(super) async fn read(&self, standalone: bool) -> Result<Read, PlatformError> {
        let ManagedListing { instances, unreadable } = self.client.managed(&self.identity).await?;
        let ids = instances.iter().map(|instance| instance.id).chain(unreadable.iter().map(|one| one.id));
        let managed: BTreeSet<_> = ids.collect();
        let standalone = match standalone.then(|| self.client.connectors(false)) {
            None => None,
            Some(asked) => match asked.await {
                Ok(all) => {
                    let by_themselves =
                        all.connectors.into_iter().filter(|(id, one)| !one.managed && !managed.contains(id));
                    Some(by_themselves.map(|(id, _)| id).collect())
                }
                // Without the right to see them, none of them can be migrated.
                Err(PlatformError { failure: Failure::Forbidden { .. }, .. }) => Some(BTreeSet::new()),
                Err(error) => return Err(error),
            },
        };
        let standalone_stay = !self.client.migrates().await?;
        let instances = instances.into_iter().map(listed).collect();
        let unreadable =
            unreadable.into_iter().map(|one| Unreadable { id: one.id, name: one.name, why: one.why }).collect();
        Ok(Read { instances, unreadable, standalone, standalone_stay })
    }

    /// Makes us known as the manager, unless another key than ours is known there under our id.
    ///
    /// # Errors
    /// What the platform answers, and [`Failure::OtherKey`].
    pub(super) async fn register(&self) -> Result<About, PlatformError> {
        self.check_key().await?;
        self.client.register_manager(&self.identity).await
    }

    async fn check_key(&self) -> Result<(), PlatformError> {
        let opens = |envelope: &str| self.opener.as_ref().is_some_and(|opener| opener.open(envelope).is_ok());
        self.client.check_key(&self.identity, &opens).await
    }

    /// What a platform has us run that does not know us yet, where that is why it did not list: nothing. Another manager
    /// there is the error that registering would meet.
    async fn unregistered(&self, error: PlatformError) -> Result<Read, PlatformError> {
        if !matches!(error.failure, Failure::UnknownManager { .. }) {
            return Err(error);
        }
        if self.client.managers().await?.is_empty() {
            let standalone = self.client.connectors(false).await?.connectors;
            let by_themselves = standalone.into_iter().filter(|(_, one)| !one.managed).map(|(id, _)| id).collect();
            let standalone_stay = !self.client.migrates().await?;
            let (instances, unreadable) = (Vec::new(), Vec::new());
            return Ok(Read { instances, unreadable, standalone: Some(by_themselves), standalone_stay });
        }
        let registered = "it does not say which, and has heard from it lately".to_owned();
        Err(PlatformError { failure: Failure::OtherManager { registered }, ..error })
    }

    /// The platform before it has said anything.
    pub(super) fn site(&self) -> Site {
        Site { name: self.name.clone(), control: self.control, instances: self.instances, listing: None, away: None }
    }

    /// One look at it; twice where an instance is missing that was there, since one listing alone is not believed.
    async fn look(&self, register: bool, observed: &Observed, memory: &Memory) -> Site {
        let mut site = self.site();
        let looked = async {
            if register {
                self.register().await?;
            } else if self.opener.is_some() {
                // What is shown is what would be done.
                self.check_key().await?;
            }
            let read = async || match self.read(true).await {
                Err(error) if !register => self.unregistered(error).await,
                read => read,
            };
            let first = read().await?;
            let listing = |read: Read, before| Listing {
                instances: read.instances,
                unreadable: read.unreadable,
                standalone: read.standalone.unwrap_or_default(),
                standalone_stay: read.standalone_stay,
                before,
            };
            let first = listing(first, None);
            let here = first.ids();
            if managed::known_ids(&self.name, observed, memory).is_subset(&here) {
                return Ok(first);
            }
            tokio::time::sleep(BETWEEN).await;
            Ok(listing(read().await?, Some(here)))
        };
        match tokio::time::timeout(PATIENCE, looked).await {
            Ok(Ok(listing)) => site.listing = Some(listing),
            Ok(Err(error)) => site.away = Some(away(&error)),
            Err(_) => {
                let why = format!("it did not answer within {} s", PATIENCE.as_secs());
                site.away = Some(Away { condition: Condition::NoAnswer, why });
            }
        }
        if let Some(Away { why: error, .. }) = &site.away {
            tracing::warn!(platform = %self.name, error, "the platform could not be asked which instances it has managed");
        }
        site
    }
}

impl Managers {
    /// One look at every platform; `register` makes us known there as their manager first.
    pub async fn look(&self, register: bool, observed: &Observed, memory: &Memory) -> Vec<Site> {
        let looks = self.links.iter().map(|link| link.look(register, observed, memory));
        futures_util::future::join_all(looks).await
    }

    /// Lays what the platforms keep over what the source wants.
    pub fn overlay(
        &self,
        desired: DesiredState,
        observed: &Observed,
        sites: &[Site],
        memory: &Memory,
        (context, openers): (&Context, &Openers),
    ) -> Overlaid {
        let given = Given { observed, memory, context, openers, allow_empty: self.allow_empty };
        managed::overlay(desired, sites, &given)
    }

    /// What was remembered.
    pub fn memory(&self) -> Memory {
        read_memory(&self.state)
    }

    /// Remembers; failing to costs a line in the log and nothing else.
    pub fn remember(&self, before: &Memory, now: &Memory) {
        if before != now
            && let Err(error) = write_memory(&self.state, now)
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what platforms have us manage is not remembered");
        }
    }
}

/// Why a platform can't be asked.
pub(super) fn away(error: &PlatformError) -> Away {
    Away { condition: error.failure.condition(), why: error.line() }
}

/// The same in plain values.
fn listed(instance: ManagedInstance) -> Listed {
    let value = |value| match value {
        ManagedValue::Clear(text) => ListedValue::Clear(text),
        ManagedValue::Sealed(envelope) => ListedValue::Envelope(envelope.into()),
    };
    Listed {
        id: instance.id,
        name: instance.name,
        title: instance.title,
        image: instance.image,
        kind: instance.kind,
        hash: instance.hash,
        requested: match instance.requested {
            RequestedWord::Starting => Requested::Started,
            RequestedWord::Stopping => Requested::Stopped,
            RequestedWord::Initial => Requested::Nothing,
            RequestedWord::Unknown(word) => Requested::Unknown(word),
        },
        odd_status: match instance.current {
            Some(StatusWord::Unknown(word)) => Some(word),
            Some(StatusWord::Known(_)) | None => None,
        },
        configuration: instance.configuration.into_iter().map(|(key, given)| (key, value(given))).collect(),
    }
}
