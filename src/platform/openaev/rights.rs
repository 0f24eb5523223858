//! What a token may do at an OpenAEV, and whether the platform has its licence.

use serde::Deserialize;

use super::{
    OpenAevClient,
    calls::{DELETE_SETTINGS, LICENCE, MANAGE_SETTINGS},
};
use crate::platform::{PlatformError, WhoAmI};

/// A platform's enterprise licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenAevLicence {
    /// It is there and counts.
    Valid,
    /// There is none that counts.
    Missing,
    /// The platform does not say.
    Unsaid,
}

#[derive(Deserialize)]
struct SettingsWire {
    platform_license: Option<LicenceWire>,
}

#[derive(Deserialize)]
struct LicenceWire {
    license_is_validated: Option<bool>,
}

impl OpenAevClient {
    /// The platform's enterprise licence.
    ///
    /// # Errors
    /// Where the platform does not answer.
    pub async fn licence(&self) -> Result<OpenAevLicence, PlatformError> {
        let settings: SettingsWire = self.ask(&LICENCE, &["settings"], None).await?.value;
        let valid = settings.platform_license.and_then(|licence| licence.license_is_validated);
        Ok(match valid {
            Some(true) => OpenAevLicence::Valid,
            Some(false) => OpenAevLicence::Missing,
            None => OpenAevLicence::Unsaid,
        })
    }
}

/// What a manager's token lacks of the rights to change something, which nothing can be asked for without changing it; a
/// user of whom the platform tells no right lacks none that is known.
pub fn openaev_lacks(me: &WhoAmI) -> Vec<&'static str> {
    let held = |verbs: &[&str]| {
        me.capabilities.iter().any(|held| {
            let thing = held.split_once('_');
            let fits = |(verb, thing): (&str, &str)| {
                verbs.contains(&verb) && ["TENANT_SETTINGS", "PLATFORM_SETTINGS"].contains(&thing)
            };
            held == "BYPASS" || thing.is_some_and(fits)
        })
    };
    let needed: [(&'static str, &[&str]); 2] =
        [(MANAGE_SETTINGS, &["MANAGE", "DELETE"]), (DELETE_SETTINGS, &["DELETE"])];
    let lacked = needed.into_iter().filter(|(_, verbs)| !me.capabilities.is_empty() && !held(verbs));
    lacked.map(|(capability, _)| capability).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manager_lacks_is_named() {
        let lacks = |held: &[&str]| {
            let capabilities = held.iter().map(|&held| held.to_owned()).collect();
            openaev_lacks(&WhoAmI { name: "x".to_owned(), capabilities })
        };
        assert_eq!(lacks(&["ACCESS_TENANT_SETTINGS"]), [MANAGE_SETTINGS, DELETE_SETTINGS]);
        assert_eq!(lacks(&["MANAGE_PLATFORM_SETTINGS"]), [DELETE_SETTINGS]);
        assert_eq!(lacks(&["MANAGE_ASSETS", "DELETE_TENANT_SETTINGS"]), [""; 0]);
        assert_eq!(lacks(&["BYPASS"]), [""; 0]);
        assert_eq!(lacks(&[]), [""; 0]);
    }
}
