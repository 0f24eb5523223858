//! Writes an effective spec as bytes that are the same for the same spec, to be hashed.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{EnvValue, OpenedEnv, SourceDigest, Wanted};
use crate::model::container_fields;

/// The version of this form. A change of it makes every container look changed, so it comes with a migration.
const FORM: u32 = 1;

impl Wanted {
    /// The SHA-256 of the effective spec with its secrets still sealed.
    pub fn digest_of_source(&self) -> SourceDigest {
        let env = self.env.iter().map(|(key, value)| (key.clone(), sealed(value))).collect();
        let bytes = self.canonical(env).to_string();
        SourceDigest(hex::encode(Sha256::digest(bytes.as_bytes())))
    }

    /// The effective spec with its secrets opened, as bytes that are wiped when dropped.
    pub fn canonical_opened(&self, opened: &OpenedEnv) -> Zeroizing<Vec<u8>> {
        // Secrets are written after the rest, straight into a buffer that is large enough never to be copied.
        let rest = self.canonical(serde_json::Map::new()).to_string();
        let length = opened.iter().map(|(key, value)| key.len() + value.expose_secret().len() + 32).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(rest.len() + length));
        bytes.extend_from_slice(rest.as_bytes());
        for (key, value) in opened {
            for part in [key.as_str(), value.expose_secret()] {
                bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        bytes
    }

    fn canonical(&self, env: serde_json::Map<String, Value>) -> Value {
        let mut spec = json!({
            "form": FORM,
            "instance": self.name.as_str(),
            "platform": self.platform.as_ref().map(|name| name.as_str()),
            "id": self.id.to_string(),
            "image": self.image,
            "labels": self.labels,
            "container": container_fields(&self.container),
            "env": env,
        });
        if let Some(reset) = self.reset() {
            spec["reset"] = Value::from(reset);
        }
        spec
    }

    /// Every field of the effective spec that may be shown, by the names that the plan shows.
    pub fn visible_fields(&self) -> BTreeMap<String, String> {
        let mut fields = container_fields(&self.container);
        fields.insert("image".to_owned(), self.image.clone());
        fields.extend(self.labels.iter().map(|(key, value)| (format!("labels.{key}"), value.clone())));
        for (key, value) in &self.env {
            if let EnvValue::Plain(text) = value {
                fields.insert(format!("env.{key}"), text.clone());
            }
        }
        fields
    }
}

/// A value as it stands in the source: what a sealed one holds is told apart by its ciphertext alone.
fn sealed(value: &EnvValue) -> Value {
    match value {
        EnvValue::Plain(text) => json!({ "plain": text }),
        EnvValue::Sealed(sealed) => json!({ "sealed": sealed.armored() }),
        EnvValue::FromFile { file, key } => {
            json!({ "file": hex::encode(Sha256::digest(&file.content)), "key": key })
        }
        EnvValue::ConnectorToken(platform) => json!({ "token": platform.as_str() }),
        EnvValue::ConnectorProxy(platform) => json!({ "proxy": platform.as_str() }),
        // What the platform gives is told apart by the mark beside the digest, where it is known.
        EnvValue::FromPlatform(secret) => json!({ "kept": secret.platform.as_str() }),
    }
}
