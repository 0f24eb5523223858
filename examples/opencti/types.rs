//! The types of OpenCTI's GraphQL that connectors and Lockstep use, in its names and nullability.

use async_graphql::{Enum, ID, InputObject, Object, Scalar, ScalarType, SimpleObject, Value};
use jiff::Timestamp;

use super::state::Stored;

/// Whom every token belongs to.
pub(super) const USER: &str = "88ec0c6a-13ce-4e39-b486-354fe4a7084f";

/// A time in RFC 3339.
#[derive(Debug, Clone)]
pub(super) struct DateTime(pub(super) Timestamp);

#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> async_graphql::InputValueResult<Self> {
        let Value::String(text) = &value else { return Err("a time is a string".into()) };
        Ok(Self(text.parse()?))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum ConnectorType {
    ExternalImport,
    InternalImportFile,
    InternalEnrichment,
    InternalAnalysis,
    InternalExportFile,
    Stream,
}

impl ConnectorType {
    pub(super) const ALL: [Self; 6] = [
        Self::ExternalImport,
        Self::InternalImportFile,
        Self::InternalEnrichment,
        Self::InternalAnalysis,
        Self::InternalExportFile,
        Self::Stream,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ExternalImport => "EXTERNAL_IMPORT",
            Self::InternalImportFile => "INTERNAL_IMPORT_FILE",
            Self::InternalEnrichment => "INTERNAL_ENRICHMENT",
            Self::InternalAnalysis => "INTERNAL_ANALYSIS",
            Self::InternalExportFile => "INTERNAL_EXPORT_FILE",
            Self::Stream => "STREAM",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "lowercase")]
pub(super) enum ConnectorCurrentStatus {
    Started,
    Stopped,
}

impl ConnectorCurrentStatus {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Debug, Clone, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct RegisterConnectorInput {
    pub(super) id: ID,
    pub(super) name: String,
    pub(super) r#type: ConnectorType,
    pub(super) scope: Option<Vec<String>>,
    pub(super) auto: Option<bool>,
    pub(super) auto_update: Option<bool>,
    pub(super) enrichment_resolution: Option<String>,
    pub(super) only_contextual: Option<bool>,
    pub(super) playbook_compatible: Option<bool>,
    pub(super) listen_callback_uri: Option<String>,
    pub(super) xtm_one_intent: Option<String>,
    pub(super) version: Option<String>,
    pub(super) slug: Option<String>,
}

#[derive(Debug, Clone, InputObject, SimpleObject)]
#[graphql(rename_fields = "snake_case", input_name = "ConnectorInfoInput", name = "ConnectorInfo")]
pub(super) struct ConnectorInfoInput {
    pub(super) run_and_terminate: bool,
    pub(super) buffering: bool,
    pub(super) queue_threshold: f64,
    pub(super) queue_messages_size: f64,
    pub(super) next_run_datetime: Option<DateTime>,
    pub(super) last_run_datetime: Option<DateTime>,
}

#[derive(Debug, Clone, InputObject)]
pub(super) struct LogsConnectorStatusInput {
    pub(super) id: ID,
    pub(super) logs: Vec<String>,
}

#[derive(Debug, Clone, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct HealthConnectorStatusInput {
    pub(super) id: ID,
    pub(super) restart_count: i32,
    pub(super) started_at: String,
    pub(super) is_in_reboot_loop: bool,
}

#[derive(SimpleObject)]
pub(super) struct AppInfo {
    pub(super) version: String,
}

#[derive(SimpleObject)]
pub(super) struct Capability {
    pub(super) name: String,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct MeUser {
    pub(super) id: ID,
    pub(super) user_email: String,
    pub(super) name: String,
    pub(super) capabilities: Vec<Capability>,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case", name = "RabbitMQConnection")]
pub(super) struct RabbitMqConnection {
    pub(super) host: &'static str,
    pub(super) vhost: &'static str,
    pub(super) use_ssl: bool,
    pub(super) port: i32,
    pub(super) user: &'static str,
    pub(super) pass: &'static str,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct S3Connection {
    pub(super) endpoint: &'static str,
    pub(super) port: i32,
    pub(super) use_ssl: bool,
    pub(super) bucket_name: &'static str,
    pub(super) bucket_region: &'static str,
    pub(super) access_key: &'static str,
    pub(super) secret_key: &'static str,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct ConnectorConfig {
    pub(super) connection: RabbitMqConnection,
    #[graphql(name = "s3")]
    pub(super) s3: S3Connection,
    pub(super) listen: String,
    pub(super) listen_routing: String,
    pub(super) listen_exchange: &'static str,
    pub(super) listen_callback_uri: Option<String>,
    pub(super) push: String,
    pub(super) push_routing: String,
    pub(super) push_exchange: &'static str,
    pub(super) dead_letter_routing: String,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct ConnectorQueueDetails {
    pub(super) messages_number: f64,
    pub(super) messages_size: f64,
}

#[derive(SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct ConnectorHealthMetrics {
    pub(super) restart_count: i32,
    pub(super) started_at: DateTime,
    pub(super) last_update: DateTime,
    pub(super) is_in_reboot_loop: bool,
}

impl ConnectorHealthMetrics {
    pub(super) fn of(stored: &Stored) -> Option<Self> {
        let (health, at) = stored.health(Timestamp::now())?;
        Some(Self {
            restart_count: health.restart_count,
            started_at: DateTime(health.started_at.parse().ok()?),
            last_update: DateTime(*at),
            is_in_reboot_loop: health.is_in_reboot_loop,
        })
    }
}

/// A connector.
pub(super) struct Connector {
    pub(super) stored: Stored,
    pub(super) older: bool,
}

#[Object(rename_fields = "snake_case")]
impl Connector {
    async fn id(&self) -> &ID {
        &self.stored.input.id
    }

    async fn standard_id(&self) -> String {
        format!("connector--{}", *self.stored.input.id)
    }

    async fn entity_type(&self) -> String {
        "Connector".to_owned()
    }

    async fn name(&self) -> &str {
        &self.stored.input.name
    }

    async fn title(&self) -> &str {
        self.stored.title()
    }

    async fn active(&self) -> Option<bool> {
        Some(self.stored.is_active(self.older, Timestamp::now()))
    }

    async fn last_seen_at(&self) -> Option<DateTime> {
        self.stored.last_seen_at.map(DateTime)
    }

    async fn auto(&self) -> Option<bool> {
        self.stored.input.auto
    }

    async fn only_contextual(&self) -> Option<bool> {
        self.stored.input.only_contextual
    }

    async fn playbook_compatible(&self) -> Option<bool> {
        self.stored.input.playbook_compatible
    }

    async fn connector_type(&self) -> Option<&str> {
        Some(self.stored.input.r#type.as_str())
    }

    async fn connector_scope(&self) -> Option<&Vec<String>> {
        self.stored.input.scope.as_ref()
    }

    async fn connector_state(&self) -> Option<&String> {
        self.stored.state.as_ref()
    }

    async fn connector_user_id(&self) -> Option<ID> {
        Some(ID::from(self.stored.managed.as_ref().map_or(USER, |managed| managed.user.as_str())))
    }

    async fn connector_queue_details(&self) -> ConnectorQueueDetails {
        ConnectorQueueDetails { messages_number: 3.0, messages_size: 2_048.0 }
    }

    async fn connector_info(&self) -> Option<ConnectorInfoInput> {
        self.stored.info.clone()
    }

    async fn updated_at(&self) -> Option<DateTime> {
        Some(DateTime(self.stored.updated_at))
    }

    async fn created_at(&self) -> Option<DateTime> {
        Some(DateTime(self.stored.created_at))
    }

    async fn config(&self) -> Option<ConnectorConfig> {
        let id = &*self.stored.input.id;
        Some(ConnectorConfig {
            connection: RabbitMqConnection {
                host: "127.0.0.1",
                vhost: "/",
                use_ssl: false,
                port: 5672,
                user: "guest",
                pass: "guest",
            },
            s3: S3Connection {
                endpoint: "127.0.0.1",
                port: 9000,
                use_ssl: false,
                bucket_name: "opencti-bucket",
                bucket_region: "us-east-1",
                access_key: "guest",
                secret_key: "guest",
            },
            listen: format!("listen_{id}"),
            listen_routing: format!("listen_routing_{id}"),
            listen_exchange: "amqp.connector.exchange",
            listen_callback_uri: self.stored.input.listen_callback_uri.clone(),
            push: format!("push_{id}"),
            push_routing: format!("push_routing_{id}"),
            push_exchange: "amqp.worker.exchange",
            dead_letter_routing: format!("dead_letter_routing_{id}"),
        })
    }

    async fn is_managed(&self) -> Option<bool> {
        Some(self.stored.managed.is_some())
    }

    async fn manager_current_status(&self) -> Option<&str> {
        self.stored.status.map(ConnectorCurrentStatus::as_str)
    }

    async fn manager_connector_logs(&self) -> Option<&Vec<String>> {
        Some(&self.stored.logs)
    }

    async fn manager_health_metrics(&self) -> Option<ConnectorHealthMetrics> {
        ConnectorHealthMetrics::of(&self.stored)
    }

    async fn built_in(&self) -> Option<bool> {
        Some(false)
    }

    async fn jwks(&self) -> &str {
        "{\"keys\":[]}"
    }
}
