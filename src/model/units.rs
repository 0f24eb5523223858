//! Durations, sizes and shares as people write them: `30s`, `512Mi`, `0.5`.

use std::time::Duration;

/// The pattern that durations follow, for schemas.
pub const DURATION_PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";
/// The pattern that sizes follow, for schemas.
pub const SIZE_PATTERN: &str = "^[0-9]+([KMGT]i?|[kmgt])?B?$";

/// Reads a duration such as `30s`, `2m`, `1h30m` or `250ms`; none if it is not one or passes what fits.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        let units = &rest[digits..];
        let end = units.find(|c: char| c.is_ascii_digit()).unwrap_or(units.len());
        let step = match &units[..end] {
            "ms" => Duration::from_millis(count),
            "s" => Duration::from_secs(count),
            "m" => Duration::from_secs(count.checked_mul(60)?),
            "h" => Duration::from_secs(count.checked_mul(3_600)?),
            "d" => Duration::from_secs(count.checked_mul(86_400)?),
            _ => return None,
        };
        total = total.checked_add(step)?;
        rest = &units[end..];
    }
    (!text.is_empty()).then_some(total)
}

/// Reads a size in bytes such as `512Mi`, `1G` or `1048576`; none if it is not one or passes what fits.
///
/// `Ki`, `Mi`, `Gi`, `Ti` are powers of 1024, `K`, `M`, `G`, `T` powers of 1000; the lower-case letters of Docker's own
/// notation (`512m`) are powers of 1024.
pub fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].strip_suffix('B').unwrap_or(&text[digits..]);
    let factor: u64 = match unit {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" | "k" => 1 << 10,
        "Mi" | "m" => 1 << 20,
        "Gi" | "g" => 1 << 30,
        "Ti" | "t" => 1 << 40,
        _ => return None,
    };
    count.checked_mul(factor)
}

/// Reads a share of processors such as `0.5` or `2`, in thousandths; none if it is not one or finer than that.
pub fn milli_cpus(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(thousandths).filter(|&share| share > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for bad in ["", "5", "s", "-1s", "1.5s", "1w", "1s ", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("512Mi"), Some(512 << 20));
        assert_eq!(size("512m"), Some(512 << 20));
        assert_eq!(size("1G"), Some(1_000_000_000));
        assert_eq!(size("7"), Some(7));
        for bad in ["", "Mi", "-1", "1.5Gi", "1 Gi", "1X", "99999999999999999999", "18446744073709551615Ti"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn shares_of_processors() {
        assert_eq!(milli_cpus("0.5"), Some(500));
        assert_eq!(milli_cpus("2"), Some(2_000));
        assert_eq!(milli_cpus("0.125"), Some(125));
        for bad in ["", "0", "0.0001", "-1", "1e3", ".5", "1."] {
            assert_eq!(milli_cpus(bad), None, "{bad}");
        }
    }
}
