//! Checks manifests without an engine, a platform or a key.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{left_to_the_end, parts, repository};
use crate::{
    catalog::Catalogs,
    cli::{CliError, Exit, Global, render::Case},
    desired::{self, Context, DesiredState},
    manifest,
    model::{Finding, PlatformName, Policy, PullPolicy, Revision, Snapshot},
    reconcile::{self, CatalogLoader, CatalogPlace},
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
    let settings = settings_if_any(global)?;
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
    Ok(parts::loader(&settings, parts::catalogs(&settings)).load(&snapshot).await?)
}

/// The settings, where a command can do without.
///
/// # Errors
/// Where there are some, and they are invalid.
pub(crate) fn settings_if_any(global: &Global) -> Result<Option<Settings>, CliError> {
    let there = global.settings.is_some() || Path::new("lockstep.yaml").exists();
    there.then(|| parts::settings(global)).transpose()
}

/// Reads the manifests of a directory, or else of the source of the settings; none where there is neither.
///
/// # Errors
/// Where they can't be read.
pub(crate) async fn reading(
    global: &Global,
    settings: Option<&Settings>,
    directory: Option<&Path>,
) -> Result<Option<(manifest::Reading, Snapshot)>, CliError> {
    let of_settings = || settings.map(|settings| source_folder(settings, global)).transpose();
    let Some(root) = directory.map(|path| Ok(Some(path.to_owned()))).unwrap_or_else(of_settings)? else {
        return Ok(None);
    };
    let snapshot = DirectorySource::new(DirectoryConfig { root, poll: None })?.snapshot().await?;
    Ok(Some((manifest::read(&snapshot), snapshot)))
}

/// The catalog of a name: a platform of the settings, a catalog that they name by path or URL, or else a file.
///
/// # Errors
/// Where it can't be read.
pub(crate) async fn named_catalog(
    settings: Option<&Settings>,
    name: &str,
    snapshot: Option<&Snapshot>,
) -> Result<Catalogs, CliError> {
    let of_platform = settings.and_then(|settings| {
        let platform = PlatformName::try_from(name).ok()?;
        settings.platforms.contains_key(&platform).then_some(CatalogPlace::Platform(platform))
    });
    let is_named = |place: &CatalogPlace| match place {
        CatalogPlace::Source(path) => path == name,
        CatalogPlace::Url { url, .. } => url == name,
        CatalogPlace::File(_) | CatalogPlace::Platform(_) => false,
    };
    let of_settings = || parts::catalogs(settings?).into_iter().find(is_named);
    let place = of_platform.or_else(of_settings).unwrap_or_else(|| CatalogPlace::File(PathBuf::from(name)));
    let nothing = Snapshot { revision: Revision::Directory(String::new()), files: Vec::new() };
    let loader = match settings {
        Some(settings) => parts::loader(settings, vec![place]),
        None => CatalogLoader::new(vec![place]),
    };
    Ok(loader.load(snapshot.unwrap_or(&nothing)).await?)
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
        places.extend(parts::catalogs(settings));
    }
    let places_named = !places.is_empty();
    let loader = match settings {
        Some(settings) => parts::loader(settings, places),
        None => CatalogLoader::new(places),
    };
    let (reading, catalogs) = reconcile::read(&snapshot, &loader).await;
    let named = reading.manifests.iter().map(|manifest| (&manifest.name.value, &*manifest.name.place.file));
    let inside = |file: &str| part.is_none_or(|part| Path::new(file).starts_with(part));
    let mut names: BTreeMap<_, String> =
        named.filter(|(_, file)| inside(file)).map(|(name, file)| (name.clone(), file.to_owned())).collect();
    let findings = if places_named {
        let context = settings.map_or_else(any_context, parts::context);
        let catalogs = catalogs?;
        let DesiredState { findings, wanted, .. } = desired::assemble(reading, &snapshot, &catalogs, &context);
        left_to_the_end((wanted, catalogs, loader));
        findings
    } else {
        checked.notes.push("without a catalog, configurations are not checked; name one with `--catalog`".to_owned());
        reading.findings
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
