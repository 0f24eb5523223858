//! Orders versions of contracts, and reads the versions that platforms give themselves.

use std::cmp::Ordering;

use semver::Version;

/// The version of contracts that follow the newest state of their source; it ranks above every other.
const ROLLING: &str = "rolling";

/// The first one to three numbers of a text, such as `7.260901.0` of `v7.260901.0-rc1`; what lacks counts as zero.
///
/// What stands behind them is left out: the platforms compare the same way.
pub(super) fn coerce(text: &str) -> Option<Version> {
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = [0_u64; 3];
    for (number, part) in numbers.iter_mut().zip(text[begin..].split('.')) {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        if digits == 0 {
            break;
        }
        *number = part[..digits].parse().ok()?;
        if digits < part.len() {
            break;
        }
    }
    let [major, minor, patch] = numbers;
    Some(Version::new(major, minor, patch))
}

/// Which of two versions of a contract is the newer one, as the platform ranks them; what is no version ranks lowest.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    let rank = |text: &str| (text == ROLLING, coerce(text));
    // Versions that only differ behind their numbers: `1.0.0-lts.2` is newer than `1.0.0-lts.1`.
    let whole = |text: &str| Version::parse(text).ok();
    rank(left).cmp(&rank(right)).then_with(|| whole(left).cmp(&whole(right))).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_from_where_they_begin() {
        for (text, expected) in [
            ("7.260901.0", Some((7, 260_901, 0))),
            ("v6.8", Some((6, 8, 0))),
            ("6", Some((6, 0, 0))),
            ("7.1.0-SNAPSHOT", Some((7, 1, 0))),
            ("7.1-beta.3", Some((7, 1, 0))),
            ("1.2.3.4", Some((1, 2, 3))),
            ("1..3", Some((1, 0, 0))),
            ("rolling", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(coerce(text).map(|v| (v.major, v.minor, v.patch)), expected, "{text}");
        }
    }

    #[test]
    fn rolling_is_newest_and_nonsense_is_oldest() {
        let mut versions =
            ["latest", "6.9.1", "rolling", "7.260901.0", "6.10.0", "7.260901.0-lts.10", "7.260901.0-lts.9", "7"];
        versions.sort_by(|a, b| order(b, a));
        assert_eq!(
            versions,
            ["rolling", "7.260901.0", "7.260901.0-lts.10", "7.260901.0-lts.9", "7", "6.10.0", "6.9.1", "latest"]
        );
    }
}
