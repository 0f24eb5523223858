//! What can still be told about a document whose text is broken.

use super::document::{API_VERSION, DEFAULTS, INSTANCE, SETTINGS};
use crate::{
    model::InstanceName,
    yaml::{Document, Node},
};

/// What kind of document something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It declares an instance.
    Instance,
    /// It gives values to the instances below its folder.
    Defaults,
    /// It holds the settings, which are read elsewhere.
    Settings,
    /// It is something else, or can't be told.
    Unknown,
}

fn role_of(api_version: &str, kind: &str) -> Role {
    match (api_version, kind) {
        (API_VERSION, INSTANCE) => Role::Instance,
        (API_VERSION, DEFAULTS) => Role::Defaults,
        (API_VERSION, SETTINGS) => Role::Settings,
        _ => Role::Unknown,
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key)?.scalar().map(|scalar| scalar.text.as_str())
}

/// What kind of document a tree is.
pub(super) fn role(root: &Node) -> Role {
    role_of(text(root, "apiVersion").unwrap_or_default(), text(root, "kind").unwrap_or_default())
}

/// The name in a tree, if it is a good one.
pub(super) fn name(root: &Node) -> Option<InstanceName> {
    InstanceName::try_from(text(root.get("metadata")?, "name")?).ok()
}

/// What kind of document a broken one was meant to be, and the name that its text still shows.
pub(super) fn of_broken(document: &Document, content: &[u8]) -> (Role, Option<InstanceName>) {
    let source = String::from_utf8_lossy(content.get(document.bytes.clone()).unwrap_or_default());
    let root = document.root.as_ref();
    let field = |key: &str| root.and_then(|root| text(root, key)).or_else(|| top_level(&source, key));
    let role = role_of(field("apiVersion").unwrap_or_default(), field("kind").unwrap_or_default());
    let name = root.and_then(name).or_else(|| InstanceName::try_from(metadata_name(&source)?).ok());
    (role, name)
}

/// The value of a line `KEY: VALUE` that is not indented.
fn top_level<'a>(source: &'a str, key: &str) -> Option<&'a str> {
    source.lines().find_map(|line| value_of(line, key))
}

/// The value of the line `name: VALUE` directly below a line `metadata:`, or in a line `metadata: {…}`.
fn metadata_name(source: &str) -> Option<&str> {
    if let Some(braced) = source.lines().find_map(|line| line.strip_prefix("metadata: {")) {
        return braced.split([',', '}']).find_map(|part| value_of(part.trim_start(), "name"));
    }
    let mut lines = source.lines().skip_while(|line| line.trim_end() != "metadata:").skip(1).peekable();
    let indent = indentation(lines.peek()?);
    let block = lines.take_while(|line| indentation(line) > 0 || line.trim().is_empty());
    let mut direct = block.filter(|line| indent > 0 && indentation(line) == indent);
    direct.find_map(|line| value_of(line.trim_start(), "name"))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.strip_prefix(':')?;
    let value = value.split_once(" #").map_or(value, |(value, _)| value).trim();
    Some(value.trim_matches(['"', '\'']))
}
