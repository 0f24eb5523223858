//! Which URLs of git repositories are taken, and what they name.

use std::path::PathBuf;

use ::url::{Host, Url};

/// A URL that holds no credentials and names a transport of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteUrl {
    /// The URL as it is printed and as libgit2 takes it.
    pub(super) text: String,
    /// How it is reached.
    pub(super) transport: Transport,
}

/// How a repository is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transport {
    /// On this machine.
    Local(PathBuf),
    /// Over HTTPS, or HTTP to this machine.
    Http,
    /// Over SSH.
    Ssh {
        /// The user who logs in.
        user: String,
        /// The name or address of the server, in lower case and without brackets.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl RemoteUrl {
    /// Takes a URL apart; the error says what is wrong with "the git URL …", without repeating it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > 2048 {
            return Err("must have 1 to 2048 characters".to_owned());
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("holds a control character or white space".to_owned());
        }
        if text.starts_with('-') {
            return Err("begins with `-`".to_owned());
        }
        let (head, _) = text.split_once('/').unwrap_or((text, ""));
        if head.contains("::") && !head.contains('[') {
            return Err("names a remote helper, which is never run".to_owned());
        }
        if text.contains("://") {
            Self::parse_url(text)
        } else if let Some((before, path)) = head.contains(':').then(|| split_scp(text)).flatten() {
            Self::parse_scp(text, before, path)
        } else {
            Self::local(PathBuf::from(text))
        }
    }

    fn parse_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("can't be read: {error}"))?;
        if url.password().is_some() {
            return Err("holds a password; credentials belong to `auth`".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("holds a `?` or `#`, where credentials may hide".to_owned());
        }
        match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| "names no file of this machine".to_owned())?;
                Self::local(path)
            }
            "https" | "http" => {
                if !url.username().is_empty() {
                    return Err("holds a user; credentials belong to `auth`".to_owned());
                }
                if url.scheme() == "http" && !is_loopback(&url) {
                    return Err("is `http://` to another machine; use `https://`".to_owned());
                }
                Ok(Self { text: text.to_owned(), transport: Transport::Http })
            }
            "ssh" => {
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
                let user = if url.username().is_empty() { "git" } else { url.username() };
                Self::ssh(text, user, host, url.port().unwrap_or(22), url.path())
            }
            other => Err(format!("has the scheme `{other}`; `https`, `ssh`, `file` or a local path is wanted")),
        }
    }

    fn parse_scp(text: &str, before: &str, path: &str) -> Result<Self, String> {
        if path.contains('@') {
            return Err("holds an `@` behind a `:`, as a password would; credentials belong to `auth`".to_owned());
        }
        let (user, host) = before.rsplit_once('@').unwrap_or(("git", before));
        Self::ssh(text, user, host.trim_matches(['[', ']']), 22, path)
    }

    fn ssh(text: &str, user: &str, host: &str, port: u16, path: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
        for (what, part) in [("host", host), ("user", user)] {
            if part.is_empty() || part.starts_with('-') || !part.chars().all(is_plain) {
                return Err(format!("has an odd {what}"));
            }
        }
        if user.contains(':') {
            return Err("holds a password; credentials belong to `auth`".to_owned());
        }
        let path = path.trim_start_matches('/');
        if path.is_empty() || path.starts_with('-') || path.contains('\'') {
            return Err("names no repository on its server, or one with an odd name".to_owned());
        }
        let transport = Transport::Ssh { user: user.to_owned(), host: host.to_ascii_lowercase(), port };
        Ok(Self { text: text.to_owned(), transport })
    }

    fn local(path: PathBuf) -> Result<Self, String> {
        let path = std::path::absolute(path).map_err(|error| format!("names no path of this machine: {error}"))?;
        let text = path.to_str().ok_or("names a path that isn't UTF-8")?.to_owned();
        Ok(Self { text, transport: Transport::Local(path) })
    }
}

/// `user@host:path`, where the colon comes before any slash; an IPv6 address stands in brackets.
fn split_scp(text: &str) -> Option<(&str, &str)> {
    match text.split_once(']') {
        Some((before, after)) if before.contains('[') => {
            after.strip_prefix(':').map(|path| (&text[..=before.len()], path))
        }
        Some(_) | None => text.split_once(':'),
    }
}

/// Whether a URL leads to this machine, whatever a name server says.
pub(in super::super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(user: &str, host: &str, port: u16) -> Transport {
        Transport::Ssh { user: user.to_owned(), host: host.to_owned(), port }
    }

    #[test]
    fn every_form_that_is_taken() {
        for (text, transport) in [
            ("https://git.example.org/a/b.git", Transport::Http),
            ("http://localhost:8080/a", Transport::Http),
            ("http://127.0.0.1:8080/a", Transport::Http),
            ("http://[::1]:8080/a", Transport::Http),
            ("ssh://git.example.org/a", ssh("git", "git.example.org", 22)),
            ("ssh://me@Git.Example.org:2222/a", ssh("me", "git.example.org", 2222)),
            ("ssh://me@[::1]:2222/a", ssh("me", "::1", 2222)),
            ("git@host:a/b.git", ssh("git", "host", 22)),
            ("me@[::1]:a", ssh("me", "::1", 22)),
            ("host:a", ssh("git", "host", 22)),
            ("file:///srv/a%20b.git", Transport::Local(PathBuf::from("/srv/a b.git"))),
            ("/srv/a:b.git", Transport::Local(PathBuf::from("/srv/a:b.git"))),
        ] {
            assert_eq!(RemoteUrl::parse(text).map(|url| url.transport), Ok(transport), "{text}");
        }
        let relative = RemoteUrl::parse("./a").unwrap();
        assert!(relative.text.starts_with('/'));
    }

    #[test]
    fn every_form_that_is_refused() {
        for text in [
            "",
            "-oProxyCommand=x",
            "ext::sh -c x",
            "ext::x",
            "ext::ssh://h/x",
            "https://token@host/a",
            "https://user:t0ken@host/a",
            "https://host/a?private_token=t0ken",
            "https://host/a#t0ken",
            "http://host/a",
            "http://localhost.example.org/a",
            "http://127.0.0.1.example.org/a",
            "git://host/a",
            "ftp://host/a",
            "ssh://user:t0ken@host/a",
            "ssh://-oProxyCommand=x/a",
            "ssh://-x@host/a",
            "ssh://host/",
            "ssh://host/-a",
            "-x@host:a",
            "a@-host:a",
            "user:t0ken@host:a",
            "host:",
            "https://host/a\nb",
            "https://host/a b",
            "file://host/a",
        ] {
            let error = RemoteUrl::parse(text).expect_err(text);
            assert!(!error.contains("t0ken"), "{error}");
        }
    }
}
