//! The contracts that OpenAEV publishes, without the images that they run: its interface does not tell those.

use futures_util::{
    future::{BoxFuture, FutureExt as _},
    stream::{self, StreamExt as _, TryStreamExt as _},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{calls, client::OpenAevClient};
use crate::platform::{Failure, PlatformError, Published, Publisher, published};

/// How many contracts are asked for at a time.
const AT_A_TIME: usize = 4;

#[derive(Deserialize)]
struct ContractWire {
    catalog_connector_id: String,
    catalog_connector_slug: String,
    catalog_connector_title: Option<String>,
    catalog_connector_short_description: Option<String>,
    catalog_connector_type: Option<String>,
    catalog_connector_manager_supported: Option<bool>,
    catalog_connector_verified: Option<bool>,
    catalog_connector_source_code: Option<String>,
    /// Only newer releases have it.
    catalog_connector_container_version: Option<String>,
}

/// One key of a contract's configuration.
#[derive(Deserialize)]
struct KeyWire {
    connector_configuration_key: String,
    connector_configuration_type: Option<String>,
    connector_configuration_format: Option<String>,
    connector_configuration_description: Option<String>,
    #[serde(default)]
    connector_configuration_default: Value,
    connector_configuration_enum: Option<Vec<String>>,
    connector_configuration_required: Option<bool>,
    connector_configuration_writeonly: Option<bool>,
}

impl Publisher for OpenAevClient {
    fn catalog(&self) -> BoxFuture<'_, Result<Published, PlatformError>> {
        async {
            let about = self.version().await?;
            let list: Vec<ContractWire> = self.ask(&calls::CATALOG, &["catalog-connector"], None).await?.value;
            let keys = list.into_iter().map(async |contract| {
                let path = ["catalog-connector", &contract.catalog_connector_id, "configurations"];
                let keys: Vec<KeyWire> = self.ask(&calls::CONTRACT, &path, None).await?.value;
                Ok((contract.catalog_connector_slug.clone(), in_todays_format(contract, keys)))
            });
            let contracts: Vec<_> = stream::iter(keys).buffered(AT_A_TIME).try_collect().await?;
            published::of(about.version, contracts).map_err(|why| self.error(&calls::CATALOG, Failure::Answer(why)))
        }
        .boxed()
    }
}

fn in_todays_format(contract: ContractWire, keys: Vec<KeyWire>) -> Map<String, Value> {
    let is_required = |key: &&KeyWire| key.connector_configuration_required == Some(true);
    let mut required: Vec<_> = keys.iter().filter(is_required).map(|key| &key.connector_configuration_key).collect();
    required.sort();
    let required = json!(required);
    // One that no manager runs is inside the platform; the class that it is there is not told.
    let is_inside = contract.catalog_connector_type.as_deref() == Some("EXECUTOR")
        && contract.catalog_connector_manager_supported == Some(false);
    let properties: Map<String, Value> =
        keys.into_iter().map(|key| (key.connector_configuration_key.clone(), property(key).into())).collect();
    without_nulls([
        ("slug", json!(contract.catalog_connector_slug)),
        ("title", json!(contract.catalog_connector_title)),
        ("short_description", json!(contract.catalog_connector_short_description)),
        ("container_type", json!(contract.catalog_connector_type)),
        ("container_version", json!(contract.catalog_connector_container_version)),
        ("manager_supported", json!(contract.catalog_connector_manager_supported)),
        ("class_name", json!(is_inside.then_some("inside the platform"))),
        ("verified", json!(contract.catalog_connector_verified)),
        ("source_code", json!(contract.catalog_connector_source_code)),
        ("config_schema", json!({ "type": "object", "properties": properties, "required": required })),
    ])
}

/// A key in the words of JSON Schema; the platform leaves out the type of one that takes values of several types.
fn property(key: KeyWire) -> Map<String, Value> {
    let of_type = key.connector_configuration_type.map(|word| word.to_lowercase());
    let items = (of_type.as_deref() == Some("array")).then(|| json!({ "type": "string" }));
    let format = key.connector_configuration_format.filter(|word| word != "DEFAULT");
    let format = format.map(|word| if word == "DATETIME" { "date-time".to_owned() } else { word.to_lowercase() });
    let choices = key.connector_configuration_enum.filter(|choices| !choices.is_empty());
    let choices = choices.map(|mut choices| {
        // The platform keeps them as a set, in no order.
        choices.sort();
        choices
    });
    without_nulls([
        ("type", json!(of_type)),
        ("items", json!(items)),
        ("format", json!(format)),
        ("description", json!(key.connector_configuration_description)),
        ("default", json!(key.connector_configuration_default)),
        ("enum", json!(choices)),
        ("writeOnly", json!(key.connector_configuration_writeonly.filter(|it| *it))),
    ])
}

/// The fields that have a value.
fn without_nulls<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    let filled = fields.into_iter().filter(|(_, value)| !value.is_null());
    filled.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: Value) -> Value {
        property(serde_json::from_value(fields).unwrap()).into()
    }

    #[test]
    fn keys_become_json_schema() {
        let list = json!({ "connector_configuration_key": "A", "connector_configuration_type": "ARRAY",
            "connector_configuration_default": ["x"], "connector_configuration_writeonly": false });
        assert_eq!(key(list), json!({ "type": "array", "items": { "type": "string" }, "default": ["x"] }));
        let time = json!({ "connector_configuration_key": "T", "connector_configuration_type": "STRING",
            "connector_configuration_format": "DATETIME", "connector_configuration_default": null });
        assert_eq!(key(time), json!({ "type": "string", "format": "date-time" }));
        let secret = json!({ "connector_configuration_key": "S", "connector_configuration_type": "STRING",
            "connector_configuration_format": "PASSWORD", "connector_configuration_writeonly": true });
        assert_eq!(key(secret), json!({ "type": "string", "format": "password", "writeOnly": true }));
        let any = json!({ "connector_configuration_key": "U", "connector_configuration_format": "DEFAULT",
            "connector_configuration_enum": ["b", "a"] });
        assert_eq!(key(any), json!({ "enum": ["a", "b"] }));
    }
}
