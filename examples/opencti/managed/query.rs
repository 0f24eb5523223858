//! What managers and people read.

use async_graphql::{Context, ID, Object, Result};
use serde_json::Value;

use super::{
    super::{
        fault::Fault,
        schema::{failure, platform},
    },
    types::{
        Catalog, ConnectorManager, FilterGroup, ManagedConnector, PlatformEe, Settings, User, UserConnection, UserEdge,
    },
};

#[derive(Default)]
pub(in super::super) struct ManagerQuery;

#[Object]
impl ManagerQuery {
    async fn settings(&self, context: &Context<'_>) -> Result<Settings> {
        let platform = platform(context, "settings", "", "")?;
        let licence = platform.options().licence;
        let edition = PlatformEe { license_enterprise: licence, license_validated: licence, license_expired: false };
        Ok(Settings { platform_enterprise_edition: edition })
    }

    async fn users(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        filters: Option<FilterGroup>,
    ) -> Result<Option<UserConnection>> {
        let platform = platform(context, "users", "", "SETTINGS_SETACCESSES")?;
        let users = platform.memory().users.clone();
        let named = |name: &str| {
            filters.iter().flat_map(|group| &group.filters).all(|filter| {
                filter.key == ["name"] && filter.values.iter().any(|value| value.0 == async_graphql::Value::from(name))
            })
        };
        let fitting = users.into_iter().filter(|(_, name)| named(name));
        let edges = fitting.map(|(id, name)| UserEdge { node: User { id: ID::from(id), name } });
        let first = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(100);
        Ok(Some(UserConnection { edges: edges.take(first).collect() }))
    }

    async fn connector_managers(&self, context: &Context<'_>) -> Result<Vec<ConnectorManager>> {
        let platform = platform(context, "connectorManagers", "", "MODULES")?;
        let (version, managers) = (platform.version(), platform.memory().managers.clone());
        let manager = |(id, manager)| ConnectorManager { id, manager, version: version.clone() };
        Ok(managers.into_iter().map(manager).collect())
    }

    async fn connectors_for_managers(&self, context: &Context<'_>) -> Result<Option<Vec<ManagedConnector>>> {
        let platform = platform(context, "connectorsForManagers", "", "SETTINGS_SETACCESSES")?;
        if context.data_opt::<Fault>() == Some(&Fault::Empty) {
            return Ok(Some(Vec::new()));
        }
        let managed = platform.all().into_iter().filter(|stored| stored.managed.is_some());
        Ok(Some(managed.map(ManagedConnector).collect()))
    }

    async fn catalogs(&self, context: &Context<'_>) -> Result<Vec<Catalog>> {
        let platform = platform(context, "catalogs", "", "INGESTION")?;
        let given = &platform.options().catalogs;
        let published = platform.contracts();
        if !given.is_empty() && published.is_empty() {
            return given.iter().map(catalog).collect();
        }
        let (id, name) = (ID::from("stand-in"), "Contracts".to_owned());
        Ok(vec![Catalog { id, name, description: String::new(), contracts: published }])
    }
}

fn catalog(catalog: &Value) -> Result<Catalog> {
    let text = |key: &str| catalog[key].as_str().unwrap_or_default().to_owned();
    let contracts = catalog["contracts"].as_array();
    let contracts = contracts.ok_or_else(|| failure("The catalog has no contracts", "UNKNOWN_ERROR", 500))?;
    Ok(Catalog {
        id: ID::from(text("id")),
        name: text("name"),
        description: text("description"),
        contracts: contracts.iter().map(ToString::to_string).collect(),
    })
}
