//! The checkout that the settings lie in, and what two of its revisions want.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::{Identities, Parts, known_instances, left_to_the_end, offline, parts, parts::pipeline_over, resealed};
use crate::{
    cli::{CliError, Exit, commands::Session, output, render},
    desired::{Assembled, Context, DesiredState, Openers, Wanted},
    engine::NoEngine,
    manifest::Parsed,
    model::{Cited, Revision, Snapshot},
    plan::{self, Observed, Pruning},
    reconcile::{self, CatalogLoader, CatalogPlace, Planned},
    settings::{self, Settings},
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
                Ok(source.refusing_hidden().snapshot().await?)
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
        let usual = Arc::new(Means::of(settings)?);
        let means = |other: Option<Settings>| {
            other.map_or_else(|| Ok(Arc::clone(&usual)), |other| Means::of(&other).map(Arc::new))
        };
        let of_base = Which::Revision(&base);
        // All of the new state is read while the child of the base is still at it.
        let new = async {
            let (snapshot, other) = tokio::try_join!(self.read(new), self.other_settings(new, session))?;
            let means = means(other)?;
            joined(tokio::spawn(async move { Side::of(snapshot, means).await }).await)
        };
        let (base, other, new) = tokio::try_join!(self.read(of_base), self.other_settings(of_base, session), new)?;
        let (base, new) = new.beside(base, &means(other)?).await?;
        let read = || Ok::<_, CliError>(super::credentials::openers(settings, session, Identities::Optional)?.openers);
        // No key or token is read where every secret is as it was sealed before.
        let openers = if resealed::is_resealed(&base, &new) { read()? } else { Openers::default() };
        known_instances(pruning.only.iter().flatten().cloned().collect::<Vec<_>>().as_slice(), &new)?;
        let same = |before: &Wanted, after: &Wanted, key: &str| {
            let (before, after) = (before.open_one(key, &openers).ok()??, after.open_one(key, &openers).ok()??);
            Some(before.expose_secret() == after.expose_secret())
        };
        let observed = plan::as_running(&base, &new, &same);
        let pruning = Pruning { absent_before: Pruning::absent(&new, &observed), ..pruning };
        let mut planned = decide(settings, new, observed, &pruning);
        self.cite(&mut planned).await;
        resealed::note_resealed(&base, &planned.desired, &same)?;
        resealed::note_renamed(&base, &planned, read)?;
        left_to_the_end((base, Arc::clone(&planned.desired)));
        Ok(planned)
    }

    /// Adds which commits wrote the lines that a plan names, as far as they are found quickly.
    async fn cite(&self, planned: &mut Planned) {
        let Some(commits) = &self.commits else { return };
        let revision = planned.plan.revision.clone();
        let commit = match &revision {
            Revision::Commit(commit) => Some(commit.as_str()),
            Revision::Directory(_) => None,
        };
        let blame = async |lines: &[Cited]| match commits.blame(commit, lines).await {
            Ok(commits) => commits,
            Err(error) => {
                tracing::debug!(%error, "it is not known who wrote the lines of the plan");
                BTreeMap::new()
            }
        };
        reconcile::cite(&mut planned.plan, blame).await;
    }
}

impl LocalCheckout {
    /// The settings of a state of this checkout, where they lie in it and are other ones than those of its files.
    async fn other_settings(&self, which: Which<'_>, session: &Session) -> Result<Option<Settings>, CliError> {
        let (Which::Revision(revision), Some(commits)) = (which, &self.commits) else { return Ok(None) };
        let path = session.global.settings.clone().unwrap_or_else(|| PathBuf::from("lockstep.yaml"));
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Source, format!("failed to find the settings `{}` in git: {error}", path.display()))
                .with_help("run this in a checkout of the repository, with its settings")
        };
        let (real, now) = (path.canonicalize().map_err(failed)?, std::fs::read(&path).map_err(failed)?);
        let Some(below) = real.strip_prefix(&self.root).ok().and_then(Path::to_str) else { return Ok(None) };
        let then = match commits.file(revision, below).await {
            Ok(Some(then)) => then,
            // Who reads its manifests says that there is no such commit.
            Ok(None) | Err(SourceError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if *then.content == *now {
            return Ok(None);
        }
        let name = path.display();
        let (settings, what) = match settings::read(&path.to_string_lossy(), &then.content) {
            Ok(settings) => (Some(settings), "differs: each side is planned with its own"),
            Err(_) => (None, "is invalid: both sides are planned with the one that lies here"),
        };
        let revision = revision.escape_debug();
        output::note(&format!("{} `{name}` of `{revision}` {what}\n", render::yellow("note:")))?;
        Ok(settings)
    }
}

/// What a state of a checkout is put together with.
struct Means {
    loader: CatalogLoader,
    context: Context,
}

impl Means {
    fn of(settings: &Settings) -> Result<Self, CliError> {
        let loader = parts::loader(settings, offline_catalogs(settings)?);
        Ok(Self { loader, context: parts::context(settings) })
    }
}

/// One state of a checkout, read and put together.
struct Side {
    manifests: Parsed,
    assembled: Assembled,
    means: Arc<Means>,
}

impl Side {
    async fn of(snapshot: Snapshot, means: Arc<Means>) -> Result<Self, CliError> {
        let (manifests, reading, catalogs) = reconcile::parse(&snapshot, &means.loader).await;
        let assembled = Assembled::of(reading, &snapshot, &catalogs?, &means.context);
        Ok(Self { manifests, assembled, means })
    }

    /// What the base of this state wants, and what this state wants; what is the same in both is made only once.
    async fn beside(self, base: Snapshot, means: &Arc<Means>) -> Result<(DesiredState, DesiredState), CliError> {
        let desired = if base.files.is_empty() {
            nothing(base.revision)
        } else {
            let catalogs = means.loader.load(&base).await?;
            let reading = Parsed::beside(&base, &self.manifests).read();
            let assembled = if Arc::ptr_eq(means, &self.means) {
                Assembled::beside(reading, &base, &catalogs, &means.context, &self.assembled)
            } else {
                Assembled::of(reading, &base, &catalogs, &means.context)
            };
            assembled.into_desired()
        };
        let new = self.assembled.into_desired();
        left_to_the_end((self.manifests, self.means));
        Ok((desired, new))
    }
}

/// What a revision wants that has no folder of manifests yet.
fn nothing(revision: Revision) -> DesiredState {
    let (wanted, held) = (BTreeMap::new(), BTreeMap::new());
    DesiredState { revision, wanted, held, findings: Vec::new(), complete: true }
}

fn joined<T>(outcome: Result<Result<T, CliError>, tokio::task::JoinError>) -> Result<T, CliError> {
    outcome.map_err(|error| CliError::new(Exit::Internal, format!("a comparison ended early: {error}")))?
}

fn decide(settings: &Settings, new: DesiredState, observed: Observed, pruning: &Pruning) -> Planned {
    let digests = plan::sealed_digests(&new, &observed);
    let mut plan = plan::diff(&settings.owner, &new, &observed, &digests, &parts::prune_rules(settings), pruning);
    plan.keep_only(pruning);
    Planned { desired: Arc::new(new), observed, plan }
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
