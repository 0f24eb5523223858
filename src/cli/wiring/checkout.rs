//! The checkout that the settings lie in, and what two of its revisions want.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::{Identities, Parts, known_instances, offline, parts, parts::pipeline_over};
use crate::{
    cli::{CliError, Exit, commands::Session, output, render},
    desired::{DesiredState, Wanted},
    engine::NoEngine,
    model::{Revision, Snapshot},
    plan::{self, Observed, Pruning},
    reconcile::{CatalogPlace, Planned},
    settings::Settings,
    source::{Checkout, DirectoryConfig, DirectorySource, Source, SourceError},
};

/// Which state of the checkout is planned for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    /// Its files as they lie there.
    WorkingTree,
    /// A commit of it.
    Revision(&'a str),
}

/// The checkout of the settings.
pub(crate) struct LocalCheckout {
    /// The folder of the manifests.
    folder: PathBuf,
    commits: Option<Checkout>,
    root: PathBuf,
}

impl LocalCheckout {
    /// Finds the checkout that the manifests lie in.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub(crate) fn of(settings: &Settings, session: &Session) -> Result<Self, CliError> {
        let folder = offline::source_folder(settings, &session.global)?;
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Source, format!("failed to find the checkout of `{}`: {error}", folder.display()))
                .with_help("run this in a checkout of the repository, with its settings")
        };
        let real = folder.canonicalize().map_err(failed)?;
        let root = real.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned);
        let commits = root.as_ref().map(|root| {
            let below = real.strip_prefix(root).unwrap_or(Path::new(""));
            let below = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            let program = std::env::current_exe().map_err(failed)?;
            Ok::<_, CliError>(Checkout::new(root, &below, program)?)
        });
        let root = root.unwrap_or_else(|| folder.clone());
        Ok(Self { commits: commits.transpose()?, folder, root })
    }

    /// Reads one state of it.
    ///
    /// # Errors
    /// Where it can't be read, or there is no such commit.
    pub(crate) async fn read(&self, which: Which<'_>) -> Result<Snapshot, CliError> {
        match which {
            Which::WorkingTree => {
                let source = DirectorySource::new(DirectoryConfig { root: self.folder.clone(), poll: None })?;
                Ok(source.snapshot().await?)
            }
            Which::Revision(revision) => {
                let Some(commits) = &self.commits else {
                    let message = format!("`{}` does not lie in a git checkout", self.folder.display());
                    return Err(CliError::new(Exit::Source, message).with_help("run this in a checkout"));
                };
                let help = |root: &Path| {
                    format!("fetch it into `{}` first; a shallow checkout has its newest commit only", root.display())
                };
                commits.read(revision).await.map_err(|error| {
                    let is_missing = matches!(error, SourceError::Missing { .. });
                    let error = CliError::from(error);
                    if is_missing { error.with_help(help(&self.root)) } else { error }
                })
            }
        }
    }

    /// The pipeline over this checkout, without an engine.
    ///
    /// # Errors
    /// Whatever keeps one of its parts from being built.
    pub(crate) fn pipeline(&self, settings: &Settings, session: &Session) -> Result<Parts<NoEngine>, CliError> {
        pipeline_over(self.folder.clone(), settings, session)
    }

    /// Compares a base revision with another state, as if the base were running: no engine, platform or key is needed.
    ///
    /// # Errors
    /// Where one of the two, or a catalog, can't be read.
    pub(crate) async fn compare(
        &self,
        base: &str,
        new: Which<'_>,
        settings: &Settings,
        session: &Session,
        pruning: Pruning,
    ) -> Result<Planned, CliError> {
        let base = match (base.strip_suffix("..."), new) {
            (Some(base), Which::WorkingTree) => format!("{base}...HEAD"),
            (Some(base), Which::Revision(new)) => format!("{base}...{new}"),
            (None, _) => base.to_owned(),
        };
        let (base, new) = tokio::try_join!(self.read(Which::Revision(&base)), self.read(new))?;
        let openers = super::credentials::openers(settings, session, Identities::Optional)?.openers;
        let catalogs = offline_catalogs(settings)?;
        let context = parts::context(settings);
        let loader = std::sync::Arc::new(parts::loader(settings, catalogs));
        let assembled = [(base, true), (new, false)].map(|(snapshot, is_base)| {
            let (loader, context) = (std::sync::Arc::clone(&loader), context.clone());
            tokio::spawn(async move {
                if snapshot.files.is_empty() && is_base {
                    return Ok(nothing(snapshot.revision));
                }
                // One of the two waits for the catalogs that the other reads, so its manifests are read before.
                let reading = crate::manifest::read(&snapshot);
                let catalogs = loader.load(&snapshot).await?;
                Ok::<_, CliError>(crate::desired::assemble(reading, &snapshot, &catalogs, &context))
            })
        });
        let [base, new] = assembled;
        let (base, new) = (joined(base.await)?, joined(new.await)?);
        known_instances(pruning.only.iter().flatten().cloned().collect::<Vec<_>>().as_slice(), &new)?;
        let same = |before: &Wanted, after: &Wanted, key: &str| {
            let (before, after) = (before.open_one(key, &openers).ok()??, after.open_one(key, &openers).ok()??);
            Some(before.expose_secret() == after.expose_secret())
        };
        let observed = plan::as_running(&base, &new, &same);
        let pruning = Pruning { absent_before: Pruning::absent(&new, &observed), ..pruning };
        let planned = decide(settings, new, observed, &pruning);
        note_sealed(&base, &planned.desired, &same)?;
        Ok(planned)
    }
}

/// What a revision wants that has no folder of manifests yet.
fn nothing(revision: Revision) -> DesiredState {
    let (wanted, held) = (BTreeMap::new(), BTreeMap::new());
    DesiredState { revision, wanted, held, findings: Vec::new(), complete: true }
}

fn joined(outcome: Result<Result<DesiredState, CliError>, tokio::task::JoinError>) -> Result<DesiredState, CliError> {
    outcome.map_err(|error| CliError::new(Exit::Internal, format!("a comparison ended early: {error}")))?
}

fn decide(settings: &Settings, new: DesiredState, observed: Observed, pruning: &Pruning) -> Planned {
    let digests = plan::sealed_digests(&new, &observed);
    let mut plan = plan::diff(&settings.owner, &new, &observed, &digests, &parts::prune_rules(settings), pruning);
    plan.keep_only(pruning);
    Planned { desired: std::sync::Arc::new(new), observed, plan }
}

/// Says where nobody can tell whether a secret changed.
fn note_sealed(
    base: &DesiredState,
    new: &DesiredState,
    same: &dyn Fn(&Wanted, &Wanted, &str) -> Option<bool>,
) -> Result<(), CliError> {
    let untold = |(before, after): (&Wanted, &Wanted)| {
        let both = after.env.iter().filter_map(|(key, value)| Some((key, value, before.env.get(key)?)));
        let sealed = both.filter(|(_, value, before)| value != before && value.is_sensitive() && before.is_sensitive());
        sealed.filter(|(key, ..)| same(before, after, key).is_none()).count()
    };
    let pairs = new.wanted.values().filter_map(|after| Some((&**base.wanted.get(&after.name)?, &**after)));
    let count: usize = pairs.map(untold).sum();
    if count == 0 {
        return Ok(());
    }
    output::note(&format!(
        "{} {}, and without an identity nobody can tell whether the value changed or only its seal\n",
        render::yellow("note:"),
        match count {
            1 => "1 sensitive value is sealed anew".to_owned(),
            count => format!("{count} sensitive values are sealed anew"),
        }
    ))
}

/// The catalogs of the settings as far as they can be read without a network.
fn offline_catalogs(settings: &Settings) -> Result<Vec<CatalogPlace>, CliError> {
    let mut places = parts::catalogs(settings);
    for place in &mut places {
        if let CatalogPlace::Url { url, sha256, cache, .. } = place {
            let kept = cache.join(format!("{sha256}.json"));
            let content = match std::fs::read(&kept) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                read => read.map_err(|error| {
                    let message = format!("failed to read what is kept of the catalog `{url}`: {error}");
                    CliError::new(Exit::Source, message).with_help(format!("check who may read `{}`", kept.display()))
                })?,
            };
            if hex::encode(Sha256::digest(&content)) != *sha256 {
                let message = format!("the catalog `{url}` is not on this machine, and this command uses no network");
                let help = format!("put it there with `lockstep catalog pull {url} --output {}`", kept.display());
                return Err(CliError::new(Exit::Source, message).with_help(help));
            }
            *place = CatalogPlace::File(kept);
        }
    }
    Ok(places)
}
