//! Instances as a platform lists them.

use std::collections::BTreeMap;

use super::world::{OTHER, id};
use crate::managed::{Listed, ListedValue, Requested};

/// The instance `a` as a platform lists it that has taken everything its manifest says.
pub(super) fn listed(identity: &str) -> Listed {
    let clear = |key: &str, value: &str| (key.to_owned(), ListedValue::Clear(value.to_owned()));
    Listed {
        id: id(identity),
        name: "a".to_owned(),
        title: "a".to_owned(),
        image: "opencti/connector-misp:1".to_owned(),
        kind: None,
        hash: "h1".to_owned(),
        requested: Requested::Started,
        odd_status: None,
        configuration: BTreeMap::from([
            clear("CONNECTOR_ID", identity),
            clear("CONNECTOR_NAME", "a"),
            clear("CONNECTOR_TYPE", "EXTERNAL_IMPORT"),
            clear("MISP_URL", "https://a.example.org"),
            clear("MISP_TAGS", ""),
            clear("MISP_KINDS", "a,b"),
            clear("MISP_COUNT", "10"),
            ("OPENCTI_TOKEN".to_owned(), ListedValue::Envelope("sealed:token".into())),
        ]),
    }
}

pub(super) fn with(mut listed: Listed, key: &str, value: ListedValue) -> Listed {
    listed.configuration.insert(key.to_owned(), value);
    listed
}

pub(super) fn clear(text: &str) -> ListedValue {
    ListedValue::Clear(text.to_owned())
}

pub(super) fn other() -> Listed {
    let other = Listed { name: "b".to_owned(), title: "b".to_owned(), ..listed(OTHER) };
    with(with(other, "CONNECTOR_NAME", clear("b")), "CONNECTOR_ID", clear(OTHER))
}
