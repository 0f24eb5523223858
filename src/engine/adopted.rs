//! Containers of another manager that were taken over while they run: their labels can't be changed, so a file says so.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{durable, model::InstanceName, plan::ContainerId};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Its name in the state folder.
const NAME: &str = "adopted.json";
/// The version of its form.
const VERSION: u32 = 1;

/// The manager whose container it is, as the vendor's manager labels its own.
pub(super) const MANAGER: &str = "opencti-manager";
/// The connector that such a container runs, by the id of its instance at the platform.
pub(super) const CONNECTOR: &str = "opencti-connector-id";
/// The kind of platform that such a container belongs to.
pub(super) const PLATFORM: &str = "opencti-platform";

/// A container that another connector manager made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignManaged {
    /// Its id.
    pub container: ContainerId,
    /// Its name.
    pub name: String,
    /// What its label says that it runs, as written: OpenCTI's id of the connector, OpenAEV's id of the instance.
    pub connector: String,
    /// The id of the connector it runs, as our own labels have it.
    pub id: String,
    /// What the platform's configuration was when it was made, in the platform's own digits.
    pub hash: Option<String>,
    /// Whether it runs.
    pub running: bool,
}

/// A container that was taken over: what its labels would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Its id.
    pub container: String,
    /// What its label says that it runs, by which it is known to be the same.
    pub connector: String,
    /// The id of the connector it runs.
    pub id: String,
    /// The instance.
    pub instance: String,
    /// The platform's name in the settings.
    pub platform: Option<String>,
    /// The digest of the spec that it stands for.
    pub digest: String,
    /// The source label of that spec.
    pub source: Option<String>,
    /// The revision it was taken over at.
    pub revision: Option<String>,
}

impl Adopted {
    /// The instance it stands for; none where the file was changed by hand to something that is no name.
    pub(super) fn instance(&self) -> Option<InstanceName> {
        InstanceName::try_from(self.instance.as_str()).ok()
    }
}

#[derive(Serialize, Deserialize)]
struct AdoptedFile {
    version: u32,
    containers: Vec<Adopted>,
}

/// Reads which containers were taken over; none where the folder has no such file.
///
/// # Errors
/// Where the file is there and can't be read: what runs would then be made a second time.
pub fn read_adopted(folder: &Path) -> io::Result<Vec<Adopted>> {
    let Some(content) = durable::read(&folder.join(NAME), MAX_BYTES)? else { return Ok(Vec::new()) };
    let file: AdoptedFile = serde_json::from_slice(&content)?;
    let sound = file.version == VERSION && file.containers.iter().all(|adopted| adopted.instance().is_some());
    if sound { Ok(file.containers) } else { Err(io::Error::new(ErrorKind::InvalidData, "it is of another form")) }
}

/// Writes it so that a crash leaves either the former or the new content.
///
/// # Errors
/// Where the folder can't be written.
pub fn write_adopted(folder: &Path, containers: Vec<Adopted>) -> io::Result<()> {
    let content = serde_json::to_vec(&AdoptedFile { version: VERSION, containers })?;
    durable::keep(&folder.join(NAME), &content)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_damage_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_adopted(folder.path()).unwrap(), []);
        let adopted = Adopted {
            container: "c".to_owned(),
            connector: "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11".to_owned(),
            id: "c0000000-2f0e-4c53-9d0f-0f5d8a0e9b11".to_owned(),
            instance: "a".to_owned(),
            platform: Some("opencti".to_owned()),
            digest: "key:0".to_owned(),
            source: None,
            revision: None,
        };
        write_adopted(folder.path(), vec![adopted.clone()]).unwrap();
        assert_eq!(read_adopted(folder.path()).unwrap(), [adopted]);
        let other = fs::read_to_string(folder.path().join(NAME)).unwrap();
        let nameless = other.replace("\"instance\":\"a\"", "\"instance\":\"A b\"");
        for content in ["", "{}", "{\"version\":2,\"containers\":[]}", &nameless] {
            fs::write(folder.path().join(NAME), content).unwrap();
            assert!(read_adopted(folder.path()).is_err(), "{content}");
        }
    }
}
