//! The variables that a service takes from files, named with `env_file`.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    compose::{Compose, Service},
    environment::Variable,
    interpolate,
    log::Log,
    types::{ComposeFile, EnvFile},
};
use crate::{
    model::{Code, Place, chain},
    secrets::{self, SecretMap},
    yaml::{Node, shown},
};

/// What helps where a file is not read.
const BY_HAND: &str = "write its variables below `spec.config`, its secrets sealed";

/// The paths that the services of a compose file name with `env_file`, after interpolation; whoever asks for an import
/// reads them, and puts them beside the file.
pub fn env_files(file: &ComposeFile, variables: Option<&SecretMap>) -> BTreeSet<String> {
    let services = Compose::read(file).map_or_else(|_| Vec::new(), |compose| compose.services);
    services.iter().flat_map(|service| named(service, variables)).filter_map(|named| named.path.ok()).collect()
}

/// A file as a service names it.
struct Named {
    /// Its path, or why that is not known.
    path: Result<String, String>,
    place: Place,
    /// Whether compose refuses to start without it.
    required: bool,
    /// Whether its lines are taken as they are, without quotes and variables.
    raw: bool,
}

/// The files of a service, in order: a path, or a list of paths and of maps with `path`, `required` and `format`.
fn named(service: &Service, variables: Option<&SecretMap>) -> Vec<Named> {
    let Some(node) = service.node.get("env_file") else { return Vec::new() };
    let nodes = node.items().map_or_else(|| vec![node], |items| items.iter().collect());
    let word = |node: &Node, key: &str| node.get(key).and_then(Node::scalar).map(|scalar| scalar.text.clone());
    let one = |node: &Node| Named {
        path: path(node.get("path").unwrap_or(node), variables),
        place: node.place.clone(),
        required: word(node, "required").as_deref() != Some("false"),
        raw: word(node, "format").is_some_and(|format| format == "raw"),
    };
    nodes.into_iter().map(one).collect()
}

fn path(node: &Node, variables: Option<&SecretMap>) -> Result<String, String> {
    let scalar = node.scalar().ok_or_else(|| "names no path".to_owned())?;
    let expanded = interpolate::expand(&scalar.text, variables);
    match expanded.unknown.first() {
        Some(name) => Err(format!("uses `{name}`, which has no value")),
        None if expanded.broken => Err("has a `$` that begins no variable".to_owned()),
        None => Ok(expanded.text),
    }
}

/// The variables of all files of a service: of one that is there twice, the last counts, as compose has it.
pub(super) fn variables(
    compose: &Compose<'_>,
    service: &Service,
    given: Option<&SecretMap>,
    log: &mut Log,
) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    for named in named(service, given) {
        for variable in of_file(compose, &named, log) {
            match variables.iter_mut().find(|former| former.key == variable.key) {
                Some(former) => *former = variable,
                None => variables.push(variable),
            }
        }
    }
    variables
}

fn of_file(compose: &Compose<'_>, named: &Named, log: &mut Log) -> Vec<Variable> {
    let mut lost = |what: String| log.need(Code::UnknownField, &named.place, what, BY_HAND);
    let path = match &named.path {
        Ok(path) => path,
        Err(why) => {
            lost(format!("`env_file` {why}, and is not carried over"));
            return Vec::new();
        }
    };
    if named.raw {
        lost(format!("`{}` of `env_file` is of format `raw`, and is not carried over", shown(path)));
        return Vec::new();
    }
    let read = match compose.env_files.get(path) {
        Some(EnvFile::Read(content)) => content,
        Some(EnvFile::Refused(why)) => {
            lost(format!("`{}` of `env_file` {why}, and is not carried over", shown(path)));
            return Vec::new();
        }
        Some(EnvFile::Missing) | None if named.required => {
            lost(format!("`{}` of `env_file` is not there, and is not carried over", shown(path)));
            return Vec::new();
        }
        Some(EnvFile::Missing) | None => {
            log.note(&named.place, format!("`{}` of `env_file` is not there, and need not be", shown(path)));
            return Vec::new();
        }
    };
    let name: Arc<str> = shown(path).into();
    let variables = std::str::from_utf8(read)
        .map_err(|_| format!("`{name}` is not UTF-8"))
        .and_then(|text| secrets::env_file(&name, text).map_err(|error| chain(&error)));
    match variables {
        Ok(variables) => variables.into_iter().map(|variable| of_line(variable, &name)).collect(),
        Err(why) => {
            lost(format!("a file of `env_file` is not carried over: {why}"));
            Vec::new()
        }
    }
}

fn of_line(variable: secrets::EnvVariable, file: &Arc<str>) -> Variable {
    let secrets::EnvVariable { line, key, text, literal } = variable;
    let raw = text.map(|text| if literal { text.replace('$', "$$") } else { text });
    Variable { key, raw, place: Place { file: Arc::clone(file), line, column: 1 }, comment: None }
}
