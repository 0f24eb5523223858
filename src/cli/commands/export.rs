//! `lockstep export`.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use super::{Session, plan::instance_name};
use crate::{
    cli::{CliError, Exit, output, render, wiring},
    desired::DesiredState,
    export::{self, Cluster, Exported},
    model::{InstanceName, units},
};

/// Write the instances as files of another tool: the way back.
///
/// No secret is opened: each becomes a reference that is filled in by hand. What the other tool has no word for is said
/// line by line.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Export {
    /// A compose file, its secrets as variables that compose refuses to go on without.
    Compose(Options),
    /// Deployments of Kubernetes, their secrets as keys of Secrets that are made by hand.
    Kubernetes(Kubernetes),
}

/// What is written for a cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Kubernetes {
    #[command(flatten)]
    options: Options,
    /// How large each volume is asked for, such as `10Gi` (1Gi).
    #[arg(long, value_name = "SIZE", value_parser = storage)]
    storage: Option<String>,
    /// A Secret with which images are pulled; may be given several times. It is made by hand.
    #[arg(long, value_name = "NAME", value_parser = object_name)]
    image_pull_secret: Vec<String>,
}

/// Reads a size that Kubernetes takes as it is written.
fn storage(text: &str) -> Result<String, String> {
    // Docker's letters (`10g`, `10GB`) are none there, and a thousand is `k`, not `K`.
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let theirs = matches!(unit, "" | "Ki" | "Mi" | "Gi" | "Ti" | "M" | "G" | "T");
    match units::size(text) {
        Some(1..) if theirs => Ok(text.to_owned()),
        Some(_) | None => Err("write a size above zero such as 512Mi, 10Gi or 1Ti".to_owned()),
    }
}

/// Reads the name of an object: a DNS subdomain.
fn object_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |part: &str| part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || c == '-');
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("write small letters, digits, `-` and `.`, with a letter or digit at both ends".to_owned())
    }
}

/// What is written where.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The instances; without any, all of them.
    #[arg(value_name = "NAME", value_parser = instance_name)]
    names: Vec<InstanceName>,
    /// The file to write, which must not be there yet; without it, standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        let desired = wiring::desired(&settings).await?;
        let (Self::Compose(options) | Self::Kubernetes(Kubernetes { options, .. })) = &self;
        wiring::known_instances(&options.names, &desired)?;
        let chosen = |name: &InstanceName| options.names.is_empty() || options.names.contains(name);
        let instances = desired.wanted.values().filter(|wanted| chosen(&wanted.name)).map(AsRef::as_ref);
        let exported = match &self {
            Self::Compose(_) => export::compose(instances),
            Self::Kubernetes(Kubernetes { storage, image_pull_secret, .. }) => {
                let cluster = Cluster { storage: storage.clone(), image_pull_secrets: image_pull_secret.clone() };
                export::kubernetes(instances, &cluster)
            }
        };
        match &options.output {
            Some(path) => write(path, &exported.text)?,
            None => output::result(&exported.text)?,
        }
        say(&exported, &desired, chosen)
    }
}

/// Says what has to be done by hand, and what is missing.
fn say(exported: &Exported, desired: &DesiredState, chosen: impl Fn(&InstanceName) -> bool) -> Result<Exit, CliError> {
    for lost in &exported.lost {
        output::note(&format!("{} {}: {}\n", render::yellow("lost:"), lost.instance, render::printable(&lost.what)))?;
    }
    for blank in &exported.blanks {
        let (name, what) = (render::printable(&blank.name), render::printable(&blank.what));
        output::note(&format!("{} {name}: {what}\n", render::yellow("fill in:")))?;
    }
    let held: Vec<_> = desired.held.values().filter(|held| chosen(&held.instance)).collect();
    for held in &held {
        output::note(&render::findings(&held.findings))?;
        output::note(&format!("{} {} is held and was not exported\n", render::red("error:"), held.instance))?;
    }
    Ok(if held.is_empty() { Exit::Done } else { Exit::Invalid })
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Usage, format!("failed to write `{}`: {error}", path.display()))
            .with_help("name a file that is not there yet")
    };
    File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}
