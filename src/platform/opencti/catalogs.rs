//! The contracts that OpenCTI publishes.

use futures_util::future::{BoxFuture, FutureExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{OpenCtiClient, documents};
use crate::platform::{Failure, Platform, PlatformError, Published, Publisher, published, words};

#[derive(Deserialize)]
struct CatalogsData {
    catalogs: Vec<CatalogWire>,
}

/// One catalog: the platform's own, or one that its operator added.
#[derive(Deserialize)]
struct CatalogWire {
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

/// Puts the contracts of all catalogs into one.
fn published(data: CatalogsData, version: String) -> Result<Published, String> {
    let mut contracts = Vec::new();
    for catalog in data.catalogs {
        for (number, text) in catalog.contracts.iter().enumerate() {
            let bad = || format!("contract {} of catalog `{}` is no contract", number + 1, words(&catalog.name, 80));
            let mut contract: Value = serde_json::from_str(text).map_err(|_| bad())?;
            let slug = contract.get("slug").and_then(Value::as_str).ok_or_else(bad)?.to_owned();
            if let Some(fields) = contract.as_object_mut() {
                fields.remove("logo");
            }
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
        let one = read(&json!([{ "name": "x", "contracts": [a, b] }])).unwrap();
        let two = read(&json!([{ "name": "x", "contracts": [b] }, { "name": "y", "contracts": [a, b] }])).unwrap();
        assert_eq!(one.content, two.content);
        assert_eq!((one.left_out, two.left_out), (vec![], vec!["b".to_owned()]));
        assert!(!String::from_utf8(one.content).unwrap().contains("base64"));
    }

    #[test]
    fn nothing_and_nonsense_are_errors() {
        for catalogs in [json!([]), json!([{ "name": "x", "contracts": [] }])] {
            assert_eq!(read(&catalogs).unwrap_err(), "it publishes no contract");
        }
        for text in ["{", "[]", "{}", r#"{"slug": 5}"#] {
            let error = read(&json!([{ "name": "x\u{1b}", "contracts": [text] }])).unwrap_err();
            assert!(error.contains("contract 1 of catalog") && !error.contains('\u{1b}'), "{error}");
        }
    }
}
