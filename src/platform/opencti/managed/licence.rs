//! Whether a platform has the licence that managed connectors need.

use serde::Deserialize;
use serde_json::json;

use super::{super::client::OpenCtiClient, documents::LICENCE};
use crate::platform::PlatformError;

/// A platform's enterprise licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Licence {
    /// It is there and counts.
    Valid,
    /// It is there and has run out.
    Expired,
    /// There is none that counts.
    Missing,
}

#[derive(Deserialize)]
struct Data {
    settings: SettingsWire,
}

#[derive(Deserialize)]
struct SettingsWire {
    platform_enterprise_edition: EditionWire,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the platform's names")]
struct EditionWire {
    license_enterprise: bool,
    license_validated: bool,
    license_expired: bool,
}

impl OpenCtiClient {
    /// The platform's enterprise licence.
    ///
    /// # Errors
    /// Where the platform does not say.
    pub async fn licence(&self) -> Result<Licence, PlatformError> {
        let answer = self.send(LICENCE, json!({})).await?;
        let data: Data = self.decode(LICENCE, answer)?;
        let edition = data.settings.platform_enterprise_edition;
        Ok(match (edition.license_validated, edition.license_enterprise && edition.license_expired) {
            (true, _) => Licence::Valid,
            (false, true) => Licence::Expired,
            (false, false) => Licence::Missing,
        })
    }
}
