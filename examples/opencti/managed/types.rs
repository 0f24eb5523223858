//! The types of OpenCTI's GraphQL that are about connector managers, in its names and nullability.

use async_graphql::{Enum, ID, InputObject, Object, Scalar, ScalarType, SimpleObject, Value};
use jiff::{SignedDuration, Timestamp};

use super::{
    super::{
        state::Stored,
        types::{ConnectorCurrentStatus, ConnectorHealthMetrics, DateTime},
    },
    connector::{Entry, Managed, Manager},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "lowercase")]
pub(super) enum ConnectorRequestStatus {
    Starting,
    Stopping,
}

impl ConnectorRequestStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Stopping => "stopping",
        }
    }
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct ContractConfigInput {
    pub(super) key: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct AddManagedConnectorInput {
    pub(super) name: String,
    pub(super) connector_user_id: Option<ID>,
    /// Asked for by newer releases, unknown to older ones.
    pub(super) user_id: Option<ID>,
    pub(super) catalog_id: ID,
    pub(super) automatic_user: Option<bool>,
    pub(super) confidence_level: Option<String>,
    pub(super) manager_contract_image: String,
    pub(super) manager_contract_configuration: Vec<ContractConfigInput>,
}

#[derive(Debug, Clone, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct EditManagedConnectorInput {
    pub(super) id: ID,
    pub(super) name: String,
    /// Asked for by newer releases, unknown to older ones.
    pub(super) title: Option<String>,
    pub(super) connector_user_id: ID,
    pub(super) manager_contract_configuration: Vec<ContractConfigInput>,
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct MigrateConnectorToManagedInput {
    pub(super) connector_id: ID,
    pub(super) container_image: String,
    pub(super) configuration: Option<Vec<ContractConfigInput>>,
    pub(super) reset_connector_state: Option<bool>,
    pub(super) convert_user_to_service_account: Option<bool>,
}

#[derive(Debug, Clone, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct RegisterConnectorsManagerInput {
    pub(super) id: ID,
    pub(super) name: String,
    pub(super) public_key: String,
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct UpdateConnectorManagerStatusInput {
    pub(super) id: ID,
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct RequestConnectorStatusInput {
    pub(super) id: ID,
    pub(super) status: ConnectorRequestStatus,
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct CurrentConnectorStatusInput {
    pub(super) id: ID,
    pub(super) status: ConnectorCurrentStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "lowercase")]
pub(super) enum FilterMode {
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "snake_case")]
pub(super) enum FilterOperator {
    Eq,
    NotEq,
}

/// Any value.
#[derive(Debug, Clone)]
pub(super) struct Any(pub(super) Value);

#[Scalar]
impl ScalarType for Any {
    fn parse(value: Value) -> async_graphql::InputValueResult<Self> {
        Ok(Self(value))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct Filter {
    pub(super) key: Vec<String>,
    pub(super) values: Vec<Any>,
    pub(super) operator: Option<FilterOperator>,
    pub(super) mode: Option<FilterMode>,
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct FilterGroup {
    pub(super) mode: FilterMode,
    pub(super) filters: Vec<Filter>,
    pub(super) filter_groups: Vec<FilterGroup>,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct User {
    pub(super) id: ID,
    pub(super) name: String,
}

#[derive(SimpleObject)]
pub(super) struct UserEdge {
    pub(super) node: User,
}

#[derive(SimpleObject)]
pub(super) struct UserConnection {
    pub(super) edges: Vec<UserEdge>,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case", name = "PlatformEE")]
pub(super) struct PlatformEe {
    pub(super) license_enterprise: bool,
    pub(super) license_validated: bool,
    pub(super) license_expired: bool,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct Settings {
    pub(super) platform_enterprise_edition: PlatformEe,
}

#[derive(SimpleObject)]
pub(super) struct Catalog {
    pub(super) id: ID,
    pub(super) name: String,
    pub(super) description: String,
    /// Each a JSON text.
    pub(super) contracts: Vec<String>,
}

#[derive(SimpleObject)]
pub(super) struct ConnectorContractConfiguration {
    key: String,
    value: Option<String>,
    encrypted: Option<bool>,
}

impl From<Entry> for ConnectorContractConfiguration {
    fn from(entry: Entry) -> Self {
        Self { key: entry.key, value: Some(entry.value), encrypted: entry.encrypted.then_some(true) }
    }
}

/// A connector manager.
pub(super) struct ConnectorManager {
    pub(super) id: String,
    pub(super) manager: Manager,
    pub(super) version: String,
}

#[Object(rename_fields = "snake_case")]
impl ConnectorManager {
    async fn id(&self) -> ID {
        ID::from(&self.id)
    }

    async fn name(&self) -> &str {
        &self.manager.name
    }

    async fn public_key(&self) -> &str {
        &self.manager.public_key
    }

    async fn last_sync_execution(&self) -> Option<DateTime> {
        Some(DateTime(self.manager.synced_at))
    }

    async fn about_version(&self) -> &str {
        &self.version
    }

    async fn active(&self) -> bool {
        Timestamp::now().duration_since(self.manager.synced_at) < SignedDuration::from_mins(5)
    }
}

/// A connector as its manager sees it.
pub(super) struct ManagedConnector(pub(super) Stored);

#[Object(rename_fields = "snake_case")]
impl ManagedConnector {
    async fn id(&self) -> &ID {
        &self.0.input.id
    }

    async fn name(&self) -> &str {
        &self.0.input.name
    }

    async fn connector_user_id(&self) -> Option<ID> {
        self.0.managed.as_ref().map(|managed| ID::from(&managed.user))
    }

    async fn connector_state_timestamp(&self) -> Option<DateTime> {
        self.0.managed.as_ref().map(|managed| DateTime(managed.state_at))
    }

    async fn manager_contract_image(&self) -> String {
        self.0.managed.as_ref().map(Managed::reference).unwrap_or_default()
    }

    async fn manager_current_status(&self) -> Option<&str> {
        self.0.status.map(ConnectorCurrentStatus::as_str)
    }

    async fn manager_requested_status(&self) -> &str {
        self.0.managed.as_ref().map(|managed| managed.requested.as_str()).unwrap_or_default()
    }

    async fn manager_contract_configuration(&self) -> Vec<ConnectorContractConfiguration> {
        let entries = self.0.managed.as_ref().map(|managed| managed.entries(&self.0)).unwrap_or_default();
        entries.into_iter().map(ConnectorContractConfiguration::from).collect()
    }

    async fn manager_contract_hash(&self) -> String {
        self.0.managed.as_ref().map(|managed| managed.hash(&self.0)).unwrap_or_default()
    }

    async fn manager_connector_logs(&self) -> &[String] {
        &self.0.logs
    }

    async fn manager_health_metrics(&self) -> Option<ConnectorHealthMetrics> {
        ConnectorHealthMetrics::of(&self.0)
    }
}
