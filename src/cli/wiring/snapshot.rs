//! Snapshots of the engine for plans that are made elsewhere: written and signed, read and believed.

use std::{io::Read, path::Path};

use super::keyring;
use crate::{
    cli::{CliError, Exit, output, render},
    durable,
    model::OwnerName,
    plan::{
        Observed,
        wire::{ObservedJson, SignatureJson},
    },
    reconcile::epoch_seconds,
    secrets::{PublicKey, SigningKey},
    settings::Settings,
};

/// The largest file of observed containers that is read, in bytes.
const MAX_OBSERVED: u64 = 64 * 1024 * 1024;
/// How far the clock of another machine may be ahead, in seconds.
const AHEAD: i64 = 300;

/// A snapshot as a file holds it; unsigned where there is no key.
///
/// # Errors
/// Where it can't be written as JSON.
pub(super) fn snapshot_of(
    observed: &Observed,
    owner: &OwnerName,
    key: Option<&SigningKey>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut snapshot = ObservedJson::published(observed, owner, epoch_seconds());
    snapshot.signature =
        key.map(|key| SignatureJson { key: key.public().to_string(), value: key.sign(&snapshot.signed_text()) });
    let mut text = serde_json::to_vec_pretty(&snapshot)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a snapshot to a file that others may read.
///
/// # Errors
/// Where an identity can't be read, or the file not be written.
pub(crate) fn write_snapshot(path: &Path, observed: &Observed, settings: &Settings) -> Result<(), CliError> {
    let failed = |why: String| {
        CliError::new(Exit::Internal, format!("failed to write the snapshot `{}`: {why}", path.display()))
            .with_help("name a file in a folder that can be written")
    };
    let key = keyring(settings)?.signing_key();
    let text = snapshot_of(observed, &settings.owner, key.as_ref()).map_err(|error| failed(error.to_string()))?;
    durable::write(path, &text, 0o644).map_err(|error| failed(error.to_string()))?;
    if key.is_none() {
        warn("there is no identity, so the snapshot is not signed")?;
    }
    Ok(())
}

/// Reads observed containers from a file that `lockstep observe` or `lockstep run` wrote.
///
/// # Errors
/// Where the file can't be read or holds something else; guard where `snapshot.trust` is set and the file is not signed by
/// one of those, is not ours, or is too old.
pub(crate) fn observed_file(path: &Path, settings: &Settings) -> Result<Observed, CliError> {
    let failed = |why: String| {
        CliError::new(Exit::Usage, format!("failed to read the observed containers `{}`: {why}", path.display()))
            .with_help("write the file with `lockstep observe`")
    };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MAX_OBSERVED).read_to_end(&mut content).map_err(|error| failed(error.to_string()))?;
    let read: ObservedJson = serde_json::from_slice(&content).map_err(|error| failed(error.to_string()))?;
    let refused = |why: &str| {
        CliError::new(Exit::Guard, format!("the snapshot `{}` is refused: {why}", path.display()))
            .with_help("get a newer one from the host that runs Lockstep; see `snapshot` in the settings")
    };
    match doubt(&read, settings, epoch_seconds()) {
        Ok(()) => {}
        Err(Doubt::Forged(why)) => return Err(refused(&why)),
        Err(Doubt::Other(why)) if settings.snapshot.trust.is_empty() => {
            warn(&format!("the snapshot `{}` is believed although {why}; see `snapshot.trust`", path.display()))?;
        }
        Err(Doubt::Other(why)) => return Err(refused(&why)),
    }
    Observed::try_from(read).map_err(failed)
}

/// Why a snapshot might not be true.
enum Doubt {
    /// Somebody changed it: never believed.
    Forged(String),
    /// Believed where nobody in particular is trusted.
    Other(String),
}

fn doubt(snapshot: &ObservedJson, settings: &Settings, now: i64) -> Result<(), Doubt> {
    let other = |why: &str| Err(Doubt::Other(why.to_owned()));
    let Some(signature) = &snapshot.signature else { return other("it is not signed") };
    let Ok(key) = PublicKey::try_from(signature.key.as_str()) else {
        return Err(Doubt::Forged("its key is none".to_owned()));
    };
    if !key.verifies(&snapshot.signed_text(), &signature.value) {
        return Err(Doubt::Forged("it is not what was signed".to_owned()));
    }
    if snapshot.owner.as_deref() != Some(settings.owner.as_str()) {
        return other("it is of another owner");
    }
    let Some(made) = snapshot.made else { return other("it does not say how old it is") };
    if made > now + AHEAD {
        return other("it is from the future");
    }
    let max_age = settings.snapshot.max_age;
    if u64::try_from(now - made).is_ok_and(|age| age > max_age.as_secs()) {
        let hours = (now - made) / 3_600;
        return Err(Doubt::Other(format!("it is {hours} hours old, more than `snapshot.maxAge` allows")));
    }
    if !settings.snapshot.trust.contains(&key.to_string()) {
        return Err(Doubt::Other(format!("it is signed by {key}, which `snapshot.trust` does not name")));
    }
    Ok(())
}

fn warn(text: &str) -> Result<(), CliError> {
    output::note(&format!("{} {text}\n", render::yellow("warning:")))
}
