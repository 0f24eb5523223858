//! The GraphQL documents that are sent, as text; tests check each against the platform's schema.
//!
//! Inputs are passed as one variable each, since releases type their fields differently (`started_at` is `String!` in older
//! ones and `DateTime!` in newer ones).

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document {
    /// What it does, to follow `failed to`.
    pub what: &'static str,
    /// The capability its caller needs, in the platform's word; empty where a token that is taken is enough.
    pub capability: &'static str,
    /// The document.
    pub text: &'static str,
}

/// The platform's version.
pub const ABOUT: Document =
    Document { what: "ask for the version", capability: "", text: "query LockstepAbout { about { version } }" };

/// Who the token belongs to.
pub const ME: Document = Document {
    what: "ask who the token belongs to",
    capability: "",
    text: "query LockstepMe { me { name capabilities { name } } }",
};

/// The field that only newer releases have.
pub(super) const NEWER_FIELD: &str = "last_seen_at";

/// Every connector, on platforms that tell a sign of life from a change.
pub const CONNECTORS: Document = Document {
    what: "list the connectors",
    capability: "MODULES",
    text: "query LockstepConnectors($queues: Boolean!) {
  connectors {
    id
    name
    active
    last_seen_at
    connector_type
    is_managed
    manager_current_status
    connector_queue_details @include(if: $queues) { messages_number messages_size }
    connector_info { last_run_datetime }
  }
}",
};

/// Every connector, on platforms that keep only the time of the last change, which a ping is.
pub const CONNECTORS_OLDER: Document = Document {
    what: "list the connectors",
    capability: "MODULES",
    text: "query LockstepConnectors($queues: Boolean!) {
  connectors {
    id
    name
    active
    updated_at
    connector_type
    is_managed
    manager_current_status
    connector_queue_details @include(if: $queues) { messages_number messages_size }
    connector_info { last_run_datetime }
  }
}",
};

/// Makes a connector known.
pub const REGISTER: Document = Document {
    what: "register a connector",
    capability: "CONNECTORAPI",
    text: "mutation LockstepRegister($input: RegisterConnectorInput) { registerConnector(input: $input) { id } }",
};

/// Says whether a connector's container runs.
pub const STATUS: Document = Document {
    what: "send a connector's status",
    capability: "CONNECTORAPI",
    text: "mutation LockstepStatus($input: CurrentConnectorStatusInput!) {
  updateConnectorCurrentStatus(input: $input) { id }
}",
};

/// Says how a connector's container is.
pub const HEALTH: Document = Document {
    what: "send a connector's health",
    capability: "CONNECTORAPI",
    text: "mutation LockstepHealth($input: HealthConnectorStatusInput!) { updateConnectorHealth(input: $input) }",
};

/// Replaces a connector's log lines.
pub const LOGS: Document = Document {
    what: "send a connector's logs",
    capability: "CONNECTORAPI",
    text: "mutation LockstepLogs($input: LogsConnectorStatusInput!) { updateConnectorLogs(input: $input) }",
};

/// The contracts that the platform publishes, each as JSON in a text.
pub const CATALOGS: Document = Document {
    what: "read the catalogs",
    capability: "INGESTION",
    text: "query LockstepCatalogs { catalogs { id name contracts } }",
};

/// Those that every supported release takes.
pub const ALL: [Document; 8] = [ABOUT, ME, CONNECTORS_OLDER, REGISTER, STATUS, HEALTH, LOGS, CATALOGS];

/// The capabilities that the whole of `registration: self` needs.
pub const CAPABILITIES: [&str; 2] = ["CONNECTORAPI", "MODULES"];
