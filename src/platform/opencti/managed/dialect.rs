//! What the release of a platform takes for managed connectors, asked once per version of it.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::{
    super::{
        client::{INVALID_DOCUMENT, OpenCtiClient},
        documents::Document,
    },
    documents::{
        KNOWS_ACCOUNTS, KNOWS_ALL, KNOWS_KEYS, KNOWS_LISTS, KNOWS_MIGRATION, KNOWS_TITLED_EDITS, KNOWS_TITLED_LISTING,
    },
};
use crate::platform::{Failure, PlatformError};

/// What a release takes beyond what the oldest supported one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// A connector's account is named by `user_id`, and made where that is asked for.
    pub(super) accounts: bool,
    /// A change of a connector says its title beside its name.
    pub(super) titled_edits: bool,
    /// The titles of connectors are told.
    pub(super) titled_listing: bool,
    /// Connectors that registered themselves become managed ones.
    pub(super) migration: bool,
    /// The public keys of managers are told.
    pub(super) keys: bool,
    /// The items of a list are several texts, not one that joins them.
    pub(super) lists: bool,
}

/// What was found out, for the version it was found out of.
#[derive(Debug, Default)]
pub(in crate::platform::opencti) struct Known {
    version: Option<String>,
    dialect: Option<Dialect>,
}

impl OpenCtiClient {
    /// Forgets what was found out where the platform has become another version.
    pub(in crate::platform::opencti) async fn heard_version(&self, version: &str) {
        let mut known = self.known.lock().await;
        if known.version.as_deref() != Some(version) {
            if known.version.is_some() {
                known.dialect = None;
                self.joins_items.store(false, Ordering::Relaxed);
            }
            known.version = Some(version.to_owned());
        }
    }

    /// What the platform's release takes.
    pub(super) async fn dialect(&self) -> Result<Dialect, PlatformError> {
        let mut known = self.known.lock().await;
        if let Some(dialect) = known.dialect {
            return Ok(dialect);
        }
        let dialect = if self.takes(KNOWS_ALL).await? {
            Dialect {
                accounts: true,
                titled_edits: true,
                titled_listing: true,
                migration: true,
                keys: true,
                lists: false,
            }
        } else {
            Dialect {
                accounts: self.takes(KNOWS_ACCOUNTS).await?,
                titled_edits: self.takes(KNOWS_TITLED_EDITS).await?,
                titled_listing: self.takes(KNOWS_TITLED_LISTING).await?,
                migration: self.takes(KNOWS_MIGRATION).await?,
                keys: self.takes(KNOWS_KEYS).await?,
                lists: self.takes(KNOWS_LISTS).await?,
            }
        };
        known.dialect = Some(dialect);
        Ok(dialect)
    }

    async fn takes(&self, question: Document) -> Result<bool, PlatformError> {
        match self.send(question, json!({})).await {
            Ok(_) => Ok(true),
            Err(PlatformError { failure: Failure::Refused { code, text }, .. }) if is_unknown(&code, &text) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a document was refused for what its release does not have; some servers give that no code.
fn is_unknown(code: &str, text: &str) -> bool {
    let words = [
        "Cannot query field",
        "is not defined by type",
        "Unknown type",
        "Unknown argument",
        "cannot represent a non string",
    ];
    code == INVALID_DOCUMENT || code.is_empty() && words.iter().any(|words| text.contains(words))
}
