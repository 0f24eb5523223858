//! With which versions of its platform a contract works.

use std::fmt;

use semver::{Version, VersionReq};

use super::version;

/// With which versions of its platform a contract works, as far as its catalog says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// The catalog does not say.
    Unsaid,
    /// With those in a range, as today's catalogs write it (`>= 6.5.1`).
    Range(Range),
    /// From one version to another, both included, as the newer format writes it.
    Between {
        /// The lowest.
        min: Option<Bound>,
        /// The highest.
        max: Option<Bound>,
    },
}

/// A range of versions: several alternatives, or none that could be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: String,
    alternatives: Option<Vec<VersionReq>>,
}

/// An end of a range, as it is written, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    text: String,
    version: Option<Version>,
}

/// Whether a contract works with a version of its platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It does, or its catalog does not say.
    Fits,
    /// It does not.
    Outside,
    /// What the catalog says, or the platform's version, can't be understood.
    Unclear,
}

impl Support {
    /// What today's catalogs say.
    pub(super) fn range(text: Option<String>) -> Self {
        match text {
            Some(text) => Self::Range(Range { alternatives: alternatives(&text), text }),
            None => Self::Unsaid,
        }
    }

    /// What the newer format says.
    pub(super) fn between(min: Option<String>, max: Option<String>) -> Self {
        if min.is_none() && max.is_none() {
            return Self::Unsaid;
        }
        let bound = |text: String| Bound { version: version::coerce(&text), text };
        Self::Between { min: min.map(bound), max: max.map(bound) }
    }

    /// Whether it holds a version of the platform.
    pub fn fits(&self, platform: &str) -> Fit {
        let fit = |holds: Option<bool>| match holds {
            Some(true) => Fit::Fits,
            Some(false) => Fit::Outside,
            None => Fit::Unclear,
        };
        match (self, version::coerce(platform)) {
            (Self::Unsaid, _) => Fit::Fits,
            (Self::Range(_) | Self::Between { .. }, None) => Fit::Unclear,
            (Self::Range(range), Some(platform)) => {
                fit(range.alternatives.as_ref().map(|all| all.iter().any(|range| range.matches(&platform))))
            }
            (Self::Between { min, max }, Some(platform)) => {
                let above = min.as_ref().map_or(Some(true), |min| Some(*min.version.as_ref()? <= platform));
                let below = max.as_ref().map_or(Some(true), |max| Some(platform <= *max.version.as_ref()?));
                fit(above.zip(below).map(|(above, below)| above && below))
            }
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => f.write_str("any version"),
            Self::Range(range) => f.write_str(&range.text),
            Self::Between { min: Some(min), max: Some(max) } => write!(f, "{} to {}", min.text, max.text),
            Self::Between { min: Some(min), max: None } => write!(f, "{} or newer", min.text),
            Self::Between { min: None, max: Some(max) } => write!(f, "{} or older", max.text),
            Self::Between { min: None, max: None } => f.write_str("any version"),
        }
    }
}

/// Reads a range in the spelling of npm, which the platform uses; none where it is none.
fn alternatives(text: &str) -> Option<Vec<VersionReq>> {
    text.split("||").map(|alternative| VersionReq::parse(&comparators(alternative)?).ok()).collect()
}

/// The comparators of one alternative, each with its operator, separated by commas.
fn comparators(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text == "x" || text == "X" {
        return Some("*".to_owned());
    }
    if let Some((low, high)) = text.split_once(" - ") {
        return Some(format!(">={}, <={}", number(low.trim())?, number(high.trim())?));
    }
    let mut comparators = Vec::new();
    let mut operator = String::new();
    for word in text.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        let begin = word.find(|c: char| !"<>=^~".contains(c)).unwrap_or(word.len());
        operator.push_str(&word[..begin]);
        if begin < word.len() {
            // A version without an operator means exactly that one.
            let taken = std::mem::take(&mut operator);
            let sign = if taken.is_empty() { "=" } else { &taken };
            let version = number(&word[begin..])?;
            comparators.push(if version == "*" { version.to_owned() } else { format!("{sign}{version}") });
        }
    }
    operator.is_empty().then(|| comparators.join(", "))
}

/// A version without the `v` that some put before it; none for what can't be one.
fn number(text: &str) -> Option<&str> {
    let text = text.strip_prefix('v').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '*' | 'x' | 'X')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, inside: &[&str], outside: &[&str]) {
        let support = Support::range(Some(range.to_owned()));
        for version in inside {
            assert_eq!(support.fits(version), Fit::Fits, "{version} in {range}");
        }
        for version in outside {
            assert_eq!(support.fits(version), Fit::Outside, "{version} in {range}");
        }
        assert_eq!(support.to_string(), range);
    }

    #[test]
    fn ranges_in_every_spelling() {
        check(">=6.5.1", &["6.5.1", "6.10.0", "7.260901.0"], &["6.5.0", "5.9.9"]);
        check(">= 6.5.1", &["6.5.1", "7.1.0"], &["6.5.0"]);
        check(">7.260811.0", &["7.260811.1", "7.260901.0-rc1"], &["7.260811.0", "6.8.0"]);
        check(">=6.0.0 <7.0.0", &["6.9.9"], &["7.0.0", "5.0.0"]);
        check(">=6.0, < 7", &["6.9.9"], &["7.0.0"]);
        check("6.8.0", &["6.8.0"], &["6.8.1", "6.9.0"]);
        check("6.x || 7.x", &["6.1.0", "7.9.0"], &["5.1.0", "8.0.0"]);
        check("6.1.0 - 6.4", &["6.1.0", "6.4.9"], &["6.0.9", "6.5.0"]);
        check("^6.8.1", &["6.9.0"], &["6.8.0", "7.0.0"]);
        check("~6.8.1", &["6.8.2"], &["6.9.0"]);
        check("*", &["1.0.0"], &[]);
        check(">=v6.1", &["6.1.0"], &["6.0.0"]);
    }

    #[test]
    fn what_is_no_range_or_no_version_is_unclear() {
        for text in ["soon", ">=", ">= soon", "6.8 and up", "=>6.1"] {
            assert_eq!(Support::range(Some(text.to_owned())).fits("6.8.0"), Fit::Unclear, "{text}");
        }
        assert_eq!(Support::range(Some(">=6.8".to_owned())).fits("newest"), Fit::Unclear);
        assert_eq!(Support::range(None).fits("newest"), Fit::Fits);
    }

    #[test]
    fn bounds_hold_both_their_ends() {
        let between =
            |min: Option<&str>, max: Option<&str>| Support::between(min.map(str::to_owned), max.map(str::to_owned));
        let both = between(Some("6.8.0"), Some("7.2"));
        assert_eq!(
            ["6.7.9", "6.8.0", "7.2.0", "7.2.1"].map(|version| both.fits(version)),
            [Fit::Outside, Fit::Fits, Fit::Fits, Fit::Outside]
        );
        assert_eq!(both.to_string(), "6.8.0 to 7.2");
        assert_eq!(between(None, Some("6.0.0")).fits("7.0.0"), Fit::Outside);
        assert_eq!(between(Some("7.260507.0"), None).to_string(), "7.260507.0 or newer");
        assert_eq!(between(Some("soon"), None).fits("7.0.0"), Fit::Unclear);
        assert_eq!(between(None, None), Support::Unsaid);
    }
}
