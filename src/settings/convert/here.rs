//! Where in the file a value stands, and what is converted alike everywhere.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use crate::{
    model::{Code, Finding, Place, units},
    settings::{
        dto::SecretRefDto,
        types::SecretRef,
        urls::{self, PlainHttp, Refused},
    },
    yaml::Node,
};

/// A value of the file: where it stands, and its name from the root. A value that is not there stands at what holds it.
pub(in crate::settings) struct Here<'a> {
    /// The value without what was refused in it.
    node: Option<&'a Node>,
    /// The value as it was written.
    written: Option<&'a Node>,
    place: Place,
    name: String,
}

impl<'a> Here<'a> {
    /// The whole file: without what was refused in it, and as it was written.
    pub(in crate::settings) fn root(node: &'a Node, written: &'a Node) -> Self {
        Self { node: Some(node), written: Some(written), place: written.place.clone(), name: String::new() }
    }

    /// A field of this map.
    pub(super) fn field(&self, key: &str) -> Self {
        // Some keys are names that the author chose.
        let shown: String = key.chars().take(63).flat_map(char::escape_debug).collect();
        let name = if self.name.is_empty() { shown } else { format!("{}.{shown}", self.name) };
        let get = |node: Option<&'a Node>| node.and_then(|node| node.get(key));
        self.inner(name, get(self.node), get(self.written))
    }

    /// An item of this list.
    pub(super) fn item(&self, index: usize) -> Self {
        let item = self.node.and_then(Node::items).and_then(|items| items.get(index));
        // Items that were refused are missing in the one list and not in the other: the place tells which item it is.
        let same = |written: &&Node| Some(&written.place) == item.map(|item| &item.place);
        let written = self.written.and_then(Node::items).and_then(|items| items.iter().find(same));
        self.inner(format!("{}[{index}]", self.name), item, written)
    }

    fn inner(&self, name: String, node: Option<&'a Node>, written: Option<&'a Node>) -> Self {
        let place = written.or(node).map_or_else(|| self.place.clone(), |node| node.place.clone());
        Self { node, written, place, name }
    }

    /// Whether something was refused in this value.
    pub(super) fn is_broken(&self) -> bool {
        self.node != self.written
    }
}

/// Collects findings while values are converted.
pub(in crate::settings) struct Converter {
    /// The folder that relative paths start from.
    folder: PathBuf,
    findings: Vec<Finding>,
}

impl Converter {
    /// Starts with what was found so far; relative paths start from `folder`.
    pub(in crate::settings) fn new(folder: &Path, findings: Vec<Finding>) -> Self {
        Self { folder: folder.to_owned(), findings }
    }

    /// Everything that was found.
    pub(in crate::settings) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// How many findings there are.
    pub(super) fn count(&self) -> usize {
        self.findings.len()
    }

    /// Reports a value: `why` follows its name. The value itself is never shown.
    pub(super) fn refuse(&mut self, here: &Here<'_>, code: Code, why: impl Display, help: &str) {
        let finding = Finding::error(code, here.place.clone(), format!("`{}` {why}", here.name));
        self.findings.push(finding.with_help(help));
    }

    fn refused(&mut self, here: &Here<'_>, refused: &Refused) {
        self.refuse(here, refused.code, refused.why, refused.help);
    }

    /// Takes what a rule for addresses accepts.
    pub(super) fn accepted<T>(&mut self, outcome: Result<T, Refused>, here: &Here<'_>) -> Option<T> {
        outcome.map_err(|refused| self.refused(here, &refused)).ok()
    }

    /// A path, relative to the folder of the settings file.
    pub(super) fn path(&mut self, text: &str, here: &Here<'_>) -> Option<PathBuf> {
        if text.is_empty() || text.contains('\0') {
            self.refuse(here, Code::BadFormat, "is not a path", "write the path of a file or directory");
            return None;
        }
        Some(self.folder.join(text))
    }

    /// A path below the root of the source.
    pub(super) fn path_in_source(&mut self, text: &str, here: &Here<'_>) -> Option<String> {
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if text.starts_with('/') || parts.contains(&"..") || text.contains(|c: char| c.is_control() || c == '\\') {
            self.refuse(
                here,
                Code::BadFormat,
                "must be a relative path without `..`",
                "write it from the root of the source, without a `/` before it",
            );
            return None;
        }
        Some(parts.join("/"))
    }

    /// A duration; where bounds are given, from the first to the second of them.
    pub(super) fn duration(
        &mut self,
        text: Option<&str>,
        default: Duration,
        bounds: Option<(Duration, Duration)>,
        here: &Here<'_>,
    ) -> Option<Duration> {
        let Some(text) = text else { return Some(default) };
        let Some(duration) = units::duration(text) else {
            self.refuse(here, Code::BadFormat, "is not a duration", "write it like `30s` or `1h30m`");
            return None;
        };
        match bounds {
            Some((least, most)) if duration < least || duration > most => {
                let help = format!("it must be {} s to {} s", least.as_secs(), most.as_secs());
                self.refuse(here, Code::OutOfRange, "is out of its range", &help);
                None
            }
            Some(_) | None => Some(duration),
        }
    }

    /// An address of a web server.
    pub(super) fn web(&mut self, text: &str, plain: PlainHttp, here: &Here<'_>) -> Option<Url> {
        self.accepted(urls::web(text, plain), here)
    }

    /// A reference to a secret.
    pub(super) fn secret(&mut self, dto: &SecretRefDto, here: &Here<'_>) -> Option<SecretRef> {
        match (&dto.file, &dto.env) {
            (Some(file), None) => self.path(file, &here.field("file")).map(SecretRef::File),
            (None, Some(name)) => Some(SecretRef::Env(name.clone())),
            (None, None) if here.is_broken() => None,
            (None, None) => {
                self.refuse(here, Code::MissingField, "names no secret", "write `{file: PATH}` or `{env: NAME}`");
                None
            }
            (Some(_), Some(_)) => {
                self.refuse(here, Code::NotAllowed, "has both `file` and `env`", "keep one of the two");
                None
            }
        }
    }
}
