//! Asks a git server what a reference names, and downloads it.

use std::{cell::RefCell, fs::File, io::Read, panic::AssertUnwindSafe, path::Path};

use git2::{
    AutotagOption, CertificateCheckStatus, Cred, CredentialType, Direction, ErrorClass, ErrorCode, FetchOptions, Oid,
    RemoteCallbacks, RemoteHead, RemoteRedirect, Repository, cert::Cert,
};
use zeroize::Zeroizing;

use super::{
    super::{MAX_RECEIVED_BYTES, SourceError, select},
    known_hosts::{Pinned, Verdict},
    mirror::{Mirror, Trouble, is_machine_error},
    wire::{Credentials, Job, JobKey},
};

/// The largest file of keys that is read, in bytes.
const MAX_KEY_BYTES: u64 = 1024 * 1024;

/// Makes sure that the mirror has the commit that the job asks for, and says which it is.
pub(super) fn fetch(repository: &Repository, mirror: &Mirror, job: &Job<'_>) -> Result<Oid, Trouble> {
    if let Some(id) = full_id(&job.reference).filter(|&id| repository.find_commit(id).is_ok()) {
        // What a commit id names never changes, so nobody needs to be asked.
        return Ok(id);
    }
    if let Some(path) = job.local.as_deref() {
        let is_there = path.try_exists();
        if !is_there.map_err(|source| SourceError::Io { path: job.url.clone(), source })? {
            return Err(missing(job, "repository there".to_owned()).into());
        }
    }
    let login = Login::of(job, mirror)?;
    let witness = Witness { login: &login, seen: RefCell::default() };
    let failed = |error: &git2::Error| trouble(error, &witness, job, mirror);
    let mut remote = repository.remote_anonymous(&job.url).map_err(|error| mirror.trouble(&error))?;
    let mut connection =
        remote.connect_auth(Direction::Fetch, Some(witness.callbacks()), None).map_err(|error| failed(&error))?;
    let heads = connection.list().map_err(|error| failed(&error))?;
    let heads: Vec<(String, Oid)> = heads.iter().filter_map(|head| Some((name_of(head)?, head.oid()))).collect();
    let wanted = wanted(&heads, job)?;
    let store = repository.odb().map_err(|error| mirror.trouble(&error))?;
    if !store.exists(wanted.id) {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(witness.callbacks())
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::None);
        connection.remote().download(&wanted.refspecs, Some(&mut options)).map_err(|error| failed(&error))?;
        store.refresh().map_err(|error| mirror.trouble(&error))?;
    }
    if full_id(&job.reference) == Some(wanted.id) && !store.exists(wanted.id) {
        return Err(missing(job, format!("commit `{}`", job.reference)).into());
    }
    let object = repository.find_object(wanted.id, None).map_err(|error| mirror.trouble(&error))?;
    match object.peel_to_commit() {
        Ok(commit) => Ok(commit.id()),
        Err(_) => Err(missing(job, format!("commit behind `{}`", job.reference)).into()),
    }
}

/// The name of a reference; `None` where it isn't UTF-8, on which git2 panics, and which no setting can name.
pub(super) fn name_of(head: &RemoteHead<'_>) -> Option<String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| head.name().to_owned())).ok()
}

struct Wanted {
    id: Oid,
    refspecs: Vec<String>,
}

/// What a reference names among those that the server offers.
fn wanted(heads: &[(String, Oid)], job: &Job<'_>) -> Result<Wanted, SourceError> {
    let reference = job.reference.as_str();
    let offered = |name: &str| heads.iter().find(|(head, _)| head == name).map(|(_, id)| *id);
    let candidates = if reference == "HEAD" || reference.starts_with("refs/") {
        vec![reference.to_owned()]
    } else {
        vec![format!("refs/heads/{reference}"), format!("refs/tags/{reference}")]
    };
    let found: Vec<(&String, Oid)> = candidates.iter().filter_map(|name| Some((name, offered(name)?))).collect();
    match found[..] {
        [(name, id)] => Ok(Wanted { id, refspecs: vec![format!("+{name}:refs/lockstep/incoming")] }),
        [] => match full_id(reference) {
            Some(id) => {
                let all = ["heads", "tags"].map(|kind| format!("+refs/{kind}/*:refs/lockstep/incoming/{kind}/*"));
                Ok(Wanted { id, refspecs: all.to_vec() })
            }
            None if heads.is_empty() => Err(missing(job, format!("`{reference}`: the repository is empty"))),
            None => {
                let is_short_id = reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
                let help = if is_short_id { " (a commit is named by all its digits)" } else { "" };
                Err(missing(job, format!("branch or tag `{reference}`{help}")))
            }
        },
        _ => Err(SourceError::Settings(format!(
            "`{reference}` is both a branch and a tag of `{}`: write `refs/heads/{reference}` or `refs/tags/{reference}`",
            job.url
        ))),
    }
}

/// The commit that a reference is, where it is written in full.
fn full_id(reference: &str) -> Option<Oid> {
    let is_full = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_full.then(|| Oid::from_str(reference).ok()).flatten()
}

fn missing(job: &Job<'_>, what: String) -> SourceError {
    SourceError::Missing { url: job.url.clone(), what }
}

/// Who we are, ready for the server.
pub(super) enum Login {
    Nobody,
    Password { username: String, password: Zeroizing<String> },
    Key { user: String, key: Zeroizing<String>, pinned: Pinned },
}

impl Login {
    pub(super) fn of(job: &Job<'_>, mirror: &Mirror) -> Result<Self, SourceError> {
        match &job.credentials {
            Credentials::None => Ok(Self::Nobody),
            Credentials::Password { username, password } => Ok(Self::Password {
                username: username.clone().into_owned(),
                password: Zeroizing::new(password.clone().into_owned()),
            }),
            Credentials::Ssh { key, known_hosts, user, host, port } => {
                let pinned = Pinned::of(&read_text(known_hosts)?, host, *port);
                mirror.write_known_hosts(&pinned.lines_for(host, *port))?;
                let key = match key {
                    JobKey::File(path) => read_text(path)?,
                    JobKey::Pem(pem) => Zeroizing::new(pem.clone().into_owned()),
                };
                Ok(Self::Key { user: user.clone(), key, pinned })
            }
        }
    }
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, SourceError> {
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    let read = File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text));
    read.map_err(|source| SourceError::Io { path: path.display().to_string(), source })?;
    Ok(text)
}

/// What the callbacks saw, which says more than the error that libgit2 makes of it.
pub(super) struct Witness<'a> {
    pub(super) login: &'a Login,
    pub(super) seen: RefCell<Seen>,
}

#[derive(Default)]
pub(super) struct Seen {
    times_asked: u32,
    untrusted: Option<String>,
    is_too_large: bool,
}

impl Witness<'_> {
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks
            .credentials(|_, _, allowed| self.credentials(allowed))
            .certificate_check(|certificate, _| self.certificate(certificate))
            .transfer_progress(|progress| {
                let is_too_large = progress.received_bytes() as u64 > MAX_RECEIVED_BYTES;
                self.seen.borrow_mut().is_too_large |= is_too_large;
                !is_too_large
            });
        callbacks
    }

    fn credentials(&self, allowed: CredentialType) -> Result<Cred, git2::Error> {
        let refused = || git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, "no other credentials");
        match self.login {
            Login::Key { user, .. } if allowed.contains(CredentialType::USERNAME) => Cred::username(user),
            Login::Key { user, key, .. } if allowed.contains(CredentialType::SSH_KEY) => {
                self.ask_once().ok_or_else(refused)?;
                Cred::ssh_key_from_memory(user, None, key, None)
            }
            Login::Password { username, password } if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => {
                self.ask_once().ok_or_else(refused)?;
                Cred::userpass_plaintext(username, password)
            }
            Login::Key { .. } | Login::Password { .. } | Login::Nobody => {
                self.seen.borrow_mut().times_asked += 2;
                Err(refused())
            }
        }
    }

    /// The same credentials again would be refused again, for ever.
    fn ask_once(&self) -> Option<()> {
        let mut seen = self.seen.borrow_mut();
        seen.times_asked += 1;
        (seen.times_asked == 1).then_some(())
    }

    fn certificate(&self, certificate: &Cert<'_>) -> Result<CertificateCheckStatus, git2::Error> {
        let Some(shown) = certificate.as_hostkey() else {
            // The checks of OpenSSL, the host's name among them, decide.
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let verdict = match (self.login, shown.hostkey()) {
            (Login::Key { pinned, .. }, Some(blob)) => pinned.judge(blob),
            (Login::Key { .. } | Login::Password { .. } | Login::Nobody, _) => {
                Verdict::Refused("it shows no host key".to_owned())
            }
        };
        match verdict {
            Verdict::Trusted => Ok(CertificateCheckStatus::CertificateOk),
            Verdict::Refused(why) => {
                self.seen.borrow_mut().untrusted = Some(why);
                Err(git2::Error::new(ErrorCode::Certificate, ErrorClass::Callback, "the host key is not trusted"))
            }
        }
    }
}

/// What an error while talking to the server means.
pub(super) fn trouble(error: &git2::Error, witness: &Witness<'_>, job: &Job<'_>, mirror: &Mirror) -> Trouble {
    let url = job.url.clone();
    let why = select::printable(error.message().as_bytes());
    let seen = witness.seen.borrow();
    if let Some(why) = &seen.untrusted {
        return SourceError::Untrusted { url, why: why.clone() }.into();
    }
    if seen.is_too_large {
        let what = "bytes received from the server".to_owned();
        return SourceError::TooLarge { what, limit: MAX_RECEIVED_BYTES }.into();
    }
    if error.code() == ErrorCode::Certificate || (error.class() == ErrorClass::Ssl && why.contains("certificate")) {
        return SourceError::Untrusted { url, why }.into();
    }
    if seen.times_asked > 1
        || error.code() == ErrorCode::Auth
        || why.ends_with("status code: 403")
        || why.contains("private key")
    {
        let why = match witness.login {
            Login::Nobody => "it asks for credentials, and the settings have none".to_owned(),
            Login::Password { .. } | Login::Key { .. } => why,
        };
        return SourceError::Unauthorized { url, why }.into();
    }
    if why.ends_with("status code: 404") || why.ends_with("status code: 410") {
        return missing(job, "repository there".to_owned()).into();
    }
    if is_machine_error(error) {
        return mirror.trouble(error);
    }
    let is_of_store = matches!(
        error.class(),
        ErrorClass::Odb | ErrorClass::Object | ErrorClass::Zlib | ErrorClass::Indexer | ErrorClass::Reference
    );
    if is_of_store || error.code() == ErrorCode::NotFound {
        return Trouble::Corrupt(why);
    }
    SourceError::Unreachable { url, why }.into()
}
