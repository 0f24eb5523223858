//! Our documents, and the stand-in, against the platform's own schema.

use std::{fs, path::PathBuf};

use apollo_compiler::{ExecutableDocument, Schema, schema::ExtendedType, validation::Valid};
use lockstep::platform::{Document, documents};

use super::{folder, stand_in::StandIn};

/// The schema of an older release, where the shared data are.
fn older() -> Option<Valid<Schema>> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let shared = folder("LOCKSTEP_SHARED").unwrap_or_else(beside);
    let Ok(text) = fs::read_to_string(shared.join("platform/opencti.graphql")) else {
        println!("skipped: no shared data");
        return None;
    };
    // Its own directives are used in places that the checks of today do not allow.
    Some(Valid::assume_valid(Schema::parse(text, "opencti.graphql").unwrap_or_else(|errors| errors.partial)))
}

fn newer() -> Valid<Schema> {
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
    for document in documents::ALL.into_iter().chain([documents::CONNECTORS]) {
        check(&schema, document).unwrap();
    }
}

#[test]
fn every_document_but_the_newer_listing_is_valid_for_older_releases() {
    let Some(schema) = older() else { return };
    for document in documents::ALL {
        check(&schema, document).unwrap();
    }
    assert!(check(&schema, documents::CONNECTORS).unwrap_err().contains("last_seen_at"));
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
    let only_health_differs = |line: &&String| **line == "HealthConnectorStatusInput.started_at: String!";
    let unlike_newer: Vec<_> = ours.iter().filter(|line| !newer.contains(line)).collect();
    assert!(unlike_newer.iter().all(only_health_differs), "{unlike_newer:#?}");
    assert!(unlike_newer.len() == 1, "the input of older releases is taken too: {unlike_newer:#?}");

    let Some(older) = older() else { return };
    let older = declared(&older);
    let unlike_older: Vec<_> =
        ours.iter().filter(|line| !older.contains(line)).map(|line| line.split('(').next().unwrap()).collect();
    insta::assert_snapshot!(unlike_older.join("\n"), @r"
    Connector.last_seen_at
    Connector.manager_health_metrics
    Connector.jwks
    ConnectorConfig.s3
    ConnectorConfig.dead_letter_routing
    ConnectorHealthMetrics.started_at
    ConnectorHealthMetrics.last_update
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
