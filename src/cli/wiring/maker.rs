//! Keeps what one Lockstep's containers are told from those of another by, in its state folder.

use std::path::Path;

use uuid::Uuid;

use crate::durable;

/// Its name in the state folder.
const NAME: &str = "maker";
/// The length of an id as it is written, in bytes.
const LENGTH: u64 = 36;

/// The id that an earlier run kept; none where there is none, or no sound one.
pub(super) fn known(state: &Path) -> Option<String> {
    let content = durable::read(&state.join(NAME), LENGTH + 1).ok().flatten()?;
    let id = Uuid::try_parse(str::from_utf8(&content).ok()?.trim()).ok()?;
    Some(id.to_string())
}

/// Keeps an id where none is kept yet. Without one, a restart is as good as another Lockstep, which costs nothing as long as
/// only one works at a time.
pub(super) fn keep(state: &Path) {
    if known(state).is_some() {
        return;
    }
    let path = state.join(NAME);
    if let Err(error) = durable::keep(&path, Uuid::new_v4().to_string().as_bytes()) {
        tracing::warn!(path = %path.display(), %error, "failed to keep what tells our containers from another Lockstep's");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_and_what_is_damaged_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(known(folder.path()), None);
        keep(folder.path());
        let first = known(folder.path()).unwrap();
        keep(folder.path());
        assert_eq!(known(folder.path()), Some(first.clone()));
        std::fs::write(folder.path().join(NAME), "x").unwrap();
        assert_eq!(known(folder.path()), None);
        keep(folder.path());
        assert_ne!(known(folder.path()).unwrap(), first);
    }
}
