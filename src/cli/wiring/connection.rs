//! How a platform is reached, from its entry in the settings.

use std::time::Duration;

use url::Url;

use super::credentials::{credential_or_none, file, resolve, with_user};
use crate::{
    cli::{CliError, Exit},
    model::PlatformName,
    platform::HttpConfig,
    settings::PlatformSettings,
};

/// The largest file of certificates that is read, in bytes.
const MAX_CA: usize = 4 * 1024 * 1024;

/// How a platform is reached.
///
/// # Errors
/// Where its token or certificates can't be read.
pub(super) fn http_config(name: &PlatformName, platform: &PlatformSettings) -> Result<HttpConfig, CliError> {
    let ca = platform.ca.as_ref().map(|path| file(path, &format!("platforms.{name}.ca"), MAX_CA)).transpose()?;
    Ok(HttpConfig {
        name: name.clone(),
        url: platform.url.clone(),
        token: credential_or_none(&platform.token, &format!("platforms.{name}.token"))?,
        ca: ca.map(|file| file.content.to_vec()),
        proxy: proxy(name, platform)?,
        timeout: platform.timeout,
        connect_timeout: platform.timeout.min(Duration::from_secs(10)),
    })
}

/// The proxy that we use for a platform, with our user's name and password in it where it asks for one.
fn proxy(name: &PlatformName, platform: &PlatformSettings) -> Result<Option<Url>, CliError> {
    let (Some(proxy), Some(auth)) = (&platform.proxy, &platform.proxy_auth) else { return Ok(platform.proxy.clone()) };
    let password = resolve(&auth.password, &format!("platforms.{name}.proxyAuth.password"))?;
    let no_user = || CliError::new(Exit::Invalid, format!("`platforms.{name}.proxy` takes no user"));
    with_user(proxy, &auth.username, &password).ok_or_else(no_user).map(Some)
}
