//! The bounds of what is read, and the count of what was read so far.

use super::SourceError;

/// The largest file that is read, in bytes, unless it is a `.json` catalog.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The largest `.json` file that is read, in bytes.
pub const MAX_JSON_BYTES: u64 = 16 * 1024 * 1024;
/// The most bytes that all files of one revision may have together.
pub const MAX_TOTAL_BYTES: u64 = 64 * 1024 * 1024;
/// The most files that are read.
pub const MAX_FILES: u64 = 10_000;
/// The most names that are looked at, whether they are read or not.
pub const MAX_ENTRIES: u64 = 200_000;
/// The deepest folder that is looked into; the root is at depth 0.
pub const MAX_DEPTH: usize = 16;
/// The most bytes that one fetch may receive from a git server.
pub const MAX_RECEIVED_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The largest size in bytes of a file with this name.
pub(super) fn max_bytes_of(path: &str) -> u64 {
    let is_json = path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"));
    if is_json { MAX_JSON_BYTES } else { MAX_FILE_BYTES }
}

/// What one walk has seen so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    entries: u64,
    files: u64,
    bytes: u64,
}

impl Budget {
    /// Counts one name of a folder.
    pub(super) fn entry(&mut self) -> Result<(), SourceError> {
        self.entries += 1;
        within("names of files and folders", self.entries, MAX_ENTRIES)
    }

    /// Counts one file that is read.
    pub(super) fn file(&mut self, path: &str, bytes: u64) -> Result<(), SourceError> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        within("files", self.files, MAX_FILES)?;
        within(&format!("bytes in `{path}`"), bytes, max_bytes_of(path))?;
        within("bytes in all files together", self.bytes, MAX_TOTAL_BYTES)
    }
}

/// Refuses a folder that is too deep.
pub(super) fn check_depth(path: &str, depth: usize) -> Result<(), SourceError> {
    if depth > MAX_DEPTH {
        return Err(SourceError::TooLarge { what: format!("nesting of folders in `{path}`"), limit: MAX_DEPTH as u64 });
    }
    Ok(())
}

fn within(what: &str, count: u64, limit: u64) -> Result<(), SourceError> {
    if count > limit {
        return Err(SourceError::TooLarge { what: format!("{count} {what},"), limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_the_last_value_that_is_taken() {
        let mut budget = Budget::default();
        assert!(budget.file("a.yaml", MAX_FILE_BYTES).is_ok());
        assert!(budget.file("a.yaml", MAX_FILE_BYTES + 1).is_err());
        let mut budget = Budget::default();
        assert!(budget.file("catalog.JSON", MAX_JSON_BYTES).is_ok());
        assert!(budget.file("catalog.json", MAX_JSON_BYTES + 1).is_err());
        let mut budget = Budget::default();
        for _ in 0..4 {
            budget.file("catalog.json", MAX_JSON_BYTES).unwrap();
        }
        assert_eq!(
            budget.file("a.yaml", 1).unwrap_err().to_string(),
            "the source is too large: 67108865 bytes in all files together, above the limit of 67108864"
        );
        let mut budget = Budget::default();
        for _ in 0..MAX_FILES {
            budget.file("a.yaml", 0).unwrap();
        }
        assert!(budget.file("a.yaml", 0).is_err());
        let mut budget = Budget::default();
        for _ in 0..MAX_ENTRIES {
            budget.entry().unwrap();
        }
        assert!(budget.entry().is_err());
        assert!(check_depth("a", MAX_DEPTH).is_ok());
        assert!(check_depth("a", MAX_DEPTH + 1).is_err());
    }
}
