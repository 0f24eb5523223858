//! What happens to managed connectors in the stand-in's memory.

use async_graphql::{ID, Result};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{
    super::{
        schema::{failure, unknown},
        state::{Memory, Platform, Stored},
        types::{ConnectorType, RegisterConnectorInput},
    },
    configuration::computed,
    connector::{Entry, Managed, Manager},
    seal::seal,
    types::{AddManagedConnectorInput, ContractConfigInput, EditManagedConnectorInput, MigrateConnectorToManagedInput},
};

fn refused(message: &str) -> async_graphql::Error {
    failure(message, "FUNCTIONAL_ERROR", 400)
}

fn unsupported(message: &str) -> async_graphql::Error {
    failure(message, "UNSUPPORTED_ERROR", 500)
}

/// The platform's name for a title.
pub(super) fn sanitised(title: &str) -> String {
    let words: Vec<_> = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").to_ascii_lowercase().chars().take(63).collect();
    name.trim_end_matches('-').to_owned()
}

impl Platform {
    fn check_licence(&self) -> Result<()> {
        if self.options().licence { Ok(()) } else { Err(unsupported("Enterprise edition is not enabled")) }
    }

    /// The contract with this image.
    fn contract(&self, image: &str) -> Result<&Value> {
        let contracts = self.options().catalogs.iter().filter_map(|catalog| catalog["contracts"].as_array()).flatten();
        let mut fitting = contracts.filter(|contract| contract["container_image"] == image);
        let contract = fitting.next().ok_or_else(|| unsupported("Target contract not found"))?;
        if contract["manager_supported"] == false {
            return Err(refused("You have not chosen a connector supported by the manager"));
        }
        Ok(contract)
    }

    fn envelope(&self) -> u8 {
        self.options().envelope.unwrap_or(if self.is_older() { 1 } else { 2 })
    }

    fn configuration(
        &self,
        memory: &Memory,
        given: &[ContractConfigInput],
        contract: &Value,
        kept: &[Entry],
    ) -> Result<Vec<Entry>> {
        let manager = memory.managers.values().next();
        let manager = manager.ok_or_else(|| refused("There is no connector manager configured"))?;
        computed(given, contract, (kept, self.options().first_texts), |text| {
            seal(self.envelope(), &manager.public_key, text)
        })
    }

    fn token(&self, memory: &Memory) -> Entry {
        let text = format!("flgrn_octi_tkn_{}", Uuid::new_v4().simple());
        let key = "OPENCTI_TOKEN".to_owned();
        let public_key = memory.managers.values().next().map(|manager| manager.public_key.as_str());
        let sealed = public_key.filter(|_| !self.is_older()).and_then(|key| seal(self.envelope(), key, &text));
        match sealed {
            Some(value) => Entry { key, value, encrypted: true },
            None => Entry { key, value: text, encrypted: false },
        }
    }

    pub(super) fn register_manager(&self, id: &str, name: String, public_key: String) -> Result<Manager> {
        let mut memory = self.memory();
        if !memory.managers.is_empty() && !memory.managers.contains_key(id) {
            return Err(unsupported("Only one connector manager is supported per instance"));
        }
        let manager = Manager { name, public_key, synced_at: Timestamp::now() };
        memory.managers.insert(id.to_owned(), manager.clone());
        Ok(manager)
    }

    pub(super) fn sync_manager(&self, id: &str) -> Result<Manager> {
        let mut memory = self.memory();
        let manager = memory.managers.get_mut(id).ok_or_else(unknown)?;
        manager.synced_at = Timestamp::now();
        Ok(manager.clone())
    }

    pub(super) fn add_managed(&self, input: AddManagedConnectorInput) -> Result<Stored> {
        self.check_licence()?;
        let contract = self.contract(&input.manager_contract_image)?;
        let mut memory = self.memory();
        let configuration = self.configuration(&memory, &input.manager_contract_configuration, contract, &[])?;
        let account = if self.is_older() { input.connector_user_id } else { input.user_id };
        let account = account.filter(|account| account.chars().count() > 1);
        let account = account.ok_or_else(|| refused("You have not chosen a user responsible for data creation"))?;
        let user = if input.automatic_user == Some(true) {
            if !self.options().ingestion_group {
                return Err(refused("You have not defined a default group for ingestion users"));
            }
            if memory.users.values().any(|name| **name == *account.as_str()) {
                let why = "This service account already exists. Change the instance name to automatically create a new \
                           service account";
                return Err(refused(why));
            }
            let id = Uuid::new_v4().to_string();
            memory.users.insert(id.clone(), account.to_string());
            memory.confidence.extend(input.confidence_level.map(|level| (account.to_string(), level)));
            id
        } else {
            let known = memory.users.contains_key(account.as_str());
            known.then(|| account.to_string()).ok_or_else(|| unsupported("Connector user not found"))?
        };
        let name = sanitised(&input.name);
        if name.len() < 2 {
            return Err(refused("Invalid connector name"));
        }
        if memory.connectors.values().any(|stored| stored.input.name == name) {
            return Err(refused("CONNECTOR_NAME_ALREADY_EXISTS"));
        }
        let id = Uuid::new_v4().to_string();
        let mut stored = Stored::new(connector(&id, name, contract));
        let title = if self.is_older() { stored.input.name.clone() } else { input.name };
        stored.managed =
            Some(managed(title, user, &input.manager_contract_image, contract, configuration, self.token(&memory)));
        memory.connectors.insert(id, stored.clone());
        Ok(stored)
    }

    pub(super) fn edit_managed(&self, input: EditManagedConnectorInput) -> Result<Stored> {
        let mut memory = self.memory();
        let stored = memory.connectors.get(input.id.as_str()).cloned();
        let mut stored = stored.ok_or_else(|| unsupported("Connector not found"))?;
        let mut managed = stored.managed.take().ok_or_else(|| unsupported("Target contract not found"))?;
        let contract = self.contract(&managed.image)?;
        let given = &input.manager_contract_configuration;
        managed.configuration = self.configuration(&memory, given, contract, &managed.configuration)?;
        managed.user = input.connector_user_id.to_string();
        managed.title = match input.title {
            Some(title) => title,
            None if self.is_older() => input.name.clone(),
            None => return Err(failure("Field \"title\" of required type was not provided", "BAD_USER_INPUT", 400)),
        };
        stored.input.name = input.name;
        stored.managed = Some(managed);
        stored.updated_at = Timestamp::now();
        memory.connectors.insert(input.id.to_string(), stored.clone());
        Ok(stored)
    }

    pub(super) fn migrate(&self, input: MigrateConnectorToManagedInput) -> Result<Stored> {
        self.check_licence()?;
        let contract = self.contract(&input.container_image)?;
        let mut memory = self.memory();
        let mut stored = memory.connectors.get(input.connector_id.as_str()).cloned().ok_or_else(unknown)?;
        if stored.managed.is_some() {
            return Err(refused("Connector is already managed"));
        }
        let given = input.configuration.unwrap_or_default();
        let configuration = self.configuration(&memory, &given, contract, &[])?;
        let title = stored.input.name.clone();
        let name = sanitised(&title);
        let others = memory.connectors.values().filter(|other| other.input.id != stored.input.id);
        let taken = others.into_iter().any(|other| other.input.name == name);
        stored.input.name = if taken { format!("migrated-{name}") } else { name };
        if input.reset_connector_state == Some(true) {
            stored.state = None;
        }
        let user = super::super::types::USER.to_owned();
        stored.managed =
            Some(managed(title, user, &input.container_image, contract, configuration, self.token(&memory)));
        memory.connectors.insert(input.connector_id.to_string(), stored.clone());
        Ok(stored)
    }

    /// Changes what a connector has that a manager runs.
    pub(super) fn change_managed(&self, id: &str, change: impl FnOnce(&mut Stored, &mut Managed)) -> Result<Stored> {
        let mut memory = self.memory();
        let stored = memory.connectors.get_mut(id).ok_or_else(unknown)?;
        if let Some(mut managed) = stored.managed.take() {
            change(stored, &mut managed);
            stored.managed = Some(managed);
        }
        stored.updated_at = Timestamp::now();
        Ok(stored.clone())
    }
}

fn connector(id: &str, name: String, contract: &Value) -> RegisterConnectorInput {
    let kind = contract["container_type"].as_str().unwrap_or_default();
    let kind = ConnectorType::ALL.into_iter().find(|known| known.as_str() == kind);
    RegisterConnectorInput {
        id: ID::from(id),
        name,
        r#type: kind.unwrap_or(ConnectorType::ExternalImport),
        scope: None,
        auto: None,
        auto_update: None,
        enrichment_resolution: None,
        only_contextual: None,
        playbook_compatible: None,
        listen_callback_uri: None,
        xtm_one_intent: None,
        version: None,
        slug: None,
    }
}

fn managed(
    title: String,
    user: String,
    image: &str,
    contract: &Value,
    configuration: Vec<Entry>,
    token: Entry,
) -> Managed {
    Managed {
        title,
        user,
        image: image.to_owned(),
        tag: contract["container_version"].as_str().unwrap_or("latest").to_owned(),
        configuration,
        token,
        requested: "stopped".to_owned(),
        state_at: Timestamp::now(),
    }
}
