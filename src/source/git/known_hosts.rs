//! Whether a server's ssh key is pinned in a known_hosts file, in the format of sshd(8).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a known_hosts file says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is pinned for this host.
    Trusted,
    /// It isn't, and this is why.
    Refused(String),
}

/// The keys pinned for one host.
#[derive(Debug, Default)]
pub(super) struct Pinned {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    is_revoked: bool,
    blob: Vec<u8>,
}

impl Pinned {
    /// Finds the lines for a host. Lines that aren't keys of a host, as those of certificate authorities, trust nobody.
    pub(super) fn of(text: &str, host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        let name = if port == 22 { host } else { format!("[{host}]:{port}") };
        Self { keys: text.lines().filter_map(|line| parse_line(line, &name)).collect() }
    }

    /// Whether any key is pinned.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.iter().all(|key| key.is_revoked)
    }

    /// The pinned keys as lines for one host, which tell libssh2 what types of key to ask the server for.
    pub(super) fn lines_for(&self, host: &str, port: u16) -> String {
        let trusted = self.keys.iter().filter(|key| !key.is_revoked);
        trusted.map(|key| format!("[{host}]:{port} {} {}\n", type_of(&key.blob), STANDARD.encode(&key.blob))).collect()
    }

    /// What is to be thought of the key that a server shows.
    pub(super) fn judge(&self, blob: &[u8]) -> Verdict {
        let shown = format!("{} SHA256:{}", type_of(blob), STANDARD.encode(Sha256::digest(blob)).trim_end_matches('='));
        if self.keys.iter().any(|key| key.is_revoked && key.blob == blob) {
            return Verdict::Refused(format!("its host key {shown} is revoked"));
        }
        if self.keys.iter().any(|key| key.blob == blob) {
            return Verdict::Trusted;
        }
        if self.is_empty() {
            return Verdict::Refused(format!("known_hosts has no key for it; it shows {shown}"));
        }
        let pinned: Vec<&str> = self.keys.iter().filter(|key| !key.is_revoked).map(|key| type_of(&key.blob)).collect();
        if pinned.contains(&type_of(blob)) {
            Verdict::Refused(format!("its host key has changed: it shows {shown}, and another key is pinned"))
        } else {
            Verdict::Refused(format!("it shows the host key {shown}, and only {} is pinned", pinned.join(", ")))
        }
    }
}

fn parse_line(line: &str, name: &str) -> Option<Key> {
    let mut fields = line.split_ascii_whitespace();
    let first = fields.next()?;
    let (is_revoked, hosts) = match first {
        "@revoked" => (true, fields.next()?),
        // A certificate authority signs host certificates, which libssh2 doesn't know.
        marker if marker.starts_with(['@', '#']) => return None,
        hosts => (false, hosts),
    };
    let kind = fields.next()?;
    let blob = STANDARD.decode(fields.next()?).ok()?;
    (names_host(hosts, name) && type_of(&blob) == kind).then_some(Key { is_revoked, blob })
}

/// The name of the type that a key says it is of, which is the first string in it.
fn type_of(blob: &[u8]) -> &str {
    let name = blob.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        std::str::from_utf8(rest.get(..length)?).ok()
    });
    match name {
        Some(name) if name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic()) => name,
        Some(_) | None => "(unknown type)",
    }
}

fn names_host(hosts: &str, name: &str) -> bool {
    if let Some(hashed) = hosts.strip_prefix("|1|") {
        return is_hash_of(hashed, name).unwrap_or(false);
    }
    let mut is_named = false;
    for pattern in hosts.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => is_named |= matches(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()),
        }
    }
    is_named
}

/// `SALT|HASH`, where the hash is the HMAC-SHA1 of the name under the salt.
fn is_hash_of(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let mut hmac = Hmac::<Sha1>::new_from_slice(&STANDARD.decode(salt).ok()?).ok()?;
    hmac.update(name.as_bytes());
    Some(hmac.verify_slice(&STANDARD.decode(hash).ok()?).is_ok())
}

/// Whether a pattern with `*` and `?` matches all of a text, in time that grows with the product of their lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(kind: &str, key: &str) -> Vec<u8> {
        [&(kind.len() as u32).to_be_bytes()[..], kind.as_bytes(), key.as_bytes()].concat()
    }

    fn line(hosts: &str, kind: &str, key: &str) -> String {
        format!("{hosts} {kind} {} comment\n", STANDARD.encode(blob(kind, key)))
    }

    fn judge(text: &str, host: &str, port: u16, kind: &str, key: &str) -> Verdict {
        Pinned::of(text, host, port).judge(&blob(kind, key))
    }

    fn why(verdict: Verdict) -> String {
        match verdict {
            Verdict::Refused(why) => why,
            Verdict::Trusted => panic!("it was trusted"),
        }
    }

    #[test]
    fn plain_entries_name_host_and_port() {
        let text = line("a,b", "ssh-ed25519", "k") + &line("[c]:2222", "ssh-ed25519", "k");
        for (host, port, trusted) in [
            ("a", 22, true),
            ("B", 22, true),
            ("a", 2222, false),
            ("c", 22, false),
            ("c", 2222, true),
            ("d", 22, false),
        ] {
            assert_eq!(judge(&text, host, port, "ssh-ed25519", "k") == Verdict::Trusted, trusted, "{host}:{port}");
        }
    }

    #[test]
    fn patterns_and_their_exceptions() {
        let text = line("*.example.org,!bad.example.org", "ssh-rsa", "k");
        assert_eq!(judge(&text, "git.example.org", 22, "ssh-rsa", "k"), Verdict::Trusted);
        assert!(why(judge(&text, "bad.example.org", 22, "ssh-rsa", "k")).contains("no key"));
        assert!(why(judge(&text, "example.org", 22, "ssh-rsa", "k")).contains("no key"));
        assert!(matches(b"a?c*", b"abcd") && !matches(b"a?c", b"ac") && matches(b"*a*b", b"xaxab"));
    }

    #[test]
    fn hashed_entries() {
        let salt = [7_u8; 20];
        let mut hmac = Hmac::<Sha1>::new_from_slice(&salt).unwrap();
        hmac.update(b"[h]:2222");
        let hosts = format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hmac.finalize().into_bytes()));
        let text = line(&hosts, "ssh-ed25519", "k");
        assert_eq!(judge(&text, "h", 2222, "ssh-ed25519", "k"), Verdict::Trusted);
        assert!(why(judge(&text, "h", 22, "ssh-ed25519", "k")).contains("no key"));
    }

    #[test]
    fn changed_revoked_and_unknown_keys_are_told_apart() {
        let text = line("h", "ssh-ed25519", "k") + "@revoked " + &line("*", "ssh-ed25519", "stolen");
        assert!(why(judge(&text, "h", 22, "ssh-ed25519", "other")).contains("changed"));
        assert!(why(judge(&text, "h", 22, "ssh-rsa", "k")).contains("only ssh-ed25519 is pinned"));
        assert!(why(judge(&text, "h", 22, "ssh-ed25519", "stolen")).contains("revoked"));
        assert!(why(judge(&text, "i", 22, "ssh-ed25519", "k")).contains("no key"));
        let both = text + &line("h", "ssh-ed25519", "stolen");
        assert!(why(judge(&both, "h", 22, "ssh-ed25519", "stolen")).contains("revoked"));
    }

    #[test]
    fn broken_lines_trust_nobody() {
        for text in ["h", "h ssh-ed25519", "h ssh-ed25519 !!!", "|1|x ssh-ed25519 AAAA", "", "#h ssh-ed25519 AAAA"] {
            assert!(Pinned::of(text, "h", 22).is_empty(), "{text}");
        }
        let authority = format!("@cert-authority {}", line("*", "ssh-ed25519", "k"));
        assert!(Pinned::of(&authority, "h", 22).is_empty());
        assert!(Pinned::of(&format!("h ssh-rsa {}", STANDARD.encode(blob("ssh-ed25519", "k"))), "h", 22).is_empty());
    }

    #[test]
    fn lines_are_written_back_for_one_host() {
        let text = line("h", "ssh-ed25519", "k");
        let lines = Pinned::of(&text, "h", 22).lines_for("h", 22);
        assert!(lines.starts_with("[h]:22 ssh-ed25519 "));
    }
}
