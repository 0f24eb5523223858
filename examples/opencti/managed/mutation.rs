//! What managers and people change.

use async_graphql::{Context, ID, Object, Result};
use jiff::Timestamp;

use super::{
    super::{
        schema::{failure, platform, unknown},
        types::Connector,
    },
    types::{
        AddManagedConnectorInput, ConnectorManager, CurrentConnectorStatusInput, EditManagedConnectorInput,
        ManagedConnector, MigrateConnectorToManagedInput, RegisterConnectorsManagerInput, RequestConnectorStatusInput,
        UpdateConnectorManagerStatusInput,
    },
};

#[derive(Default)]
pub(in super::super) struct ManagerMutation;

fn missing() -> async_graphql::Error {
    failure("An unknown error has occurred", "UNKNOWN_ERROR", 500)
}

#[Object]
impl ManagerMutation {
    async fn register_connectors_manager(
        &self,
        context: &Context<'_>,
        input: Option<RegisterConnectorsManagerInput>,
    ) -> Result<Option<ConnectorManager>> {
        let id = input.as_ref().map(|input| input.id.to_string()).unwrap_or_default();
        let platform = platform(context, "registerConnectorsManager", &id, "CONNECTORAPI")?;
        let input = input.ok_or_else(missing)?;
        if input.name.trim().chars().count() < 2 {
            return Err(failure("The name must have at least 2 characters", "VALIDATION_ERROR", 500));
        }
        let manager = platform.register_manager(&id, input.name, input.public_key)?;
        Ok(Some(ConnectorManager { id, manager, version: platform.version() }))
    }

    async fn update_connector_manager_status(
        &self,
        context: &Context<'_>,
        input: Option<UpdateConnectorManagerStatusInput>,
    ) -> Result<Option<ConnectorManager>> {
        let id = input.as_ref().map(|input| input.id.to_string()).unwrap_or_default();
        let platform = platform(context, "updateConnectorManagerStatus", &id, "CONNECTORAPI")?;
        let manager = platform.sync_manager(&id)?;
        Ok(Some(ConnectorManager { id, manager, version: platform.version() }))
    }

    async fn managed_connector_add(
        &self,
        context: &Context<'_>,
        input: Option<AddManagedConnectorInput>,
    ) -> Result<Option<ManagedConnector>> {
        let name = input.as_ref().map(|input| input.name.clone()).unwrap_or_default();
        let platform = platform(context, "managedConnectorAdd", &name, "CONNECTORAPI")?;
        platform.add_managed(input.ok_or_else(missing)?).map(ManagedConnector).map(Some)
    }

    async fn managed_connector_edit(
        &self,
        context: &Context<'_>,
        input: Option<EditManagedConnectorInput>,
    ) -> Result<Option<ManagedConnector>> {
        let id = input.as_ref().map(|input| input.id.to_string()).unwrap_or_default();
        let platform = platform(context, "managedConnectorEdit", &id, "CONNECTORAPI")?;
        platform.edit_managed(input.ok_or_else(missing)?).map(ManagedConnector).map(Some)
    }

    async fn connector_migrate_to_managed(
        &self,
        context: &Context<'_>,
        input: MigrateConnectorToManagedInput,
    ) -> Result<ManagedConnector> {
        let id = input.connector_id.to_string();
        let platform = platform(context, "connectorMigrateToManaged", &id, "MODULES_MODMANAGE")?;
        platform.migrate(input).map(ManagedConnector)
    }

    async fn delete_connector(&self, context: &Context<'_>, id: ID) -> Result<ID> {
        let platform = platform(context, "deleteConnector", &id, "MODULES_MODMANAGE")?;
        platform.remove(&id).map(|_| id).ok_or_else(unknown)
    }

    async fn reset_state_connector(&self, context: &Context<'_>, id: ID) -> Result<Option<Connector>> {
        let platform = platform(context, "resetStateConnector", &id, "MODULES_MODMANAGE")?;
        let stored = platform.change_managed(&id, |stored, managed| {
            stored.state = None;
            managed.state_at = Timestamp::now();
        })?;
        Ok(Some(Connector { stored, older: platform.is_older() }))
    }

    async fn update_connector_requested_status(
        &self,
        context: &Context<'_>,
        input: RequestConnectorStatusInput,
    ) -> Result<Option<ManagedConnector>> {
        let platform = platform(context, "updateConnectorRequestedStatus", &input.id, "MODULES_MODMANAGE")?;
        let requested = input.status.as_str().to_owned();
        platform.change_managed(&input.id, |_, managed| managed.requested = requested).map(ManagedConnector).map(Some)
    }

    async fn update_connector_current_status(
        &self,
        context: &Context<'_>,
        input: CurrentConnectorStatusInput,
    ) -> Result<Option<ManagedConnector>> {
        let platform = platform(context, "updateConnectorCurrentStatus", &input.id, "CONNECTORAPI")?;
        let stored =
            platform.change(&input.id, true, |stored| stored.status = Some(input.status)).ok_or_else(unknown)?;
        Ok(Some(ManagedConnector(stored)))
    }
}
