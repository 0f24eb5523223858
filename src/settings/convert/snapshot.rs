//! What is published of the engine, and whom a plan believes.

use std::time::Duration;

use super::{Converter, Here};
use crate::{
    model::Code,
    settings::{
        dto::SnapshotDto,
        types::{SnapshotSettings, SourceSettings},
    },
};

/// How old a snapshot may be where nothing is said.
const MAX_AGE: Duration = Duration::from_hours(24);

pub(super) fn snapshot(
    converter: &mut Converter,
    dto: SnapshotDto,
    source: Option<&SourceSettings>,
    here: &Here<'_>,
) -> Option<SnapshotSettings> {
    let before = converter.count();
    for (index, key) in dto.trust.iter().enumerate() {
        if !is_key(key) {
            let here = here.field("trust").item(index);
            converter.refuse(
                &here,
                Code::BadFormat,
                "is no public key",
                "write what `lockstep observe --public-key` prints",
            );
        }
    }
    let publish = here.field("publish");
    if let Some(branch) = &dto.publish.branch {
        let here = publish.field("branch");
        match source {
            Some(SourceSettings::Git(git))
                if git.reference == *branch || git.reference.ends_with(&format!("/{branch}")) =>
            {
                converter.refuse(&here, Code::NotAllowed, "is the branch of the manifests", "name a branch of its own");
            }
            Some(SourceSettings::Directory { .. }) => {
                converter.refuse(&here, Code::NotAllowed, "needs a source that is a git repository", "publish a file");
            }
            Some(SourceSettings::Git(_)) | None => {}
        }
        if !is_branch(branch) {
            converter.refuse(&here, Code::BadFormat, "is not the name of a branch", "write lockstep/observed, say");
        }
    }
    let file = match &dto.publish.file {
        Some(file) => Some(converter.path(file, &publish.field("file"))?),
        None => None,
    };
    let least = Some((Duration::from_mins(1), Duration::MAX));
    let max_age = converter.duration(dto.max_age.as_deref(), MAX_AGE, least, &here.field("maxAge"))?;
    let settings = SnapshotSettings { file, branch: dto.publish.branch, trust: dto.trust, max_age };
    (converter.count() == before).then_some(settings)
}

fn is_key(text: &str) -> bool {
    let digits = text.strip_prefix("ed25519:").and_then(|text| text.strip_suffix('='));
    digits.is_some_and(|digits| {
        digits.len() == 43 && digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))
    })
}

/// A narrow part of what git takes.
fn is_branch(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.ends_with(".lock")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            && !part.contains("..")
    };
    text.len() <= 200 && !text.starts_with("refs/") && text != "HEAD" && text.split('/').all(part)
}
