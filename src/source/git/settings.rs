//! What the settings say about a git source, and whether it can work.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;

use crate::model::Credential;

use super::{
    super::{SourceError, select},
    url::{RemoteUrl, Transport},
};

/// Which repository, which part of it, and how to get at it.
#[derive(Debug, Clone)]
pub struct GitConfig {
    /// `https://…`, `ssh://…`, `user@host:path`, `file://…` or a local path; `http://` only to this machine.
    pub url: String,
    /// A branch, a tag, `refs/…`, `HEAD`, or all 40 digits of a commit.
    pub reference: String,
    /// The folder that is read, relative to the root of the repository; empty: all of it.
    pub path: String,
    /// How often the server is asked, give or take a tenth.
    pub interval: Duration,
    /// Who we are there.
    pub auth: GitAuth,
    /// The certificates that sign the server's, as a PEM file, instead of those of the system.
    pub ca: Option<PathBuf>,
    /// The folder of the bare mirror; created, private to its owner.
    pub mirror: PathBuf,
    /// How long one reading may take; it is stopped then.
    pub deadline: Duration,
    /// The program that runs [`super::fetch_child_main`] when its first argument is `internal-git-fetch`: our own.
    pub fetch_program: PathBuf,
}

/// Who we are at a git server.
#[derive(Debug, Clone)]
pub enum GitAuth {
    /// Nobody.
    None,
    /// A token over HTTP, sent as the password of the user `git`.
    Token(Credential),
    /// A user with a password over HTTP.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Credential,
    },
    /// A key over SSH.
    Ssh {
        /// The private key, without passphrase.
        key: SshKey,
        /// The keys of the servers that are trusted, in the format of OpenSSH; nothing is ever learnt.
        known_hosts: PathBuf,
    },
}

/// Where a private SSH key is.
#[derive(Debug, Clone)]
pub enum SshKey {
    /// In a file.
    File(PathBuf),
    /// In memory, as PEM.
    Pem(SecretString),
}

/// The settings, found able to work.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) config: GitConfig,
    pub(super) url: RemoteUrl,
}

/// Checks everything that can be checked without asking anyone.
pub(super) fn check(mut config: GitConfig) -> Result<Checked, SourceError> {
    let url = RemoteUrl::parse(&config.url).map_err(|why| bad(format!("the git URL {why}")))?;
    config.path = checked_path(&config.path)?;
    check_reference(&config.reference)?;
    match (&config.auth, &url.transport) {
        (GitAuth::None, Transport::Ssh { .. }) => {
            return Err(bad(format!("`{}` needs an ssh key and a known_hosts file", url.text)));
        }
        (GitAuth::Token(_) | GitAuth::Basic { .. }, Transport::Ssh { .. } | Transport::Local(_)) => {
            return Err(bad(format!("a token or password is of no use to `{}`", url.text)));
        }
        (GitAuth::Ssh { .. }, Transport::Http | Transport::Local(_)) => {
            return Err(bad(format!("an ssh key is of no use to `{}`", url.text)));
        }
        (GitAuth::None | GitAuth::Token(_) | GitAuth::Basic { .. }, Transport::Http)
        | (GitAuth::None, Transport::Local(_))
        | (GitAuth::Ssh { .. }, Transport::Ssh { .. }) => {}
    }
    for (name, duration) in [("interval", config.interval), ("deadline", config.deadline)] {
        if duration.is_zero() {
            return Err(bad(format!("the {name} of a git source must not be zero")));
        }
    }
    config.mirror = absolute(&config.mirror)?;
    if let Some(ca) = &config.ca {
        config.ca = Some(absolute(ca)?);
    }
    if let GitAuth::Ssh { key, known_hosts } = &mut config.auth {
        *known_hosts = absolute(known_hosts)?;
        if let SshKey::File(file) = key {
            *file = absolute(file)?;
        }
    }
    Ok(Checked { config, url })
}

fn absolute(path: &Path) -> Result<PathBuf, SourceError> {
    std::path::absolute(path).map_err(|error| bad(format!("the path `{}` can't be used: {error}", path.display())))
}

pub(super) fn checked_path(path: &str) -> Result<String, SourceError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match parts.iter().find(|part| !select::is_plain_part(part.as_bytes()) || select::is_forged(part.as_bytes())) {
        Some(part) => Err(bad(format!("the path holds `{}`: {}", part.escape_debug(), select::ODD_NAME))),
        None => Ok(parts.join("/")),
    }
}

/// The rules of git-check-ref-format(1), as far as they keep a name from meaning something else.
fn check_reference(reference: &str) -> Result<(), SourceError> {
    let forbidden =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let is_bad = reference.is_empty()
        || reference.len() > 255
        || reference.starts_with(['-', '/', '+'])
        || reference.ends_with(['/', '.'])
        || reference.contains("..")
        || reference.contains("@{")
        || reference.contains(forbidden)
        || reference.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
    if is_bad {
        return Err(bad(format!("`{}` is not a branch, tag, `refs/…` or commit", reference.escape_debug())));
    }
    Ok(())
}

fn bad(why: String) -> SourceError {
    SourceError::Settings(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> GitConfig {
        GitConfig {
            url: url.to_owned(),
            reference: "main".to_owned(),
            path: String::new(),
            interval: Duration::from_secs(30),
            auth: GitAuth::None,
            ca: None,
            mirror: PathBuf::from("/nowhere"),
            deadline: Duration::from_secs(30),
            fetch_program: PathBuf::from("/nowhere"),
        }
    }

    fn refusal(config: GitConfig) -> String {
        check(config).unwrap_err().to_string()
    }

    #[test]
    fn paths_are_normalised_and_stay_inside() {
        for (path, normal) in [("", ""), (".", ""), ("/a//b/", "a/b"), ("./a", "a")] {
            assert_eq!(checked_path(path).unwrap(), normal);
        }
        for path in ["..", "a/../b", ".git", "a\nb", "é"] {
            assert!(checked_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn references_are_names() {
        for good in ["main", "feature/a", "refs/heads/main", "v1.0", "HEAD", &"a".repeat(40)] {
            assert!(check_reference(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a..b", "a b", "a:b", "+a", "a^", "a~1", "a\n", "a.lock", ".a", "a/", "a@{1}", "a*", "/a"]
        {
            assert!(check_reference(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn credentials_fit_their_transport() {
        let token = || GitAuth::Token("t0ken".into());
        let ssh = || GitAuth::Ssh { key: SshKey::Pem("key".into()), known_hosts: PathBuf::from("known") };
        for (url, auth) in [
            ("ssh://git@h/x", GitAuth::None),
            ("ssh://git@h/x", token()),
            ("/srv/x.git", token()),
            ("https://h/x", ssh()),
            ("/srv/x.git", ssh()),
        ] {
            let text = refusal(GitConfig { auth, ..config(url) });
            assert!(text.contains(url) && !text.contains("t0ken"), "{text}");
        }
        assert!(check(GitConfig { auth: token(), ..config("https://h/x") }).is_ok());
        assert!(check(GitConfig { auth: ssh(), ..config("git@h:x") }).is_ok());
    }

    #[test]
    fn times_are_not_zero() {
        assert!(refusal(GitConfig { interval: Duration::ZERO, ..config("/x") }).contains("interval"));
        assert!(refusal(GitConfig { deadline: Duration::ZERO, ..config("/x") }).contains("deadline"));
    }
}
