//! What `lockstep doctor` finds at an OpenCTI.

use crate::{
    cli::{CliError, Exit, wiring},
    model::{PlatformName, Registration},
    platform::{
        About, Licence, ListedManager, ManagedPlatform as _, ManagerIdentity, OpenCtiClient, Platform, WhoAmI,
        documents, managed_documents,
    },
    settings::{Manager, PlatformSettings},
};

/// A line about what is well, or what is not.
pub(super) type Line = Result<String, CliError>;

/// What connectors that register themselves do without, where there is no licence.
const WITHOUT_LICENCE: &str = "no enterprise licence, and none is needed: with `registration: self` its pages show every connector \
                               with its state, works and queue; logs, health, start and stop are shown there only for managed ones";

/// A platform, its version, and who we are there: what everything else is asked over.
///
/// # Errors
/// Where there is no client, or it does not answer one of these.
pub(super) async fn reached<P: Platform>(client: Result<P, CliError>) -> Result<(P, About, WhoAmI), CliError> {
    let client = client?;
    let about = client.about().await?;
    let me = client.who_am_i().await?;
    Ok((client, about, me))
}

/// Asks an OpenCTI for everything that the settings need of it, also as a catalog where they name it as one; a failure
/// hides nothing that does not depend on it.
pub(super) async fn examine(name: &PlatformName, platform: &PlatformSettings, reads_catalog: bool) -> Vec<Line> {
    let (client, about, me) = match reached(wiring::opencti_client(name, platform)).await {
        Ok(reached) => reached,
        Err(error) => return vec![Err(error)],
    };
    let mut lines = vec![Ok(format!("version {}, as `{}`", about.version, me.name))];
    lines.extend(rights(platform.registration, reads_catalog, &me).map(Err));
    match (platform.registration, &platform.manager) {
        (Registration::Managed, Some(manager)) => lines.extend(managed(name, &client, &me, manager).await),
        (Registration::Managed, None) | (Registration::Itself, _) => match client.licence().await {
            Ok(Licence::Valid) => lines.push(Ok("has its enterprise licence".to_owned())),
            Ok(Licence::Missing | Licence::Expired) => lines.push(Ok(WITHOUT_LICENCE.to_owned())),
            Err(error) => lines.push(Ok(format!("does not tell its licence ({})", error.failure))),
        },
    }
    lines
}

/// What the token may not do, of what the settings need.
fn rights(registration: Registration, reads_catalog: bool, me: &WhoAmI) -> Option<CliError> {
    let mut needed: Vec<(&'static str, &'static str)> = match registration {
        Registration::Itself => documents::CAPABILITIES
            .into_iter()
            .zip(["to tell where instances stand", "to read what the platform has heard"])
            .collect(),
        Registration::Managed => managed_documents::CAPABILITIES.to_vec(),
    };
    if reads_catalog {
        needed.push(("INGESTION", "to read its catalog"));
    }
    let missing = me.lacks(&needed.iter().map(|(capability, _)| *capability).collect::<Vec<_>>());
    if missing.is_empty() {
        return None;
    }
    let uses = needed.iter().filter(|(capability, _)| missing.contains(capability));
    let uses: Vec<_> = uses.map(|(capability, what)| format!("{capability} {what}")).collect();
    let message = format!("the token of `{}` lacks {}", me.name, missing.join(" and "));
    let help = format!("give a role of the token's user the capabilities {}", uses.join(", "));
    Some(CliError::new(Exit::Platform, message).with_help(help))
}

/// What being the manager of a platform needs.
async fn managed(name: &PlatformName, client: &OpenCtiClient, me: &WhoAmI, manager: &Manager) -> Vec<Line> {
    let mut lines = vec![licence(client).await];
    let keys = wiring::manager_keys(name, manager);
    let identity = keys.as_ref().ok().map(|keys| keys.identity(manager));
    let allowed = |capability: &'static str| me.lacks(&[capability]).is_empty();
    // What the token may not do was said already.
    if allowed(managed_documents::MANAGERS.capability) {
        lines.push(match client.managers().await {
            Ok(managers) => registered(&managers, manager, identity.as_ref()),
            Err(error) => Err(error.into()),
        });
    }
    match keys {
        Err(error) => lines.push(Err(error)),
        Ok(keys)
            if allowed(managed_documents::MANAGED.capability) && allowed(managed_documents::CONNECTOR.capability) =>
        {
            lines.push(match client.managed(&keys.identity(manager)).await {
                Ok(listing) => wiring::opens(&keys, &listing),
                Err(error) => Err(error.into()),
            });
        }
        Ok(_) => {}
    }
    lines
}

async fn licence(client: &OpenCtiClient) -> Line {
    let word = match client.licence().await? {
        Licence::Valid => return Ok("has its enterprise licence, which managed connectors need".to_owned()),
        Licence::Expired => "its enterprise licence has run out",
        Licence::Missing => "it has no enterprise licence",
    };
    let message = format!("{word}, and it makes no managed connectors without");
    let help = "give the platform its licence, or use `registration: self`, which works without and gives its pages no \
                logs, health, start and stop";
    Err(CliError::new(Exit::Platform, message).with_help(help))
}

fn registered(managers: &[ListedManager], ours: &Manager, identity: Option<&ManagerIdentity>) -> Line {
    let words = |manager: &ListedManager| {
        let active = match manager.active {
            Some(true) => "heard from in the last five minutes",
            Some(false) => "not heard from in the last five minutes",
            None => "heard from at a time that is not told",
        };
        format!("`{}` (id `{}`, {active})", manager.name, manager.id)
    };
    if let Some(manager) = managers.iter().find(|manager| manager.id == ours.id) {
        if let (Some(identity), Some(registered)) = (identity, &manager.public_key)
            && !identity.has(registered)
        {
            let message = format!("it has our connector manager's id with another key: {}", words(manager));
            let help = "nothing is registered over it, since it seals no secret anew: name the file of that key in \
                        `manager.key`; where the key was changed on purpose, name the former one in `manager.formerKey`; \
                        where another manager uses this id, stop it first";
            return Err(CliError::new(Exit::Platform, message).with_help(help));
        }
        return Ok(format!("its connector manager is ours: {}", words(manager)));
    }
    if managers.is_empty() {
        return Ok("no connector manager is registered yet: `lockstep run` registers this one, for good".to_owned());
    }
    let named: Vec<_> = managers.iter().map(words).collect();
    let message = format!("it has another connector manager, and takes one for good: {}", named.join(", "));
    let help = "stop that manager and stand in its place: give `manager.id` its id and `manager.key` the file of its private \
                key, which opens the secrets that were sealed for it";
    Err(CliError::new(Exit::Platform, message).with_help(help))
}
