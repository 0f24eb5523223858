//! The rules for addresses: which schemes there are, and that none holds a secret.

use std::path::Path;

use url::{Host, Url};

use crate::model::Code;

/// Why an address was refused, and what to do about it.
pub(super) struct Refused {
    /// The kind of mistake.
    pub(super) code: Code,
    /// What is wrong with it, to follow its name.
    pub(super) why: &'static str,
    /// What to do.
    pub(super) help: &'static str,
}

fn refused(why: &'static str, help: &'static str) -> Refused {
    Refused { code: Code::BadFormat, why, help }
}

/// Where plain HTTP may go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainHttp {
    /// Anywhere: platforms often stand beside us in a network of containers.
    Anywhere,
    /// To loopback addresses only.
    Loopback,
}

/// An address of a web server.
pub(super) fn web(text: &str, plain: PlainHttp) -> Result<Url, Refused> {
    let url = parse(text)?;
    without_user(&url)?;
    match url.scheme() {
        "https" => {}
        "http" if plain == PlainHttp::Anywhere || is_loopback(&url) => {}
        "http" => return Err(refused("is plain http, which anybody on the way can change", "use https://")),
        _ => return Err(refused("is not an http or https address", "begin it with https:// or http://")),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("has a query or fragment", "leave out what follows `?` or `#`"));
    }
    Ok(url)
}

/// The scheme of a git URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GitScheme {
    /// `https://`, or `http://` to a loopback address.
    Web,
    /// `ssh://`.
    Ssh,
    /// `file://` or a path of this host.
    Local,
}

/// Which scheme a git URL has, if it is one that is accepted.
pub(super) fn git(text: &str) -> Result<GitScheme, Refused> {
    if text.starts_with('-') {
        return Err(refused("begins with `-`, which git could take for an option", "write the URL or path itself"));
    }
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(refused("is empty or has spaces in it", "write the URL or path itself"));
    }
    if !text.contains("://") {
        let host_and_path = text.split_once(':').filter(|(host, _)| !host.contains('/'));
        return match host_and_path {
            Some((_, rest)) if rest.starts_with(':') => {
                Err(refused("names a git remote helper, which is a program", "use https://, ssh://, file:// or a path"))
            }
            Some(_) => Err(refused("is in the short form of SSH", "write ssh://USER@HOST/PATH")),
            None => Ok(GitScheme::Local),
        };
    }
    let url = parse(text)?;
    match url.scheme() {
        "https" | "http" => web(text, PlainHttp::Loopback).map(|_| GitScheme::Web),
        "ssh" if url.password().is_some() => Err(password()),
        "ssh" if url.host_str().is_none_or(|host| host.is_empty() || host.starts_with('-')) => {
            Err(refused("names no host", "write ssh://USER@HOST/PATH"))
        }
        "ssh" if url.username().starts_with(['-', '%']) => {
            Err(refused("has a user that is no name", "write ssh://USER@HOST/PATH"))
        }
        "ssh" => Ok(GitScheme::Ssh),
        "file" if url.host().is_none() => Ok(GitScheme::Local),
        _ => Err(refused("has a scheme that is not accepted", "use https://, ssh://, file:// or a path")),
    }
}

/// Whether an address of a Docker Engine is accepted.
pub(super) fn docker(text: &str) -> Result<(), Refused> {
    if let Some(path) = text.strip_prefix("unix://") {
        let absolute = Path::new(path).is_absolute() && !path.contains('\0');
        return if absolute {
            Ok(())
        } else {
            Err(refused("has no absolute path", "write unix:///var/run/docker.sock"))
        };
    }
    let Some(rest) = text.strip_prefix("tcp://") else {
        return Err(refused("is not an address of an engine", "write unix:///PATH, or tcp://127.0.0.1:PORT"));
    };
    let url = parse(&format!("http://{rest}"))?;
    without_user(&url)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || url.port().is_none() {
        return Err(refused("is not a host and port", "write tcp://127.0.0.1:PORT"));
    }
    if is_loopback(&url) {
        Ok(())
    } else {
        // Whoever reaches the engine is root on its host.
        Err(refused("is not a loopback address, and the connection is not encrypted", "forward it through SSH"))
    }
}

fn parse(text: &str) -> Result<Url, Refused> {
    Url::parse(text).map_err(|_| refused("is not a URL", "write it like https://host.example/path"))
}

fn without_user(url: &Url) -> Result<(), Refused> {
    if url.password().is_some() {
        Err(password())
    } else if url.username().is_empty() {
        Ok(())
    } else {
        Err(refused("holds a user's name", "leave out what stands before `@`"))
    }
}

fn password() -> Refused {
    Refused {
        code: Code::PlaintextSecret,
        why: "holds a password",
        help: "leave out what stands before `@`, and change the password if it was shared",
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
