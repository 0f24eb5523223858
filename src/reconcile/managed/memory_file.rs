//! The file in which what is remembered of managed instances stands; losing it costs no container.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    durable,
    managed::{Memory, Remembered},
    manifest::WantedState,
    model::{ConnectorId, InstanceName, PlatformName},
};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Its name in the state folder.
const NAME: &str = "managed.json";
/// The version of its form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct MemoryFile {
    version: u32,
    instances: Vec<Entry>,
    #[serde(default)]
    begun: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    platform: String,
    instance: String,
    id: String,
    of_source: bool,
    started: bool,
    last_started: bool,
    hash: String,
    listed: String,
    reset: Option<String>,
    agreed: Option<String>,
    token: Option<String>,
    #[serde(default)]
    given: BTreeMap<String, Option<String>>,
}

fn state(started: bool) -> WantedState {
    if started { WantedState::Started } else { WantedState::Stopped }
}

impl Entry {
    fn of(((platform, instance), entry): (&(PlatformName, InstanceName), &Remembered)) -> Self {
        Self {
            platform: platform.to_string(),
            instance: instance.to_string(),
            id: entry.id.to_string(),
            of_source: entry.of_source,
            started: entry.state == WantedState::Started,
            last_started: entry.last == WantedState::Started,
            hash: entry.hash.clone(),
            listed: entry.listed.clone(),
            reset: entry.reset.clone(),
            agreed: entry.agreed.clone(),
            token: entry.token.as_ref().map(ToString::to_string),
            given: entry.given.clone(),
        }
    }

    fn into_remembered(self) -> Option<((PlatformName, InstanceName), Remembered)> {
        let key = (
            PlatformName::try_from(self.platform.as_str()).ok()?,
            InstanceName::try_from(self.instance.as_str()).ok()?,
        );
        let remembered = Remembered {
            id: ConnectorId::try_from(self.id.as_str()).ok()?,
            of_source: self.of_source,
            state: state(self.started),
            last: state(self.last_started),
            hash: self.hash,
            listed: self.listed,
            reset: self.reset,
            agreed: self.agreed,
            token: self.token.map(Into::into),
            given: self.given,
        };
        Some((key, remembered))
    }
}

/// Reads what a former run left in a folder. A file that is missing or damaged is as good as none, and is said in the log.
pub fn read_memory(folder: &Path) -> Memory {
    let path = folder.join(NAME);
    let content = match durable::read(&path, MAX_BYTES) {
        Ok(Some(content)) => content,
        Ok(None) => return Memory::default(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "failed to read what is remembered of managed instances");
            return Memory::default();
        }
    };
    let (entries, begun_names) = match serde_json::from_slice::<MemoryFile>(&content) {
        Ok(MemoryFile { version: VERSION, instances, begun }) => (instances, begun),
        Ok(MemoryFile { version, .. }) => {
            tracing::warn!(path = %path.display(), version, "what is remembered of managed instances is of another form; going on without it");
            return Memory::default();
        }
        Err(error) => {
            // Where it went wrong, not what stands there.
            let (path, line, column) = (path.display(), error.line(), error.column());
            tracing::warn!(%path, line, column, "what is remembered of managed instances can't be read; going on without it");
            return Memory::default();
        }
    };
    let begun = |(platform, instance): &(String, String)| {
        Some((PlatformName::try_from(platform.as_str()).ok()?, InstanceName::try_from(instance.as_str()).ok()?))
    };
    Memory {
        instances: entries.into_iter().filter_map(Entry::into_remembered).collect(),
        begun: begun_names.iter().filter_map(begun).collect(),
    }
}

/// Writes it so that a crash leaves either the former or the new content.
///
/// # Errors
/// Where the folder can't be written.
pub fn write_memory(folder: &Path, memory: &Memory) -> Result<(), std::io::Error> {
    let begun = memory.begun.iter().map(|(platform, instance)| (platform.to_string(), instance.to_string()));
    let instances = memory.instances.iter().map(Entry::of).collect();
    let file = MemoryFile { version: VERSION, instances, begun: begun.collect() };
    let content = serde_json::to_vec(&file)?;
    durable::keep(&folder.join(NAME), &content)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_damage_is_as_good_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_memory(folder.path()), Memory::default());
        let key = (PlatformName::try_from("opencti").unwrap(), InstanceName::try_from("a").unwrap());
        let entry = Remembered {
            id: ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").unwrap(),
            of_source: true,
            state: WantedState::Started,
            last: WantedState::Stopped,
            hash: "h".to_owned(),
            listed: "l".to_owned(),
            reset: Some("r".to_owned()),
            agreed: None,
            token: Some("envelope".into()),
            given: BTreeMap::from([("NO_PROXY".to_owned(), Some("a".to_owned())), ("HTTP_PROXY".to_owned(), None)]),
        };
        let memory = Memory { begun: BTreeSet::from([key.clone()]), instances: BTreeMap::from([(key, entry)]) };
        write_memory(folder.path(), &memory).unwrap();
        assert_eq!(read_memory(folder.path()), memory);
        for content in ["", "{}", r#"{"version":2,"instances":[]}"#, "\u{0}"] {
            fs::write(folder.path().join(NAME), content).unwrap();
            assert_eq!(read_memory(folder.path()), Memory::default(), "{content:?}");
        }
    }
}
