//! `lockstep catalog pull`.

use std::{path::PathBuf, time::Duration};

use super::Session;
use crate::{
    catalog,
    cli::{CliError, Exit, output, render, wiring},
    model::PlatformName,
    reconcile::{self, KeptCatalogs},
    source, telemetry,
};

/// The largest catalog that is pulled, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Fetch a catalog, and print its SHA-256.
///
/// From a URL it goes into a file. From a platform of the settings, or without a name from every platform that `catalogs`
/// names, it is kept in the state folder, where commands that don't ask platforms find it; `--output` writes it to a file
/// besides, to be reviewed and committed.
#[derive(Debug, clap::Args)]
pub(crate) struct Pull {
    /// Where it is: a platform of the settings, `https://…`, or `http://…` on this machine.
    from: Option<String>,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The SHA-256 that the content of a URL must have.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// A file of certificates to trust for a URL instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Pull {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match &self.from {
            Some(url) if url.contains("://") => self.of_url(url).await,
            from => self.of_platforms(session, from.as_deref()).await,
        }
    }

    async fn of_url(&self, url: &str) -> Result<Exit, CliError> {
        let Some(path) = &self.output else {
            return Err(CliError::new(Exit::Usage, "what a URL gives needs a file").with_help("add `--output FILE`"));
        };
        let deadline = Duration::from_secs(60);
        let ca = self.ca.as_deref();
        let (content, sha256) = match &self.sha256 {
            Some(sha256) => (source::fetch_url(url, sha256, ca, MAX_BYTES, deadline).await?, sha256.clone()),
            None => source::download(url, ca, MAX_BYTES, deadline).await?,
        };
        let catalog = catalog::Catalog::read(url, &content)
            .map_err(|error| CliError::new(Exit::Invalid, telemetry::chain(&error)).with_help("nothing was written"))?;
        write(path, &content)?;
        output::result(&format!("{sha256}\n"))?;
        let contracts = render::count(catalog.contracts().len(), "contract");
        output::note(&format!("wrote {contracts} to {}\n", path.display()))?;
        Ok(Exit::Done)
    }

    async fn of_platforms(&self, session: &Session, name: Option<&str>) -> Result<Exit, CliError> {
        if self.sha256.is_some() || self.ca.is_some() {
            return Err(CliError::new(Exit::Usage, "`--sha256` and `--ca` are for a URL")
                .with_help("`platforms` of the settings say how a platform is reached"));
        }
        let settings = wiring::settings(&session.global)?;
        let subscriptions = match name {
            None => wiring::subscriptions(&settings)?,
            Some(name) => {
                let known = PlatformName::try_from(name).ok();
                let Some((name, platform)) = known.as_ref().and_then(|name| settings.platforms.get_key_value(name))
                else {
                    return Err(CliError::new(Exit::Usage, format!("the settings have no platform `{name}`"))
                        .with_help("name a platform of `platforms`, or a URL"));
                };
                vec![wiring::subscription(name, platform)?]
            }
        };
        if subscriptions.is_empty() {
            return Err(CliError::new(Exit::Usage, "`catalogs` of the settings name no platform")
                .with_help("name a platform or a URL, or add `{platform: NAME}` to `catalogs`"));
        }
        if self.output.is_some() && subscriptions.len() > 1 {
            return Err(CliError::new(Exit::Usage, "the settings use the catalogs of several platforms")
                .with_help("name the one that is written to the file"));
        }
        let kept = KeptCatalogs::new(&wiring::state_folder(&settings));
        let mut failed = None;
        for subscription in &subscriptions {
            let platform = &subscription.platform;
            let pulled = match reconcile::pull(subscription, &kept).await {
                Ok(pulled) => pulled,
                // One platform that is away keeps nobody from the others.
                Err(error) => {
                    let error = CliError::from(error);
                    if let Some(former) = failed.replace(error) {
                        output::note(&format!("{} {}\n", render::red("error:"), render::printable(&former.message)))?;
                    }
                    continue;
                }
            };
            if let Some(path) = &self.output {
                write(path, &pulled.content)?;
            }
            output::result(&format!("{}  {platform}\n", pulled.sha256))?;
            let contracts = render::count(pulled.contracts, "contract");
            let news = if pulled.changed { "" } else { ", as before" };
            output::note(&format!("kept {contracts} of platform `{platform}` {}{news}\n", pulled.version))?;
            wiring::left_out(platform, &pulled)?;
        }
        failed.map_or(Ok(Exit::Done), Err)
    }
}

fn write(path: &std::path::Path, content: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, content)
        .map_err(|error| CliError::new(Exit::Internal, format!("failed to write `{}`: {error}", path.display())))
}
