//! The manager's calls at OpenCTI.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    super::{client::OpenCtiClient, documents::Document, graphql::Answer},
    documents, wire,
};
use crate::{
    model::ConnectorId,
    platform::{
        About, Failure, ListedManager, ManagedListing, ManagedPlatform, ManagerIdentity, OutgoingInstance,
        PlatformError, RequestedStatus, is_shut_out, words,
    },
};

/// How long the platform may take to list what is to be run: after its own upgrade it upgrades its connectors first.
const LISTING: Duration = Duration::from_secs(100);
/// Words with which the platform refuses a second manager.
const ONLY_ONE: &str = "Only one connector manager";
/// Words with which the platform says that it does not know what is to be changed.
const NOT_FOUND: &str = "Cant find element";

impl OpenCtiClient {
    /// Sends a document and reads its field `field`.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        document: Document,
        field: &str,
        variables: Value,
    ) -> Result<T, PlatformError> {
        let data = self.ask(document, field, variables).await?;
        self.decode(document, Answer { data, clock_ahead: 0 })
    }

    async fn sync(&self, document: Document, field: &str, input: Value) -> Result<About, PlatformError> {
        let manager: wire::SyncWire = self.read(document, field, json!({ "input": input })).await?;
        let about = About { version: words(&manager.about_version, 80) };
        self.heard_version(&about.version).await;
        Ok(about)
    }

    async fn register_as(&self, manager: &ManagerIdentity) -> Result<About, PlatformError> {
        let input = json!({ "id": manager.id, "name": manager.name, "public_key": manager.public_pkcs1 });
        match self.sync(documents::REGISTER, "registerConnectorsManager", input).await {
            Err(PlatformError { failure: Failure::Refused { text, .. }, .. }) if text.contains(ONLY_ONE) => {
                let registered = match self.list_managers().await {
                    Ok(managers) if !managers.is_empty() => managers.iter().map(named).collect::<Vec<_>>().join(", "),
                    Ok(_) => "it does not say which".to_owned(),
                    Err(error) => format!("which one is not known ({})", error.failure),
                };
                Err(self.error(documents::REGISTER, Failure::OtherManager { registered }))
            }
            answer => answer,
        }
    }

    async fn check_key_of(
        &self,
        manager: &ManagerIdentity,
        opens: &(dyn Fn(&str) -> bool + Send + Sync),
    ) -> Result<(), PlatformError> {
        let managers = match self.list_managers().await {
            Ok(managers) => managers,
            // Without the right to see them, or in a release that does not list them, only what was sealed can tell.
            Err(PlatformError { failure: Failure::Forbidden { .. }, .. }) => Vec::new(),
            Err(error) if matches!(error.failure, Failure::Refused { .. }) && !error.is_transient() => Vec::new(),
            Err(error) => return Err(error),
        };
        let known = managers.iter().find(|known| known.id == manager.id);
        if known.is_none() && !managers.is_empty() {
            let registered = managers.iter().map(named).collect::<Vec<_>>().join(", ");
            return Err(self.error(documents::REGISTER, Failure::OtherManager { registered }));
        }
        let same = match known.and_then(|known| known.public_key.as_deref()) {
            Some(registered) => manager.has(registered),
            None => !is_shut_out(&self.list_managed().await?, opens),
        };
        if same {
            return Ok(());
        }
        let registered = known.map_or_else(|| format!("id `{}`", words(&manager.id, 200)), named);
        Err(self.error(documents::REGISTER, Failure::OtherKey { registered }))
    }

    async fn list_managers(&self) -> Result<Vec<ListedManager>, PlatformError> {
        let document = if self.dialect().await?.keys { documents::MANAGERS_KEYED } else { documents::MANAGERS };
        let managers: Vec<wire::ManagerWire> = self.read(document, "connectorManagers", json!({})).await?;
        Ok(managers.into_iter().map(ListedManager::from).collect())
    }

    async fn list_managed(&self) -> Result<ManagedListing, PlatformError> {
        if !self.dialect().await?.titled_listing {
            return self.list_managed_with(documents::MANAGED).await;
        }
        match self.list_managed_with(documents::MANAGED_TITLED).await {
            Err(PlatformError { failure: Failure::Forbidden { text, .. }, .. }) => {
                // The document needs two capabilities: what it lacks is the one that the shorter document does not need.
                self.list_managed_with(documents::MANAGED).await?;
                let failure = Failure::Forbidden { capability: documents::CONNECTOR.capability, text };
                Err(self.error(documents::MANAGED_TITLED, failure))
            }
            listed => listed,
        }
    }

    pub(super) async fn list_managed_with(&self, document: Document) -> Result<ManagedListing, PlatformError> {
        let answer = self.send_within(document, json!({}), Some(LISTING)).await?;
        let data: wire::ManagedData = self.decode(document, answer)?;
        wire::managed(data).map_err(|why| self.error(document, Failure::Answer(why)))
    }
}

/// A manager as it is named to people.
fn named(manager: &ListedManager) -> String {
    let active = match manager.active {
        Some(true) => ", heard from in the last minutes",
        Some(false) => ", not heard from lately",
        None => "",
    };
    format!("`{}` (id `{}`{active})", manager.name, manager.id)
}

impl ManagedPlatform for OpenCtiClient {
    fn check_key<'a>(
        &'a self,
        manager: &'a ManagerIdentity,
        opens: &'a (dyn Fn(&str) -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.check_key_of(manager, opens).boxed()
    }

    fn register_manager<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>> {
        self.register_as(manager).boxed()
    }

    fn ping_manager<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>> {
        async move {
            let input = json!({ "id": manager.id });
            match self.sync(documents::PING, "updateConnectorManagerStatus", input).await {
                Err(PlatformError { failure: Failure::Refused { text, .. }, .. }) if text.contains(NOT_FOUND) => {
                    Err(self.error(documents::PING, Failure::UnknownManager { text }))
                }
                answer => answer,
            }
        }
        .boxed()
    }

    fn managers(&self) -> BoxFuture<'_, Result<Vec<ListedManager>, PlatformError>> {
        self.list_managers().boxed()
    }

    fn managed<'a>(&'a self, _: &'a ManagerIdentity) -> BoxFuture<'a, Result<ManagedListing, PlatformError>> {
        self.list_managed().boxed()
    }

    fn add<'a>(&'a self, instance: &'a OutgoingInstance) -> BoxFuture<'a, Result<ConnectorId, PlatformError>> {
        self.add_instance(instance).boxed()
    }

    fn edit<'a>(&'a self, id: ConnectorId, instance: &'a OutgoingInstance) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.edit_instance(id, instance).boxed()
    }

    fn request(&self, id: ConnectorId, status: RequestedStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        let status = match status {
            RequestedStatus::Starting => "starting",
            RequestedStatus::Stopping => "stopping",
        };
        let input = json!({ "id": id.to_string(), "status": status });
        self.tell(documents::REQUEST, "updateConnectorRequestedStatus", input).boxed()
    }

    fn delete(&self, id: ConnectorId) -> BoxFuture<'_, Result<(), PlatformError>> {
        async move { self.ask(documents::DELETE, "deleteConnector", json!({ "id": id.to_string() })).await.map(drop) }
            .boxed()
    }

    fn migrates(&self) -> BoxFuture<'_, Result<bool, PlatformError>> {
        async move { Ok(self.dialect().await?.migration) }.boxed()
    }

    fn migrate<'a>(
        &'a self,
        id: ConnectorId,
        instance: &'a OutgoingInstance,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.migrate_instance(id, instance).boxed()
    }
}
