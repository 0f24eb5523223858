//! The changes of managed connectors.

use std::sync::atomic::Ordering;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    super::client::OpenCtiClient,
    dialect::Dialect,
    documents::{ADD, CONNECTOR, EDIT, MANAGED, MIGRATE},
    wire::{ConnectorWire, IdWire},
};
use crate::{
    model::{ConnectorId, PlatformKind},
    platform::{Failure, ManagedValue, OutgoingInstance, OutgoingValue, PlatformError, words},
};

/// What to do about refusals whose words don't say it, by some of their words in lower case.
const ADVICE: [(&str, &str); 7] = [
    (
        "default group for ingestion",
        "make one of its groups the default group of ingestion users, or make the user by hand and name it in \
         `serviceAccount`",
    ),
    ("service account already exists", "name another one in `serviceAccount`, or that one with `create: false`"),
    (
        "connector_name_already_exists",
        "give the instance another name (`CONNECTOR_NAME`), or name the connector that has it by its id (`spec.id`)",
    ),
    (
        "invalid connector name",
        "its names have two letters or digits at least; give the instance one (`CONNECTOR_NAME`)",
    ),
    ("no connector manager configured", "it forgot its connector manager; `lockstep run` registers it anew"),
    ("target contract not found", "its catalog has no such image; take the catalog from the platform itself"),
    ("not compatible with the platform version", "choose a version of the contract that is made for its release"),
];
/// Words of the platform when it runs without its licence, in lower case.
const NO_LICENCE: &str = "enterprise edition is not enabled";

impl OpenCtiClient {
    pub(super) async fn add_instance(&self, instance: &OutgoingInstance) -> Result<ConnectorId, PlatformError> {
        if instance.kind.platform() != PlatformKind::OpenCti {
            let why = format!("OpenCTI has no connectors of the kind {}", instance.kind.as_str());
            return Err(self.error(ADD, Failure::Settings(why)));
        }
        let dialect = self.dialect().await?;
        let mut input = self.account_of_new(dialect, instance).await?;
        let rest = [
            ("name", json!(instance.title)),
            ("catalog_id", json!(instance.catalog)),
            ("manager_contract_image", json!(instance.image)),
            ("manager_contract_configuration", self.configuration(dialect, instance)),
        ];
        input.extend(rest.map(|(key, value)| (key.to_owned(), value)));
        let made = self.read(ADD, "managedConnectorAdd", json!({ "input": input })).await;
        let made: IdWire = made.map_err(|error| discreet(instance, error))?;
        let id = ConnectorId::try_from(made.id.as_str()).map_err(|_| {
            let why = format!("the new connector's id is no UUID of version 4: `{}`", words(&made.id, 80));
            self.error(ADD, Failure::Answer(why))
        })?;
        if self.keeps_first_items(dialect, id, instance).await? {
            let mut rest = instance.clone();
            rest.configuration.retain(|_, value| !matches!(value, OutgoingValue::Secret(_)));
            self.edit_instance(id, &rest).await?;
        }
        Ok(id)
    }

    /// Whether a platform that takes lists has kept no more than the first item of one that was just sent: some of those
    /// releases mean a list of one text, in which the items are joined. That is remembered.
    async fn keeps_first_items(
        &self,
        dialect: Dialect,
        id: ConnectorId,
        instance: &OutgoingInstance,
    ) -> Result<bool, PlatformError> {
        let long = |(key, value): (&String, &OutgoingValue)| match value {
            OutgoingValue::List(text) => text.split_once(',').map(|(first, _)| (key.clone(), first.to_owned())),
            OutgoingValue::Clear(_) | OutgoingValue::Secret(_) | OutgoingValue::Kept => None,
        };
        let long: Vec<_> = instance.configuration.iter().filter_map(long).collect();
        if !dialect.lists || long.is_empty() || self.joins_items.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let all = self.list_managed_with(MANAGED).await?;
        let Some(listed) = all.instances.into_iter().find(|listed| listed.id == id) else { return Ok(false) };
        let is_first = |(key, first): &(String, String)| matches!(listed.configuration.get(key), Some(ManagedValue::Clear(text)) if text == first);
        let first_only = long.iter().any(is_first);
        self.joins_items.fetch_or(first_only, Ordering::Relaxed);
        Ok(first_only)
    }

    pub(super) async fn edit_instance(
        &self,
        id: ConnectorId,
        instance: &OutgoingInstance,
    ) -> Result<(), PlatformError> {
        let dialect = self.dialect().await?;
        let current: ConnectorWire = self.read(CONNECTOR, "connector", json!({ "id": id.to_string() })).await?;
        let account = self.account_of_changed(instance, current.connector_user_id).await?;
        // Without a title of its own a connector's name is all that people see; it is made a name as the platform does it.
        let keeps_name = dialect.titled_edits || sanitised(&instance.title) == current.name;
        let mut input = json!({
            "id": id.to_string(),
            "name": if keeps_name { &current.name } else { &instance.title },
            "connector_user_id": account,
            "manager_contract_configuration": self.configuration(dialect, instance),
        });
        if dialect.titled_edits {
            input["title"] = json!(instance.title);
        }
        let changed = self.tell(EDIT, "managedConnectorEdit", input.clone()).await;
        changed.map_err(|error| discreet(instance, error))?;
        if self.keeps_first_items(dialect, id, instance).await? {
            input["manager_contract_configuration"] = self.configuration(dialect, instance);
            let changed = self.tell(EDIT, "managedConnectorEdit", input).await;
            changed.map_err(|error| discreet(instance, error))?;
        }
        Ok(())
    }

    fn configuration(&self, dialect: Dialect, instance: &OutgoingInstance) -> Value {
        let lists = dialect.lists && !self.joins_items.load(Ordering::Relaxed);
        configuration(lists, instance)
    }

    pub(super) async fn migrate_instance(
        &self,
        id: ConnectorId,
        instance: &OutgoingInstance,
    ) -> Result<(), PlatformError> {
        let dialect = self.dialect().await?;
        if !dialect.migration {
            let why =
                "make a connector that registered itself a managed one; upgrade the platform, or make a new connector";
            return Err(self.error(MIGRATE, Failure::Unsupported(why.to_owned())));
        }
        let input = json!({
            "connectorId": id.to_string(),
            "containerImage": instance.image,
            "configuration": self.configuration(dialect, instance),
            "resetConnectorState": false,
            // A connector that used a person's token would make the person a service account.
            "convertUserToServiceAccount": false,
        });
        let changed = self.tell(MIGRATE, "connectorMigrateToManaged", input).await;
        changed.map_err(|error| discreet(instance, error))
    }
}

/// The platform's own way from the name that people give to the name that it keeps.
fn sanitised(title: &str) -> String {
    let words: Vec<_> = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").to_ascii_lowercase().chars().take(63).collect();
    name.trim_end_matches('-').to_owned()
}

fn configuration(lists: bool, instance: &OutgoingInstance) -> Value {
    let value = |(key, value): (&String, &OutgoingValue)| match value {
        // One text would be one item there, which no contract that names the items allows.
        OutgoingValue::List(text) if lists => {
            let items: Vec<_> = text.split(',').filter(|item| !item.is_empty()).collect();
            Some(json!({ "key": key, "value": items }))
        }
        OutgoingValue::Clear(text) | OutgoingValue::List(text) => Some(json!({ "key": key, "value": text })),
        OutgoingValue::Secret(secret) => Some(json!({ "key": key, "value": secret.expose_secret() })),
        OutgoingValue::Kept => None,
    };
    instance.configuration.iter().filter_map(value).collect()
}

/// The same error without the secrets that were sent, and with a name where it is about the licence.
fn discreet(instance: &OutgoingInstance, mut error: PlatformError) -> PlatformError {
    if let Failure::Refused { text, .. } | Failure::Forbidden { text, .. } | Failure::Unauthorized(text) =
        &mut error.failure
    {
        for value in instance.configuration.values() {
            if let OutgoingValue::Secret(secret) = value
                && !secret.expose_secret().is_empty()
            {
                *text = text.replace(secret.expose_secret(), "(secret)");
            }
        }
    }
    if let Failure::Refused { text, .. } = &mut error.failure {
        let lower = text.to_lowercase();
        if lower.contains(NO_LICENCE) {
            error.failure = Failure::NoLicence { text: text.clone() };
        } else if let Some((_, advice)) = ADVICE.into_iter().find(|(words, _)| lower.contains(words)) {
            *text = format!("{text}; {advice}");
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_as_the_platform_makes_it() {
        assert_eq!(sanitised("MISP  (prod) / Straße"), "misp-prod-stra-e");
        assert_eq!(sanitised("--a--"), "a");
        assert_eq!(sanitised(&"ab ".repeat(40)).len(), 62);
        assert_eq!(sanitised("é"), "");
    }
}
