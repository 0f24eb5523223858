//! `lockstep import`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Session, import_env_file, secret};
use crate::{
    cli::{CliError, Exit, output, output::Format, render, wiring::offline},
    import::{self, ComposeFile, Imported, Outcome, Request},
    model::{PlatformName, Severity},
    plan::wire::FindingJson,
    secrets::{Recipients, SecretMap},
    telemetry,
};

/// The largest compose or variables file that is read, in bytes; larger ones are refused by their readers.
pub(super) const MAX_BYTES: u64 = (1 << 20) + 1;

/// Make manifests of what runs already.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Import {
    Compose(Compose),
    Platform(super::import_platform::Platform),
}

/// Make instance manifests of the connector services of compose files.
///
/// Every connector service becomes one file; what the author must fill in is said with its line, and left in the
/// manifest as a comment. Other services are left alone. Secrets are sealed on the way and never written in clear.
#[derive(Debug, clap::Args)]
pub(crate) struct Compose {
    /// The compose files, each for itself.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The directory to write the manifests into; files that are there already are never changed.
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// A catalog file instead of those of the settings; may be given several times.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// Values for `${VAR}`: a file of `KEY=value` lines, as compose reads `.env`. What services name with `env_file` is
    /// read by itself, in the folder of the compose file and below it; elsewhere only this file.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Whom to seal secrets for: `age1…` or `ssh-ed25519 …`; may be given several times.
    #[arg(long, short, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// A file of recipients, one a line; may be given several times.
    #[arg(long, short = 'R', value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
    /// Leave secrets as blanks that name their key.
    #[arg(long, conflicts_with_all = ["recipient", "recipients_file"])]
    no_seal: bool,
    /// The platform of the settings that the instances serve.
    #[arg(long, value_name = "NAME", value_parser = platform_name)]
    platform: Option<PlatformName>,
    /// How the outcome is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Serialize)]
struct ImportJson {
    services: Vec<ServiceJson>,
    findings: Vec<FindingJson>,
}

#[derive(Serialize)]
struct ServiceJson {
    service: String,
    file: String,
    line: u32,
    /// `imported`, `leftAlone` or `refused`.
    outcome: &'static str,
    instance: Option<String>,
    contract: Option<String>,
    manifest: Option<String>,
    notes: Vec<NoteJson>,
}

#[derive(Serialize)]
struct NoteJson {
    line: u32,
    message: String,
}

/// Reads the name of a platform from the command line.
pub(super) fn platform_name(text: &str) -> Result<PlatformName, String> {
    PlatformName::try_from(text).map_err(|error| error.to_string())
}

impl Import {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Compose(command) => command.run(session).await,
            Self::Platform(command) => command.run(session).await,
        }
    }
}

impl Compose {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let catalogs = offline::catalogs(&session.global, &self.catalog).await?;
        let given = self.env_file.as_deref();
        let variables = given.map(variables).transpose()?.flatten();
        let files = self.files.iter().map(|path| {
            let name = path.to_string_lossy().into_owned();
            let mut file = ComposeFile { name: name.into(), content: read(path)?, env_files: BTreeMap::new() };
            file.env_files = import_env_file::read(path, &file, variables.as_ref(), given);
            Ok(file)
        });
        let files: Vec<ComposeFile> = files.collect::<Result<_, CliError>>()?;
        let recipients = recipients(self.no_seal, &self.recipient, &self.recipients_file, session)?;
        let imported = import::run(&Request {
            files: &files,
            catalogs: &catalogs,
            variables: variables.as_ref(),
            recipients: recipients.as_ref(),
            platform: self.platform.as_ref(),
        });
        let target = Target { folder: self.output.clone() };
        target.write(&imported)?;
        match self.format {
            Format::Json => output::json(&self.json(&imported))?,
            Format::Text => output::result(&target.text(&imported))?,
        }
        let open = imported.findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(if open { Exit::Invalid } else { Exit::Done })
    }

    fn json(&self, imported: &Imported) -> ImportJson {
        let target = Target { folder: self.output.clone() };
        let services = imported.services.iter().map(|service| {
            let (outcome, made) = match &service.outcome {
                Outcome::Manifest { instance, contract, .. } => ("imported", Some((instance, contract))),
                Outcome::LeftAlone => ("leftAlone", None),
                Outcome::Refused => ("refused", None),
            };
            let notes = service.notes.iter();
            ServiceJson {
                service: service.name.clone(),
                file: service.place.file.to_string(),
                line: service.place.line,
                outcome,
                instance: made.map(|(instance, _)| instance.to_string()),
                contract: made.map(|(_, contract)| contract.to_string()),
                manifest: made.map(|(instance, _)| target.path(instance.as_str()).display().to_string()),
                notes: notes.map(|note| NoteJson { line: note.place.line, message: note.text.clone() }).collect(),
            }
        });
        ImportJson { services: services.collect(), findings: imported.findings.iter().map(FindingJson::from).collect() }
    }
}

/// Whom to seal for; none with `--no-seal`, and where neither the command line nor settings name anybody.
pub(super) fn recipients(
    no_seal: bool,
    recipients: &[String],
    files: &[PathBuf],
    session: &Session,
) -> Result<Option<Recipients>, CliError> {
    let given = !recipients.is_empty() || !files.is_empty();
    let settings = session.global.settings.is_some() || Path::new("lockstep.yaml").exists();
    if no_seal || !(given || settings) {
        return Ok(None);
    }
    let recipients = secret::recipients(recipients, files, session)?;
    Ok(Some(recipients).filter(|recipients| !recipients.is_empty()))
}

/// Where manifests are written.
pub(super) struct Target {
    pub(super) folder: PathBuf,
}

impl Target {
    fn path(&self, instance: &str) -> PathBuf {
        self.folder.join(format!("{instance}.yaml"))
    }

    /// Writes every manifest, or none where one is there already.
    pub(super) fn write(&self, imported: &Imported) -> Result<(), CliError> {
        let made = imported.services.iter().filter_map(|service| match &service.outcome {
            Outcome::Manifest { instance, text, .. } => Some((self.path(instance.as_str()), text)),
            Outcome::LeftAlone | Outcome::Refused => None,
        });
        let made: Vec<_> = made.collect();
        if let Some((path, _)) = made.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
            return Err(CliError::new(
                Exit::Usage,
                format!("`{}` is there already; nothing was written", path.display()),
            )
            .with_help("name another directory, or move the file away"));
        }
        let failed = |path: &Path, error: std::io::Error| {
            CliError::new(Exit::Internal, format!("failed to write `{}`: {error}", path.display()))
        };
        std::fs::create_dir_all(&self.folder).map_err(|error| failed(&self.folder, error))?;
        for (path, text) in made {
            let mut file = File::create_new(&path).map_err(|error| failed(&path, error))?;
            file.write_all(text.as_bytes()).map_err(|error| failed(&path, error))?;
        }
        Ok(())
    }

    pub(super) fn text(&self, imported: &Imported) -> String {
        let mut text = render::findings(&imported.findings);
        if !imported.findings.is_empty() {
            text.push('\n');
        }
        let (mut made, mut alone) = (0, Vec::new());
        for service in &imported.services {
            let name = render::printable(&service.name);
            match &service.outcome {
                Outcome::LeftAlone => {
                    alone.push(name);
                    continue;
                }
                Outcome::Refused => {
                    let head = format!("{} {name}: not imported", render::red("-"));
                    render::push(&mut text, format_args!("{head}\n"));
                }
                Outcome::Manifest { instance, contract, .. } => {
                    made += 1;
                    let head = format!("{} {name}", render::green("+"));
                    let path = self.path(instance.as_str()).display().to_string();
                    let path = render::printable(&path);
                    let open = imported.findings.iter().filter(|finding| finding.instance.as_ref() == Some(instance));
                    let open = open.filter(|finding| finding.severity == Severity::Error).count();
                    let open = if open == 0 { "complete".to_owned() } else { format!("{open} to fill in or decide") };
                    render::push(&mut text, format_args!("{head}: contract {contract} in {path}, {open}\n"));
                }
            }
            for note in &service.notes {
                let line = format!("line {}:", note.place.line);
                render::push(&mut text, format_args!("    {} {}\n", render::dim(&line), render::printable(&note.text)));
            }
        }
        if !alone.is_empty() {
            render::push(&mut text, format_args!("Left alone, since they are no connectors: {}.\n", alone.join(", ")));
        }
        render::push(&mut text, format_args!("{} written.\n", render::count(made, "manifest")));
        text
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Source, format!("failed to read `{}`: {error}", path.display()))
            .with_help("name a file that exists")
    };
    let mut content = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_BYTES).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The variables of a file; none where it has none.
fn variables(path: &Path) -> Result<Option<SecretMap>, CliError> {
    let name = path.display().to_string();
    let content = zeroize::Zeroizing::new(read(path)?);
    let text = std::str::from_utf8(&content)
        .map_err(|_| CliError::new(Exit::Invalid, format!("`{name}` is not UTF-8")).with_help("save it as UTF-8"))?;
    if text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#')) {
        return Ok(None);
    }
    SecretMap::of_clear_text(&name, text).map(Some).map_err(|error| {
        CliError::new(Exit::Invalid, telemetry::chain(&error)).with_help("write one `KEY=value` a line")
    })
}
