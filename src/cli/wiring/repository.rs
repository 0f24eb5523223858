//! Where the folder of the manifests lies in its repository, since reviewers know files by that path.

use std::{path::Path, sync::Arc};

use crate::{
    cli::{CliError, Exit},
    desired::Origin,
    model::{Finding, Place},
    plan::{Plan, Work},
    settings::{Settings, SourceSettings},
};

/// The path of a folder below the root of the git checkout that it lies in, or else below the working directory; empty
/// for these themselves, and for a folder outside of both.
///
/// # Errors
/// Where the folder or the working directory can't be read.
pub(crate) fn prefix(folder: &Path) -> Result<String, CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Source, format!("failed to find the repository of `{}`: {error}", folder.display()))
            .with_help("name a directory that exists and can be read")
    };
    let real = folder.canonicalize().map_err(failed)?;
    let working = std::env::current_dir().and_then(|path| path.canonicalize()).map_err(failed)?;
    let root = real.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&working);
    let below = real.strip_prefix(root).unwrap_or(Path::new(""));
    Ok(below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// The same for the source of the settings, which knows its folder where it is a repository.
///
/// # Errors
/// Where the folder can't be read.
pub(crate) fn source_prefix(settings: &Settings) -> Result<String, CliError> {
    match &settings.source {
        SourceSettings::Directory { path, .. } => prefix(path),
        SourceSettings::Git(git) => Ok(git.path.trim_matches('/').to_owned()),
    }
}

/// Findings with their files below a prefix.
pub(crate) fn below(prefix: &str, findings: &[Finding]) -> Vec<Finding> {
    let moved = |finding: &Finding| {
        let place = Place { file: file_below(prefix, &finding.place.file).into(), ..finding.place.clone() };
        Finding { place, ..finding.clone() }
    };
    findings.iter().map(moved).collect()
}

/// A plan with its files below a prefix.
pub(crate) fn plan_below(prefix: &str, plan: &Plan) -> Plan {
    let move_place = |place: &mut Place| place.file = file_below(prefix, &place.file).into();
    let mut plan = plan.clone();
    for held in &mut plan.held {
        held.findings = below(prefix, &held.findings);
    }
    for step in &mut plan.steps {
        step.reasons.iter_mut().filter_map(|reason| reason.place.as_mut()).for_each(move_place);
        // Of what is made, every field is shown with where it is written.
        if let Work::Create(new) = &mut step.work {
            for origin in Arc::make_mut(&mut new.wanted).origins.values_mut() {
                match origin {
                    Origin::Manifest(place) | Origin::Defaults(place) => move_place(place),
                    Origin::Catalog(_) | Origin::Platform | Origin::Lockstep => {}
                }
            }
        }
    }
    plan
}

/// A file below a prefix.
pub(crate) fn file_below(prefix: &str, file: &str) -> String {
    if prefix.is_empty() { file.to_owned() } else { format!("{prefix}/{file}") }
}
