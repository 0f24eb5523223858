//! What `lockstep doctor` finds at an OpenAEV.

use super::doctor_opencti::{Line, reached};
use crate::{
    cli::{CliError, Exit, wiring},
    model::{PlatformName, Registration},
    platform::{
        Failure, ManagedPlatform as _, OpenAevClient, OpenAevLicence, Platform as _, PlatformError, openaev_lacks,
    },
    settings::{Manager, PlatformSettings},
};

/// Asks an OpenAEV for everything that the settings need of it; a failure hides nothing that does not depend on it.
pub(super) async fn examine(name: &PlatformName, platform: &PlatformSettings) -> Vec<Line> {
    let (client, about, me) = match reached(wiring::openaev_client(name, platform)).await {
        Ok(reached) => reached,
        Err(error) => return vec![Err(error)],
    };
    let mut lines = vec![Ok(format!("version {}, as `{}`", about.version, me.name))];
    lines.push(match client.connectors(false).await {
        Ok(listing) => Ok(format!("lists {} collectors, injectors and executors", listing.connectors.len())),
        Err(error) => Err(with_advice(error, &me.name)),
    });
    match (platform.registration, &platform.manager) {
        (Registration::Managed, Some(manager)) => {
            lines.extend(openaev_lacks(&me).into_iter().map(|capability| Err(lacks(&me.name, capability))));
            lines.extend(managed(name, &client, &me.name, manager).await);
        }
        (Registration::Managed, None) | (Registration::Itself, _) => lines.push(Ok(
            "is not told status, health and logs, for which it has no place with `registration: self`; it hears from the \
             connectors themselves"
                .to_owned(),
        )),
    }
    lines
}

/// What being the manager of a platform needs.
async fn managed(name: &PlatformName, client: &OpenAevClient, user: &str, manager: &Manager) -> Vec<Line> {
    let mut lines = vec![licence(client).await];
    let stands = match client.managers().await {
        Ok(managers) => managers,
        Err(error) => {
            lines.push(Err(with_advice(error, user)));
            return lines;
        }
    };
    let keys = wiring::manager_keys(name, manager);
    match (&stands[..], keys) {
        (_, Err(error)) => lines.push(Err(error)),
        ([], Ok(_)) => lines.push(Ok("has heard from no connector manager within two hours".to_owned())),
        ([one, ..], Ok(_)) if one.id.is_empty() => {
            let message = "it has another connector manager, which it has heard from within two hours";
            let help = "it takes the one that registers last: stop the other one and wait for two hours, or give `manager` its \
                        id and key";
            lines.push(Err(CliError::new(Exit::Platform, message).with_help(help)));
        }
        ([_, ..], Ok(keys)) => {
            lines.push(Ok("has us for its connector manager".to_owned()));
            lines.push(match client.managed(&keys.identity(manager)).await {
                Ok(listing) => wiring::opens(&keys, &listing),
                Err(error) => Err(with_advice(error, user)),
            });
        }
    }
    lines
}

async fn licence(client: &OpenAevClient) -> Line {
    let word = match client.licence().await {
        Ok(OpenAevLicence::Valid) => return Ok("has its enterprise licence, which managed instances need".to_owned()),
        Ok(OpenAevLicence::Unsaid) => return Ok("does not tell whether it has its enterprise licence".to_owned()),
        Ok(OpenAevLicence::Missing) => "it has no valid enterprise licence",
        Err(error) => return Ok(format!("does not tell its licence ({})", error.failure)),
    };
    let message = format!("{word}, and it makes, changes and starts no managed instances without");
    let help = "give the platform its licence, or use `registration: self`, which works without";
    Err(CliError::new(Exit::Platform, message).with_help(help))
}

fn lacks(user: &str, capability: &str) -> CliError {
    CliError::new(Exit::Platform, format!("the token of `{user}` lacks {capability}"))
        .with_help(format!("give `{user}` the capability {capability}"))
}

fn with_advice(error: PlatformError, user: &str) -> CliError {
    let missing = if let Failure::Forbidden { capability, .. } = &error.failure { Some(*capability) } else { None };
    let error = CliError::from(error);
    match missing {
        Some(capability) => error.with_help(format!("give `{user}` the capability {capability}")),
        None => error,
    }
}
