//! The child process: does one job from its standard input and answers on its standard output.

use std::{
    io::{self, BufRead, BufReader, Read},
    process::ExitCode,
};

use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use super::{
    super::SourceError,
    blame, local,
    mirror::{Mirror, Trouble},
    publish, remote, tree,
    wire::{Job, MAX_JOB_BYTES, Operation, Reply, write_reply},
};
use crate::model::SourceFile;

/// Runs as the fetching child: what `lockstep internal-git-fetch` does. It ends when its standard input does.
pub fn fetch_child_main() -> ExitCode {
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    // The memory holds credentials, which no core dump may show.
    if setrlimit(Resource::Core, no_core).is_err() {
        return ExitCode::FAILURE;
    }
    let (reply, files) = match read_job().and_then(|job| run(&job)) {
        Ok(answer) => answer,
        Err(error) => (Reply::Failed(error.into()), Vec::new()),
    };
    match write_reply(&mut io::stdout().lock(), &reply, &files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn read_job() -> Result<Job<'static>, SourceError> {
    let bad = |why: &str| SourceError::Child(format!("its job {why}"));
    let mut input = BufReader::new(io::stdin());
    let mut line = Vec::new();
    input.by_ref().take(MAX_JOB_BYTES).read_until(b'\n', &mut line).map_err(|_| bad("can't be read"))?;
    std::thread::Builder::new()
        .name("parent-watch".to_owned())
        .spawn(move || end_with_parent(input))
        .map_err(|_| bad("can't be watched"))?;
    // The words of serde may quote what they reject, and a job holds credentials.
    serde_json::from_slice(&line).map_err(|_| bad("has the wrong form"))
}

/// Waits for the end of the input, which comes when the parent is gone or wants no answer any more.
fn end_with_parent(mut input: impl Read) {
    let mut byte = [0_u8; 1];
    while let Ok(1..) = input.read(&mut byte) {}
    if kill_process(getpid(), Signal::KILL).is_err() {
        std::process::abort();
    }
}

fn run(job: &Job<'_>) -> Result<(Reply, Vec<SourceFile>), SourceError> {
    if let (Operation::BlameFolder, Some(root)) = (job.operation, &job.local) {
        let authors = blame::of_folder(root, job).unwrap_or_default();
        return Ok((Reply::Blamed { authors }, Vec::new()));
    }
    if matches!(job.operation, Operation::Local | Operation::LocalFile) {
        return local::read(job);
    }
    let mirror = Mirror::lock(job)?;
    let read = match job.operation {
        Operation::Cached => return cached(&mirror, job),
        Operation::Blame | Operation::BlameFolder => {
            let authors = match (mirror.open(), &job.known) {
                (Ok(Some(repository)), Some(commit)) => blame::of_commit(&repository, commit, job),
                (Ok(_) | Err(_), _) => Vec::new(),
            };
            return Ok((Reply::Blamed { authors }, Vec::new()));
        }
        Operation::Publish => {
            return publish::publish(&mirror, job).map_err(|trouble| match trouble {
                Trouble::Failed(error) => error,
                Trouble::Corrupt(why) => SourceError::Child(format!("the mirror is broken: {why}")),
            });
        }
        Operation::Fetch | Operation::Local | Operation::LocalFile => attempt(&mirror, job),
    };
    match read {
        Ok(answer) => Ok(answer),
        Err(Trouble::Failed(error)) => Err(error),
        Err(Trouble::Corrupt(why)) => {
            let fresh = mirror.fresh()?;
            let answer = attempt(&fresh, job).map_err(|trouble| match trouble {
                Trouble::Failed(error) => error,
                Trouble::Corrupt(again) => SourceError::Child(format!(
                    "what came can't be read: {again} (and before that, in the old mirror: {why})"
                )),
            })?;
            mirror.replace_by(fresh)?;
            Ok(answer)
        }
    }
}

fn attempt(mirror: &Mirror, job: &Job<'_>) -> Result<(Reply, Vec<SourceFile>), Trouble> {
    let repository = mirror.open_or_create()?;
    let previous = mirror.good(&repository)?;
    let commit = remote::fetch(&repository, mirror, job)?;
    if job.known.as_deref() == Some(&commit.to_string()) && previous == Some(commit) {
        return Ok((Reply::Unchanged { commit: commit.to_string() }, Vec::new()));
    }
    let files = tree::read(&repository, &|error| mirror.trouble(error), commit, job)?;
    let is_forced = match previous {
        Some(previous) if previous != commit => {
            !repository.graph_descendant_of(commit, previous).map_err(|error| mirror.trouble(&error))?
        }
        Some(_) | None => false,
    };
    mirror.set_good(&repository, commit)?;
    mirror.tidy(&repository)?;
    Ok((files_reply(commit, previous, is_forced, &files), files))
}

fn cached(mirror: &Mirror, job: &Job<'_>) -> Result<(Reply, Vec<SourceFile>), SourceError> {
    let read = || {
        let Some(repository) = mirror.open()? else { return Ok(None) };
        let Some(commit) = mirror.good(&repository)? else { return Ok(None) };
        tree::read(&repository, &|error| mirror.trouble(error), commit, job).map(|files| Some((commit, files)))
    };
    match read() {
        Ok(Some((commit, files))) => Ok((files_reply(commit, Some(commit), false, &files), files)),
        Ok(None) => Ok((Reply::Nothing, Vec::new())),
        Err(Trouble::Failed(error)) => Err(error),
        Err(Trouble::Corrupt(why)) => Err(SourceError::Child(format!("the mirror is broken: {why}"))),
    }
}

pub(super) fn files_reply(
    commit: git2::Oid,
    previous: Option<git2::Oid>,
    is_forced: bool,
    files: &[SourceFile],
) -> Reply {
    let sizes = files.iter().map(|file| (file.path.to_string(), file.content.len() as u64));
    Reply::Files {
        commit: commit.to_string(),
        previous: previous.map(|id| id.to_string()),
        is_forced,
        files: sizes.collect(),
    }
}
