//! Carries out what has to happen at a platform for one instance.

use super::ManagedLink;
use crate::{
    desired::{EnvValue, Openers},
    manifest::WantedState,
    model::{Code, Finding},
    plan::{AtPlatform, Entry, PlatformWork},
    platform::{AccountOf, OutgoingInstance, OutgoingValue, PlatformError, RequestedStatus},
};

/// Why something was not done at a platform.
#[derive(Debug, thiserror::Error)]
pub enum AtPlatformError {
    /// A secret that is to be sent can't be opened.
    #[error("{}", .0.message)]
    Secret(Box<Finding>),
    /// The platform did not do it.
    #[error("{}", .0.line())]
    Platform(PlatformError),
}

impl From<PlatformError> for AtPlatformError {
    fn from(error: PlatformError) -> Self {
        Self::Platform(error)
    }
}

/// Carries one such step out; what it needs of secrets is opened here and lives no longer.
///
/// # Errors
/// Where a secret can't be opened, and what the platform answers. A lost answer does not mean that nothing was done.
pub async fn at_platform(link: &ManagedLink, openers: &Openers, step: &AtPlatform) -> Result<(), AtPlatformError> {
    let client = &link.client;
    match &step.work {
        PlatformWork::Add(entry) => {
            let id = client.add(&outgoing(entry, openers)?).await?;
            if entry.wanted.state == WantedState::Started {
                client.request(id, RequestedStatus::Starting).await?;
            }
        }
        PlatformWork::Edit { id, entry, state } => {
            if let Some(entry) = entry {
                client.edit(*id, &outgoing(entry, openers)?).await?;
            }
            if let Some(state) = state {
                client.request(*id, word(*state)).await?;
            }
        }
        PlatformWork::Migrate { id, entry } => {
            let mut instance = outgoing(entry, openers)?;
            client.migrate(*id, &instance).await?;
            // It has the name that it gave itself; what was sent just now stays sealed as it is.
            for value in instance.configuration.values_mut() {
                if matches!(value, OutgoingValue::Secret(_)) {
                    *value = OutgoingValue::Kept;
                }
            }
            client.edit(*id, &instance).await?;
            client.request(*id, word(entry.wanted.state)).await?;
        }
        PlatformWork::Delete { id } => client.delete(*id).await?,
    }
    Ok(())
}

fn word(state: WantedState) -> RequestedStatus {
    match state {
        WantedState::Started => RequestedStatus::Starting,
        WantedState::Stopped => RequestedStatus::Stopping,
    }
}

fn outgoing(entry: &Entry, openers: &Openers) -> Result<OutgoingInstance, AtPlatformError> {
    let wanted = &entry.wanted;
    let missing = |what: &str| {
        let finding = Finding::error(Code::Platform, wanted.place.clone(), format!("{what} is not known"));
        AtPlatformError::Secret(Box::new(finding.of_instance(&wanted.name)))
    };
    let management = wanted.management.as_ref().ok_or_else(|| missing("how its platform has it managed"))?;
    let values = management.keys.iter().filter_map(|key| wanted.env.get(key).map(|value| (key, value)));
    let configuration = values.map(|(key, value)| {
        let outgoing = match value {
            EnvValue::Plain(text) if management.lists.contains(key) => OutgoingValue::List(text.clone()),
            EnvValue::Plain(text) => OutgoingValue::Clear(text.clone()),
            _ if entry.kept.contains(key) => OutgoingValue::Kept,
            EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => {
                let opened = wanted.open_one(key, openers);
                let opened =
                    opened.map_err(|finding| AtPlatformError::Secret(Box::new(finding.of_instance(&wanted.name))))?;
                OutgoingValue::Secret(opened.ok_or_else(|| missing(key))?)
            }
        };
        Ok((key.clone(), outgoing))
    });
    let account = management.account.as_ref();
    Ok(OutgoingInstance {
        title: wanted.title.clone(),
        contract: wanted.contract.clone(),
        image: management.image.clone(),
        catalog: management.catalog.clone(),
        kind: wanted.kind,
        id: management.id.is_some().then_some(wanted.id),
        account: AccountOf {
            name: account.map(|account| account.name.clone()),
            create: account.is_some_and(|account| account.create),
            confidence: account.and_then(|account| account.confidence),
        },
        configuration: configuration.collect::<Result<_, AtPlatformError>>()?,
    })
}
