//! Our documents, and the stand-in, against the platform's own schema.

use std::{fs, path::PathBuf};

use apollo_compiler::{ExecutableDocument, Schema, schema::ExtendedType, validation::Valid};
use lockstep::platform::{Document, documents, managed_documents};

use super::{folder, stand_in::StandIn};

/// The schema of an older release, where the shared data are.
pub(super) fn older() -> Option<Valid<Schema>> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let shared = folder("LOCKSTEP_SHARED").unwrap_or_else(beside);
    let Ok(text) = fs::read_to_string(shared.join("platform/opencti.graphql")) else {
        println!("skipped: no shared data");
        return None;
    };
    // Its own directives are used in places that the checks of today do not allow.
    Some(Valid::assume_valid(Schema::parse(text, "opencti.graphql").unwrap_or_else(|errors| errors.partial)))
}

pub(super) fn newer() -> Valid<Schema> {
    let text = include_str!("../../fixtures/wire/opencti-newer.graphql");
    Schema::parse_and_validate(text, "opencti-newer.graphql").unwrap()
}

fn check(schema: &Valid<Schema>, document: Document) -> Result<(), String> {
    let checked = ExecutableDocument::parse_and_validate(schema, document.text, "lockstep.graphql");
    checked.map(drop).map_err(|errors| errors.errors.to_string())
}

#[test]
fn every_document_is_valid_for_newer_releases() {
    let schema = newer();
    let managed = managed_documents::ALL.into_iter().chain(managed_documents::NEWER);
    for document in documents::ALL.into_iter().chain([documents::CONNECTORS]).chain(managed) {
        check(&schema, document).unwrap();
    }
}

#[test]
fn every_document_names_the_capability_that_the_platform_asks_for() {
    let schema = newer();
    let managed = managed_documents::ALL.into_iter().chain(managed_documents::NEWER);
    for document in documents::ALL.into_iter().chain(managed) {
        let parsed = ExecutableDocument::parse_and_validate(&schema, document.text, "lockstep.graphql").unwrap();
        let operation = parsed.operations.iter().next().unwrap();
        let fields: Vec<_> = operation.root_fields(&parsed).collect();
        let skipped = fields[0].directives.has("skip");
        // Of several, the first is the one that the document is about.
        let asked = fields[0].definition.directives.get("auth").and_then(|auth| auth.specified_argument_by_name("for"));
        let asked = asked.and_then(|list| list.as_list()?.first()?.as_enum().map(|name| name.to_string()));
        let asked = asked.filter(|_| !skipped).unwrap_or_default();
        assert_eq!(document.capability, asked, "{}", document.text);
        // Reading a catalog is asked for by itself.
        let known = managed_documents::CAPABILITIES.map(|(capability, _)| capability);
        let is_known = known.contains(&asked.as_str()) || document == documents::CATALOGS;
        assert!(asked.is_empty() || is_known, "{asked}");
    }
}

#[test]
fn what_asks_for_the_release_is_never_carried_out() {
    let schema = newer();
    let all = managed_documents::NEWER.into_iter().chain(managed_documents::OLDER);
    for document in all.filter(|document| document.text.contains("LockstepKnows")) {
        // What asks for an older form is not valid here; its fields are the same.
        let parsed = ExecutableDocument::parse(&schema, document.text, "lockstep.graphql").unwrap();
        let fields = parsed.operations.iter().flat_map(|operation| operation.root_fields(&parsed));
        for field in fields.filter(|field| field.name != "__typename") {
            let skip = field.directives.get("skip").and_then(|skip| skip.specified_argument_by_name("if")?.to_bool());
            assert_eq!(skip, Some(true), "{}", document.text);
        }
    }
}

#[test]
fn every_document_but_those_for_newer_ones_is_valid_for_older_releases() {
    let Some(schema) = older() else { return };
    for document in documents::ALL.into_iter().chain(managed_documents::ALL) {
        check(&schema, document).unwrap();
    }
    assert!(check(&schema, documents::CONNECTORS).unwrap_err().contains("last_seen_at"));
    for document in managed_documents::NEWER {
        check(&schema, document).unwrap_err();
    }
    for document in managed_documents::OLDER {
        check(&schema, document).unwrap();
        check(&newer(), document).unwrap_err();
    }
}

/// What a schema declares, a line a field or argument, for the types that Lockstep and connectors use.
fn declared(schema: &Schema) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, kind) in schema.types.iter().filter(|(name, _)| !name.starts_with("__")) {
        match kind {
            ExtendedType::Object(object) => {
                for (field, definition) in &object.fields {
                    let arguments: Vec<_> = definition
                        .arguments
                        .iter()
                        .map(|argument| format!("{}: {}", argument.name, argument.ty))
                        .collect();
                    lines.push(format!("{name}.{field}({}): {}", arguments.join(", "), definition.ty));
                }
            }
            ExtendedType::InputObject(object) => {
                lines.extend(
                    object.fields.iter().map(|(field, definition)| format!("{name}.{field}: {}", definition.ty)),
                );
            }
            ExtendedType::Enum(words) => lines.extend(words.values.keys().map(|word| format!("{name}.{word}"))),
            ExtendedType::Scalar(_) | ExtendedType::Interface(_) | ExtendedType::Union(_) => {}
        }
    }
    lines
}

#[tokio::test]
async fn the_stand_in_declares_what_the_platform_declares() {
    let stand_in = StandIn::start(false).await;
    let ours = Schema::parse(stand_in.text("/schema.graphql").await, "stand-in.graphql").unwrap();
    let (ours, newer) = (declared(&ours), declared(&newer()));
    let unlike_newer: Vec<_> = ours.iter().filter(|line| !newer.contains(line)).map(String::as_str).collect();
    // The inputs of older releases are taken too.
    insta::assert_snapshot!(unlike_newer.join("\n"), @r"
    AddManagedConnectorInput.user_id: ID
    EditManagedConnectorInput.title: String
    HealthConnectorStatusInput.started_at: String!
    ");

    let Some(older) = older() else { return };
    let older = declared(&older);
    let unlike_older: Vec<_> =
        ours.iter().filter(|line| !older.contains(line)).map(|line| line.split('(').next().unwrap()).collect();
    insta::assert_snapshot!(unlike_older.join("\n"), @r"
    AddManagedConnectorInput.connector_user_id: ID
    AddManagedConnectorInput.user_id: ID
    AddManagedConnectorInput.automatic_user: Boolean
    AddManagedConnectorInput.confidence_level: String
    Connector.title
    Connector.last_seen_at
    Connector.manager_health_metrics
    Connector.jwks
    ConnectorConfig.s3
    ConnectorConfig.dead_letter_routing
    ConnectorHealthMetrics.started_at
    ConnectorHealthMetrics.last_update
    ConnectorManager.public_key
    ContractConfigInput.value: String!
    EditManagedConnectorInput.title: String
    MigrateConnectorToManagedInput.connectorId: ID!
    MigrateConnectorToManagedInput.containerImage: String!
    MigrateConnectorToManagedInput.configuration: [ContractConfigInput!]
    MigrateConnectorToManagedInput.resetConnectorState: Boolean
    MigrateConnectorToManagedInput.convertUserToServiceAccount: Boolean
    Mutation.connectorMigrateToManaged
    Query.users
    RegisterConnectorInput.auto_update: Boolean
    RegisterConnectorInput.enrichment_resolution: String
    RegisterConnectorInput.xtm_one_intent: String
    RegisterConnectorInput.version: String
    RegisterConnectorInput.slug: String
    S3Connection.endpoint
    S3Connection.port
    S3Connection.use_ssl
    S3Connection.bucket_name
    S3Connection.bucket_region
    S3Connection.access_key
    S3Connection.secret_key
    ");
}
