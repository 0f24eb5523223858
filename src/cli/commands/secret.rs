//! `lockstep secret`.

use std::{
    io::{IsTerminal, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Session, plan::instance_name};
use crate::{
    cli::{CliError, Exit, output, render, wiring},
    model::{InstanceName, Sealed},
    secrets::{self, Binding, BindingPolicy, Keyring, Recipients},
    settings, telemetry,
};

/// The largest value or file that is sealed or opened, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Make identities, and seal and open values.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Secret {
    Keygen(Keygen),
    Seal(Seal),
    Open(Open),
}

/// Make an age identity; whoever holds it can open what is sealed for its recipient.
#[derive(Debug, clap::Args)]
pub(crate) struct Keygen {
    /// The file to write, readable by its owner only; without it, standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Seal a value from standard input: what is printed goes into a manifest as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Seal {
    /// Whom to seal for: `age1…` or `ssh-ed25519 …`; may be given several times.
    #[arg(long, short, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// A file of recipients, one a line; may be given several times.
    #[arg(long, short = 'R', value_name = "FILE")]
    recipients_file: Vec<PathBuf>,
    /// Bind the value to this instance, so that it opens for no other.
    #[arg(long, value_name = "NAME", value_parser = instance_name, requires = "key")]
    instance: Option<InstanceName>,
    /// Bind the value to this configuration key; `token` for `spec.token`.
    #[arg(long, value_name = "KEY", requires = "instance")]
    key: Option<String>,
    /// Keep a line break at the end of the value.
    #[arg(long)]
    keep_newline: bool,
}

/// Open a sealed value from a file or standard input.
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// The file; without it, standard input.
    file: Option<PathBuf>,
    /// An identity file; may be given several times; without it, those of the settings.
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// The instance that the value is bound to.
    #[arg(long, value_name = "NAME", value_parser = instance_name)]
    instance: Option<InstanceName>,
    /// The configuration key that the value is bound to.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Secret {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Keygen(command) => command.run(),
            Self::Seal(command) => command.run(session),
            Self::Open(command) => command.run(session),
        }
    }
}

impl Keygen {
    fn run(self) -> Result<Exit, CliError> {
        let (identity, recipient) = secrets::keygen();
        match &self.output {
            None => output::result(identity.expose_secret())?,
            Some(path) => {
                let failed = |error: std::io::Error| {
                    CliError::new(Exit::Internal, format!("failed to write the identity `{}`: {error}", path.display()))
                        .with_help("name a file that does not exist yet")
                };
                let mut options = std::fs::OpenOptions::new();
                let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
                file.write_all(identity.expose_secret().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                output::result(&format!("{recipient}\n"))?;
            }
        }
        output::note(&format!("{} seal values with `lockstep secret seal -r {recipient}`\n", render::dim("help:")))?;
        Ok(Exit::Done)
    }
}

impl Seal {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let recipients = recipients(&self.recipient, &self.recipients_file, session)?;
        if std::io::stdin().is_terminal() {
            output::note("Type the value, then a line break and Ctrl-D:\n")?;
        }
        let mut value = read_text(None)?;
        if !self.keep_newline && value.ends_with('\n') {
            value.pop();
        }
        let binding = self.instance.zip(self.key).map(|(instance, key)| Binding { instance, key });
        let value = SecretString::from(value.as_str());
        let sealed = secrets::seal(&value, &recipients, binding.as_ref()).map_err(|error| {
            CliError::new(Exit::Usage, telemetry::chain(&error)).with_help("name recipients with `-r` or `-R`")
        })?;
        output::result(&sealed)?;
        Ok(Exit::Done)
    }
}

/// Whom to seal for: those given, or whoever the settings' identities are.
///
/// # Errors
/// Where a file can't be read, a recipient is none, or nobody is left.
pub(super) fn recipients(given: &[String], files: &[PathBuf], session: &Session) -> Result<Recipients, CliError> {
    let mut lines = given.join("\n");
    for path in files {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CliError::new(Exit::Usage, format!("failed to read the recipients `{}`: {error}", path.display()))
        })?;
        lines = format!("{lines}\n{text}");
    }
    if given.is_empty() && files.is_empty() {
        // Whoever can open values may as well seal them.
        let settings = wiring::settings(&session.global).map_err(|error| {
            CliError::new(Exit::Usage, "there is nobody to seal for").with_help(format!(
                "name recipients with `-r` or `-R`; the settings give none either: {}",
                error.message
            ))
        })?;
        return Ok(wiring::keyring(&settings)?.recipients());
    }
    Recipients::parse(&lines).map_err(|error| {
        CliError::new(Exit::Usage, telemetry::chain(&error)).with_help("a recipient is `age1…` or `ssh-ed25519 …`")
    })
}

impl Open {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let keyring = if self.identity.is_empty() {
            wiring::keyring(&wiring::settings(&session.global)?)?
        } else {
            keyring_of(&self.identity)?
        };
        let content = read_bytes(self.file.as_deref())?;
        let armored = std::str::from_utf8(&content).ok().and_then(Sealed::recognise);
        let name = self.file.as_ref().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
        let named = self.instance.clone().zip(self.key.clone());
        let opened = match (&armored, named) {
            // A value that is bound is shown to whoever names what it is bound to.
            (Some(sealed), Some((instance, key))) => {
                keyring.open(sealed, &Binding { instance, key }, BindingPolicy::Optional)
            }
            (Some(_), None) | (None, _) => keyring.open_text(&content, &name),
        };
        let value =
            opened.map_err(|error| CliError::new(Exit::Secret, telemetry::chain(&error)).with_help(error.help()))?;
        output::result(value.expose_secret())?;
        if std::io::stdout().is_terminal() {
            output::result("\n")?;
        }
        Ok(Exit::Done)
    }
}

fn keyring_of(paths: &[PathBuf]) -> Result<Keyring, CliError> {
    let mut keyring = Keyring::default();
    for path in paths {
        let limit = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
        let file = settings::read_secret_file(path, limit)
            .map_err(|error| CliError::new(Exit::Secret, telemetry::chain(&error)))?;
        keyring
            .add(&path.display().to_string(), &file.content)
            .map_err(|error| CliError::new(Exit::Secret, telemetry::chain(&error)).with_help(error.help()))?;
    }
    Ok(keyring)
}

fn read_bytes(path: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let name = path.map_or_else(|| "standard input".to_owned(), |path| format!("`{}`", path.display()));
    let failed = |why: String| CliError::new(Exit::Usage, format!("failed to read {name}: {why}"));
    let reader: Box<dyn Read> = match path {
        Some(path) => Box::new(std::fs::File::open(path).map_err(|error| failed(error.to_string()))?),
        None => Box::new(std::io::stdin().lock()),
    };
    let mut content = Zeroizing::new(Vec::new());
    reader.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(|error| failed(error.to_string()))?;
    if content.len() as u64 > MAX_BYTES {
        return Err(failed(format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(content)
}

fn read_text(path: Option<&Path>) -> Result<Zeroizing<String>, CliError> {
    let content = read_bytes(path)?;
    let text = std::str::from_utf8(&content).map_err(|_| {
        CliError::new(Exit::Usage, "the value is not UTF-8 text, which an environment variable must be")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}
