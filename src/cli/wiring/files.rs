//! Writes a file whole or not at all.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rand::Rng;

/// Writes beside the file first and then over it; `mode` is that of the file, whatever it was before.
///
/// # Errors
/// Where the folder can't be written; the file is as it was then.
pub(crate) fn write_whole(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| std::io::Error::other("it is not the name of a file"))?;
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
