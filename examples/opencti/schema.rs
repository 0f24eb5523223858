//! The operations of OpenCTI's GraphQL that connectors and Lockstep use.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Context, EmptySubscription, Error, ErrorExtensions as _, ID, MergedObject, Object, Result};
use jiff::Timestamp;

use super::{
    managed::{ManagerMutation, ManagerQuery},
    state::{Platform, Stored},
    types::{
        AppInfo, Capability, Connector, ConnectorInfoInput, HealthConnectorStatusInput, LogsConnectorStatusInput,
        MeUser, RegisterConnectorInput, USER,
    },
};

pub(super) type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

pub(super) fn schema(platform: Arc<Platform>) -> Schema {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription).data(platform).finish()
}

#[derive(MergedObject, Default)]
pub(super) struct Query(ConnectorQuery, ManagerQuery);

#[derive(MergedObject, Default)]
pub(super) struct Mutation(ConnectorMutation, ManagerMutation);

pub(super) fn platform<'a>(
    context: &Context<'a>,
    operation: &str,
    id: &str,
    capability: &str,
) -> Result<&'a Arc<Platform>> {
    let platform = context.data::<Arc<Platform>>()?;
    platform.note(operation, id);
    if capability.is_empty() || platform.allows(capability) {
        Ok(platform)
    } else {
        Err(failure("You are not allowed to do this.", "FORBIDDEN_ACCESS", 403))
    }
}

pub(super) fn failure(message: &str, code: &'static str, status: i32) -> Error {
    let data = BTreeMap::from([("http_status", status)]);
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", code);
        extensions.set("data", async_graphql::to_value(&data).unwrap_or_default());
    })
}

pub(super) fn unknown() -> Error {
    failure("Cant find element to update", "FUNCTIONAL_ERROR", 400)
}

#[derive(Default)]
struct ConnectorQuery;

#[Object]
impl ConnectorQuery {
    async fn about(&self, context: &Context<'_>) -> Result<Option<AppInfo>> {
        let platform = platform(context, "about", "", "")?;
        Ok(Some(AppInfo { version: platform.version() }))
    }

    async fn me(&self, context: &Context<'_>) -> Result<MeUser> {
        let platform = platform(context, "me", "", "")?;
        let capabilities = platform.capabilities().iter().map(|name| Capability { name: name.clone() }).collect();
        Ok(MeUser {
            id: ID::from(USER),
            user_email: "lockstep@example.org".to_owned(),
            name: "lockstep".to_owned(),
            capabilities,
        })
    }

    async fn connector(&self, context: &Context<'_>, id: String) -> Result<Option<Connector>> {
        let platform = platform(context, "connector", &id, "MODULES")?;
        Ok(platform.get(&id).map(|stored| Connector { stored, older: platform.is_older() }))
    }

    async fn connectors(&self, context: &Context<'_>) -> Result<Vec<Connector>> {
        let platform = platform(context, "connectors", "", "MODULES")?;
        let older = platform.is_older();
        Ok(platform.all().into_iter().map(|stored| Connector { stored, older }).collect())
    }
}

#[derive(Default)]
struct ConnectorMutation;

#[Object]
impl ConnectorMutation {
    async fn register_connector(
        &self,
        context: &Context<'_>,
        input: Option<RegisterConnectorInput>,
    ) -> Result<Option<Connector>> {
        let id = input.as_ref().map(|input| input.id.to_string()).unwrap_or_default();
        let platform = platform(context, "registerConnector", &id, "CONNECTORAPI")?;
        let input = input.ok_or_else(|| failure("An unknown error has occurred", "UNKNOWN_ERROR", 500))?;
        if input.name.trim().chars().count() < 2 {
            return Err(failure("The name must have at least 2 characters", "VALIDATION_ERROR", 500));
        }
        Ok(Some(Connector { stored: platform.register(input), older: platform.is_older() }))
    }

    async fn ping_connector(
        &self,
        context: &Context<'_>,
        id: ID,
        state: Option<String>,
        connector_info: Option<ConnectorInfoInput>,
    ) -> Result<Option<Connector>> {
        let platform = platform(context, "pingConnector", &id, "CONNECTORAPI")?;
        let change = |stored: &mut Stored| {
            stored.last_seen_at = Some(Timestamp::now());
            stored.state = state;
            stored.info = connector_info.or(stored.info.take());
            stored.pings += 1;
        };
        let none = || failure("No connector found with the specified ID", "FUNCTIONAL_ERROR", 400);
        let stored = platform.change(&id, platform.is_older(), change).ok_or_else(none)?;
        Ok(Some(Connector { stored, older: platform.is_older() }))
    }

    async fn update_connector_logs(&self, context: &Context<'_>, input: LogsConnectorStatusInput) -> Result<ID> {
        let platform = platform(context, "updateConnectorLogs", &input.id, "CONNECTORAPI")?;
        // The platform takes the logs of any id; those of unknown ones are seen by nobody.
        platform.change(&input.id, false, |stored| stored.logs = input.logs);
        Ok(input.id)
    }

    async fn update_connector_health(&self, context: &Context<'_>, input: HealthConnectorStatusInput) -> Result<ID> {
        let platform = platform(context, "updateConnectorHealth", &input.id, "CONNECTORAPI")?;
        let id = input.id.clone();
        platform.change(&id, false, |stored| stored.health = Some((input, Timestamp::now())));
        Ok(id)
    }
}
