//! What the operator lets manifests ask of the host.

/// The operator's rules, from the settings, outside the watched source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Patterns of image references without tag or digest; `*` stands for any text without `/`, `**` for any text.
    pub images: Vec<String>,
    /// Directories of the host below which bind mounts are allowed.
    pub bind_roots: Vec<String>,
    /// Further permissions: `privileged`, `capAdd:NAME`, `device:PATH`, `hostNamespace:NAME`.
    pub allow: Vec<String>,
}

impl Default for Policy {
    /// The platforms' own images and nothing of the host.
    fn default() -> Self {
        Self { images: vec!["opencti/*".to_owned(), "openaev/*".to_owned()], bind_roots: Vec::new(), allow: Vec::new() }
    }
}

impl Policy {
    /// Whether a permission is given, by name.
    pub fn allows(&self, permission: &str) -> bool {
        self.allow.iter().any(|allowed| allowed == permission)
    }

    /// Whether the policy lets an image run; `image` is a reference, its tag and digest do not count.
    pub fn allows_image(&self, image: &str) -> bool {
        let name = repository(image);
        self.images.iter().any(|pattern| matches(pattern, name))
    }

    /// Whether a path of the host may be mounted: it lies below an allowed root and climbs nowhere.
    pub fn allows_bind(&self, path: &str) -> bool {
        let path = std::path::Path::new(path);
        let straight = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
        path.is_absolute() && straight && self.bind_roots.iter().any(|root| path.starts_with(root))
    }
}

/// An image reference without its tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        Some(_) | None => name,
    }
}

/// Matches a whole text against a pattern in which `*` is any text without `/` and `**` any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some(star) = pattern.find('*') else { return pattern == text };
    let (literal, rest) = pattern.split_at(star);
    let Some(text) = text.strip_prefix(literal) else { return false };
    let (crosses, rest) = match rest.strip_prefix("**") {
        Some(rest) => (true, rest),
        None => (false, &rest[1..]),
    };
    let mut ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
    ends.any(|end| (crosses || !text[..end].contains('/')) && matches(rest, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_match_without_their_tag_and_digest() {
        let policy = Policy { images: vec!["opencti/*".into(), "reg.example:5000/**".into()], ..Policy::default() };
        for good in ["opencti/connector-misp:1", "opencti/connector-misp@sha256:00", "reg.example:5000/a/b:1"] {
            assert!(policy.allows_image(good), "{good}");
        }
        for bad in ["opencti/a/b", "evil/opencti/x", "opencti", "reg.example/a", "xopencti/a"] {
            assert!(!policy.allows_image(bad), "{bad}");
        }
    }

    #[test]
    fn binds_stay_below_their_roots() {
        let policy = Policy { bind_roots: vec!["/srv/data".into()], ..Policy::default() };
        assert!(policy.allows_bind("/srv/data/x"));
        for bad in ["/srv/data/../../etc", "/srv/database", "srv/data", "/", "/var/run/docker.sock"] {
            assert!(!policy.allows_bind(bad), "{bad}");
        }
        assert!(!Policy::default().allows_bind("/srv/data"));
    }
}
