//! Keeps two Locksteps with the same owner from working against each other on one machine.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::model::OwnerName;

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another Lockstep works as `{owner}` on this engine ({holder}); the lock is `{}`", path.display())]
    Held {
        /// The owner name.
        owner: OwnerName,
        /// What the holder wrote about itself.
        holder: String,
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file could not be used.
    #[error("failed to use the lock file `{}`", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A lock that ends with the process, however it ends.
#[derive(Debug)]
pub struct Lock {
    _files: Vec<File>,
}

impl Lock {
    /// Takes the lock of an owner on an engine: in the state folder, and in the machine's folder for locks so that two
    /// state folders do not hide two Locksteps from each other.
    ///
    /// # Errors
    /// [`LockError::Held`] where another process has it.
    pub fn take(owner: &OwnerName, engine: &str, state: &Path, machine: &Path) -> Result<Self, LockError> {
        let subject = hex::encode(Sha256::digest(format!("{owner}\0{engine}").as_bytes()));
        let name = format!("lockstep-{owner}-{}.lock", &subject[..12]);
        let paths = [state.join(&name), machine.join(&name)];
        let files = paths.into_iter().map(|path| take_file(owner, path)).collect::<Result<_, _>>()?;
        Ok(Self { _files: files })
    }
}

fn take_file(owner: &OwnerName, path: PathBuf) -> Result<File, LockError> {
    let failed = |source| LockError::Io { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            Read::take(&mut file, 200).read_to_string(&mut holder).map_err(failed)?;
            let holder = holder.trim().escape_debug().to_string();
            return Err(LockError::Held { owner: owner.clone(), holder, path });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "process {}", std::process::id()).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_of_the_same_owner_and_engine_is_refused() {
        let (state, other, machine) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let owner = OwnerName::try_from("edge-1").unwrap();
        let held = Lock::take(&owner, "unix:///a", state.path(), machine.path()).unwrap();
        for folder in [state.path(), other.path()] {
            let error = Lock::take(&owner, "unix:///a", folder, machine.path()).unwrap_err();
            assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        }
        let edge_2 = OwnerName::try_from("edge-2").unwrap();
        assert!(Lock::take(&edge_2, "unix:///a", state.path(), machine.path()).is_ok());
        assert!(Lock::take(&owner, "unix:///b", state.path(), machine.path()).is_ok());
        drop(held);
        assert!(Lock::take(&owner, "unix:///a", other.path(), machine.path()).is_ok());
    }

    #[test]
    fn a_folder_that_can_not_be_made_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let owner = OwnerName::try_from("edge-1").unwrap();
        let error = Lock::take(&owner, "e", &file.join("state"), folder.path()).unwrap_err();
        assert!(error.to_string().contains("file/state"), "{error}");
    }
}
