//! The contracts that OpenCTI publishes.

use futures_util::future::{BoxFuture, FutureExt as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{OpenCtiClient, documents};
use crate::platform::{Failure, Platform, PlatformError, Published, Publisher, published, words};

#[derive(Deserialize)]
struct CatalogsData {
    catalogs: Vec<CatalogWire>,
}

/// One catalog: the platform's own, or one that its operator added.
#[derive(Deserialize)]
struct CatalogWire {
    id: String,
    name: String,
    /// Each is a JSON object as text.
    contracts: Vec<String>,
}

impl Publisher for OpenCtiClient {
    fn catalog(&self) -> BoxFuture<'_, Result<Published, PlatformError>> {
        async {
            let about = self.about().await?;
            let answer = self.send(documents::CATALOGS, json!({})).await?;
            let data: CatalogsData = self.decode(documents::CATALOGS, answer)?;
            published(data, about.version).map_err(|why| self.error(documents::CATALOGS, Failure::Answer(why)))
        }
        .boxed()
    }
}

/// Puts the contracts of all catalogs into one, each with the id of its own.
fn published(data: CatalogsData, version: String) -> Result<Published, String> {
    let mut contracts = Vec::new();
    for catalog in data.catalogs {
        for (number, text) in catalog.contracts.iter().enumerate() {
            let bad = || format!("contract {} of catalog `{}` is no contract", number + 1, words(&catalog.name, 80));
            let mut contract: Map<String, Value> = serde_json::from_str(text).map_err(|_| bad())?;
            let slug = contract.get("slug").and_then(Value::as_str).ok_or_else(bad)?.to_owned();
            contract.remove("logo");
            contract.insert("catalog_id".to_owned(), json!(catalog.id));
            contracts.push((slug, contract));
        }
    }
    published::of(version, contracts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(catalogs: &Value) -> Result<Published, String> {
        let data = serde_json::from_value(json!({ "catalogs": catalogs })).unwrap();
        published(data, "7.1.0".to_owned())
    }

    #[test]
    fn the_order_of_a_platform_does_not_matter() {
        let (a, b) = (r#"{"slug": "a", "logo": "data:image/png;base64,AAAA"}"#, r#"{"title": "B", "slug": "b"}"#);
        let one = read(&json!([{ "id": "i", "name": "x", "contracts": [a, b] }])).unwrap();
        let two =
            json!([{ "id": "i", "name": "x", "contracts": [b] }, { "id": "i", "name": "y", "contracts": [a, b] }]);
        let two = read(&two).unwrap();
        assert_eq!(one.content, two.content);
        assert_eq!((one.left_out, two.left_out), (vec![], vec!["b".to_owned()]));
        assert!(!String::from_utf8(one.content).unwrap().contains("base64"));
    }

    #[test]
    fn every_contract_says_which_catalog_it_is_of() {
        let (a, b) = (r#"{"slug": "a"}"#, r#"{"slug": "b"}"#);
        let two = json!([{ "id": "own", "name": "x", "contracts": [a] }, { "id": "filigran", "name": "y", "contracts": [b] }]);
        let catalog: Value = serde_json::from_slice(&read(&two).unwrap().content).unwrap();
        let of = |number: usize| &catalog["contracts"][number]["catalog_id"];
        assert_eq!((of(0), of(1)), (&json!("own"), &json!("filigran")));
    }

    #[test]
    fn several_versions_of_a_contract_are_all_kept() {
        let old = r#"{"slug": "a", "version": "1.0.0", "image_name": "x/a", "max_version": "6.9.0"}"#;
        let new = r#"{"slug": "a", "version": "2.0.0", "image_name": "x/a", "min_version": "7.0.0"}"#;
        let own =
            r#"{"slug": "b", "container_version": "3.0.0", "container_image": "x/b", "container_type": "STREAM"}"#;
        let read = read(&json!([{ "id": "i", "name": "x", "contracts": [new, old, own, old] }])).unwrap();
        assert_eq!(read.left_out, ["a"]);
        let catalog: Value = serde_json::from_slice(&read.content).unwrap();
        assert_eq!(catalog["manifest_schema_version"], "1");
        let versions: Vec<_> = catalog["contracts"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
        assert_eq!(versions, ["1.0.0", "2.0.0", "3.0.0"]);
        assert_eq!(
            (&catalog["contracts"][2]["image_name"], &catalog["contracts"][2]["image_type"]),
            (&json!("x/b"), &json!("STREAM"))
        );
    }

    #[test]
    fn nothing_and_nonsense_are_errors() {
        for catalogs in [json!([]), json!([{ "id": "i", "name": "x", "contracts": [] }])] {
            assert_eq!(read(&catalogs).unwrap_err(), "it publishes no contract");
        }
        for text in ["{", "[]", "{}", r#"{"slug": 5}"#] {
            let error = read(&json!([{ "id": "i", "name": "x\u{1b}", "contracts": [text] }])).unwrap_err();
            assert!(error.contains("contract 1 of catalog") && !error.contains('\u{1b}'), "{error}");
        }
    }
}
