//! The client of an OpenAEV.

use super::connection::http_config;
use crate::{
    cli::CliError,
    model::{PlatformName, Registration},
    platform::{OpenAevClient, OpenAevConfig},
    settings::PlatformSettings,
};

/// The client of an OpenAEV, for both ways to stand there.
///
/// # Errors
/// Where its token or certificates can't be read.
pub(crate) fn openaev_client(name: &PlatformName, platform: &PlatformSettings) -> Result<OpenAevClient, CliError> {
    let manager = match platform.registration {
        Registration::Itself => None,
        Registration::Managed => platform.manager.as_ref().map(|manager| manager.id.to_string()),
    };
    let http = http_config(name, platform)?;
    Ok(OpenAevClient::new(OpenAevConfig { http, tenant: platform.tenant, manager })?)
}
