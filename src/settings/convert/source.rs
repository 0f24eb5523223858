//! Where manifests come from.

use std::time::Duration;

use super::{Converter, Here};
use crate::{
    model::Code,
    settings::{
        dto::{GitAuthDto, GitDto, SourceDto},
        types::{GitAuth, GitSettings, SourceSettings},
        urls::{self, GitScheme},
    },
};

/// Polling more often than this would be taken for an attack by some servers.
const BOUNDS: Option<(Duration, Duration)> = Some((Duration::from_secs(1), Duration::from_hours(24)));

pub(super) fn source(converter: &mut Converter, dto: SourceDto, here: &Here<'_>) -> Option<SourceSettings> {
    if dto.git.is_some() && dto.poll.is_some() {
        let help = "set `source.git.interval`";
        converter.refuse(&here.field("poll"), Code::NotAllowed, "is for `directory`", help);
    }
    match (dto.git, dto.directory) {
        (Some(dto), None) => git(converter, dto, &here.field("git")).map(SourceSettings::Git),
        (None, Some(directory)) => {
            let path = converter.path(&directory, &here.field("directory"));
            let poll = match dto.poll.as_deref() {
                Some(text) => converter.duration(Some(text), Duration::ZERO, BOUNDS, &here.field("poll")).map(Some),
                None => Some(None),
            };
            Some(SourceSettings::Directory { path: path?, poll: poll? })
        }
        (Some(_), Some(_)) => {
            converter.refuse(here, Code::NotAllowed, "has both `git` and `directory`", "keep one of the two");
            None
        }
        (None, None) => {
            // A field that was refused above is there, and its finding says more.
            if !here.is_broken() {
                let help = "add `git: {url: …}` or `directory: PATH`";
                converter.refuse(here, Code::MissingField, "has neither `git` nor `directory`", help);
            }
            None
        }
    }
}

fn git(converter: &mut Converter, dto: GitDto, here: &Here<'_>) -> Option<GitSettings> {
    let scheme = dto.url.as_deref().and_then(|url| converter.accepted(urls::git(url), &here.field("url")));
    let reference = dto.reference.unwrap_or_else(|| "main".to_owned());
    let named = is_reference(&reference);
    if !named {
        let help = "write a branch, a tag or a commit";
        converter.refuse(&here.field("ref"), Code::BadFormat, "is no name of a revision", help);
    }
    let path = converter.path_in_source(dto.path.as_deref().unwrap_or_default(), &here.field("path"));
    let interval =
        converter.duration(dto.interval.as_deref(), Duration::from_secs(30), BOUNDS, &here.field("interval"));
    let ca = match &dto.ca {
        Some(ca) => converter.path(ca, &here.field("ca")).map(Some),
        None => Some(None),
    };
    let auth = match &dto.auth {
        Some(auth) => self::auth(converter, auth, scheme, &here.field("auth")),
        None if scheme == Some(GitScheme::Ssh) => {
            let help = "add `auth: {key: FILE, knownHosts: FILE}`";
            converter.refuse(here, Code::MissingField, "lacks `auth`, which ssh:// needs", help);
            None
        }
        None => Some(GitAuth::None),
    };
    let url = dto.url?;
    let url = match scheme? {
        GitScheme::Local if !url.contains("://") => {
            converter.path(&url, &here.field("url"))?.to_string_lossy().into_owned()
        }
        GitScheme::Local | GitScheme::Web | GitScheme::Ssh => url,
    };
    Some(GitSettings {
        url,
        reference: named.then_some(reference)?,
        path: path?,
        interval: interval?,
        auth: auth?,
        ca: ca?,
    })
}

/// Whether git would take a text for the name of a reference (git-check-ref-format(1)), or for a commit.
fn is_reference(text: &str) -> bool {
    let refused = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains(refused)
        && text.split('/').all(part)
}

fn auth(converter: &mut Converter, dto: &GitAuthDto, scheme: Option<GitScheme>, here: &Here<'_>) -> Option<GitAuth> {
    let (wanted, auth) = match dto {
        GitAuthDto { token: Some(token), username: None, password: None, key: None, known_hosts: None } => {
            let token = converter.secret(token, &here.field("token"));
            (GitScheme::Web, token.map(|token| GitAuth::Token { token }))
        }
        GitAuthDto {
            token: None,
            username: Some(username),
            password: Some(password),
            key: None,
            known_hosts: None,
        } => {
            let password = converter.secret(password, &here.field("password"));
            (GitScheme::Web, password.map(|password| GitAuth::Basic { username: username.clone(), password }))
        }
        GitAuthDto { token: None, username: None, password: None, key: Some(key), known_hosts: Some(hosts) } => {
            let key = converter.path(key, &here.field("key"));
            let known_hosts = converter.path(hosts, &here.field("knownHosts"));
            let both = key.zip(known_hosts);
            (GitScheme::Ssh, both.map(|(key, known_hosts)| GitAuth::Ssh { key, known_hosts }))
        }
        GitAuthDto { .. } => {
            if !here.is_broken() {
                let help = "write `{token: …}`, `{username: …, password: …}` or `{key: FILE, knownHosts: FILE}`";
                converter.refuse(here, Code::NotAllowed, "is no whole way to authenticate, or several", help);
            }
            return None;
        }
    };
    match scheme {
        Some(scheme) if scheme != wanted => {
            let help = "`token`, `username` and `password` are for https://; `key` and `knownHosts` are for ssh://";
            converter.refuse(here, Code::NotAllowed, "does not go with the scheme of `url`", help);
            None
        }
        Some(_) | None => auth,
    }
}
