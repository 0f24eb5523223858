//! Makes a branch on the server hold one file and nothing else, in the child.

use std::cell::{Cell, RefCell};

use git2::{AutotagOption, Direction, FetchOptions, Oid, PushOptions, RemoteRedirect, Repository, Signature};

use super::{
    super::{SourceError, select},
    mirror::{Mirror, Trouble},
    remote::{Login, Witness, name_of, trouble},
    wire::{Job, Publish, Reply},
};
use crate::model::SourceFile;

const FILE_MODE: i32 = 0o100_644;
/// Where what is published, and what was before, is kept in the mirror.
const OURS: &str = "refs/lockstep/published/ours";
const THEIRS: &str = "refs/lockstep/published/theirs";

/// Pushes a commit without ancestors, so that the branch never grows; one that holds anything else is left alone.
pub(super) fn publish(mirror: &Mirror, job: &Job<'_>) -> Result<(Reply, Vec<SourceFile>), Trouble> {
    let publish =
        job.publish.as_ref().ok_or_else(|| SourceError::Child("its job has nothing to publish".to_owned()))?;
    let repository = mirror.open_or_create()?;
    let login = Login::of(job, mirror)?;
    let witness = Witness { login: &login, seen: RefCell::default() };
    let failed = |error: &git2::Error| trouble(error, &witness, job, mirror);
    let reference = format!("refs/heads/{}", publish.branch);
    let before = {
        let mut remote = repository.remote_anonymous(&job.url).map_err(|error| mirror.trouble(&error))?;
        let mut connection =
            remote.connect_auth(Direction::Fetch, Some(witness.callbacks()), None).map_err(|error| failed(&error))?;
        let heads = connection.list().map_err(|error| failed(&error))?;
        let tip = heads.iter().find(|head| name_of(head).as_deref() == Some(&reference)).map(|head| head.oid());
        if let Some(tip) = tip
            && repository.find_commit(tip).is_err()
        {
            let mut options = FetchOptions::new();
            options.remote_callbacks(witness.callbacks()).follow_redirects(RemoteRedirect::None);
            options.download_tags(AutotagOption::None);
            let refspec = format!("+{reference}:{THEIRS}");
            connection.remote().fetch(&[refspec], Some(&mut options), None).map_err(|error| failed(&error))?;
        }
        tip
    };
    if let Some(before) = before
        && !is_ours(&repository, before, publish)
    {
        let branch = &publish.branch;
        let why =
            format!("the branch `{branch}` holds something else than `{}` alone; name one of its own", publish.file);
        return Err(SourceError::Settings(why).into());
    }
    let commit = commit(&repository, publish).map_err(|error| mirror.trouble(&error))?;
    repository.reference(OURS, commit, true, "").map_err(|error| mirror.trouble(&error))?;
    let refused = Cell::new(None);
    let mut callbacks = witness.callbacks();
    callbacks.push_update_reference(|_, status| {
        refused.set(status.map(|why| select::printable(why.as_bytes())));
        Ok(())
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks).follow_redirects(RemoteRedirect::None);
    let mut remote = repository.remote_anonymous(&job.url).map_err(|error| mirror.trouble(&error))?;
    let pushed = remote.push(&[format!("+{OURS}:{reference}")], Some(&mut options));
    drop(options);
    pushed.map_err(|error| failed(&error))?;
    match refused.take() {
        None => Ok((Reply::Nothing, Vec::new())),
        Some(why) => {
            let why = format!("it refused the branch `{}`: {why}", publish.branch);
            Err(SourceError::Unauthorized { url: job.url.clone(), why }.into())
        }
    }
}

/// Whether a commit holds the file that is published and no other.
fn is_ours(repository: &Repository, commit: Oid, publish: &Publish) -> bool {
    let tree = repository.find_commit(commit).and_then(|commit| commit.tree());
    tree.is_ok_and(|tree| tree.len() == 1 && tree.get_name(&publish.file).is_some())
}

fn commit(repository: &Repository, publish: &Publish) -> Result<Oid, git2::Error> {
    let blob = repository.blob(publish.content.as_bytes())?;
    let mut builder = repository.treebuilder(None)?;
    builder.insert(&publish.file, blob, FILE_MODE)?;
    let tree = repository.find_tree(builder.write()?)?;
    let who = Signature::now("Lockstep", "lockstep@localhost")?;
    repository.commit(None, &who, &who, "What is observed on the engine\n", &tree, &[])
}
