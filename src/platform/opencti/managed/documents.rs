//! The GraphQL documents of connector managers, as text; tests check each against the platform's schema.
//!
//! Inputs are passed as one variable each, since releases differ in their fields. The values of a configuration are texts;
//! older releases take a list of texts, for which one text is a list of one.

use super::super::documents::Document;

/// Makes us known as the manager.
pub const REGISTER: Document = Document {
    what: "register as the connector manager",
    capability: "CONNECTORAPI",
    text: "mutation LockstepRegisterManager($input: RegisterConnectorsManagerInput) {
  registerConnectorsManager(input: $input) { id about_version }
}",
};

/// Says that we live.
pub const PING: Document = Document {
    what: "give a sign of life as the connector manager",
    capability: "CONNECTORAPI",
    text: "mutation LockstepPingManager($input: UpdateConnectorManagerStatusInput) {
  updateConnectorManagerStatus(input: $input) { id about_version }
}",
};

/// The managers that the platform knows.
pub const MANAGERS: Document = Document {
    what: "list the connector managers",
    capability: "MODULES",
    text: "query LockstepManagers { connectorManagers { id name active } }",
};

/// The same with their keys, on platforms that tell them.
pub const MANAGERS_KEYED: Document = Document {
    what: "list the connector managers",
    capability: "MODULES",
    text: "query LockstepManagers { connectorManagers { id name active public_key } }",
};

/// Every instance that a manager is to run.
pub const MANAGED: Document = Document {
    what: "list the managed connectors",
    capability: "SETTINGS_SETACCESSES",
    text: "query LockstepManaged {
  connectorsForManagers {
    id
    name
    manager_contract_image
    manager_contract_hash
    manager_current_status
    manager_requested_status
    manager_contract_configuration { key value encrypted }
  }
}",
};

/// The same with the names that people gave, on platforms that keep them beside their own.
pub const MANAGED_TITLED: Document = Document {
    what: "list the managed connectors",
    capability: "SETTINGS_SETACCESSES",
    text: "query LockstepManaged {
  connectorsForManagers {
    id
    name
    manager_contract_image
    manager_contract_hash
    manager_current_status
    manager_requested_status
    manager_contract_configuration { key value encrypted }
  }
  connectors { id title }
}",
};

/// What an edit has to say again: the name and the account that a connector has.
pub const CONNECTOR: Document = Document {
    what: "look at a managed connector",
    capability: "MODULES",
    text: "query LockstepConnector($id: String!) { connector(id: $id) { id name connector_user_id } }",
};

/// Accounts by their name.
pub const USERS: Document = Document {
    what: "look for the account that a connector runs as",
    capability: "SETTINGS_SETACCESSES",
    text: "query LockstepUsers($filters: FilterGroup) { users(first: 10, filters: $filters) { edges { node { id name } } } }",
};

/// Makes an instance.
pub const ADD: Document = Document {
    what: "make a managed connector",
    capability: "CONNECTORAPI",
    text: "mutation LockstepAdd($input: AddManagedConnectorInput) { managedConnectorAdd(input: $input) { id } }",
};

/// Changes an instance.
pub const EDIT: Document = Document {
    what: "change a managed connector",
    capability: "CONNECTORAPI",
    text: "mutation LockstepEdit($input: EditManagedConnectorInput) { managedConnectorEdit(input: $input) { id } }",
};

/// Says what is wanted of an instance.
pub const REQUEST: Document = Document {
    what: "ask for the start or stop of a managed connector",
    capability: "MODULES_MODMANAGE",
    text: "mutation LockstepRequest($input: RequestConnectorStatusInput!) {
  updateConnectorRequestedStatus(input: $input) { id }
}",
};

/// Removes an instance.
pub const DELETE: Document = Document {
    what: "remove a managed connector",
    capability: "MODULES_MODMANAGE",
    text: "mutation LockstepDelete($id: ID!) { deleteConnector(id: $id) }",
};

/// Makes a connector that registered itself a managed one, on platforms that can.
pub const MIGRATE: Document = Document {
    what: "make a connector a managed one",
    capability: "MODULES_MODMANAGE",
    text: "mutation LockstepMigrate($input: MigrateConnectorToManagedInput!) {
  connectorMigrateToManaged(input: $input) { id }
}",
};

/// Whether the platform has its enterprise licence.
pub const LICENCE: Document = Document {
    what: "ask for the licence",
    capability: "",
    text: "query LockstepLicence {
  settings { platform_enterprise_edition { license_enterprise license_validated license_expired } }
}",
};

/// Those that every supported release takes.
pub const ALL: [Document; 11] =
    [REGISTER, PING, MANAGERS, MANAGED, CONNECTOR, USERS, ADD, EDIT, REQUEST, DELETE, LICENCE];

/// Those that only newer releases take.
pub const NEWER: [Document; 9] = [
    MANAGERS_KEYED,
    MANAGED_TITLED,
    MIGRATE,
    KNOWS_ALL,
    KNOWS_KEYS,
    KNOWS_ACCOUNTS,
    KNOWS_TITLED_EDITS,
    KNOWS_TITLED_LISTING,
    KNOWS_MIGRATION,
];

/// Those that only older releases take.
pub const OLDER: [Document; 1] = [KNOWS_LISTS];

/// The capabilities that the whole of `registration: managed` needs, with what each is for.
pub const CAPABILITIES: [(&str, &str); 4] = [
    ("CONNECTORAPI", "to be the connector manager and to make and change connectors"),
    ("SETTINGS_SETACCESSES", "to be given the connectors to run, and to find the accounts they run as"),
    ("MODULES", "to read what the platform knows of connectors and managers"),
    ("MODULES_MODMANAGE", "to start, stop, take over and remove connectors"),
];

/// Whether a release takes everything below. A platform checks a whole document before it carries out any of it, and
/// `@skip` keeps it from carrying out this: the answer tells what the schema has, also where introspection is shut.
pub const KNOWS_ALL: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsAll {
  managedConnectorAdd(input: {
    name: \"none\", user_id: \"none\", automatic_user: true, confidence_level: \"0\", catalog_id: \"none\",
    manager_contract_image: \"none\", manager_contract_configuration: []
  }) @skip(if: true) { id }
  managedConnectorEdit(input: {
    id: \"none\", name: \"none\", title: \"none\", connector_user_id: \"none\", manager_contract_configuration: []
  }) @skip(if: true) { id }
  connectorMigrateToManaged(input: {
    connectorId: \"none\", containerImage: \"none\", configuration: [], resetConnectorState: false,
    convertUserToServiceAccount: false
  }) @skip(if: true) { id }
  pingConnector(id: \"none\") @skip(if: true) { title }
  registerConnectorsManager(input: { id: \"none\", name: \"none\", public_key: \"none\" }) @skip(if: true) { public_key }
  __typename
}",
};

/// Whether a release tells the keys of managers.
pub const KNOWS_KEYS: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsKeys {
  registerConnectorsManager(input: { id: \"none\", name: \"none\", public_key: \"none\" }) @skip(if: true) { public_key }
  __typename
}",
};

/// Whether a release takes several texts for one value of a configuration, as releases do that take no other lists.
pub const KNOWS_LISTS: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsLists {
  managedConnectorEdit(input: {
    id: \"none\", name: \"none\", connector_user_id: \"none\",
    manager_contract_configuration: [{ key: \"none\", value: [\"one\", \"two\"] }]
  }) @skip(if: true) { id }
  __typename
}",
};

/// Whether a release makes accounts for connectors.
pub const KNOWS_ACCOUNTS: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsAccounts {
  managedConnectorAdd(input: {
    name: \"none\", user_id: \"none\", automatic_user: true, confidence_level: \"0\", catalog_id: \"none\",
    manager_contract_image: \"none\", manager_contract_configuration: []
  }) @skip(if: true) { id }
  __typename
}",
};

/// Whether a release takes a title beside the name when a connector is changed.
pub const KNOWS_TITLED_EDITS: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsTitledEdits {
  managedConnectorEdit(input: {
    id: \"none\", name: \"none\", title: \"none\", connector_user_id: \"none\", manager_contract_configuration: []
  }) @skip(if: true) { id }
  __typename
}",
};

/// Whether a release tells the titles of connectors.
pub const KNOWS_TITLED_LISTING: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsTitledListing { pingConnector(id: \"none\") @skip(if: true) { title } __typename }",
};

/// Whether a release makes connectors that registered themselves managed ones.
pub const KNOWS_MIGRATION: Document = Document {
    what: "ask what its release takes",
    capability: "",
    text: "mutation LockstepKnowsMigration {
  connectorMigrateToManaged(input: {
    connectorId: \"none\", containerImage: \"none\", configuration: [], resetConnectorState: false,
    convertUserToServiceAccount: false
  }) @skip(if: true) { id }
  __typename
}",
};
