//! Finds the files of a work tree that git knows and keeps out of it (`git sparse-checkout`): what is not there then is
//! not gone.
//!
//! Read from git's index alone (gitformat-index(5)), which marks each of them with `skip-worktree`.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{SourceError, select};

/// The largest index that is read, in bytes.
const MAX_INDEX_BYTES: u64 = 256 << 20;
/// The length of a file's properties, of an object's id in either kind of repository, and of the flags.
const STAT: usize = 40;
const IDS: [usize; 2] = [20, 32];
/// The bit of the flags that says that there are more of them, and the one of those that hides a file.
const EXTENDED: u16 = 0x4000;
const SKIP_WORKTREE: u16 = 0x4000;

/// The first file that would be read below a directory, were it not hidden; a folder of which the index holds no more than
/// its name counts as one.
///
/// # Errors
/// Where the directory lies in a work tree whose index can't be read.
pub(super) fn find(root: &Path) -> Result<Option<String>, SourceError> {
    let real = root.canonicalize().map_err(|error| failed(root, error))?;
    let Some(top) = real.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok()) else {
        return Ok(None);
    };
    let path = git_folder(top).map_err(|error| failed(&top.join(".git"), error))?.join("index");
    let index = match read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| failed(&path, error))?,
    };
    let names = IDS.iter().find_map(|id| skipped(&index, *id)).ok_or_else(|| {
        failed(&path, io::Error::new(ErrorKind::InvalidData, "it is no index of git that is known here"))
    })?;
    let inside = real.strip_prefix(top).unwrap_or(Path::new("")).as_os_str().as_bytes();
    let below = |name: &Vec<u8>| {
        if inside.is_empty() {
            return Some(name.clone());
        }
        name.strip_prefix(inside)?.strip_prefix(b"/").map(<[u8]>::to_vec)
    };
    let is_missing = |name: &Vec<u8>| real.join(std::ffi::OsStr::from_bytes(name)).symlink_metadata().is_err();
    let hidden = names.iter().filter_map(below).find(|name| is_read(name) && is_missing(name));
    Ok(hidden.map(|name| select::printable(&name)))
}

fn failed(path: &Path, source: io::Error) -> SourceError {
    SourceError::Io { path: select::printable(path.as_os_str().as_bytes()), source }
}

/// The folder of the repository: `.git`, or what that names where it is a file, as in a further work tree.
fn git_folder(top: &Path) -> io::Result<PathBuf> {
    let path = top.join(".git");
    if path.is_dir() {
        return Ok(path);
    }
    let text = fs::read_to_string(&path)?;
    let named = text.trim().strip_prefix("gitdir:").map(str::trim);
    named.map(|named| top.join(named)).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "it names no repository"))
}

/// The index; of one whose version knows of no hidden files, only the header.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut index = vec![0; 12];
    file.read_exact(&mut index)?;
    if index[..8] != *b"DIRC\0\0\0\x02" {
        file.take(MAX_INDEX_BYTES).read_to_end(&mut index)?;
    }
    Ok(index)
}

/// Whether a file of this path would be read; a folder ends with `/`.
fn is_read(path: &[u8]) -> bool {
    let (folder, name) = match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => path.split_at(slash + 1),
        None => (&path[..0], path),
    };
    let mut parts = folder.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
    if parts.clone().any(|part| select::is_hidden(part) || select::is_temporary(part)) {
        return false;
    }
    name.is_empty() || select::is_selected(name, parts.any(select::is_secrets))
}

/// The paths of hidden files; none where this is no index with ids of this length.
fn skipped(index: &[u8], id: usize) -> Option<Vec<Vec<u8>>> {
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    let half = |at: usize| Some(u16::from_be_bytes(index.get(at..at + 2)?.try_into().ok()?));
    if index.get(..4)? != b"DIRC" {
        return None;
    }
    let (version, count) = (number(4)?, number(8)?);
    match version {
        2 => return Some(Vec::new()),
        3 | 4 => {}
        _ => return None,
    }
    let (mut at, mut name, mut found) = (12, Vec::new(), Vec::new());
    for _ in 0..count {
        let begin = at;
        at += STAT + id;
        let flags = half(at)?;
        at += 2;
        let mut more = 0;
        if flags & EXTENDED != 0 {
            more = half(at)?;
            at += 2;
        }
        if version == 4 {
            // Only the end of a name stands there, behind how much of the former one's end it takes the place of.
            let (dropped, length) = offset(index.get(at..)?)?;
            at += length;
            name.truncate(name.len().checked_sub(dropped)?);
        } else {
            name.clear();
        }
        let rest = index.get(at..)?;
        let length = rest.iter().position(|&byte| byte == 0)?;
        name.extend_from_slice(&rest[..length]);
        at += length + 1;
        if version == 3 {
            at = begin + (at - begin).next_multiple_of(8);
        }
        // The flags hold the length of the name as far as twelve bits do.
        if usize::from(flags & 0xfff) != name.len().min(0xfff) {
            return None;
        }
        if more & SKIP_WORKTREE != 0 {
            found.push(name.clone());
        }
    }
    Some(found)
}

/// A number as packs write offsets, and how many bytes it takes.
fn offset(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = usize::from(bytes.first()? & 0x7f);
    let mut length = 1;
    while bytes[length - 1] & 0x80 != 0 {
        value = value.checked_add(1)?.checked_mul(128)? + usize::from(bytes.get(length)? & 0x7f);
        length += 1;
    }
    Some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_read_counts() {
        for path in ["a.yaml", "x/a.yml", "secrets/plain", "x/secrets/y/z", "folder/"] {
            assert!(is_read(path.as_bytes()), "{path}");
        }
        for path in ["README.md", ".a.yaml", ".github/w.yaml", "x/.y/a.yaml", "x~/a.yaml", ".folder/"] {
            assert!(!is_read(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn what_is_no_index_is_none() {
        let header = |version: u8, count: u8| [b"DIRC", &[0, 0, 0, version][..], &[0, 0, 0, count]].concat();
        assert_eq!(skipped(&header(2, 9), 20), Some(Vec::new()));
        assert_eq!(skipped(&header(3, 0), 20), Some(Vec::new()));
        for index in [header(3, 1), header(4, 1), header(5, 0), b"DIRC".to_vec(), b"xxxx\0\0\0\x03\0\0\0\0".to_vec()] {
            assert_eq!(skipped(&index, 20), None);
        }
        assert_eq!(offset(&[0x05]), Some((5, 1)));
        assert_eq!(offset(&[0x80, 0x00]), Some((128, 2)));
        assert_eq!(offset(&[0x80]), None);
    }
}
