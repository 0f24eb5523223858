//! OpenAEV as a platform that has Lockstep run its connectors.

use std::collections::BTreeSet;

use futures_util::future::{BoxFuture, FutureExt as _};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    calls::{self, Call},
    client::OpenAevClient,
    instances,
    rest::Answer,
};
use crate::{
    model::ConnectorId,
    platform::{
        About, Failure, ListedManager, ManagedListing, ManagedPlatform, ManagedValue, ManagerIdentity,
        OutgoingInstance, OutgoingValue, Platform as _, PlatformError, RequestedStatus, fields::Fields, is_shut_out,
        words,
    },
};

/// What the platform and its manager set themselves in every container.
const OWNED: [&str; 3] = ["OPENAEV_URL", "OPENAEV_TOKEN", "OPENAEV_TENANT_ID"];

#[derive(Deserialize)]
struct ManagerWire {
    xtm_composer_id: String,
}

#[derive(Deserialize)]
struct ContractWire {
    catalog_connector_id: String,
    catalog_connector_slug: String,
    catalog_connector_manager_supported: Option<bool>,
}

#[derive(Deserialize)]
struct KeyWire {
    connector_configuration_key: String,
}

#[derive(Deserialize)]
struct MadeWire {
    connector_instance_id: String,
}

/// Whom the platform has for its manager.
enum Stands {
    /// Us, with what it has us run.
    We(ManagedListing),
    /// Another one, which it has heard from lately.
    Another,
    /// Nobody, or one that it has not heard from for long.
    Nobody,
}

impl OpenAevClient {
    async fn who_stands(&self, manager: &str) -> Result<Stands, PlatformError> {
        match self.instances(manager).await {
            Ok(instances) => Ok(Stands::We(instances)),
            // Older releases fail at it where no manager ever registered.
            Err(PlatformError {
                failure: Failure::UnknownManager { .. } | Failure::Refused { .. } | Failure::Server { status: 500 },
                ..
            }) => {
                match self.ask::<bool>(&calls::REACHABLE, &["xtm-composer", "reachable"], None).await {
                    Ok(Answer { value: true, .. }) => Ok(Stands::Another),
                    // A release that can't say it has never kept anybody away.
                    Ok(_) | Err(PlatformError { failure: Failure::Unsupported(_), .. }) => Ok(Stands::Nobody),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn instances(&self, manager: &str) -> Result<ManagedListing, PlatformError> {
        let path = ["xtm-composer", manager, "connector-instances"];
        let all: Vec<Fields> = self.ask(&calls::MANAGED, &path, None).await?.value;
        let mut known = self.known();
        let listed = instances::managed(&all, &known.instances);
        let listed = listed.map_err(|why| self.error(&calls::MANAGED, Failure::Answer(why)))?;
        known.instances = listed.own_ids;
        Ok(listed.listing)
    }

    /// The platform's own id of a managed instance.
    pub(super) async fn instance(&self, call: &Call, id: ConnectorId) -> Result<String, PlatformError> {
        match self.find(call, id).await? {
            Some(own_id) => Ok(own_id),
            None => {
                let text = format!("it has no instance whose connector has the id {id}");
                Err(self.error(call, Failure::Refused { code: "404".to_owned(), text }))
            }
        }
    }

    async fn find(&self, call: &Call, id: ConnectorId) -> Result<Option<String>, PlatformError> {
        let known = self.known().instances.get(&id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(manager) = &self.manager else {
            return Err(self.error(call, Failure::Settings("there is no `manager` in the settings".to_owned())));
        };
        self.instances(manager).await?;
        Ok(self.known().instances.get(&id).cloned())
    }

    /// The platform's own id of a contract.
    async fn contract(&self, call: &Call, instance: &OutgoingInstance) -> Result<String, PlatformError> {
        let contracts: Vec<ContractWire> = self.ask(&calls::CATALOG, &["catalog-connector"], None).await?.value;
        let slug = instance.contract.as_str();
        let refused = |text: String| self.error(call, Failure::Refused { code: "404".to_owned(), text });
        match contracts.into_iter().find(|contract| contract.catalog_connector_slug == slug) {
            None => Err(refused(format!("its catalog has no contract `{slug}`"))),
            Some(ContractWire { catalog_connector_manager_supported: Some(false), .. }) => {
                Err(refused(format!("contract `{slug}` is one that no connector manager runs")))
            }
            Some(contract) => Ok(contract.catalog_connector_id),
        }
    }

    async fn body(
        &self,
        call: &Call,
        instance: &OutgoingInstance,
        (id, left_over): (Option<ConnectorId>, &[String]),
    ) -> Result<Value, PlatformError> {
        let contract = self.contract(call, instance).await?;
        let id_key = format!("{}_ID", instance.kind.env_prefix());
        let mut values = Vec::new();
        for (key, value) in &instance.configuration {
            if OWNED.contains(&key.as_str()) || *key == id_key {
                continue;
            }
            // Every value goes as a text: the platform gives connectors the texts of what it keeps, and of a list none.
            match value {
                OutgoingValue::Clear(text) | OutgoingValue::List(text) => values.push(pair(key, text)),
                OutgoingValue::Secret(secret) => values.push(pair(key, secret.expose_secret())),
                OutgoingValue::Kept => {}
            }
        }
        // By its name it is found again where the answer was lost.
        let name_key = format!("{}_NAME", instance.kind.env_prefix());
        let mut further: Vec<_> = left_over.iter().map(|key| (key.as_str(), "")).collect();
        if !instance.configuration.contains_key(&name_key) {
            further.push((&name_key, &instance.title));
        }
        if !further.is_empty() {
            // It refuses the whole where one key is none of its contract's, as after an upgrade that took it away.
            let keys = self.keys(call, &contract).await?;
            values.extend(further.iter().filter(|(key, _)| keys.contains(*key)).map(|(key, text)| pair(key, text)));
        }
        if let Some(id) = id {
            values.push(pair(&id_key, &id.to_string()));
        }
        Ok(json!({ "catalog_connector_id": contract, "connector_instance_configurations": values }))
    }

    /// The keys that the platform takes for a contract.
    async fn keys(&self, call: &Call, contract: &str) -> Result<BTreeSet<String>, PlatformError> {
        let path = ["catalog-connector", contract, "configurations"];
        let keys = self.rest.ask::<Vec<KeyWire>>(&calls::CONTRACT, &path, None).await;
        let keys = keys.map_err(|failure| self.error(call, failure))?.value;
        Ok(keys.into_iter().map(|key| key.connector_configuration_key).collect())
    }

    /// The keys in clear that the platform has a value for and that are no longer wanted.
    async fn left_over(&self, id: ConnectorId, wanted: &OutgoingInstance) -> Result<Vec<String>, PlatformError> {
        let Some(manager) = &self.manager else { return Ok(Vec::new()) };
        let listed = self.instances(manager).await?.instances.into_iter().find(|listed| listed.id == id);
        let prefix = wanted.kind.env_prefix();
        let ours = [format!("{prefix}_ID"), format!("{prefix}_NAME")];
        let is_left = |(key, value): &(String, ManagedValue)| {
            let set = matches!(value, ManagedValue::Clear(text) if !text.is_empty());
            set && !wanted.configuration.contains_key(key) && !OWNED.contains(&key.as_str()) && !ours.contains(key)
        };
        let configuration = listed.into_iter().flat_map(|listed| listed.configuration);
        Ok(configuration.filter(is_left).map(|(key, _)| key).collect())
    }

    /// Makes an instance; with an id, for the connector of this id that the platform knows already.
    async fn make(&self, instance: &OutgoingInstance, id: Option<ConnectorId>) -> Result<ConnectorId, PlatformError> {
        let call = &calls::ADD;
        if let Some(id) = id
            && !self.connectors(false).await?.connectors.contains_key(&id)
        {
            let text =
                format!("it has no connector with the id {id} to take over, and chooses the ids of new ones itself");
            return Err(self.error(call, Failure::Refused { code: "409".to_owned(), text }));
        }
        let body = self.body(call, instance, (id, &[])).await?;
        let made: MadeWire = self.ask(call, &["connector-instances"], Some(&body)).await?.value;
        let Some(manager) = &self.manager else {
            return Err(self.error(call, Failure::Settings("there is no `manager` in the settings".to_owned())));
        };
        // The platform chose the id that the connector has, and says it in the listing.
        self.instances(manager).await?;
        let known = self.known();
        let found = known.instances.iter().find(|(_, own_id)| **own_id == made.connector_instance_id);
        found.map(|(id, _)| *id).ok_or_else(|| {
            let own_id = words(&made.connector_instance_id, 80);
            self.error(call, Failure::Answer(format!("the instance {own_id} that it made is not among those it lists")))
        })
    }
}

fn listed(id: &str, name: &str, active: Option<bool>) -> ListedManager {
    ListedManager { id: id.to_owned(), name: name.to_owned(), active, public_key: None }
}

fn pair(key: &str, value: &str) -> Value {
    json!({ "configuration_key": key, "configuration_value": value })
}

impl ManagedPlatform for OpenAevClient {
    fn check_key<'a>(
        &'a self,
        manager: &'a ManagerIdentity,
        opens: &'a (dyn Fn(&str) -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        async move {
            // It tells nobody's key; what it has sealed for our id does.
            let Stands::We(instances) = self.who_stands(&manager.id).await? else { return Ok(()) };
            if is_shut_out(&instances, opens) {
                let registered = format!("id `{}`", words(&manager.id, 200));
                return Err(self.error(&calls::REGISTER, Failure::OtherKey { registered }));
            }
            Ok(())
        }
        .boxed()
    }

    fn register_manager<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>> {
        async move {
            // The platform would take anybody, and forget the manager it has.
            if let Stands::Another = self.who_stands(&manager.id).await? {
                let registered = "it does not say which, and has heard from it within two hours".to_owned();
                return Err(self.error(&calls::REGISTER, Failure::OtherManager { registered }));
            }
            let body = json!({ "id": manager.id, "name": manager.name, "public_key": manager.public_spki });
            let path = ["xtm-composer", "register"];
            let registered: ManagerWire = self.ask(&calls::REGISTER, &path, Some(&body)).await?.value;
            if registered.xtm_composer_id != manager.id {
                let why = "it registered another id than ours".to_owned();
                return Err(self.error(&calls::REGISTER, Failure::Answer(why)));
            }
            self.version().await
        }
        .boxed()
    }

    fn ping_manager<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>> {
        async move {
            let path = ["xtm-composer", &manager.id, "refresh-connectivity"];
            self.ask::<ManagerWire>(&calls::PING, &path, None).await?;
            // The version that it answers with is that of the registration.
            self.version().await
        }
        .boxed()
    }

    fn managers(&self) -> BoxFuture<'_, Result<Vec<ListedManager>, PlatformError>> {
        async move {
            let ours = self.manager.as_deref().unwrap_or_default();
            Ok(match self.who_stands(ours).await? {
                Stands::We(_) => vec![listed(ours, "", None)],
                Stands::Another => vec![listed("", "another manager", Some(true))],
                Stands::Nobody => Vec::new(),
            })
        }
        .boxed()
    }

    fn managed<'a>(&'a self, manager: &'a ManagerIdentity) -> BoxFuture<'a, Result<ManagedListing, PlatformError>> {
        self.instances(&manager.id).boxed()
    }

    fn add<'a>(&'a self, instance: &'a OutgoingInstance) -> BoxFuture<'a, Result<ConnectorId, PlatformError>> {
        self.make(instance, instance.id).boxed()
    }

    fn edit<'a>(&'a self, id: ConnectorId, instance: &'a OutgoingInstance) -> BoxFuture<'a, Result<(), PlatformError>> {
        async move {
            let own_id = self.instance(&calls::EDIT, id).await?;
            // The platform keeps what it is not sent; what is no longer wanted can only be made empty.
            let left_over = self.left_over(id, instance).await?;
            let body = self.body(&calls::EDIT, instance, (None, &left_over)).await?;
            self.tell(&calls::EDIT, &["connector-instances", &own_id, "configurations"], Some(&body)).await
        }
        .boxed()
    }

    fn request(&self, id: ConnectorId, status: RequestedStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        async move {
            let own_id = self.instance(&calls::REQUEST, id).await?;
            let word = match status {
                RequestedStatus::Starting => "starting",
                RequestedStatus::Stopping => "stopping",
            };
            let body = json!({ "connector_instance_requested_status": word });
            self.tell(&calls::REQUEST, &["connector-instances", &own_id, "requested-status"], Some(&body)).await
        }
        .boxed()
    }

    fn delete(&self, id: ConnectorId) -> BoxFuture<'_, Result<(), PlatformError>> {
        async move {
            let Some(own_id) = self.find(&calls::DELETE, id).await? else { return Ok(()) };
            // Newer releases remove none that is asked to run, and one that runs nowhere can be asked to stop.
            self.request(id, RequestedStatus::Stopping).await?;
            self.tell(&calls::DELETE, &["connector-instances", &own_id], None).await?;
            self.known().instances.remove(&id);
            Ok(())
        }
        .boxed()
    }

    fn migrates(&self) -> BoxFuture<'_, Result<bool, PlatformError>> {
        async { Ok(true) }.boxed()
    }

    fn migrate<'a>(
        &'a self,
        id: ConnectorId,
        instance: &'a OutgoingInstance,
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        async move { self.make(instance, Some(id)).await.map(drop) }.boxed()
    }
}
