//! Small files, read whole within a bound, and written so that a crash leaves either the former or the new content.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rand::Rng;

/// The mode of files that only their owner may read.
pub const PRIVATE: u32 = 0o600;

/// Reads a file; none where there is none.
///
/// # Errors
/// Where it can't be read, or is larger than `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let message = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(Some(content))
}

/// Writes beside the file first and then over it; `mode` is that of the file, whatever it was before.
///
/// # Errors
/// Where its folder is missing or can't be written; the file is as it was then.
pub fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::other("it is not the name of a file"))?;
    // A name of its own, since another command may write the same file at the same time.
    let beside = folder.join(format!(".{}.{:016x}", name.to_string_lossy(), rand::rng().random::<u64>()));
    let write = || {
        let mut file = File::options().create_new(true).write(true).mode(mode).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    };
    let written = write();
    if written.is_err() && beside.exists() {
        fs::remove_file(&beside)?;
    }
    written
}

/// Writes a file as [`write()`] does, after its folder was made where it was missing.
///
/// # Errors
/// Where the folder can't be made or written.
pub fn keep(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write(path, content, PRIVATE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_read_again_by_its_owner_only_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/file");
        assert_eq!(read(&path, 3).unwrap(), None);
        for content in ["one", "two"] {
            keep(&path, content.as_bytes()).unwrap();
            assert_eq!(read(&path, 3).unwrap().unwrap(), content.as_bytes());
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_larger_than_its_bound_is_an_error_and_not_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        keep(&path, b"four").unwrap();
        assert_eq!(read(&path, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_can_not_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir_all(path.join("full")).unwrap();
        assert!(keep(&path, b"x").is_err(), "a folder is not written over");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(keep(&path.join("full/../missing/\0"), b"x").is_err());
    }
}
