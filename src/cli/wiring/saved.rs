//! Saved plans as files, and what they are bound to at this moment.

use std::{io::Read, path::Path};

use sha2::{Digest, Sha256};

use super::Parts;
use crate::{
    cli::{CliError, Exit, Global, output, render},
    durable,
    engine::Engine,
    model::Snapshot,
    plan::saved::{Bound, CatalogJson, SavedJson},
    secrets::{DigestKey, Keyring},
};

/// The largest saved plan that is read, in bytes.
const MAX_SAVED: u64 = 64 * 1024 * 1024;

/// The part of a saved plan that every version of it has.
#[derive(serde::Deserialize)]
struct Head {
    version: String,
}

/// What a plan that is made now is bound to.
///
/// # Errors
/// Where the settings or a catalog can't be read any more.
pub(crate) async fn bound<E: Engine>(
    pipeline: &Parts<E>,
    snapshot: &Snapshot,
    global: &Global,
) -> Result<Bound, CliError> {
    let path = global.settings.as_deref().unwrap_or(Path::new("lockstep.yaml"));
    let settings = std::fs::read(path).map_err(|error| {
        CliError::new(Exit::Invalid, format!("failed to read the settings `{}`: {error}", path.display()))
    })?;
    let catalogs = pipeline.catalogs.digests(snapshot).await?;
    Ok(Bound {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        owner: pipeline.owner.to_string(),
        revision: snapshot.revision.full(),
        settings: hex::encode(Sha256::digest(settings)),
        catalogs: catalogs.into_iter().map(|(name, sha256)| CatalogJson { name, sha256 }).collect(),
    })
}

/// The key that seals saved plans: that of the first identity; one that everybody has where there is none.
pub(crate) fn seal_key(keyring: &Keyring) -> DigestKey {
    keyring.digest_key().unwrap_or_else(DigestKey::unkeyed)
}

/// Writes a saved plan for its owner only.
///
/// # Errors
/// Where the file can't be written.
pub(crate) fn write_saved(path: &Path, saved: &SavedJson, keyring: &Keyring) -> Result<(), CliError> {
    let failed = |why: String| {
        CliError::new(Exit::Internal, format!("failed to save the plan to `{}`: {why}", path.display()))
            .with_help("name a file in a folder that can be written")
    };
    let mut content = serde_json::to_vec_pretty(saved).map_err(|error| failed(error.to_string()))?;
    content.push(b'\n');
    durable::write(path, &content, durable::PRIVATE).map_err(|error| failed(error.to_string()))?;
    if keyring.is_empty() {
        output::note(&format!(
            "{} there is no identity, so the file is guarded against damage and not against forgery\n",
            render::yellow("warning:")
        ))?;
    }
    output::note(&format!(
        "Saved the plan to {0}. To carry out exactly these steps: lockstep apply {0}\n",
        path.display()
    ))
}

/// Reads a saved plan; whether it can be trusted is another question.
///
/// # Errors
/// Where it can't be read, or was made by another version.
pub(crate) fn read_saved(path: &Path) -> Result<SavedJson, CliError> {
    let failed = |exit, why: String| CliError::new(exit, format!("the saved plan `{}` {why}", path.display()));
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| failed(Exit::Usage, format!("can't be read: {error}")))?;
    let read = file.take(MAX_SAVED).read_to_end(&mut content);
    read.map_err(|error| failed(Exit::Usage, format!("can't be read: {error}")))?;
    let again = "make it again with `lockstep plan --out`";
    let damaged = |_| failed(Exit::Guard, "is refused: it is damaged, or no saved plan".to_owned()).with_help(again);
    let head: Head = serde_json::from_slice(&content).map_err(damaged)?;
    let ours = env!("CARGO_PKG_VERSION");
    if head.version != ours {
        let why = format!(
            "is refused, since this moved since it was made: the version of Lockstep (it was {}, it is {ours})",
            head.version
        );
        return Err(failed(Exit::Guard, why).with_help(again));
    }
    serde_json::from_slice(&content).map_err(damaged)
}

/// Refuses a saved plan that is not what was sealed with our key.
///
/// # Errors
/// Guard, saying why it can't be trusted.
pub(crate) fn check_seal(saved: &SavedJson, path: &Path, keyring: &Keyring) -> Result<(), CliError> {
    let key = seal_key(keyring);
    saved.check_seal(key.id(), &|text| key.digest(text)).map_err(|error| {
        CliError::new(Exit::Guard, format!("the saved plan `{}` is refused: {error}", path.display()))
            .with_help("make it again with `lockstep plan --out`, with the settings and identity that apply it")
    })
}
