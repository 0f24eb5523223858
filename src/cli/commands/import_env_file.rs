//! Reads what the services of a compose file name with `env_file`: files beside it, and no others.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use super::import::MAX_BYTES;
use crate::{
    import::{self, ComposeFile, EnvFile},
    secrets::SecretMap,
};

/// The most files that one compose file may name.
const MOST_FILES: usize = 256;

/// Reads them; `given` is the one that the command line names, wherever it lies.
pub(super) fn read(
    compose: &Path,
    file: &ComposeFile,
    variables: Option<&SecretMap>,
    given: Option<&Path>,
) -> BTreeMap<String, EnvFile> {
    let named = import::env_files(file, variables).into_iter().enumerate();
    let read = |(number, path): (usize, String)| {
        let file = if number < MOST_FILES {
            one(compose, &path, given)
        } else {
            EnvFile::Refused(format!("is one of more than {MOST_FILES}"))
        };
        (path, file)
    };
    named.map(read).collect()
}

fn one(compose: &Path, named: &str, given: Option<&Path>) -> EnvFile {
    let refused = |error: std::io::Error| EnvFile::Refused(format!("can't be read: {error}"));
    let folder = compose.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Whatever links say, a compose file of somebody else's shall not have the files of this machine read.
    let (folder, real) = match (folder.canonicalize(), folder.join(named).canonicalize()) {
        (Ok(folder), Ok(real)) => (folder, real),
        (_, Err(error)) if error.kind() == ErrorKind::NotFound => return EnvFile::Missing,
        (Err(error), _) | (_, Err(error)) => return refused(error),
    };
    let is_given = || given.and_then(|given| given.canonicalize().ok()).is_some_and(|given| given == real);
    if !real.starts_with(&folder) && !is_given() {
        return EnvFile::Refused("lies outside of the folder of the compose file".to_owned());
    }
    if !real.is_file() {
        return EnvFile::Refused("is no file".to_owned());
    }
    let mut content = Vec::new();
    match File::open(&real).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut content)) {
        Err(error) => refused(error),
        Ok(_) if content.len() as u64 == MAX_BYTES => {
            EnvFile::Refused(format!("is larger than {} bytes", MAX_BYTES - 1))
        }
        Ok(_) => EnvFile::Read(content),
    }
}
