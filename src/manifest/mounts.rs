//! Volumes, bind mounts and file systems in memory as a manifest writes them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    field::{Read, document},
    scalars::{AbsolutePath, EngineName, Size, is_absolute, is_engine_name},
};
use crate::{
    model::{self, Code, Finding, MountSource},
    yaml::{Kind, Node, Path},
};

document! {
    /// A volume as a map.
    VolumeMap {
        /// A named volume of the engine, created when missing.
        "name" name: EngineName,
        /// A path of the host; needs the operator's policy.
        "bind" bind: AbsolutePath,
        /// Where it is mounted in the container.
        "path" path: AbsolutePath,
        /// Whether the container can't write to it.
        "readOnly" read_only: bool,
    }
}

document! {
    /// A file system in memory as a map.
    TmpfsMap {
        /// Where it is mounted in the container.
        "path" path: AbsolutePath,
        /// Its bound.
        "size" size: Size,
    }
}

/// Something mounted, in either form.
#[derive(Debug, Clone)]
pub(super) struct Volume(pub(super) model::Volume);

/// A file system in memory, in either form.
#[derive(Debug, Clone)]
pub(super) struct Tmpfs(pub(super) model::Tmpfs);

impl JsonSchema for Volume {
    fn schema_name() -> Cow<'static, str> {
        "Volume".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<VolumeMap>();
        json_schema!({
            "anyOf": [
                {
                    "description": "`NAME:/path[:ro]`, or `/host/path:/path[:ro]`.",
                    "type": "string",
                    "examples": ["data:/var/lib/data"]
                },
                map
            ]
        })
    }
}

impl JsonSchema for Tmpfs {
    fn schema_name() -> Cow<'static, str> {
        "Tmpfs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<TmpfsMap>();
        json_schema!({ "anyOf": [generator.subschema_for::<AbsolutePath>(), map] })
    }
}

impl Read for Volume {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        match &node.kind {
            Kind::Null | Kind::List(_) => None,
            Kind::Scalar(scalar) => {
                let volume = short(&scalar.text);
                if volume.is_none() {
                    let message = format!("`{path}` is no volume");
                    let finding = Finding::error(Code::BadFormat, node.place.clone(), message);
                    findings.push(finding.with_help(
                        "write it like `data:/var/lib/data` or `/srv/data:/data:ro`; paths are absolute and have no `..`",
                    ));
                }
                volume.map(Self)
            }
            Kind::Map(_) => {
                let map = VolumeMap::read(node, path, findings)?;
                let source = match (node.get("name").is_some(), node.get("bind").is_some()) {
                    (true, false) => map.name.take().map(|name| MountSource::Volume(name.0)),
                    (false, true) => map.bind.take().map(|bind| MountSource::Bind(bind.0)),
                    (true, true) | (false, false) => {
                        let message = format!("`{path}` must have either `name` or `bind`");
                        let finding = Finding::error(Code::MissingField, node.place.clone(), message);
                        findings.push(finding.with_help("`name` is a volume of the engine, `bind` a path of the host"));
                        None
                    }
                };
                missing_path(node, path, findings);
                let target = map.path.take()?.0;
                Some(Self(model::Volume {
                    source: source?,
                    target,
                    read_only: map.read_only.take().unwrap_or_default(),
                }))
            }
        }
    }
}

impl Read for Tmpfs {
    fn read(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) -> Option<Self> {
        if node.scalar().is_some() {
            let target = AbsolutePath::read(node, path, findings)?.0;
            return Some(Self(model::Tmpfs { target, size: None }));
        }
        let map = TmpfsMap::read(node, path, findings)?;
        missing_path(node, path, findings);
        Some(Self(model::Tmpfs { target: map.path.take()?.0, size: map.size.take().map(|size| size.0) }))
    }
}

fn missing_path(node: &Node, path: &Path<'_>, findings: &mut Vec<Finding>) {
    if node.get("path").is_none() {
        let finding = Finding::error(Code::MissingField, node.place.clone(), format!("`{path}` lacks `path`"));
        findings.push(finding.with_help("add `path`: where it is mounted in the container"));
    }
}

/// Reads `SOURCE:TARGET[:ro|rw]`.
fn short(text: &str) -> Option<model::Volume> {
    let mut parts = text.split(':');
    let (source, target) = (parts.next()?, parts.next()?);
    let read_only = match parts.next() {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return None,
    };
    let source = if is_engine_name(source) {
        MountSource::Volume(source.to_owned())
    } else if is_absolute(source) {
        MountSource::Bind(source.to_owned())
    } else {
        return None;
    };
    let whole = parts.next().is_none() && is_absolute(target);
    whole.then(|| model::Volume { source, target: target.to_owned(), read_only })
}
