//! A managed connector and a manager, as the stand-in keeps them.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::state::Stored;

/// A connector manager.
#[derive(Debug, Clone)]
pub(in super::super) struct Manager {
    pub(super) name: String,
    pub(super) public_key: String,
    pub(super) synced_at: Timestamp,
}

impl Manager {
    pub(in super::super) fn page(&self, id: &str) -> Value {
        json!({ "id": id, "name": self.name, "public_key": self.public_key, "synced_at": self.synced_at.to_string() })
    }
}

/// One value of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) encrypted: bool,
}

/// What a connector has that a manager runs.
#[derive(Debug, Clone)]
pub(in super::super) struct Managed {
    pub(in super::super) title: String,
    /// The account it runs as.
    pub(in super::super) user: String,
    /// The image without its tag.
    pub(super) image: String,
    pub(super) tag: String,
    pub(super) configuration: Vec<Entry>,
    /// Its token, in clear for older releases.
    pub(super) token: Entry,
    pub(super) requested: String,
    /// When its state was last made anew.
    pub(super) state_at: Timestamp,
}

impl Managed {
    /// The image with its tag.
    pub(super) fn reference(&self) -> String {
        format!("{}:{}", self.image, self.tag)
    }

    /// The whole configuration as managers get it.
    pub(super) fn entries(&self, stored: &Stored) -> Vec<Entry> {
        let own = [
            ("CONNECTOR_ID", stored.input.id.to_string()),
            ("CONNECTOR_NAME", stored.input.name.clone()),
            ("CONNECTOR_TYPE", stored.input.r#type.as_str().to_owned()),
        ];
        let mut entries: Vec<_> =
            self.configuration.iter().filter(|entry| entry.key != "CONNECTOR_NAME").cloned().collect();
        entries.extend(own.map(|(key, value)| Entry { key: key.to_owned(), value, encrypted: false }));
        entries.push(self.token.clone());
        entries
    }

    /// Changes with the image, the configuration and the time of the last reset; eight hexadecimal digits.
    pub(super) fn hash(&self, stored: &Stored) -> String {
        let values: Vec<_> =
            self.entries(stored).iter().map(|entry| format!("{}|{}", entry.key, entry.value)).collect();
        let inner = short(&json!(values));
        short(&json!({ "image": self.reference(), "config": inner, "state": self.state_at.to_string() }))
    }

    pub(in super::super) fn page(&self, stored: &Stored) -> Value {
        let entry = |entry: &Entry| (entry.key.clone(), json!({ "value": entry.value, "encrypted": entry.encrypted }));
        json!({
            "user": self.user,
            "image": self.reference(),
            "requested": self.requested,
            "hash": self.hash(stored),
            "configuration": self.entries(stored).iter().map(entry).collect::<serde_json::Map<_, _>>(),
        })
    }
}

fn short(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))[..8].to_owned()
}
