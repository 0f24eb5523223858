//! Runs the fetching child with a deadline and takes its answer.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdout, Command},
};
use zeroize::Zeroizing;

use super::{
    super::{SourceError, limits::Budget, select},
    settings::{Checked, GitAuth, SshKey},
    url::Transport,
    wire::{Asked, Author, Credentials, Job, JobKey, MAX_HEADER_BYTES, Operation, Publish, Reply},
};
use crate::model::{Cited, Commit, SourceFile};

/// The first argument of the child.
pub(super) const ARGUMENT: &str = "internal-git-fetch";

/// What the child found.
#[derive(Debug)]
pub(super) enum Found {
    /// The files of a commit.
    Files { commit: String, previous: Option<String>, is_forced: bool, files: Vec<SourceFile> },
    /// The commit whose files the caller holds.
    Unchanged { commit: String },
    /// Nothing was fetched before.
    Nothing,
    /// Who wrote the lines that were asked about.
    Blamed(Vec<Option<Commit>>),
}

/// How long finding authors may take until the child is killed; it ends by itself before that.
const BLAME_DEADLINE: Duration = Duration::from_secs(5);

/// Asks who wrote lines of a commit that was fetched.
pub(super) async fn blame(checked: &Checked, commit: &str, lines: &[Cited]) -> Result<Found, SourceError> {
    let known = Some(commit.to_owned());
    let secret = secret(checked)?;
    let job = job_of(checked, secret.as_ref(), Operation::Blame, known);
    let job = Job { lines: asked(lines), patience: BLAME_PATIENCE, ..job };
    let home = checked.config.mirror.join("home");
    let mut command = command(&checked.config.fetch_program, &home);
    without_certificates(&mut command, &home);
    answered(command, &line_of(&job)?, &checked.url.text, BLAME_DEADLINE).await
}

/// A folder of a work tree whose lines are asked about.
pub(in super::super) struct Folder<'a> {
    /// The folder.
    pub(in super::super) root: &'a Path,
    /// The home of the child, which says whose work trees are trusted.
    pub(in super::super) home: &'a Path,
    /// The commit whose lines are meant; none for those that lie there.
    pub(in super::super) commit: Option<&'a str>,
    /// How long finding them may take.
    pub(in super::super) patience: Duration,
}

/// How long finding the authors of what is planned may take.
pub(in super::super) const BLAME_PATIENCE: Duration = Duration::from_secs(2);

/// Asks who wrote lines of files in a folder, which may lie in a work tree.
pub(in super::super) async fn blame_folder(
    program: &Path,
    folder: &Folder<'_>,
    lines: &[Cited],
) -> Result<Vec<Option<Commit>>, SourceError> {
    let job = Job {
        operation: Operation::BlameFolder,
        url: String::new(),
        local: Some(folder.root.to_owned()),
        reference: String::new(),
        path: String::new(),
        mirror: PathBuf::new(),
        credentials: Credentials::None,
        known: folder.commit.map(str::to_owned),
        lines: asked(lines),
        patience: folder.patience,
        publish: None,
    };
    let mut command = command(program, folder.home);
    without_certificates(&mut command, folder.home);
    match answered(command, &line_of(&job)?, "the folder", BLAME_DEADLINE).await? {
        Found::Blamed(commits) => Ok(commits),
        Found::Files { .. } | Found::Unchanged { .. } | Found::Nothing => {
            Err(SourceError::Child("its answer fits no question".to_owned()))
        }
    }
}

fn asked(lines: &[Cited]) -> Vec<Asked> {
    lines.iter().map(|line| Asked { file: line.file.to_string(), line: line.line }).collect()
}

/// Runs one job in a child, which is killed at the deadline and when this future is dropped.
pub(super) async fn run(checked: &Checked, operation: Operation, known: Option<String>) -> Result<Found, SourceError> {
    run_with(checked, operation, known, None).await
}

/// The same with something to publish.
pub(super) async fn run_with(
    checked: &Checked,
    operation: Operation,
    known: Option<String>,
    publish: Option<Publish>,
) -> Result<Found, SourceError> {
    let config = &checked.config;
    let mut command = command(&config.fetch_program, &config.mirror.join("home"));
    match (&config.ca, &checked.url.transport) {
        (Some(ca), _) => {
            // OpenSSL takes a file that isn't there for one without certificates.
            let is_there = tokio::fs::metadata(ca).await;
            is_there.map_err(|source| SourceError::Io { path: ca.display().to_string(), source })?;
            command.env("SSL_CERT_FILE", ca);
        }
        (None, Transport::Http) => {}
        (None, Transport::Local(_) | Transport::Ssh { .. }) => {
            without_certificates(&mut command, &config.mirror.join("home"));
        }
    }
    let secret = secret(checked)?;
    let job = Job { publish, ..job_of(checked, secret.as_ref(), operation, known) };
    answered(command, &line_of(&job)?, &checked.url.text, config.deadline).await
}

/// The child with an environment of its own.
pub(super) fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg(ARGUMENT)
        .env_clear()
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// libgit2 reads all certificates of the system when it starts, which takes longer than a local fetch.
pub(super) fn without_certificates(command: &mut Command, home: &Path) {
    command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", home);
}

/// Runs the child and takes its answer to a job.
pub(super) async fn answered(
    mut command: Command,
    job: &[u8],
    url: &str,
    deadline: Duration,
) -> Result<Found, SourceError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|source| SourceError::Io { path: program, source })?;
    match tokio::time::timeout(deadline, converse(&mut child, job, url)).await {
        Ok(result) => {
            if result.is_err() {
                end(&mut child).await?;
            }
            result
        }
        Err(_) => {
            end(&mut child).await?;
            Err(SourceError::Deadline { what: url.to_owned(), deadline })
        }
    }
}

/// The token or password that is there now.
fn secret(checked: &Checked) -> Result<Option<SecretString>, SourceError> {
    let read = match &checked.config.auth {
        GitAuth::Token(secret) | GitAuth::Basic { password: secret, .. } => secret.read(),
        GitAuth::None | GitAuth::Ssh { .. } => return Ok(None),
    };
    let unreadable = |why| SourceError::Unauthorized { url: checked.url.text.clone(), why };
    read.map(Some).map_err(unreadable)
}

/// A job about the repository of the settings; `secret` is its token or password.
fn job_of<'a>(
    checked: &'a Checked,
    secret: Option<&'a SecretString>,
    operation: Operation,
    known: Option<String>,
) -> Job<'a> {
    let config = &checked.config;
    let password = secret.map(|secret| secret.expose_secret()).unwrap_or_default();
    let credentials = match (&config.auth, &checked.url.transport) {
        (GitAuth::Token(_), _) => Credentials::Password { username: "git".into(), password: password.into() },
        (GitAuth::Basic { username, .. }, _) => {
            Credentials::Password { username: username.into(), password: password.into() }
        }
        (GitAuth::Ssh { key, known_hosts }, Transport::Ssh { user, host, port }) => Credentials::Ssh {
            key: match key {
                SshKey::File(path) => JobKey::File(path.clone()),
                SshKey::Pem(pem) => JobKey::Pem(pem.expose_secret().into()),
            },
            known_hosts: known_hosts.clone(),
            user: user.clone(),
            host: host.clone(),
            port: *port,
        },
        (GitAuth::None | GitAuth::Ssh { .. }, _) => Credentials::None,
    };
    Job {
        operation,
        url: checked.url.text.clone(),
        local: match &checked.url.transport {
            Transport::Local(path) => Some(path.clone()),
            Transport::Http | Transport::Ssh { .. } => None,
        },
        reference: config.reference.clone(),
        path: config.path.clone(),
        mirror: config.mirror.clone(),
        credentials,
        known,
        lines: Vec::new(),
        patience: Duration::ZERO,
        publish: None,
    }
}

/// A job as the child reads it.
pub(super) fn line_of(job: &Job<'_>) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    // Grown by reallocation, parts of it would stay in memory.
    let mut line = Zeroizing::new(Vec::with_capacity(
        256 * 1024 + 2 * job.publish.as_ref().map_or(0, |publish| publish.content.len()),
    ));
    serde_json::to_writer(&mut *line, job)
        .map_err(|_| SourceError::Settings("a path of the git source isn't UTF-8".to_owned()))?;
    line.push(b'\n');
    Ok(line)
}

async fn converse(child: &mut Child, job: &[u8], url: &str) -> Result<Found, SourceError> {
    let no_pipe = || SourceError::Child("it has no pipes".to_owned());
    let mut input = child.stdin.take().ok_or_else(no_pipe)?;
    let mut output = child.stdout.take().ok_or_else(no_pipe)?;
    let answer = async {
        input.write_all(job).await.map_err(broken)?;
        // The pipe stays open until the answer is here: its end tells the child that nobody waits any more.
        read_reply(&mut output, url).await
    };
    let answer = answer.await;
    let status =
        if matches!(&answer, Err(SourceError::Child(_))) { child.try_wait() } else { child.wait().await.map(Some) };
    drop(input);
    match (answer, status) {
        (Err(SourceError::Child(why)), Ok(Some(status))) => Err(SourceError::Child(format!("{why} ({status})"))),
        (Ok(_), Ok(status)) if !status.is_some_and(|status: ExitStatus| status.success()) => {
            Err(SourceError::Child("it answered and then failed".to_owned()))
        }
        (answer, _) => answer,
    }
}

fn broken(error: std::io::Error) -> SourceError {
    SourceError::Child(format!("it ended early: {error}"))
}

async fn read_reply(output: &mut ChildStdout, url: &str) -> Result<Found, SourceError> {
    let odd = |why: &str| SourceError::Child(format!("its answer {why}"));
    let length = output.read_u32().await.map_err(broken)?;
    if length > MAX_HEADER_BYTES {
        return Err(odd("is too long"));
    }
    let mut header = Vec::new();
    output.take(u64::from(length)).read_to_end(&mut header).await.map_err(broken)?;
    let reply: Reply = serde_json::from_slice(&header).map_err(|_| odd("has the wrong form"))?;
    let (commit, previous, is_forced, sizes) = match reply {
        Reply::Files { commit, previous, is_forced, files } => (commit, previous, is_forced, files),
        Reply::Unchanged { commit } => return Ok(Found::Unchanged { commit }),
        Reply::Nothing => return Ok(Found::Nothing),
        Reply::Blamed { authors } => {
            let commit = |author: Option<Author>| author.and_then(|author| Commit::new(&author.id, &author.name));
            return Ok(Found::Blamed(authors.into_iter().map(commit).collect()));
        }
        Reply::Failed(failure) => return Err(failure.into_error(url)),
    };
    // The child handles what strangers wrote, in C, so nothing that it says is taken on trust.
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(odd("names no commit"));
    }
    let mut budget = Budget::default();
    let mut files: Vec<SourceFile> = Vec::with_capacity(sizes.len());
    for (path, size) in sizes {
        let is_next = files.last().is_none_or(|last| *last.path < *path);
        if !is_next || !select::is_plain_path(path.as_bytes()) {
            return Err(odd("has files out of order or with odd names"));
        }
        budget.file(&path, size)?;
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        output.take(size).read_to_end(&mut content).await.map_err(broken)?;
        if content.len() as u64 != size {
            return Err(odd("breaks off"));
        }
        files.push(SourceFile { path: Arc::from(path), content: Arc::from(content) });
    }
    Ok(Found::Files { commit, previous, is_forced, files })
}

/// Kills the child with everything it may have started, and waits until it is gone.
async fn end(child: &mut Child) -> Result<(), SourceError> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself meanwhile, and then there is nobody to kill.
        if let Err(error) = kill_process_group(group, Signal::KILL) {
            tracing::debug!(%error, "the fetching process was gone before it was killed");
        }
    }
    child.wait().await.map(drop).map_err(broken)
}
