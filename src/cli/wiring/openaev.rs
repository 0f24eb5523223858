//! The client of an OpenAEV, and what there is to check about one.

use super::connection::http_config;
use crate::{
    cli::CliError,
    model::{PlatformName, Registration},
    platform::{Failure, ManagedPlatform, OpenAevClient, OpenAevConfig, Platform, PlatformError},
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

/// Asks an OpenAEV for everything that Lockstep needs of it, and says what was found, a line each.
///
/// # Errors
/// The first thing that it does not answer, or that the token does not allow.
pub(crate) async fn examine_openaev(name: &PlatformName, platform: &PlatformSettings) -> Result<Vec<String>, CliError> {
    let client = openaev_client(name, platform)?;
    let about = client.about().await?;
    let me = client.who_am_i().await?;
    let mut lines = vec![format!("version {}, as `{}`", about.version, me.name)];
    let known = client.connectors(false).await.map_err(|error| with_advice(error, &me.name))?.connectors.len();
    lines.push(format!("lists {known} collectors, injectors and executors"));
    lines.push(match platform.registration {
        Registration::Itself => {
            "is not told status, health and logs, for which it has no place with `registration: self`; it hears from the \
             connectors themselves"
                .to_owned()
        }
        Registration::Managed => {
            let managers = client.managers().await.map_err(|error| with_advice(error, &me.name))?;
            match &managers[..] {
                [] => "has heard from no connector manager within two hours".to_owned(),
                [manager, ..] if manager.id.is_empty() => {
                    "has another connector manager, which it has heard from within two hours; it takes the one that \
                     registers last, so stop the other one first, or take its id and key"
                        .to_owned()
                }
                [_, ..] => "has us for its connector manager".to_owned(),
            }
        }
    });
    Ok(lines)
}

fn with_advice(error: PlatformError, user: &str) -> CliError {
    let missing = if let Failure::Forbidden { capability, .. } = &error.failure { Some(*capability) } else { None };
    let error = CliError::from(error);
    match missing {
        Some(capability) => error.with_help(format!("give `{user}` the capability {capability}")),
        None => error,
    }
}
