//! `lockstep doctor`.

use serde::Serialize;

use super::{Session, doctor_openaev, doctor_opencti};
use crate::{
    cli::{CliError, Exit, output, output::Format, render, wiring},
    engine::Engine,
    model::PlatformKind,
    reconcile::{Lock, LockError},
    settings::{CatalogSettings, Settings},
};

/// Check what is reachable, with which rights, and say what to do about it. Nothing is changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// One thing that was checked.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    well: bool,
    message: String,
    help: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Check {
    fn well(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), well: true, message: message.into(), help: None, exit: Exit::Done }
    }

    fn ill(name: impl Into<String>, error: CliError) -> Self {
        Self { name: name.into(), well: false, message: error.message, help: error.help, exit: error.exit }
    }
}

impl Doctor {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let mut checks = vec![Check::well("settings", format!("owner `{}`", settings.owner))];
        checks.push(identities(&settings));
        checks.push(source(&settings, session).await);
        checks.push(engine(&settings).await);
        checks.push(lock(&settings));
        for name in settings.platforms.keys() {
            checks.extend(platform(&settings, name).await);
        }
        match self.format {
            Format::Json => output::json(&serde_json::json!({ "checks": checks }))?,
            Format::Text => {
                for check in &checks {
                    let mark = if check.well { render::green("ok  ") } else { render::red("fail") };
                    output::result(&format!(
                        "{mark} {}: {}\n",
                        render::bold(&check.name),
                        render::printable(&check.message)
                    ))?;
                    if let Some(help) = check.help.as_ref().filter(|_| !check.well) {
                        output::result(&format!("     {} {}\n", render::dim("help:"), render::printable(help)))?;
                    }
                }
            }
        }
        Ok(checks.iter().find(|check| !check.well).map_or(Exit::Done, |check| check.exit))
    }
}

fn identities(settings: &Settings) -> Check {
    match wiring::keyring(settings) {
        Ok(keyring) if keyring.is_empty() => Check::well("secrets", "no identity: sealed values can't be opened here"),
        Ok(keyring) => {
            let recipients = keyring.recipients().lines().collect::<Vec<_>>();
            Check::well("secrets", format!("opens what is sealed for {}", recipients.join(", ")))
        }
        Err(error) => Check::ill("secrets", error),
    }
}

async fn source(settings: &Settings, session: &Session) -> Check {
    let read = async {
        let pipeline = wiring::pipeline_with(settings, session, wiring::Identities::Optional, crate::engine::NoEngine)?;
        Ok::<_, CliError>(pipeline.desired().await?)
    };
    match read.await {
        Ok(desired) => {
            let (wanted, held) = (render::count(desired.wanted.len(), "instance"), desired.held.len());
            Check::well("source", format!("revision {}: {wanted}, {held} held", desired.revision.short()))
        }
        Err(error) => Check::ill("source", error),
    }
}

async fn engine(settings: &Settings) -> Check {
    let ask = async {
        let engine = wiring::engine(settings).await?;
        let about = engine.about().await?;
        let observed = engine.observe(&settings.owner).await?;
        Ok::<_, CliError>((about, observed.containers.len()))
    };
    match ask.await {
        Ok(((words, time), containers)) => {
            let ours = render::count(containers, "container");
            Check::well("engine", format!("{words}, answered in {} ms, {ours} of ours", time.as_millis()))
        }
        Err(error) => Check::ill("engine", error),
    }
}

fn lock(settings: &Settings) -> Check {
    let (state, machine) = (wiring::state_folder(settings), wiring::lock_folder());
    match Lock::take(&settings.owner, wiring::engine_host(settings), &state, &machine) {
        Ok(_) => Check::well("lock", "no other Lockstep works with this owner on this engine"),
        Err(LockError::Held { holder, .. }) => Check::well("lock", format!("a Lockstep is at work: {holder}")),
        Err(error @ LockError::Io { .. }) => Check::ill("lock", error.into()),
    }
}

async fn platform(settings: &Settings, name: &crate::model::PlatformName) -> Vec<Check> {
    let Some(platform) = settings.platforms.get(name) else { return Vec::new() };
    let title = format!("platform {name}");
    let examined = match platform.kind {
        PlatformKind::OpenCti => {
            let reads_catalog = settings
                .catalogs
                .iter()
                .any(|catalog| matches!(catalog, CatalogSettings::Platform { name: of } if of == name));
            doctor_opencti::examine(name, platform, reads_catalog).await
        }
        PlatformKind::OpenAev => doctor_openaev::examine(name, platform).await,
    };
    let check = |one: Result<String, CliError>| match one {
        Ok(line) => Check::well(&title, line),
        Err(error) => Check::ill(&title, error),
    };
    examined.into_iter().map(check).collect()
}
