//! What is accepted as image reference, tag and digest (the grammar of the distribution project, `reference.go`).

/// Whether a text is a tag: what stands behind the last `:` of a reference.
pub(super) fn is_tag(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=128).contains(&text.len())
        && text.starts_with(letter)
        && text.chars().all(|c| letter(c) || matches!(c, '.' | '-'))
}

/// Whether a text is a digest that engines accept: `sha256:` and 64 lower-case hexadecimal digits.
pub(super) fn is_digest(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("sha256:") else { return false };
    digits.len() == 64 && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

/// Whether a text is a version: `TAG`, `@DIGEST` or `TAG@DIGEST`.
pub(super) fn is_version(text: &str) -> bool {
    match text.split_once('@') {
        None => is_tag(text),
        Some((tag, digest)) => (tag.is_empty() || is_tag(tag)) && is_digest(digest),
    }
}

/// Whether a text is a full reference: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
pub(super) fn is_reference(text: &str) -> bool {
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return false;
    }
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) || name.len() > 255 {
        return false;
    }
    let path = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            if !is_host(host) {
                return false;
            }
            path
        }
        Some(_) | None => name,
    };
    path.split('/').all(is_path_part)
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.split('.').all(label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0))
}

/// Lower-case letters and digits, joined by one `.`, one or two `_`, or any number of `-`.
fn is_path_part(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !text.starts_with(alphanumeric) || !text.ends_with(alphanumeric) {
        return false;
    }
    let joints = text.split(alphanumeric).filter(|joint| !joint.is_empty());
    joints.into_iter().all(|joint| matches!(joint, "." | "_" | "__") || joint.chars().all(|c| c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references() {
        for good in [
            "opencti/connector-misp",
            "opencti/connector-misp:7.260820.0",
            "busybox",
            "localhost/a:1",
            "reg.example:5000/a/b_c/d--e__f.g:v1",
            &format!("a/b@{DIGEST}"),
            &format!("a/b:1@{DIGEST}"),
        ] {
            assert!(is_reference(good), "{good}");
        }
        for bad in [
            "",
            "A/b",
            "a b",
            "a/",
            "/a",
            "a//b",
            "a:",
            "a:b:c",
            "a@sha256:00",
            "a@md5:00",
            "reg.example:x/a",
            "reg.example:0/a",
            "-a/b",
            "a/-b",
            "a...b",
            "a\n",
            "a:1\u{1b}",
            "http://a/b",
            &"a".repeat(256),
        ] {
            assert!(!is_reference(bad), "{bad:?}");
        }
    }

    #[test]
    fn versions() {
        for good in ["7.260820.0", "latest", "7", "_x", &format!("@{DIGEST}"), &format!("7@{DIGEST}")] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "-1", ".1", "a b", "a/b", "a:b", "@", "7@", "@sha256:00", &"a".repeat(129)] {
            assert!(!is_version(bad), "{bad:?}");
        }
    }
}
