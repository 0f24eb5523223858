//! `lockstep import platform`.

use std::path::PathBuf;

use super::{
    Session,
    import::{Target, recipients},
};
use crate::{
    cli::{CliError, Exit, output, render, wiring},
    desired::{EnvValue, Keeper, Wanted},
    import::{self, PlatformInstance, PlatformValue},
    manifest::WantedState,
    model::{Code, Finding, PlatformName, Severity},
    source::Source,
};

/// Make manifests of the instances that people made in a platform's pages.
///
/// From then on the source says how they are; nothing is changed at the platform or on the engine. Secrets are opened with
/// the manager's key, sealed on the way and never written in clear.
#[derive(Debug, clap::Args)]
pub(crate) struct Platform {
    /// The platform: a key of `platforms` in the settings, with `registration: managed`.
    #[arg(value_parser = super::import::platform_name)]
    name: PlatformName,
    /// The directory to write the manifests into; files that are there already are never changed.
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Whom to seal secrets for: `age1…` or `ssh-ed25519 …`; may be given several times.
    #[arg(long, short, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// A file of recipients, one a line; may be given several times.
    #[arg(long, short = 'R', value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
    /// Leave secrets as blanks that name their key.
    #[arg(long, conflicts_with_all = ["recipient", "recipients_file"])]
    no_seal: bool,
}

impl Platform {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let mut pipeline = wiring::pipeline(&settings, session, wiring::Identities::Optional).await?;
        let mut links = std::mem::take(&mut pipeline.managers.links);
        links.retain(|link| link.name == self.name);
        let Some(link) = links.first_mut() else {
            let message = format!("platform `{}` is none that has Lockstep manage its connectors", self.name);
            return Err(CliError::new(Exit::Usage, message)
                .with_help("name a platform of the settings with `registration: managed`"));
        };
        link.instances = crate::managed::UiInstances::Run;
        // What can't be asked for is no empty list.
        let listing = link.client.managed(&link.identity).await?;
        pipeline.managers.links = links;
        let desired = pipeline.desired().await?;
        let observed = pipeline.observe().await?;
        let overlaid = pipeline.overlaid(desired, &observed, false).await;
        let of_people = |wanted: &&std::sync::Arc<Wanted>| {
            wanted.keeper() == Some(Keeper::Platform) && wanted.platform.as_ref() == Some(&self.name)
        };
        let of_people = overlaid.desired.wanted.values().filter(of_people);
        let (known, other): (Vec<_>, Vec<_>) = of_people.partition(|wanted| is_known_by_its_id(wanted));
        let instances: Vec<_> = known.into_iter().map(|wanted| instance(wanted, &pipeline.openers)).collect();
        let left: Vec<_> = other.into_iter().map(|wanted| left_there(wanted)).collect();
        let catalogs = pipeline.catalogs.load(&pipeline.source.snapshot().await?).await?;
        let recipients = recipients(self.no_seal, &self.recipient, &self.recipients_file, session)?;
        let imported = import::of_platform(&self.name, &instances, &catalogs, recipients.as_ref());
        let target = Target { folder: self.output };
        target.write(&imported)?;
        output::note(&render::findings(&[left, overlaid.desired.findings].concat()))?;
        output::result(&target.text(&imported))?;
        let open = imported.findings.iter().any(|finding| finding.severity == Severity::Error)
            || !listing.unreadable.is_empty();
        Ok(if open { Exit::Invalid } else { Exit::Done })
    }
}

/// Whether its connector has the id that a manifest would give it.
fn is_known_by_its_id(wanted: &Wanted) -> bool {
    let given = wanted.env.get(&format!("{}_ID", wanted.kind.env_prefix()));
    matches!(given, Some(EnvValue::Plain(id)) if *id == wanted.id.to_string())
}

fn left_there(wanted: &Wanted) -> Finding {
    let message = "its connector has an id that is no UUID of version 4, which no manifest can give".to_owned();
    let finding = Finding::warning(Code::BadId, wanted.place.clone(), message);
    finding.with_help("it goes on to run as people at the platform made it").of_instance(&wanted.name)
}

fn instance(wanted: &Wanted, openers: &crate::desired::Openers) -> PlatformInstance {
    let value = |(key, value): (&String, &EnvValue)| {
        let value = match value {
            EnvValue::Plain(text) => PlatformValue::Clear(text.clone()),
            EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => match wanted.open_one(key, openers) {
                Ok(Some(secret)) => PlatformValue::Secret(secret),
                Ok(None) => PlatformValue::Shut("it is not there".to_owned()),
                Err(finding) => PlatformValue::Shut(finding.message),
            },
        };
        (key.clone(), value)
    };
    PlatformInstance {
        name: wanted.name.clone(),
        title: wanted.title.clone(),
        id: wanted.id,
        kind: wanted.kind,
        image: wanted.image.clone(),
        stopped: wanted.state == WantedState::Stopped,
        values: wanted.env.iter().map(value).collect(),
    }
}
