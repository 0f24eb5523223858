//! Checks manifests without an engine, a platform or a key.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{parts, repository};
use crate::{
    catalog::Catalogs,
    cli::{CliError, Exit, Global, render::Case},
    desired::{self, Context},
    manifest,
    model::{Finding, Policy, PullPolicy, Revision, Snapshot},
    reconcile::{CatalogLoader, CatalogPlace},
    settings::{Settings, SourceSettings},
    source::{DirectoryConfig, DirectorySource, Source},
};

/// What a check has shown.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The instances that were checked, with their files as the repository knows them.
    pub instances: Vec<Case>,
    /// Everything wrong or doubtful, sorted by place.
    pub findings: Vec<Finding>,
    /// The same with the files as the repository knows them.
    pub located: Vec<Finding>,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// Checks paths, or the source of the settings where none is given.
///
/// # Errors
/// Where settings are invalid, or the source or a catalog can't be read.
pub(crate) async fn check(global: &Global, paths: &[PathBuf], catalogs: &[PathBuf]) -> Result<Checked, CliError> {
    let named = global.settings.is_some();
    let settings = if named || Path::new("lockstep.yaml").exists() { Some(parts::settings(global)?) } else { None };
    let root = settings.as_ref().map(|settings| source_folder(settings, global)).transpose()?;
    let mut checked = Checked::default();
    if paths.is_empty() {
        let Some(root) = root else {
            return Err(CliError::new(Exit::Usage, "there is nothing to check: no path, and no settings")
                .with_help("name a directory of manifests, or the settings with `--settings`"));
        };
        check_root(&root, None, settings.as_ref(), catalogs, &mut checked).await?;
        return Ok(checked);
    }
    let mut roots: BTreeSet<(PathBuf, Option<PathBuf>)> = BTreeSet::new();
    for path in paths {
        roots.insert(root_of(path, root.as_deref())?);
    }
    for (root, part) in roots {
        check_root(&root, part.as_deref(), settings.as_ref(), catalogs, &mut checked).await?;
    }
    Finding::sort(&mut checked.findings);
    Finding::sort(&mut checked.located);
    checked.instances.sort();
    Ok(checked)
}

/// Reads catalogs: the files named, or else those of the settings.
///
/// # Errors
/// Where there are none, or one can't be read.
pub(crate) async fn catalogs(global: &Global, files: &[PathBuf]) -> Result<Catalogs, CliError> {
    if !files.is_empty() {
        let places = files.iter().cloned().map(CatalogPlace::File).collect();
        let nothing = Snapshot { revision: Revision::Directory(String::new()), files: Vec::new() };
        return Ok(CatalogLoader::new(places).load(&nothing).await?);
    }
    let settings = parts::settings(global)?;
    let snapshot = DirectorySource::new(DirectoryConfig { root: source_folder(&settings, global)?, poll: None })?;
    let snapshot = snapshot.snapshot().await?;
    Ok(CatalogLoader::new(parts::catalogs(&settings)?).load(&snapshot).await?)
}

/// The folder of the manifests on this machine.
pub(super) fn source_folder(settings: &Settings, global: &Global) -> Result<PathBuf, CliError> {
    match &settings.source {
        SourceSettings::Directory { path, .. } => Ok(path.clone()),
        SourceSettings::Git(git) => {
            // The settings of a git source usually lie in a checkout of it.
            let file = global.settings.clone().unwrap_or_else(|| PathBuf::from("lockstep.yaml"));
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok(folder.join(&git.path))
        }
    }
}

/// The root of the source that a path belongs to, and the part of it that is asked for.
fn root_of(path: &Path, root: Option<&Path>) -> Result<(PathBuf, Option<PathBuf>), CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Source, format!("failed to read `{}`: {error}", path.display()))
            .with_help("name a directory or file that exists")
    };
    let real = path.canonicalize().map_err(failed)?;
    if let Some(root) = root
        && let Ok(real_root) = root.canonicalize()
        && let Ok(part) = real.strip_prefix(&real_root)
    {
        return Ok((root.to_owned(), Some(part.to_owned()).filter(|part| !part.as_os_str().is_empty())));
    }
    if real.is_dir() {
        return Ok((path.to_owned(), None));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder.to_owned(), path.file_name().map(PathBuf::from)))
}

async fn check_root(
    root: &Path,
    part: Option<&Path>,
    settings: Option<&Settings>,
    extra: &[PathBuf],
    checked: &mut Checked,
) -> Result<(), CliError> {
    let source = DirectorySource::new(DirectoryConfig { root: root.to_owned(), poll: None })?;
    let snapshot = source.snapshot().await?;
    let mut places: Vec<_> = extra.iter().cloned().map(CatalogPlace::File).collect();
    if let Some(settings) = settings {
        places.extend(parts::catalogs(settings)?);
    }
    let reading = manifest::read(&snapshot);
    let named = reading.manifests.iter().map(|manifest| (&manifest.name.value, &*manifest.name.place.file));
    let inside = |file: &str| part.is_none_or(|part| Path::new(file).starts_with(part));
    let mut names: BTreeMap<_, String> =
        named.filter(|(_, file)| inside(file)).map(|(name, file)| (name.clone(), file.to_owned())).collect();
    let findings = if places.is_empty() {
        checked.notes.push("without a catalog, configurations are not checked; name one with `--catalog`".to_owned());
        reading.findings
    } else {
        let context = settings.map_or_else(any_context, parts::context);
        assemble(reading, &snapshot, places, &context).await?
    };
    let of_part: Vec<_> = findings.into_iter().filter(|finding| inside(&finding.place.file)).collect();
    for finding in &of_part {
        if let Some(name) = &finding.instance {
            names.entry(name.clone()).or_insert_with(|| finding.place.file.to_string());
        }
    }
    let prefix = repository::prefix(root)?;
    let case = |(instance, file): (_, String)| Case { file: repository::file_below(&prefix, &file), instance };
    checked.instances.extend(names.into_iter().map(case));
    checked.located.extend(repository::below(&prefix, &of_part));
    checked.findings.extend(of_part);
    Ok(())
}

async fn assemble(
    reading: manifest::Reading,
    snapshot: &Snapshot,
    places: Vec<CatalogPlace>,
    context: &Context,
) -> Result<Vec<Finding>, CliError> {
    let catalogs = CatalogLoader::new(places).load(snapshot).await?;
    Ok(desired::assemble(reading, snapshot, &catalogs, context).findings)
}

/// Where there are no settings, every platform name is taken and the policy is the default one.
fn any_context() -> Context {
    Context {
        platforms: BTreeMap::new(),
        any_platform: true,
        policy: Policy::default(),
        network: None,
        pull: PullPolicy::IfNotPresent,
    }
}
